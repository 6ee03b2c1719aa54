//! A span in protobuf.

use std::borrow::Cow;

use super::{kind, missing, status};
use crate::any_value::KeyValue;
use crate::item_limits;
use crate::logs::Field;
use crate::otlp_envelope::{Scope, id, time};
use crate::protobuf::Reader;
use crate::refused::Refused;
use crate::spans::{SpanEvent, SpanLink, SpanRecord, SpanStatus};

pub(super) fn span<'a>(bytes: &'a [u8], scope: &'a Scope<'_>) -> Result<SpanRecord<'a>, Refused> {
    let (mut trace_id, mut span_id) = (None, None);
    let (mut start, mut end) = (None, None);
    let mut span = SpanRecord {
        trace_id: [0; 16],
        span_id: [0; 8],
        parent_id: None,
        name: "".into(),
        kind: kind(0),
        start_ns: 0,
        duration_ns: 0,
        status: SpanStatus::Unset,
        status_message: "".into(),
        trace_state: "".into(),
        scope: scope.name().into(),
        fields: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
    };
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        match field.number {
            1 => trace_id = id(field.bytes().map_err(|e| e.at("trace_id"))?, "trace_id")?,
            2 => span_id = id(field.bytes().map_err(|e| e.at("span_id"))?, "span_id")?,
            3 => span.trace_state = field.lossy().map_err(|e| e.at("trace_state"))?,
            4 => {
                let name = "parent_span_id";
                span.parent_id = id(field.bytes().map_err(|e| e.at(name))?, name)?;
            }
            5 => span.name = field.lossy().map_err(|e| e.at("name"))?,
            6 => span.kind = kind(field.int().map_err(|e| e.at("kind"))?),
            7 => {
                let name = "start_time_unix_nano";
                start = time(field.fixed64().map_err(|e| e.at(name))?, name)?;
            }
            8 => {
                let name = "end_time_unix_nano";
                end = time(field.fixed64().map_err(|e| e.at(name))?, name)?;
            }
            9 => attribute(
                field.bytes().map_err(|e| e.at("attributes"))?,
                &mut span.fields,
            )?,
            11 => {
                let bytes = field.bytes().map_err(|e| e.at("events"))?;
                let event = event(bytes).map_err(|e| e.within(&"events"))?;
                span.events.push(event);
                item_limits::at_most(span.events.len(), "events")?;
            }
            13 => {
                let bytes = field.bytes().map_err(|e| e.at("links"))?;
                // A link that leads nowhere says nothing; the span does.
                span.links
                    .extend(link(bytes).map_err(|e| e.within(&"links"))?);
                item_limits::at_most(span.links.len(), "links")?;
            }
            15 => {
                let bytes = field.bytes().map_err(|e| e.at("status"))?;
                (span.status, span.status_message) =
                    status_of(bytes).map_err(|e| e.within(&"status"))?;
            }
            _ => {}
        }
    }
    span.trace_id = trace_id.ok_or_else(|| missing("trace_id"))?;
    span.span_id = span_id.ok_or_else(|| missing("span_id"))?;
    span.start_ns = start.ok_or_else(|| missing("start_time_unix_nano"))?;
    span.duration_ns = end.map_or(0, |end| end.saturating_sub(span.start_ns).max(0));
    Ok(span)
}

#[inline]
fn attribute<'a>(bytes: &'a [u8], fields: &mut Vec<Field<'a>>) -> Result<(), Refused> {
    KeyValue::of_protobuf(bytes)
        .and_then(|pair| pair.flatten(fields))
        .map_err(|e| e.within(&"attributes"))
}

fn event(bytes: &[u8]) -> Result<SpanEvent<'_>, Refused> {
    let mut event = SpanEvent {
        time_ns: 0,
        name: "".into(),
        fields: Vec::new(),
    };
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        match field.number {
            1 => {
                let name = "time_unix_nano";
                event.time_ns =
                    time(field.fixed64().map_err(|e| e.at(name))?, name)?.unwrap_or_default();
            }
            2 => event.name = field.lossy().map_err(|e| e.at("name"))?,
            3 => attribute(
                field.bytes().map_err(|e| e.at("attributes"))?,
                &mut event.fields,
            )?,
            _ => {}
        }
    }
    Ok(event)
}

fn link(bytes: &[u8]) -> Result<Option<SpanLink<'_>>, Refused> {
    let (mut trace_id, mut span_id) = (None, None);
    let mut fields = Vec::new();
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        match field.number {
            1 => trace_id = id(field.bytes().map_err(|e| e.at("trace_id"))?, "trace_id")?,
            2 => span_id = id(field.bytes().map_err(|e| e.at("span_id"))?, "span_id")?,
            4 => attribute(field.bytes().map_err(|e| e.at("attributes"))?, &mut fields)?,
            _ => {}
        }
    }
    Ok(trace_id.zip(span_id).map(|(trace_id, span_id)| SpanLink {
        trace_id,
        span_id,
        fields,
    }))
}

fn status_of(bytes: &[u8]) -> Result<(SpanStatus, Cow<'_, str>), Refused> {
    let (mut code, mut text) = (SpanStatus::Unset, Cow::Borrowed(""));
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        match field.number {
            2 => text = field.lossy().map_err(|e| e.at("message"))?,
            3 => code = status(field.int().map_err(|e| e.at("code"))?),
            _ => {}
        }
    }
    Ok((code, text))
}
