//! What is told of a span under a name besides its fields, as Jaeger has it. Whoever asks
//! for a tag looks at these as well, and at the fields of the span's events.

/// A field of spans, which is shown with the name of their scope.
pub use protocols::spans::SCOPE_VERSION;

/// Name of the instrumentation scope.
pub const SCOPE: &str = "otel.scope.name";
pub const STATUS_MESSAGE: &str = "otel.status_description";
pub const TRACE_STATE: &str = "w3c.tracestate";
/// Name of one of its events.
pub const EVENT: &str = "event";
