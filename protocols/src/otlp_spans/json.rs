//! A span in JSON.

use super::{kind, missing, status};
use crate::any_value::KeyValue;
use crate::hex_ids;
use crate::item_limits;
use crate::json::{self, Number, Text};
use crate::logs::Field;
use crate::otlp_envelope::{Scope, flatten, json_time};
use crate::refused::Refused;
use crate::spans::{SpanEvent, SpanLink, SpanRecord};

pub(super) fn span<'a>(json: &'a str, scope: &'a Scope<'_>) -> Result<SpanRecord<'a>, Refused> {
    let sent = json::read::<Span<'a>>(json)?;
    let start_ns = json_time(sent.start_time_unix_nano, "startTimeUnixNano")?
        .ok_or_else(|| missing("startTimeUnixNano"))?;
    let end_ns = json_time(sent.end_time_unix_nano, "endTimeUnixNano")?.unwrap_or(start_ns);
    item_limits::at_most(sent.events.len(), "events")?;
    item_limits::at_most(sent.links.len(), "links")?;
    Ok(SpanRecord {
        trace_id: hex_ids::required(&sent.trace_id.0, "traceId")?,
        span_id: hex_ids::required(&sent.span_id.0, "spanId")?,
        parent_id: hex_ids::optional(&sent.parent_span_id.0, "parentSpanId")?,
        name: sent.name.0,
        kind: kind(sent.kind),
        start_ns,
        duration_ns: end_ns.saturating_sub(start_ns).max(0),
        status: status(sent.status.code),
        status_message: sent.status.message.0,
        trace_state: sent.trace_state.0,
        scope: scope.name().into(),
        fields: fields(sent.attributes)?,
        events: sent
            .events
            .into_iter()
            .map(event)
            .collect::<Result<_, _>>()?,
        links: links(sent.links)?,
    })
}

fn fields(attributes: Vec<KeyValue<'_>>) -> Result<Vec<Field<'_>>, Refused> {
    let mut fields = Vec::with_capacity(attributes.len().min(item_limits::MAX_FIELDS));
    flatten(attributes, &mut fields).map_err(|e| e.within(&"attributes"))?;
    Ok(fields)
}

fn event(sent: Event<'_>) -> Result<SpanEvent<'_>, Refused> {
    let time_ns = json_time(sent.time_unix_nano, "events.timeUnixNano")?;
    Ok(SpanEvent {
        time_ns: time_ns.unwrap_or_default(),
        name: sent.name.0,
        fields: fields(sent.attributes)?,
    })
}

/// A link that leads nowhere says nothing; the span does.
fn links(sent: Vec<Link<'_>>) -> Result<Vec<SpanLink<'_>>, Refused> {
    let mut links = Vec::with_capacity(sent.len());
    for link in sent {
        let trace_id = hex_ids::optional(&link.trace_id.0, "links.traceId")?;
        let span_id = hex_ids::optional(&link.span_id.0, "links.spanId")?;
        if let Some((trace_id, span_id)) = trace_id.zip(span_id) {
            links.push(SpanLink {
                trace_id,
                span_id,
                fields: fields(link.attributes)?,
            });
        }
    }
    Ok(links)
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Span<'a> {
    #[serde(borrow, alias = "trace_id", deserialize_with = "json::null_is_default")]
    trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id", deserialize_with = "json::null_is_default")]
    span_id: Text<'a>,
    #[serde(
        borrow,
        alias = "parent_span_id",
        deserialize_with = "json::null_is_default"
    )]
    parent_span_id: Text<'a>,
    #[serde(
        borrow,
        alias = "trace_state",
        deserialize_with = "json::null_is_default"
    )]
    trace_state: Text<'a>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    name: Text<'a>,
    #[serde(deserialize_with = "json::null_is_default")]
    kind: i64,
    #[serde(borrow, alias = "start_time_unix_nano")]
    start_time_unix_nano: Option<Number<'a>>,
    #[serde(borrow, alias = "end_time_unix_nano")]
    end_time_unix_nano: Option<Number<'a>>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    attributes: Vec<KeyValue<'a>>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    events: Vec<Event<'a>>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    links: Vec<Link<'a>>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    status: Status<'a>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow, alias = "time_unix_nano")]
    time_unix_nano: Option<Number<'a>>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    name: Text<'a>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Link<'a> {
    #[serde(borrow, alias = "trace_id", deserialize_with = "json::null_is_default")]
    trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id", deserialize_with = "json::null_is_default")]
    span_id: Text<'a>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(deserialize_with = "json::null_is_default")]
    code: i64,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    message: Text<'a>,
}
