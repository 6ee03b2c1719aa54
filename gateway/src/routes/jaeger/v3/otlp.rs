//! Traces in the JSON of OTLP: ids in hex, times and whole numbers as text, kinds and
//! codes as numbers.

use projections::telemetry::spans::span::{self, OwnedField, SpanKind, SpanStatus};
use projections::telemetry::spans::tags;
use projections::telemetry::spans::trace::{MOST_SPANS, Trace};
use serde_json::{Map, Value, json};

const SERVICE_NAME: &str = "service.name";

/// All traces one after the other, each resource of each on its own.
pub(super) fn traces(traces: &[Trace], left_out: Option<String>) -> Value {
    let resources: Vec<_> = traces.iter().flat_map(resources).collect();
    let cut = traces.iter().filter(|trace| trace.truncated).map(|trace| {
        let id = hex::encode(trace.trace_id);
        format!("of trace {id} only the first {MOST_SPANS} spans are shown")
    });
    let warnings: Vec<_> = left_out.into_iter().chain(cut).collect();
    let mut said = json!({"result": {"resourceSpans": resources}});
    if !warnings.is_empty() {
        said["warnings"] = warnings.into();
    }
    said
}

/// Spans of one resource, by their scopes, all in the order in which they first occur.
struct Resource<'a> {
    service: &'a str,
    fields: &'a [OwnedField],
    scopes: Vec<(Scope<'a>, Vec<Value>)>,
}

/// Name and version.
type Scope<'a> = (&'a str, &'a str);

fn resources(trace: &Trace) -> Vec<Value> {
    let id = hex::encode(trace.trace_id);
    let mut resources: Vec<Resource<'_>> = Vec::new();
    for span in &trace.spans {
        let same = |known: &Resource<'_>| {
            known.service == span.service && known.fields == span.resource.as_slice()
        };
        let at = place(&mut resources, same, || Resource {
            service: &span.service,
            fields: &span.resource,
            scopes: Vec::new(),
        });
        let scopes = &mut resources[at].scopes;
        let scope = (span.scope.as_str(), version(span));
        let at = place(scopes, |(known, _)| *known == scope, || (scope, Vec::new()));
        scopes[at].1.push(of_span(&id, span));
    }
    resources.into_iter().map(of_resource).collect()
}

/// The place of what is the same; it is made where there is none yet.
fn place<T>(all: &mut Vec<T>, same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> usize {
    all.iter().position(same).unwrap_or_else(|| {
        all.push(make());
        all.len() - 1
    })
}

fn of_resource(resource: Resource<'_>) -> Value {
    let mut attributes = attributes(resource.fields);
    if !resource.fields.iter().any(|(name, _)| name == SERVICE_NAME) {
        let service = json!({"key": SERVICE_NAME, "value": {"stringValue": resource.service}});
        attributes.insert(0, service);
    }
    let scopes = resource.scopes.into_iter().map(|((name, version), spans)| {
        let mut scope = Map::new();
        for (key, text) in [("name", name), ("version", version)] {
            if !text.is_empty() {
                scope.insert(key.to_owned(), text.into());
            }
        }
        json!({"scope": scope, "spans": spans})
    });
    let scopes: Vec<_> = scopes.collect();
    json!({"resource": {"attributes": attributes}, "scopeSpans": scopes})
}

/// It is a field here and has a place of its own in OTLP.
fn is_version(field: &OwnedField) -> bool {
    field.0 == tags::SCOPE_VERSION
}

fn version(span: &span::Span) -> &str {
    let found = span.fields.iter().find(|field| is_version(field));
    found.map_or("", |(_, version)| version.as_str())
}

fn of_span(trace_id: &str, span: &span::Span) -> Value {
    let fields = span.fields.iter().filter(|field| !is_version(field));
    let end_ns = span.start_ns.saturating_add(span.duration_ns);
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": event.time_ns.to_string(),
            "name": event.name,
            "attributes": attributes(&event.fields),
        })
    });
    let links = span.links.iter().map(|link| {
        json!({
            "traceId": hex::encode(link.trace_id),
            "spanId": hex::encode(link.span_id),
            "attributes": attributes(&link.fields),
        })
    });
    let mut shown = json!({
        "traceId": trace_id,
        "spanId": hex::encode(span.span_id),
        "name": span.name,
        "kind": kind(span.kind),
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": end_ns.to_string(),
        "attributes": attributes(fields),
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "status": status(span),
    });
    if let Some(parent) = span.parent_id {
        shown["parentSpanId"] = hex::encode(parent).into();
    }
    if !span.trace_state.is_empty() {
        shown["traceState"] = span.trace_state.as_str().into();
    }
    shown
}

fn status(span: &span::Span) -> Value {
    let mut status = Map::new();
    if !span.status_message.is_empty() {
        status.insert("message".to_owned(), span.status_message.as_str().into());
    }
    let code = match span.status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    };
    status.insert("code".to_owned(), code.into());
    status.into()
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn attributes<'a>(fields: impl IntoIterator<Item = &'a OwnedField>) -> Vec<Value> {
    let shown = fields.into_iter();
    shown
        .map(|(key, text)| json!({"key": key, "value": value(text)}))
        .collect()
}

/// Fields are kept as text: what reads as a whole number, and would be written the same
/// again, is one. All else stays text: versions of Grafana part over whether a truth value
/// and a fraction are written as such, and lose the whole trace to the other way.
fn value(text: &str) -> Value {
    let whole = text.parse::<i64>().ok();
    match whole.is_some_and(|number| number.to_string() == text) {
        true => json!({"intValue": text}),
        false => json!({"stringValue": text}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use projections::telemetry::spans::span::{Event, Link, Span};

    fn owned(pairs: &[(&str, &str)]) -> Vec<OwnedField> {
        let owned = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        owned.collect()
    }

    fn span(n: u8, service: &str, scope: &str) -> Span {
        Span {
            trace_id: [7; 16],
            span_id: [n; 8],
            parent_id: None,
            service: service.to_owned(),
            name: "work".to_owned(),
            kind: SpanKind::Server,
            start_ns: 1_793_500_000_000_000_001,
            duration_ns: 2,
            status: SpanStatus::Unset,
            status_message: String::new(),
            trace_state: String::new(),
            scope: scope.to_owned(),
            fields: Vec::new(),
            resource: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            late_ns: 0,
        }
    }

    fn shown(spans: Vec<Span>) -> Value {
        let trace = Trace {
            trace_id: [7; 16],
            spans,
            truncated: false,
        };
        traces(&[trace], None)["result"]["resourceSpans"].clone()
    }

    #[test]
    fn a_span_has_the_shape_of_otlp() {
        let mut full = span(2, "shop", "lib");
        full.parent_id = Some([1; 8]);
        full.status = SpanStatus::Error;
        full.status_message = "boom".to_owned();
        full.trace_state = "a=b".to_owned();
        full.fields = owned(&[
            ("n", "5"),
            ("otel.scope.version", "2"),
            ("v", "1.10"),
            ("yes", "true"),
        ]);
        full.resource = owned(&[("service.name", "shop"), ("zone", "b")]);
        full.events = vec![Event {
            time_ns: 3,
            name: "exception".to_owned(),
            fields: owned(&[("exception.type", "Oops")]),
        }];
        full.links = vec![Link {
            trace_id: [9; 16],
            span_id: [8; 8],
            fields: Vec::new(),
        }];
        let text = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
        let expected = json!([{
            "resource": {"attributes": [text("service.name", "shop"), text("zone", "b")]},
            "scopeSpans": [{
                "scope": {"name": "lib", "version": "2"},
                "spans": [{
                    "traceId": "07".repeat(16), "spanId": "02".repeat(8),
                    "parentSpanId": "01".repeat(8), "traceState": "a=b", "name": "work", "kind": 2,
                    "startTimeUnixNano": "1793500000000000001",
                    "endTimeUnixNano": "1793500000000000003",
                    "attributes": [
                        {"key": "n", "value": {"intValue": "5"}}, text("v", "1.10"),
                        text("yes", "true"),
                    ],
                    "events": [{
                        "timeUnixNano": "3", "name": "exception",
                        "attributes": [text("exception.type", "Oops")],
                    }],
                    "links": [{
                        "traceId": "09".repeat(16), "spanId": "08".repeat(8), "attributes": [],
                    }],
                    "status": {"code": 2, "message": "boom"},
                }],
            }],
        }]);
        assert_eq!(shown(vec![full]), expected);
    }

    #[test]
    fn spans_are_together_by_resource_and_scope() {
        let mut of_another_version = span(5, "shop", "a");
        of_another_version.fields = owned(&[("otel.scope.version", "2")]);
        let spans = vec![
            span(1, "shop", "a"),
            span(2, "pay", ""),
            span(3, "shop", "b"),
            span(4, "shop", "a"),
            of_another_version,
        ];
        let all = shown(spans);
        let of = |at: usize| &all[at]["resource"]["attributes"][0];
        let service = |name: &str| json!({"key": "service.name", "value": {"stringValue": name}});
        assert_eq!((of(0), of(1)), (&service("shop"), &service("pay")));
        assert_eq!(all.as_array().unwrap().len(), 2);
        let scopes = &all[0]["scopeSpans"];
        let ids = |at: usize| {
            let spans = scopes[at]["spans"].as_array().unwrap().iter();
            let ids = spans.map(|span| span["spanId"].as_str().unwrap()[..2].to_owned());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(0), ["01", "04"]);
        assert_eq!(ids(1), ["03"]);
        assert_eq!(ids(2), ["05"]);
        assert_eq!(all[1]["scopeSpans"][0]["scope"], json!({}));
    }

    #[test]
    fn what_is_not_shown_is_told_beside_the_result() {
        let whole = traces(&[], None);
        assert_eq!(whole, json!({"result": {"resourceSpans": []}}));
        let trace = Trace {
            trace_id: [7; 16],
            spans: vec![span(1, "shop", "")],
            truncated: true,
        };
        let cut = traces(&[trace], Some("one is left out".to_owned()));
        assert_eq!(cut["warnings"][0], "one is left out");
        let told = cut["warnings"][1].as_str().unwrap();
        assert!(told.contains("only the first 10000 spans"), "{told}");
    }
}
