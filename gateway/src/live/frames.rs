//! The messages of `/ws`, serialised once and shared by all sockets.

use axum::extract::ws::Utf8Bytes;
use schemas::change::{Change, ChangeKind};
use schemas::ids::ProjectId;
use schemas::time::Timestamp;
use serde::Serialize;

/// What the client reads first.
#[derive(Serialize)]
struct Hello<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    epoch: &'a str,
    seq: u64,
    /// Whose changes follow.
    project_id: ProjectId,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_since: Option<Timestamp>,
}

/// What tells it to refetch everything.
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

/// Whether read models follow the log. It has no number: what it says is over with the
/// next one, and who comes back reads it in `hello`.
#[derive(Serialize)]
struct Behind {
    #[serde(rename = "type")]
    kind: &'static str,
    /// None once they follow again.
    since: Option<Timestamp>,
}

pub(super) fn hello(
    epoch: &str,
    seq: u64,
    project_id: ProjectId,
    behind_since: Option<Timestamp>,
) -> Utf8Bytes {
    text(&Hello {
        kind: "hello",
        epoch,
        seq,
        project_id,
        behind_since,
    })
}

pub(super) fn behind(since: Option<Timestamp>) -> Utf8Bytes {
    text(&Behind {
        kind: "behind",
        since,
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
