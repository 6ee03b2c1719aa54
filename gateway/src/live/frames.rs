//! The messages of `/ws`, serialised once and shared by all sockets.

use axum::extract::ws::Utf8Bytes;
use schemas::change::{Change, ChangeKind};
use schemas::ids::ProjectId;
use serde::Serialize;

/// What the client reads first, and what tells it to refetch everything.
#[derive(Serialize)]
struct Place<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    epoch: &'a str,
    seq: u64,
}

/// Something has changed; what it became, the client asks for.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(rename = "type")]
    kind: ChangeKind,
    /// None for what belongs to the whole tenant.
    project_id: Option<ProjectId>,
    key: &'a str,
    seq: u64,
}

pub(super) fn hello(epoch: &str, seq: u64) -> Utf8Bytes {
    text(&Place {
        kind: "hello",
        epoch,
        seq,
    })
}

pub(super) fn resync(epoch: &str, seq: u64) -> Utf8Bytes {
    text(&Place {
        kind: "resync",
        epoch,
        seq,
    })
}

pub(super) fn changed(change: &Change, seq: u64) -> Utf8Bytes {
    text(&Changed {
        kind: change.kind,
        project_id: change.project,
        key: &change.key,
        seq,
    })
}

fn text(message: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(message)
        .expect("strings and numbers always serialise")
        .into()
}
