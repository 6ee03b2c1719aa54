//! How each protocol is told that a body was taken, in part, or not at all.

pub(super) mod elastic;
pub(super) mod grpc;
mod loki;
mod native;
mod otlp;
mod prometheus;

use axum::response::Response;

use super::routes::{BodyKind, Signal};
use super::walk::Walked;
use crate::Refusal;

pub(super) use elastic::ELASTIC;
pub(super) use grpc::OTLP_GRPC;
pub(super) use loki::LOKI;
pub(super) use native::NATIVE;
pub(super) use otlp::OTLP;
pub(super) use prometheus::PROMETHEUS;

/// The two answers of a protocol.
pub(crate) struct Dialect {
    /// The body is in the log, perhaps without some items.
    pub(super) taken: fn(&Taken) -> Response,
    /// Nothing of it is.
    pub(super) refused: fn(&Refusal, &BodyKind) -> Response,
}

/// A body that was taken.
pub(crate) struct Taken {
    pub(super) kind: &'static BodyKind,
    pub(super) signal: Signal,
    pub(super) walked: Walked,
}

impl Taken {
    /// Says why some items were skipped; none where all were taken.
    fn complaint(&self) -> Option<String> {
        let skipped = &self.walked.skipped;
        let (items, name) = (skipped.items, self.signal.items());
        let first = skipped.first.as_deref().unwrap_or_default();
        (items > 0).then(|| format!("{items} {name} were refused, the others taken: {first}"))
    }
}
