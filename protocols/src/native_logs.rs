//! Our own shape for logs, for scripts and for what speaks nothing else:
//! `{"logs": [{"message": "...", "timestamp"?, "level"?, "service"?, "trace_id"?,
//! "span_id"?, "attributes"?: {}}]}`, or only the list, or one such object a line.
//! What else a record has is a field too.

use crate::formats::{DecodeLogs, Format};
use crate::free_record::{NO_HINTS, Names, Teller};
use crate::json::{self, each_object};
use crate::logs::LogSink;
use crate::refused::{Refused, Skipped};

pub const JSON: Format<DecodeLogs> = Format {
    name: "native.logs.json",
    decode,
};

const NAMES: Names = Names {
    time: &["timestamp", "time", "ts", "@timestamp"],
    level: &["level", "severity", "log.level"],
    service: &["service", "service.name"],
    message: &["message", "msg", "body"],
    trace_id: &["trace_id", "traceId", "trace.id"],
    span_id: &["span_id", "spanId", "span.id"],
    attributes: Some("attributes"),
    whole_is_message: false,
    hints: NO_HINTS,
};

pub fn decode(body: &[u8], now_ns: i64, sink: &mut dyn LogSink) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let mut teller = Teller::new(&NAMES, now_ns);
    each_object(&json::text(body), "logs", |at, object| {
        if let Err(reason) = teller.tell(object, &[], sink) {
            skipped.note(|| reason.within(&at).to_string());
        }
        Ok(())
    })?;
    Ok(skipped)
}
