//! Traces in Jaeger's JSON: times in microseconds, services as processes, status and
//! kind as tags.

use std::collections::BTreeMap;

use projections::telemetry::spans::span::{self, OwnedField, SpanKind, SpanStatus};
use projections::telemetry::spans::{tags as names, trace};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<Span>,
    processes: BTreeMap<String, Process>,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: i64,
    duration: i64,
    tags: Vec<Tag>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tag {
    key: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Value,
}

#[derive(Debug, Serialize)]
struct Log {
    timestamp: i64,
    fields: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
    tags: Vec<Tag>,
}

impl Trace {
    pub(super) fn of(found: &trace::Trace) -> Self {
        let trace_id = hex::encode(found.trace_id);
        let mut processes: Vec<Process> = Vec::new();
        let spans = found.spans.iter().map(|span| {
            let process = Process {
                service_name: span.service.clone(),
                tags: span.resource.iter().map(Tag::typed).collect(),
            };
            let known = processes.iter().position(|known| *known == process);
            let at = known.unwrap_or(processes.len());
            if known.is_none() {
                processes.push(process);
            }
            Span::of(&trace_id, span, format!("p{}", at + 1))
        });
        let spans = spans.collect();
        let warning = found
            .truncated
            .then(|| vec!["not all spans are shown".to_owned()]);
        Self {
            spans,
            trace_id,
            processes: (1..)
                .zip(processes)
                .map(|(n, process)| (format!("p{n}"), process))
                .collect(),
            warnings: warning,
        }
    }
}

impl Span {
    fn of(trace_id: &str, span: &span::Span, process_id: String) -> Self {
        let parent = span.parent_id.map(|id| Reference {
            ref_type: "CHILD_OF",
            trace_id: trace_id.to_owned(),
            span_id: hex::encode(id),
        });
        let links = span.links.iter().map(|link| Reference {
            ref_type: "FOLLOWS_FROM",
            trace_id: hex::encode(link.trace_id),
            span_id: hex::encode(link.span_id),
        });
        Self {
            trace_id: trace_id.to_owned(),
            span_id: hex::encode(span.span_id),
            operation_name: span.name.clone(),
            references: parent.into_iter().chain(links).collect(),
            start_time: span.start_ns.div_euclid(1_000),
            duration: span.duration_ns / 1_000,
            tags: tags(span),
            logs: span.events.iter().map(Log::of).collect(),
            process_id,
            warnings: None,
        }
    }
}

/// Fields, and what Jaeger has no place of its own for.
fn tags(span: &span::Span) -> Vec<Tag> {
    let mut tags: Vec<_> = span.fields.iter().map(Tag::of_field).collect();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(Tag::text(&(key.to_owned(), value.to_owned())));
        }
    };
    if !matches!(span.kind, SpanKind::Unspecified) {
        text("span.kind", span.kind.name());
    }
    match span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => text("otel.status_code", "OK"),
        SpanStatus::Error => text("otel.status_code", "ERROR"),
    }
    text(names::STATUS_MESSAGE, &span.status_message);
    text(names::SCOPE, &span.scope);
    text(names::TRACE_STATE, &span.trace_state);
    if span.status == SpanStatus::Error {
        tags.push(Tag {
            key: "error".to_owned(),
            kind: "bool",
            value: json!(true),
        });
    }
    tags
}

/// JavaScript holds whole numbers to here; Jaeger writes those beyond as text.
const SAFE: u64 = (1 << 53) - 1;

impl Tag {
    fn text((key, value): &OwnedField) -> Self {
        Self {
            key: key.clone(),
            kind: "string",
            value: Value::String(value.clone()),
        }
    }

    /// A version is none of the things that some of them read as.
    fn of_field(field: &OwnedField) -> Self {
        match field.0 == names::SCOPE_VERSION {
            true => Self::text(field),
            false => Self::typed(field),
        }
    }

    /// Fields are kept as text: what reads as a number or a truth value, and would be
    /// written the same again, is one. So `007` and a version `1.10` stay text.
    fn typed(field @ (key, value): &OwnedField) -> Self {
        let (kind, value) = match value.as_str() {
            "true" => ("bool", json!(true)),
            "false" => ("bool", json!(false)),
            text => match number(text) {
                Some(typed) => typed,
                None => return Self::text(field),
            },
        };
        let key = key.clone();
        Self { key, kind, value }
    }
}

fn number(text: &str) -> Option<(&'static str, Value)> {
    if let Ok(whole) = text.parse::<i64>() {
        let same = whole.to_string() == text;
        return same.then(|| match whole.unsigned_abs() <= SAFE {
            true => ("int64", json!(whole)),
            false => ("int64", json!(text)),
        });
    }
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
    let value = json!(number);
    let written = value.to_string();
    (written == text).then_some(("float64", value))
}

impl Log {
    fn of(event: &span::Event) -> Self {
        let name = Tag::text(&(names::EVENT.to_owned(), event.name.clone()));
        let fields = event.fields.iter().map(Tag::typed);
        Self {
            timestamp: event.time_ns.div_euclid(1_000),
            fields: std::iter::once(name).chain(fields).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_written_the_same_has_its_type() {
        for (text, kind, value) in [
            ("true", "bool", json!(true)),
            ("200", "int64", json!(200)),
            ("-1", "int64", json!(-1)),
            ("9007199254740993", "int64", json!("9007199254740993")),
            ("1.5", "float64", json!(1.5)),
            ("007", "string", json!("007")),
            ("+1", "string", json!("+1")),
            ("1.10", "string", json!("1.10")),
            (
                "99999999999999999999",
                "string",
                json!("99999999999999999999"),
            ),
            ("NaN", "string", json!("NaN")),
            ("True", "string", json!("True")),
            ("[1]", "string", json!("[1]")),
            ("", "string", json!("")),
        ] {
            let tag = Tag::typed(&("k".to_owned(), text.to_owned()));
            assert_eq!((tag.kind, tag.value), (kind, value), "{text}");
        }
    }
}
