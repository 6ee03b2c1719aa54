//! Our own shape for traces: `{"spans": [{"trace_id", "span_id", "parent_id"?, "name",
//! "service", "kind"?, "start", "end" or "duration_ms", "status"?, "status_message"?,
//! "attributes"?: {}, "events"?: [{"name", "time"?, "attributes"?}]}]}`, or only the
//! list, or one span a line. Times are RFC 3339 or numbers since 1970.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::formats::{DecodeSpans, Format};
use crate::hex_ids;
use crate::item_limits::{at_most, check_size};
use crate::json::{self, FLATTEN_DEPTH, Text, each_object};
use crate::log_text::UNKNOWN_SERVICE;
use crate::logs::{Field, Stream};
use crate::refused::{Refused, Skipped};
use crate::spans::{SpanEvent, SpanKind, SpanRecord, SpanSink, SpanStatus};
use crate::times;

pub const JSON: Format<DecodeSpans> = Format {
    name: "native.spans.json",
    decode,
};

pub fn decode(body: &[u8], _now_ns: i64, sink: &mut dyn SpanSink) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let mut current: Option<String> = None;
    each_object(&json::text(body), "spans", |at, object| {
        let read = check_size(object.len())
            .and_then(|()| json::read::<Span<'_>>(object))
            .and_then(|sent| {
                let service = sent.service.clone();
                Ok((service, record(sent)?))
            });
        match read {
            Ok((Text(service), span)) => {
                let service = match &*service {
                    "" => UNKNOWN_SERVICE,
                    named => named,
                };
                if current.as_deref() != Some(service) {
                    sink.resource(&Stream {
                        service: service.into(),
                        fields: Vec::new(),
                    });
                    current = Some(service.to_owned());
                }
                sink.span(&span);
            }
            Err(reason) => skipped.note(|| reason.within(&at).to_string()),
        }
        Ok(())
    })?;
    Ok(skipped)
}

#[derive(serde::Deserialize)]
struct Span<'a> {
    #[serde(borrow)]
    trace_id: Text<'a>,
    #[serde(borrow)]
    span_id: Text<'a>,
    #[serde(
        borrow,
        default,
        alias = "parent_span_id",
        deserialize_with = "json::null_is_default"
    )]
    parent_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "json::null_is_default")]
    service: Text<'a>,
    #[serde(borrow, default, deserialize_with = "json::null_is_default")]
    kind: Text<'a>,
    #[serde(borrow)]
    start: &'a RawValue,
    #[serde(borrow, default)]
    end: Option<&'a RawValue>,
    #[serde(default)]
    duration_ms: Option<f64>,
    #[serde(borrow, default, deserialize_with = "json::null_is_default")]
    status: Text<'a>,
    #[serde(borrow, default, deserialize_with = "json::null_is_default")]
    status_message: Text<'a>,
    #[serde(borrow, default)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::null_is_default")]
    events: Vec<Event<'a>>,
}

#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default, alias = "timestamp")]
    time: Option<&'a RawValue>,
    #[serde(borrow, default)]
    attributes: Option<&'a RawValue>,
}

fn record(sent: Span<'_>) -> Result<SpanRecord<'_>, Refused> {
    at_most(sent.events.len(), "events")?;
    let start_ns = time(sent.start, "start")?;
    Ok(SpanRecord {
        trace_id: hex_ids::required(&sent.trace_id.0, "trace_id")?,
        span_id: hex_ids::required(&sent.span_id.0, "span_id")?,
        parent_id: hex_ids::optional(&sent.parent_id.0, "parent_id")?,
        name: sent.name.0,
        kind: named(&sent.kind.0, &SpanKind::ALL, SpanKind::name, "kind")?,
        start_ns,
        duration_ns: duration(sent.end, sent.duration_ms, start_ns)?,
        status: named(&sent.status.0, &SpanStatus::ALL, SpanStatus::name, "status")?,
        status_message: sent.status_message.0,
        trace_state: Cow::Borrowed(""),
        scope: Cow::Borrowed(""),
        fields: fields(sent.attributes)?,
        events: sent
            .events
            .into_iter()
            .map(|sent| event(sent, start_ns))
            .collect::<Result<_, _>>()?,
        links: Vec::new(),
    })
}

fn time(json: &RawValue, field: &str) -> Result<i64, Refused> {
    times::parse(&json::scalar(json.get())?, field)
}

fn duration(end: Option<&RawValue>, ms: Option<f64>, start_ns: i64) -> Result<i64, Refused> {
    match (end, ms) {
        (Some(end), _) => Ok(time(end, "end")?.saturating_sub(start_ns).max(0)),
        // A cast of a float keeps within the range of the whole number.
        (None, Some(ms)) => Ok(((ms * 1e6).round() as i64).max(0)),
        (None, None) => Err(Refused::new("end", "it and `duration_ms` are missing")),
    }
}

/// An event without a time happened when the span began.
fn event(sent: Event<'_>, start_ns: i64) -> Result<SpanEvent<'_>, Refused> {
    let time_ns = sent
        .time
        .map(|json| time(json, "events.time"))
        .transpose()?;
    Ok(SpanEvent {
        time_ns: time_ns.unwrap_or(start_ns),
        name: sent.name.0,
        fields: fields(sent.attributes)?,
    })
}

fn fields(attributes: Option<&RawValue>) -> Result<Vec<Field<'_>>, Refused> {
    let mut fields = Vec::new();
    if let Some(object) = attributes.filter(|json| json.get() != "null") {
        json::flatten(object.get(), "", FLATTEN_DEPTH, &mut fields)
            .map_err(|e| e.within(&"attributes"))?;
    }
    Ok(fields)
}

fn named<T: Copy + Default>(
    word: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    field: &str,
) -> Result<T, Refused> {
    if word.is_empty() {
        return Ok(T::default());
    }
    let known = all.iter().copied().map(&name);
    all.iter()
        .copied()
        .find(|value| name(*value).eq_ignore_ascii_case(word))
        .ok_or_else(|| {
            let known: Vec<_> = known.collect();
            let start: String = word.chars().take(64).collect();
            Refused::new(field, format!("{start:?} is none of {known:?}"))
        })
}
