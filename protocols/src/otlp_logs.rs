//! OTLP logs over HTTP or gRPC: `ExportLogsServiceRequest` as protobuf and as JSON.
//!
//! Source: `opentelemetry/proto/logs/v1/logs.proto`, and bodies captured from the
//! SDKs for Python (protobuf) and JavaScript (JSON), which are the fixtures.

use std::borrow::Cow;

use crate::any_value::{AnyValue, KeyValue};
use crate::formats::{DecodeLogs, Format};
use crate::hex_ids;
use crate::item_limits;
use crate::json::{self, Number, Text};
use crate::log_text;
use crate::logs::{Field, Level, LogRecord, LogSink};
use crate::otlp_envelope::{self as envelope, Names, Part, Scope, flatten, id, json_time, time};
use crate::protobuf::Reader;
use crate::refused::{Refused, Skipped};

pub const PROTOBUF: Format<DecodeLogs> = Format {
    name: "otlp.logs.protobuf",
    decode: protobuf,
};
pub const JSON: Format<DecodeLogs> = Format {
    name: "otlp.logs.json",
    decode: json,
};

const NAMES: Names = Names {
    protobuf: ["resource_logs", "scope_logs", "log_records"],
    json: ["resourceLogs", "scopeLogs", "logRecords"],
};

pub fn protobuf(body: &[u8], now_ns: i64, sink: &mut dyn LogSink) -> Result<Skipped, Refused> {
    // One allocation for all records.
    let mut fields = Vec::new();
    envelope::protobuf(body, &NAMES, |part| {
        match part {
            Part::Resource(stream) => sink.stream(stream),
            Part::Item { scope, item } => {
                let mut read = Record::of_protobuf(item, std::mem::take(&mut fields))?;
                fields = read.tell(scope, now_ns, sink)?;
            }
        }
        Ok(())
    })
}

pub fn json(body: &[u8], now_ns: i64, sink: &mut dyn LogSink) -> Result<Skipped, Refused> {
    envelope::json(body, &NAMES, |part| {
        match part {
            Part::Resource(stream) => sink.stream(stream),
            Part::Item { scope, item } => {
                Record::of_json(item)?.tell(scope, now_ns, sink)?;
            }
        }
        Ok(())
    })
}

/// A record as either encoding has it.
struct Record<'a> {
    time_ns: Option<i64>,
    observed_ns: Option<i64>,
    severity: i32,
    severity_text: Cow<'a, str>,
    body: Cow<'a, str>,
    trace_id: Option<[u8; 16]>,
    span_id: Option<[u8; 8]>,
    event_name: Cow<'a, str>,
    fields: Vec<Field<'a>>,
}

impl<'a> Record<'a> {
    fn of_protobuf(bytes: &'a [u8], mut fields: Vec<Field<'a>>) -> Result<Self, Refused> {
        fields.clear();
        let mut record = Self {
            time_ns: None,
            observed_ns: None,
            severity: 0,
            severity_text: "".into(),
            body: "".into(),
            trace_id: None,
            span_id: None,
            event_name: "".into(),
            fields,
        };
        let mut message = Reader::new(bytes);
        while let Some(field) = message.field().map_err(|e| e.at(""))? {
            match field.number {
                1 => {
                    let ns = field.fixed64().map_err(|e| e.at("time_unix_nano"))?;
                    record.time_ns = time(ns, "time_unix_nano")?;
                }
                2 => {
                    let number = field.int().map_err(|e| e.at("severity_number"))?;
                    record.severity = i32::try_from(number).unwrap_or_default();
                }
                3 => {
                    record.severity_text = field.lossy().map_err(|e| e.at("severity_text"))?;
                }
                5 => {
                    let value = field.bytes().map_err(|e| e.at("body"))?;
                    record.body = AnyValue::of_protobuf(value)
                        .map_err(|e| e.within(&"body"))?
                        .into_text();
                }
                6 => {
                    let pair = field.bytes().map_err(|e| e.at("attributes"))?;
                    KeyValue::of_protobuf(pair)
                        .and_then(|pair| pair.flatten(&mut record.fields))
                        .map_err(|e| e.within(&"attributes"))?;
                }
                9 => {
                    record.trace_id = id(field.bytes().map_err(|e| e.at("trace_id"))?, "trace_id")?;
                }
                10 => {
                    record.span_id = id(field.bytes().map_err(|e| e.at("span_id"))?, "span_id")?;
                }
                11 => {
                    let name = "observed_time_unix_nano";
                    record.observed_ns = time(field.fixed64().map_err(|e| e.at(name))?, name)?;
                }
                12 => record.event_name = field.lossy().map_err(|e| e.at("event_name"))?,
                _ => {}
            }
        }
        Ok(record)
    }

    fn of_json(json: &'a str) -> Result<Self, Refused> {
        let sent = json::read::<JsonRecord<'a>>(json)?;
        let mut fields = Vec::with_capacity(sent.attributes.len() + 2);
        flatten(sent.attributes, &mut fields).map_err(|e| e.within(&"attributes"))?;
        Ok(Self {
            time_ns: json_time(sent.time_unix_nano, "timeUnixNano")?,
            observed_ns: json_time(sent.observed_time_unix_nano, "observedTimeUnixNano")?,
            severity: sent.severity_number,
            severity_text: sent.severity_text.0,
            body: sent.body.into_text(),
            trace_id: hex_ids::optional(&sent.trace_id.0, "traceId")?,
            span_id: hex_ids::optional(&sent.span_id.0, "spanId")?,
            event_name: sent.event_name.0,
            fields,
        })
    }

    /// Tells the sink, and gives back the memory of the fields.
    fn tell(
        &mut self,
        scope: &Scope<'a>,
        now_ns: i64,
        sink: &mut dyn LogSink,
    ) -> Result<Vec<Field<'a>>, Refused> {
        let mut fields = std::mem::take(&mut self.fields);
        let named = [
            ("scope.name", &scope.name.0),
            ("event.name", &self.event_name),
        ];
        for (name, value) in named {
            if !value.is_empty() {
                item_limits::push(&mut fields, name.into(), value.clone())?;
            }
        }
        // A record that has its fill of fields goes without.
        let version = &scope.version.0;
        if !version.is_empty() && fields.len() < item_limits::MAX_FIELDS {
            fields.push(("scope.version".into(), version.clone()));
        }
        let mut record = LogRecord {
            time_ns: self.time_ns.or(self.observed_ns).unwrap_or(now_ns),
            level: Level::of_number(self.severity),
            level_text: std::mem::take(&mut self.severity_text),
            body: Cow::Borrowed(""),
            trace_id: self.trace_id,
            span_id: self.span_id,
            fields,
        };
        if record.level == Level::Unknown {
            record.level = Level::of_word(&record.level_text);
        }
        Ok(match std::mem::take(&mut self.body) {
            Cow::Borrowed(body) => {
                log_text::complete(&mut record, body, &[]);
                record.body = Cow::Borrowed(body);
                sink.record(&record);
                record.fields
            }
            Cow::Owned(body) => {
                tell_owned(record, &body, sink);
                Vec::new()
            }
        })
    }
}

/// A body with escapes lives here only: its fields borrow from it.
fn tell_owned<'r>(mut record: LogRecord<'r>, body: &'r str, sink: &mut dyn LogSink) {
    log_text::complete(&mut record, body, &[]);
    record.body = Cow::Borrowed(body);
    sink.record(&record);
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct JsonRecord<'a> {
    #[serde(borrow, alias = "time_unix_nano")]
    time_unix_nano: Option<Number<'a>>,
    #[serde(borrow, alias = "observed_time_unix_nano")]
    observed_time_unix_nano: Option<Number<'a>>,
    #[serde(alias = "severity_number", deserialize_with = "json::null_is_default")]
    severity_number: i32,
    #[serde(
        borrow,
        alias = "severity_text",
        deserialize_with = "json::null_is_default"
    )]
    severity_text: Text<'a>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    body: AnyValue<'a>,
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    attributes: Vec<KeyValue<'a>>,
    #[serde(borrow, alias = "trace_id", deserialize_with = "json::null_is_default")]
    trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id", deserialize_with = "json::null_is_default")]
    span_id: Text<'a>,
    #[serde(
        borrow,
        alias = "event_name",
        deserialize_with = "json::null_is_default"
    )]
    event_name: Text<'a>,
}
