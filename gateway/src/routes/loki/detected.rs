//! Labels and fields that lines have, as a sample of the newest shows them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use logql::ast::{LogExpr, Stage};
use logql::{Line, Origin, field_type, json_fields, logfmt_fields};
use projections::telemetry::logs;
use serde_json::{Value, json};

use super::asked::{Asked, Sample, Streams};
use super::labels::records;
use super::lines::{self, Wanted};
use super::record::stream_labels;
use super::{Failure, too_much};
use crate::Gateway;
use crate::operations::Allowed;
use crate::parameters::Path;

/// Streams that are looked at for labels.
const MOST_STREAMS: usize = 5_000;
const DEFAULT_LINES: usize = 100;
const MOST_LINES: usize = 5_000;
const DEFAULT_FIELDS: usize = 1_000;
/// Distinct values of a field that are counted.
const MOST_VALUES: usize = 5_000;

/// Labels of streams, each with how many values it has
#[utoipa::path(get, path = "/loki/api/v1/detected_labels", operation_id = "loki_detected_labels", tag = "loki",
    params(Streams),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn labels(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let query = records(&asked, asked.text("query"))?;
    let streams = logs::streams(&gateway.db, allowed.scope(), &query, MOST_STREAMS).await?;
    let mut values = BTreeMap::<String, BTreeSet<String>>::new();
    for stream in &streams {
        for (name, value, _) in stream_labels(stream).iter() {
            let known = values.entry(name.to_owned()).or_default();
            known.insert(value.to_owned());
        }
    }
    let shown: Vec<Value> = values
        .iter()
        .map(|(label, values)| json!({"label": label, "cardinality": values.len()}))
        .collect();
    Ok(Json(json!({"detectedLabels": shown})))
}

/// Fields of lines, each with its type, how many values it has and what parses it
#[utoipa::path(get, path = "/loki/api/v1/detected_fields", operation_id = "loki_detected_fields", tag = "loki",
    params(Sample,
        ("limit" = Option<u32>, Query, description = "How many fields at most; 1000 unless told")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn fields(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let limit = asked.count("limit")?.unwrap_or(DEFAULT_FIELDS);
    let found = detected(&gateway, &allowed, &asked).await?;
    let fields = found.iter().take(limit);
    let shown: Vec<Value> = fields
        .map(|(label, field)| {
            let parsers: Option<Vec<_>> = field.parser.map(|parser| vec![parser]);
            json!({
                "label": label,
                "type": field.kind(),
                "cardinality": field.values.len(),
                "parsers": parsers,
            })
        })
        .collect();
    Ok(Json(json!({"fields": shown, "limit": limit})))
}

/// Values of one field of lines
#[utoipa::path(get, path = "/loki/api/v1/detected_field/{name}/values", operation_id = "loki_detected_field_values", tag = "loki",
    params(("name" = String, Path), Sample,
        ("limit" = Option<u32>, Query, description = "How many values at most; 1000 unless told")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn values(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let limit = asked.count("limit")?.unwrap_or(DEFAULT_FIELDS);
    let mut found = detected(&gateway, &allowed, &asked).await?;
    let values = found.remove(&name).map(|field| field.values);
    let values: Vec<String> = values.into_iter().flatten().take(limit).collect();
    Ok(Json(json!({"values": values, "limit": limit})))
}

#[derive(Debug, Default)]
struct Field {
    values: BTreeSet<String>,
    parser: Option<&'static str>,
}

impl Field {
    /// That of all its values, else text.
    fn kind(&self) -> &'static str {
        let mut kinds = self.values.iter().map(|value| field_type(value));
        let first = kinds.next().unwrap_or("string");
        let same =
            |a: &str, b: &str| a == b || matches!((a, b), ("int", "float") | ("float", "int"));
        match kinds.try_fold(first, |known, kind| {
            same(known, kind).then(|| wider(known, kind))
        }) {
            Some(kind) => kind,
            None => "string",
        }
    }
}

fn wider(a: &'static str, b: &'static str) -> &'static str {
    if a == "float" { a } else { b }
}

async fn detected(
    gateway: &Gateway,
    allowed: &Allowed,
    asked: &Asked,
) -> Result<BTreeMap<String, Field>, Failure> {
    let log = asked.log(asked.text("query"))?;
    let (from_ns, to_ns) = asked.range()?;
    let limit = asked.count("line_limit")?.unwrap_or(DEFAULT_LINES);
    if limit > MOST_LINES {
        return Err(too_much(format!(
            "line_limit > max_entries_limit_per_query ({limit} > {MOST_LINES})"
        )));
    }
    let wanted = Wanted {
        log: &log,
        from_ns,
        to_ns,
        forward: false,
        limit: limit.max(1),
    };
    let found = lines::find(gateway, allowed.scope(), &wanted).await?;
    let own_parser = parser(&log);
    let mut fields = BTreeMap::new();
    for line in &found {
        note(line, own_parser, &mut fields);
    }
    Ok(fields)
}

/// The parser that a query names itself.
fn parser(log: &LogExpr) -> Option<&'static str> {
    log.stages.iter().find_map(|stage| match stage {
        Stage::Json(_) => Some("json"),
        Stage::Logfmt { .. } => Some("logfmt"),
        Stage::Pattern(_) => Some("pattern"),
        Stage::Regexp(_) => Some("regexp"),
        Stage::Unpack => Some("unpack"),
        Stage::LineFilter(_)
        | Stage::LabelFilter(_)
        | Stage::LineFormat(_)
        | Stage::LabelFormat(_)
        | Stage::Drop(_)
        | Stage::Keep(_)
        | Stage::Decolorize => None,
    })
}

fn note(line: &Line, own_parser: Option<&'static str>, fields: &mut BTreeMap<String, Field>) {
    let mut see = |name: &str, value: &str, parser: Option<&'static str>| {
        if name.is_empty() || name.starts_with("__") {
            return;
        }
        let field = fields.entry(name.to_owned()).or_default();
        field.parser = field.parser.or(parser);
        if field.values.len() < MOST_VALUES {
            field.values.insert(value.to_owned());
        }
    };
    for (name, value, origin) in line.labels.iter() {
        match origin {
            Origin::Structured => see(name, value, None),
            Origin::Parsed => see(name, value, own_parser),
            Origin::Stream | Origin::Hidden => {}
        }
    }
    if own_parser.is_some() {
        return;
    }
    let (found, parser) = match json_fields(&line.text) {
        Some(found) => (found, "json"),
        None => (logfmt_fields(&line.text), "logfmt"),
    };
    for (name, value) in found {
        let name = match line.labels.origin(&name) {
            Some(Origin::Stream) => format!("{name}_extracted"),
            Some(Origin::Structured | Origin::Hidden | Origin::Parsed) | None => name,
        };
        see(&name, &value, Some(parser));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_their_types() {
        let mut fields = BTreeMap::new();
        for text in [
            "{\"status\":200,\"took\":\"5ms\"}",
            "{\"status\":3.5}",
            "ok=true user=ada",
        ] {
            let line = Line {
                text: text.to_owned(),
                ..Line::default()
            };
            note(&line, None, &mut fields);
        }
        let shown: Vec<_> = fields
            .iter()
            .map(|(name, field)| {
                (
                    name.as_str(),
                    field.kind(),
                    field.parser,
                    field.values.len(),
                )
            })
            .collect();
        let expected = [
            ("ok", "boolean", Some("logfmt"), 1),
            ("status", "float", Some("json"), 2),
            ("took", "duration", Some("json"), 1),
            ("user", "string", Some("logfmt"), 1),
        ];
        assert_eq!(shown, expected);
    }
}
