//! What Jaeger has as tags.

use std::collections::BTreeMap;

use projections::telemetry::spans::span::{OwnedField, SpanKind, SpanStatus};
use serde_json::Value;

use super::Failure;
use super::asked::bad;

/// Tags that are asked for. Some of them are no fields here.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tags {
    pub(super) error: Option<bool>,
    pub(super) status: Option<SpanStatus>,
    pub(super) kind: Option<SpanKind>,
    pub(super) others: Vec<OwnedField>,
}

impl Tags {
    pub(super) fn of(all: BTreeMap<String, String>) -> Result<Self, Failure> {
        let mut tags = Self::default();
        for (name, value) in all {
            match (name.as_str(), value.as_str()) {
                ("error", "true") => tags.error = Some(true),
                ("error", "false") => tags.error = Some(false),
                ("otel.status_code", "OK") => tags.status = Some(SpanStatus::Ok),
                ("otel.status_code", "ERROR") => tags.status = Some(SpanStatus::Error),
                ("span.kind", kind) => tags.kind = Some(span_kind(kind)?),
                _ => tags.others.push((name, value)),
            }
        }
        Ok(tags)
    }
}

fn span_kind(name: &str) -> Result<SpanKind, Failure> {
    let mut kinds = SpanKind::ALL.into_iter();
    let found = kinds.find(|kind| kind.name() == name);
    found.ok_or_else(|| bad("span.kind", name, "is no kind of span"))
}

/// `{"a":"b"}`, as the parameter with this name says it.
pub(super) fn json(parameter: &str, text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let object: BTreeMap<String, Value> =
        serde_json::from_str(text).map_err(|_| bad(parameter, text, "is not a JSON object"))?;
    let pairs = object.into_iter();
    Ok(pairs.map(|(name, value)| (name, plain(value))).collect())
}

/// `a=b c="d e"`; a name alone is `true`, as in Jaeger's page.
pub(super) fn logfmt(text: &str) -> Option<Vec<(String, String)>> {
    let (mut rest, mut pairs) = (text.trim(), Vec::new());
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace());
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if name.is_empty() || name.contains('"') {
            return None;
        }
        let (value, after) = match after.strip_prefix('=') {
            None => ("true".to_owned(), after),
            Some(after) => logfmt_value(after)?,
        };
        pairs.push((name.to_owned(), value));
        rest = after.trim_start();
    }
    Some(pairs)
}

/// A value, quoted or not, and what is behind it.
fn logfmt_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        return Some((value.to_owned(), after));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((value, &quoted[at + 1..])),
            letter => {
                value.push(letter);
                escaped = false;
            }
        }
    }
    None
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<OwnedField> {
        let owned = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        owned.collect()
    }

    #[test]
    fn tags_may_be_typed_as_logfmt() {
        assert_eq!(
            logfmt(r#"error http.status_code=500  msg="a \"b\" c""#),
            Some(owned(&[
                ("error", "true"),
                ("http.status_code", "500"),
                ("msg", "a \"b\" c")
            ]))
        );
        let empty = logfmt("a= b=1");
        assert_eq!(empty, Some(owned(&[("a", ""), ("b", "1")])));
        for wrong in ["=x", "a=\"b", "\"a\"=b"] {
            assert_eq!(logfmt(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_field_here_is_told_apart() {
        let of = |pairs: &[(&str, &str)]| Tags::of(owned(pairs).into_iter().collect());
        let tags = of(&[
            ("error", "true"),
            ("otel.status_code", "OK"),
            ("span.kind", "server"),
            ("otel.scope.name", "lib"),
        ]);
        let expected = Tags {
            error: Some(true),
            status: Some(SpanStatus::Ok),
            kind: Some(SpanKind::Server),
            others: owned(&[("otel.scope.name", "lib")]),
        };
        assert_eq!(tags.unwrap(), expected);
        // Whoever gives an error a text of its own has a field.
        let texts = [("error", "timeout"), ("otel.status_code", "x")];
        assert_eq!(of(&texts).unwrap().others, owned(&texts));
        assert!(of(&[("span.kind", "x")]).is_err());
    }
}
