//! Lines in the shapes that Loki's clients read.

use std::collections::BTreeMap;

use logql::{Line, Origin};
use serde_json::{Value, json};

/// Loki's name for an answer that tells where labels are from.
pub(super) const CATEGORIZED: &str = "categorize-labels";

type Labels = BTreeMap<String, String>;

/// Lines by their labels, each stream in the order that the lines came. Categorized,
/// streams have their own labels only, and each line has its further ones.
pub(super) fn streams(found: Vec<Line>, categorized: bool) -> Vec<Value> {
    let mut streams = BTreeMap::<Labels, Vec<Value>>::new();
    for line in found {
        let mut labels = Labels::new();
        let mut of_line = BTreeMap::<&str, Labels>::new();
        for (name, value, origin) in line.labels.iter() {
            let category = match origin {
                Origin::Hidden => continue,
                Origin::Stream => None,
                Origin::Structured => Some("structuredMetadata"),
                Origin::Parsed => Some("parsed"),
            };
            let into = match category.filter(|_| categorized) {
                None => &mut labels,
                Some(category) => of_line.entry(category).or_default(),
            };
            into.insert(name.to_owned(), value.to_owned());
        }
        let time = line.time_ns.to_string();
        streams.entry(labels).or_default().push(match categorized {
            true => json!([time, line.text, of_line]),
            false => json!([time, line.text]),
        });
    }
    let streams = streams.into_iter();
    streams
        .map(|(stream, values)| json!({"stream": stream, "values": values}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_together_or_apart() {
        let mut line = Line {
            time_ns: 5,
            text: "x".to_owned(),
            ..Line::default()
        };
        for (name, origin) in [
            ("a", Origin::Stream),
            ("b", Origin::Structured),
            ("c", Origin::Parsed),
            ("d", Origin::Hidden),
        ] {
            line.labels.set(name, "1", origin);
        }
        let together = streams(vec![line.clone()], false);
        let expected = json!([{"stream": {"a": "1", "b": "1", "c": "1"}, "values": [["5", "x"]]}]);
        assert_eq!(json!(together), expected);
        let apart = streams(vec![line], true);
        let of_line = json!({"structuredMetadata": {"b": "1"}, "parsed": {"c": "1"}});
        let expected = json!([{"stream": {"a": "1"}, "values": [["5", "x", of_line]]}]);
        assert_eq!(json!(apart), expected);
    }
}
