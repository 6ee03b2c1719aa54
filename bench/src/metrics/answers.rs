//! Whether two stores answered the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Values may differ by so much of the larger one.
const TOLERANCE: f64 = 1e-9;

/// Samples by time.
type Points = BTreeMap<i64, f64>;

/// What is different, in a few words; None where nothing is.
pub(super) fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    if let (Some(ours), Some(theirs)) = (ours["data"].as_array(), theirs["data"].as_array()) {
        return lists(ours, theirs);
    }
    let (ours, theirs) = (series(ours), series(theirs));
    if ours.is_empty() {
        return Some("no series".to_owned());
    }
    if !ours.keys().eq(theirs.keys()) {
        return Some(format!("{} series, there {}", ours.len(), theirs.len()));
    }
    let mut apart = 0;
    let mut example = None;
    for ((labels, ours), theirs) in ours.iter().zip(theirs.values()) {
        let times: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        for time in times {
            let (ours, theirs) = (ours.get(time), theirs.get(time));
            if !equal(ours, theirs) {
                apart += 1;
                example.get_or_insert_with(|| {
                    format!("{labels} at {time}: {ours:?}, there {theirs:?}")
                });
            }
        }
    }
    example.map(|example| format!("{apart} values, the first {example}"))
}

fn equal(ours: Option<&f64>, theirs: Option<&f64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            (ours.is_nan() && theirs.is_nan())
                || (ours - theirs).abs() <= TOLERANCE * ours.abs().max(theirs.abs())
        }
        _ => false,
    }
}

fn lists(ours: &[Value], theirs: &[Value]) -> Option<String> {
    let set = |list: &[Value]| list.iter().map(Value::to_string).collect::<BTreeSet<_>>();
    let (ours, theirs) = (set(ours), set(theirs));
    (ours != theirs).then(|| format!("{} values, there {}", ours.len(), theirs.len()))
}

/// Series by their labels, without the name: VictoriaMetrics keeps it where functions
/// of Prometheus drop it.
fn series(answer: &Value) -> BTreeMap<String, Points> {
    let result = answer["data"]["result"].as_array();
    let found = result.into_iter().flatten().map(|entry| {
        let mut labels = entry["metric"].clone();
        if let Some(labels) = labels.as_object_mut() {
            labels.remove("__name__");
        }
        let one = entry.get("value").into_iter();
        let many = entry["values"].as_array().into_iter().flatten();
        let points = one.chain(many).filter_map(point).collect();
        (labels.to_string(), points)
    });
    found.collect()
}

fn point(pair: &Value) -> Option<(i64, f64)> {
    let time_ms = (pair[0].as_f64()? * 1e3).round() as i64;
    Some((time_ms, pair[1].as_str()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vector(name: &str, value: &str) -> Value {
        json!({"data": {"result": [{"metric": {"__name__": name, "a": "b"}, "value": [1, value]}]}})
    }

    #[test]
    fn values_are_compared_and_names_are_not() {
        assert_eq!(
            difference(&vector("x", "3"), &vector("y", "3.000000001")),
            None
        );
        let found = difference(&vector("x", "3"), &vector("x", "3.1")).unwrap();
        assert!(found.starts_with("1 values"), "{found}");
        let none = json!({"data": {"result": []}});
        assert!(difference(&vector("x", "3"), &none).is_some());
        assert!(difference(&none, &none).is_some());
    }

    #[test]
    fn lists_are_sets() {
        let list = |values: &[&str]| json!({"data": values});
        assert_eq!(difference(&list(&["a", "b"]), &list(&["b", "a"])), None);
        assert!(difference(&list(&["a"]), &list(&["b"])).is_some());
    }
}
