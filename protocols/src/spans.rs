//! What a trace decoder tells, whatever the wire format.

use std::borrow::Cow;

pub use crate::logs::{Field, Stream};

/// The field that the version of a span's instrumentation scope is.
pub const SCOPE_VERSION: &str = "otel.scope.version";

/// A finished span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRecord<'a> {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// None for the root of a trace.
    pub parent_id: Option<[u8; 8]>,
    pub name: Cow<'a, str>,
    pub kind: SpanKind,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    /// Never negative: a span that ends before it begins has length 0.
    pub duration_ns: i64,
    pub status: SpanStatus,
    pub status_message: Cow<'a, str>,
    pub trace_state: Cow<'a, str>,
    /// Name of the instrumentation scope; its version is a field, [`SCOPE_VERSION`].
    pub scope: Cow<'a, str>,
    pub fields: Vec<Field<'a>>,
    pub events: Vec<SpanEvent<'a>>,
    pub links: Vec<SpanLink<'a>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent<'a> {
    pub time_ns: i64,
    pub name: Cow<'a, str>,
    pub fields: Vec<Field<'a>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SpanLink<'a> {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub fields: Vec<Field<'a>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanKind {
    #[default]
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

impl SpanKind {
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanStatus {
    #[default]
    Unset,
    Ok,
    Error,
}

impl SpanStatus {
    pub const ALL: [Self; 3] = [Self::Unset, Self::Ok, Self::Error];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// Takes what a decoder reads.
pub trait SpanSink {
    /// Begins a resource; the spans that follow belong to it.
    fn resource(&mut self, resource: &Stream<'_>);
    fn span(&mut self, span: &SpanRecord<'_>);
}
