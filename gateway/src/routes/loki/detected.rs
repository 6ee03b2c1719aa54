//! Labels and fields that lines have, as a sample of the newest shows them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use logql::ast::{LogExpr, Stage};
use logql::{Line, Origin, field_type, json_members, logfmt_fields};
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

/// Labels of streams, each with how many values it has; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/detected_labels", operation_id = "loki_detected_labels_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_labels(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    labels(gateway, allowed, asked).await
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
            let mut shown = json!({
                "label": label,
                "type": field.kind(),
                "cardinality": field.values.len(),
                "parsers": parsers,
            });
            if let Some(path) = &field.path {
                shown["jsonPath"] = json!(path);
            }
            shown
        })
        .collect();
    Ok(Json(json!({"fields": shown, "limit": limit})))
}

/// Fields of lines, each with its type; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/detected_fields", operation_id = "loki_detected_fields_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_fields(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    fields(gateway, allowed, asked).await
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

/// Values of one field of lines; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/detected_field/{name}/values", operation_id = "loki_detected_field_values_post", tag = "loki",
    params(("name" = String, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_values(
    gateway: State<Gateway>,
    allowed: Allowed,
    name: Path<String>,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    values(gateway, allowed, name, asked).await
}

#[derive(Debug, Default)]
struct Field {
    values: BTreeSet<String>,
    parser: Option<&'static str>,
    /// The names that lead to it in a JSON body.
    path: Option<Vec<String>>,
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

async fn detected(gateway: &Gateway, allowed: &Allowed, asked: &Asked) -> Result<Fields, Failure> {
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
        interval_ns: 0,
    };
    let passed = lines::find(gateway, allowed.scope(), &wanted).await?;
    let own_parser = parser(&log);
    let mut fields = Fields::new();
    for line in &passed.lines {
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

type Fields = BTreeMap<String, Field>;

fn see(fields: &mut Fields, name: &str, value: &str, parser: Option<&'static str>) {
    if name.is_empty() || name.starts_with("__") {
        return;
    }
    let field = fields.entry(name.to_owned()).or_default();
    field.parser = field.parser.or(parser);
    if field.values.len() < MOST_VALUES {
        field.values.insert(value.to_owned());
    }
}

fn note(line: &Line, own_parser: Option<&'static str>, fields: &mut Fields) {
    for (name, value, origin) in line.labels.iter() {
        match origin {
            Origin::Structured => see(fields, name, value, None),
            Origin::Parsed => see(fields, name, value, own_parser),
            Origin::Stream | Origin::Hidden => {}
        }
    }
    match own_parser {
        None => note_text(line, fields),
        Some("json") => note_paths(line, fields),
        Some(_) => {}
    }
}

/// What a parser would find that the query does not name.
fn note_text(line: &Line, fields: &mut Fields) {
    let Some(members) = json_members(&line.text) else {
        for (name, value) in logfmt_fields(&line.text) {
            see(fields, &extracted(line, &name), &value, Some("logfmt"));
        }
        return;
    };
    for member in members {
        let name = extracted(line, &member.name);
        see(fields, &name, &member.value, Some("json"));
        lead_to(fields, &name, member.path);
    }
}

/// Where labels are from that the query's own parser found.
fn note_paths(line: &Line, fields: &mut Fields) {
    for member in json_members(&line.text).into_iter().flatten() {
        let name = extracted(line, &member.name);
        if line.labels.get(&name) == Some(member.value.as_str()) {
            lead_to(fields, &name, member.path);
        }
    }
}

fn lead_to(fields: &mut Fields, name: &str, path: Vec<String>) {
    if let Some(field) = fields.get_mut(name) {
        field.path.get_or_insert(path);
    }
}

/// A parser hides no label of the stream.
fn extracted(line: &Line, name: &str) -> String {
    match line.labels.origin(name) {
        Some(Origin::Stream) => format!("{name}_extracted"),
        Some(Origin::Structured | Origin::Hidden | Origin::Parsed) | None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_their_types() {
        let mut fields = Fields::new();
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

    #[test]
    fn members_of_json_have_the_names_that_lead_to_them() {
        let text = "{\"user\":{\"full-name\":\"Ada\"},\"id\":7,\"app\":\"x\"}";
        let mut line = Line {
            text: text.to_owned(),
            ..Line::default()
        };
        line.labels.set("app", "shop", Origin::Stream);
        let path = |fields: &Fields, name: &str| {
            let field = fields.get(name);
            field.and_then(|field| field.path.clone())
        };
        let names = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned());
            Some(names.collect::<Vec<String>>())
        };
        let mut fields = Fields::new();
        note(&line, None, &mut fields);
        assert_eq!(
            path(&fields, "user_full_name"),
            names(&["user", "full-name"])
        );
        assert_eq!(path(&fields, "app_extracted"), names(&["app"]));
        // A query with `| json id, name="user.full-name"`.
        line.labels.set("id", "7", Origin::Parsed);
        line.labels.set("name", "Ada", Origin::Parsed);
        let mut fields = Fields::new();
        note(&line, Some("json"), &mut fields);
        assert_eq!(path(&fields, "id"), names(&["id"]));
        assert_eq!((path(&fields, "name"), fields.len()), (None, 2));
    }
}
