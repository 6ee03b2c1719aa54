//! Lines with the labels that Loki's clients expect, and the filters that only those
//! labels tell.

use std::collections::BTreeMap;

use projections::telemetry::logs::{self, LogsError, Query, Record, label_name};
use regex::Regex;
use schemas::scope::Scope;
use serde_json::Value;

use super::logql::{LabelFilter, Selection};
use crate::Gateway;

const PAGE: usize = 2_000;
/// Lines that are looked at for filters over labels.
const MOST_LOOKED_AT: usize = 50_000;
const MOST_LABELS: usize = 100;

pub(super) type Labels = BTreeMap<String, String>;

/// The first lines that pass, with their labels.
pub(super) async fn find(
    gateway: &Gateway,
    scope: &Scope,
    query: &Query,
    selection: &Selection,
    forward: bool,
    limit: usize,
) -> Result<Vec<(Labels, Record)>, LogsError> {
    let patterns = Patterns::of(&selection.labels);
    let page = match selection.labels.is_empty() {
        true => limit,
        false => PAGE,
    };
    let (mut found, mut after, mut looked_at) = (Vec::new(), None, 0);
    while found.len() < limit && looked_at < MOST_LOOKED_AT {
        let more = match forward {
            true => logs::search_oldest(&gateway.db, scope, query, after, page).await?,
            false => logs::search(&gateway.db, scope, query, after, page).await?,
        };
        looked_at += more.records.len();
        for record in more.records {
            let labels = labels(&record, selection);
            if patterns.hold(&labels) && found.len() < limit {
                found.push((labels, record));
            }
        }
        after = more.next;
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

fn labels(record: &Record, selection: &Selection) -> Labels {
    let mut labels = Labels::new();
    if selection.json
        && let Ok(Value::Object(object)) = serde_json::from_str(&record.body)
    {
        for (name, value) in &object {
            flatten(name, value, &mut labels);
        }
    }
    if selection.logfmt {
        logfmt(&record.body, &mut labels);
    }
    if selection.json || selection.logfmt || !selection.labels.is_empty() {
        let fields = record.fields.iter();
        labels.extend(fields.map(|(name, value)| (label_name(name), value.clone())));
    }
    let resource = record.resource.iter();
    labels.extend(resource.map(|(name, value)| (label_name(name), value.clone())));
    labels.insert("service_name".to_owned(), record.service.clone());
    labels.insert("detected_level".to_owned(), record.level.clone());
    labels
        .entry("level".to_owned())
        .or_insert_with(|| record.level.clone());
    labels
}

fn flatten(name: &str, value: &Value, labels: &mut Labels) {
    if labels.len() >= MOST_LABELS {
        return;
    }
    match value {
        Value::Object(object) => {
            for (inner, value) in object {
                flatten(&format!("{name}_{inner}"), value, labels);
            }
        }
        Value::Array(_) | Value::Null => {}
        Value::String(text) => drop(labels.insert(label_name(name), text.clone())),
        other => drop(labels.insert(label_name(name), other.to_string())),
    }
}

/// `name=value name="quoted value"`; what is neither is passed over.
fn logfmt(line: &str, labels: &mut Labels) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        if !name.is_empty() && labels.len() < MOST_LABELS {
            labels.insert(label_name(name), value.to_owned());
        }
        rest = next;
    }
}

/// Label filters with their patterns compiled.
struct Patterns<'a>(Vec<(&'a LabelFilter, Option<Regex>)>);

impl<'a> Patterns<'a> {
    fn of(filters: &'a [LabelFilter]) -> Self {
        let compiled = |filter: &LabelFilter| match filter.operator.ends_with('~') {
            true => Regex::new(&format!("^(?s:{})$", filter.value)).ok(),
            false => None,
        };
        Self(
            filters
                .iter()
                .map(|filter| (filter, compiled(filter)))
                .collect(),
        )
    }

    fn hold(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(filter, pattern)| {
            let text = labels.get(&filter.name).map_or("", String::as_str);
            let numbers = || Some((text.parse::<f64>().ok()?, filter.value.parse::<f64>().ok()?));
            match filter.operator {
                "=" => text == filter.value,
                "!=" => text != filter.value,
                "=~" => pattern
                    .as_ref()
                    .is_some_and(|pattern| pattern.is_match(text)),
                "!~" => pattern
                    .as_ref()
                    .is_some_and(|pattern| !pattern.is_match(text)),
                ">" => numbers().is_some_and(|(a, b)| a > b),
                ">=" => numbers().is_some_and(|(a, b)| a >= b),
                "<" => numbers().is_some_and(|(a, b)| a < b),
                "<=" => numbers().is_some_and(|(a, b)| a <= b),
                _ => numbers().is_some_and(|(a, b)| a == b),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_from_the_line() {
        let mut labels = Labels::new();
        logfmt(
            "ts=1 level=warn msg=\"no route\" free text code=500",
            &mut labels,
        );
        assert_eq!(labels["msg"], "no route");
        assert_eq!((&labels["level"][..], &labels["code"][..]), ("warn", "500"));
        let value = serde_json::json!({"b": {"c.d": 5, "e": [1]}, "f": "x"});
        flatten("a", &value, &mut labels);
        assert_eq!((&labels["a_b_c_d"][..], &labels["a_f"][..]), ("5", "x"));
    }

    #[test]
    fn filters_over_labels_compare() {
        let labels = Labels::from([("status".to_owned(), "500".to_owned())]);
        let holds = |name: &str, operator, value: &str| {
            let filter = [LabelFilter {
                name: name.to_owned(),
                operator,
                value: value.to_owned(),
            }];
            Patterns::of(&filter).hold(&labels)
        };
        assert!(holds("status", ">=", "500") && !holds("status", ">", "500"));
        assert!(holds("status", "=~", "5..") && !holds("status", "!~", "5.."));
        assert!(holds("absent", "!=", "x") && !holds("absent", ">", "1"));
    }
}
