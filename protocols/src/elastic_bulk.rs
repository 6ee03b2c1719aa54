//! Elasticsearch's `_bulk`: a line with an action, then a line with the document.
//! Documents can only be added; `update` and `delete` are refused, each for itself.
//!
//! Source: "Bulk API" of the Elasticsearch reference; field names as in the Elastic
//! Common Schema, and what Filebeat, Logstash, Fluent Bit, Vector and OpenTelemetry's
//! Collector make of Kubernetes, Docker and systemd where a document has none of these.

use crate::formats::{DecodeLogs, Format};
use crate::free_record::{Hints, Names, Teller};
use crate::json::{self, Text, each_line, members};
use crate::logs::{Field, LogRecord, LogSink, Stream};
use crate::refused::{Refused, Skipped};

pub const BULK: Format<DecodeLogs> = Format {
    name: "elastic.bulk",
    decode,
};

const NAMES: Names = Names {
    time: &["@timestamp"],
    level: &[
        "log.level",
        "level",
        "severity",
        "severity_text",
        "SeverityText",
        "log_level",
        "loglevel",
        "level_name",
        "levelname",
    ],
    service: &[
        "service.name",
        "service",
        "service_name",
        "resource.attributes.service.name",
        "Resource.service.name",
    ],
    message: &[
        "message",
        "log",
        "msg",
        "body.text",
        "Body",
        "body",
        "MESSAGE",
        "event.original",
    ],
    trace_id: &["trace.id", "trace_id", "traceId", "TraceId", "traceID"],
    span_id: &["span.id", "span_id", "spanId", "SpanId", "spanID"],
    attributes: None,
    whole_is_message: true,
    hints: HINTS,
};

const HINTS: Hints = Hints {
    time: &["timestamp", "time", "ts", "Timestamp"],
    // What people named first, then what runs it: the labels that Kubernetes recommends and
    // its older ones (Beats write `_` for their dots, Vector says `pod_labels`), containers,
    // the module of Filebeat, units and programs of systemd and syslog.
    service: &[
        "fields.service",
        "fields.app",
        "app",
        "application",
        "app_name",
        "kubernetes.labels.app.kubernetes.io/name",
        "kubernetes.labels.app_kubernetes_io/name",
        "kubernetes.pod_labels.app.kubernetes.io/name",
        "kubernetes.labels.app",
        "kubernetes.pod_labels.app",
        "kubernetes.labels.k8s-app",
        "kubernetes.pod_labels.k8s-app",
        "kubernetes.deployment.name",
        "kubernetes.container.name",
        "kubernetes.container_name",
        "container.name",
        "container_name",
        "service.type",
        "event.module",
        "SYSLOG_IDENTIFIER",
        "log.syslog.appname",
        "syslog.identifier",
        "appname",
        "_SYSTEMD_UNIT",
        "systemd.unit",
        "process.name",
    ],
    severity: &["PRIORITY", "log.syslog.severity.code"],
    other_ids: true,
};

/// The field that names the index, as Elasticsearch's own answers do.
const INDEX: &str = "_index";

/// What became of one action, in the order of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// `index`, `create`, `update` or `delete`.
    pub action: &'static str,
    /// Empty where the request's path names it.
    pub index: &'a str,
    pub id: &'a str,
    /// Why it was left out.
    pub refused: Option<String>,
}

/// Is told what becomes of each action, after its record: clients match the answers
/// to what they sent by their order.
pub trait BulkSink: LogSink {
    fn item(&mut self, item: &Item<'_>);
}

pub fn decode(body: &[u8], now_ns: i64, sink: &mut dyn LogSink) -> Result<Skipped, Refused> {
    walk(body, now_ns, &mut Unanswered(sink))
}

struct Unanswered<'s>(&'s mut dyn LogSink);

impl LogSink for Unanswered<'_> {
    fn stream(&mut self, stream: &Stream<'_>) {
        self.0.stream(stream);
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.0.record(record);
    }
}

impl BulkSink for Unanswered<'_> {
    fn item(&mut self, _item: &Item<'_>) {}
}

/// Tells `sink` of documents whose action names no index that they are of the one that the
/// request's path names.
pub struct OfIndex<'s, S: ?Sized> {
    pub index: &'s str,
    pub sink: &'s mut S,
}

impl<S: LogSink + ?Sized> LogSink for OfIndex<'_, S> {
    fn stream(&mut self, stream: &Stream<'_>) {
        let named = |(name, _): &Field<'_>| name == INDEX;
        if self.index.is_empty() || stream.fields.iter().any(named) {
            return self.sink.stream(stream);
        }
        let mut stream = stream.clone();
        stream.fields.push((INDEX.into(), self.index.into()));
        self.sink.stream(&stream);
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.sink.record(record);
    }
}

impl<S: BulkSink + ?Sized> BulkSink for OfIndex<'_, S> {
    fn item(&mut self, item: &Item<'_>) {
        let index = match item.index {
            "" => self.index,
            named => named,
        };
        let refused = item.refused.clone();
        self.sink.item(&Item {
            index,
            refused,
            ..*item
        });
    }
}

/// The same, telling what becomes of each action.
pub fn walk(body: &[u8], now_ns: i64, sink: &mut dyn BulkSink) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let mut teller = Teller::new(&NAMES, now_ns);
    let mut waiting = None;
    each_line(&json::text(body), |number, line| {
        let action = match waiting.take() {
            None => Action::parse(line).map_err(|e| e.within(&format_args!("line {number}")))?,
            Some(action) => return finish(action, line, number, &mut teller, &mut skipped, sink),
        };
        match action.name {
            "delete" => finish(action, "", number, &mut teller, &mut skipped, sink),
            _ => {
                waiting = Some(action);
                Ok(())
            }
        }
    })?;
    match waiting {
        None => Ok(skipped),
        Some(action) => Err(Refused::new(
            "body",
            format!(
                "it ends after an action `{}` without a document",
                action.name
            ),
        )),
    }
}

fn finish(
    action: Action,
    document: &str,
    number: usize,
    teller: &mut Teller,
    skipped: &mut Skipped,
    sink: &mut dyn BulkSink,
) -> Result<(), Refused> {
    let told = match action.name {
        "index" | "create" => {
            let origin = match &*action.index {
                "" => None,
                index => Some((INDEX.into(), index.into())),
            };
            teller.tell(document, origin.as_slice(), sink)
        }
        other => Err(Refused::new(other, "log records can only be added")),
    };
    let refused = told.err().map(|reason| {
        let reason = reason.within(&format_args!("line {number}")).to_string();
        skipped.note(|| reason.clone());
        reason
    });
    sink.item(&Item {
        action: action.name,
        index: &action.index,
        id: &action.id,
        refused,
    });
    Ok(())
}

struct Action {
    name: &'static str,
    index: String,
    id: String,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Target<'a> {
    #[serde(borrow, rename = "_index", deserialize_with = "json::null_is_default")]
    index: Text<'a>,
    #[serde(borrow, rename = "_id", deserialize_with = "json::null_is_default")]
    id: Text<'a>,
}

impl Action {
    fn parse(line: &str) -> Result<Self, Refused> {
        const NAMES: [&str; 4] = ["index", "create", "update", "delete"];
        let found = members(line, NAMES.map(|name| [name]).each_ref().map(|n| &n[..]))?;
        let action = NAMES.into_iter().zip(found);
        let (name, target) = action
            .filter_map(|(name, target)| Some((name, target?)))
            .next()
            .ok_or_else(|| {
                let start: String = line.chars().take(64).collect();
                Refused::new("action", format!("{start:?} is none of {NAMES:?}"))
            })?;
        let target = json::read::<Target<'_>>(target).map_err(|e| e.within(&name))?;
        Ok(Self {
            name,
            index: target.index.0.into_owned(),
            id: target.id.0.into_owned(),
        })
    }
}
