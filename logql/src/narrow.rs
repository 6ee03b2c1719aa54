//! What a store may leave out before any stage runs.

use crate::ast::{LabelFilter, LineFilter, LineOp, LogExpr, MatchOp, Matcher, Needle, Pick, Stage};

/// A condition that a store can tell; all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Label(Matcher),
    Contains { negated: bool, text: String },
    Matches { negated: bool, pattern: String },
}

/// What a store can look for in place of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    pub conditions: Vec<Condition>,
    /// Whether the conditions say all that the query does: no stage is left to run.
    pub whole: bool,
}

/// The conditions that every line of an answer fulfils as it was stored.
pub fn narrow(log: &LogExpr) -> Narrowed {
    let labels = log.matchers.iter().cloned().map(Condition::Label);
    let mut narrowed = Narrowed {
        conditions: labels.collect(),
        whole: true,
    };
    let (mut same_line, mut same_labels) = (true, true);
    for stage in &log.stages {
        let told = match stage {
            Stage::LineFilter(filter) if holds_always(filter) => continue,
            Stage::LineFilter(filter) if same_line => of_line(filter),
            Stage::LabelFilter(LabelFilter::Text(matcher)) if same_labels => of_level(matcher),
            Stage::Drop(picks) if same_labels && picks.iter().all(is_about_errors) => continue,
            Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize => {
                (same_line, same_labels) = (false, false);
                None
            }
            Stage::Json(_)
            | Stage::Logfmt { .. }
            | Stage::Pattern(_)
            | Stage::Regexp(_)
            | Stage::LabelFormat(_)
            | Stage::Drop(_)
            | Stage::Keep(_) => {
                same_labels = false;
                None
            }
            Stage::LineFilter(_) | Stage::LabelFilter(_) => None,
        };
        match told {
            Some(condition) => narrowed.conditions.push(condition),
            None => narrowed.whole = false,
        }
    }
    narrowed
}

/// Grafana writes a filter for the empty text where nothing is looked for.
fn holds_always(filter: &LineFilter) -> bool {
    let nothing = |needle: &Needle| matches!(needle, Needle::Text(text) if text.is_empty());
    matches!(filter.op, LineOp::Contains | LineOp::Matches) && filter.any_of.iter().any(nothing)
}

/// Without a parser nothing goes wrong, so that there is nothing to drop.
fn is_about_errors(pick: &Pick) -> bool {
    matches!(pick, Pick::Name(name) if name.starts_with("__error"))
}

/// Stores know the level of every record.
fn of_level(matcher: &Matcher) -> Option<Condition> {
    let known = matches!(matcher.name.as_str(), "level" | "detected_level");
    known.then(|| Condition::Label(matcher.clone()))
}

fn of_line(filter: &LineFilter) -> Option<Condition> {
    let texts: Option<Vec<&str>> = filter
        .any_of
        .iter()
        .map(|needle| match needle {
            Needle::Text(text) if !text.is_empty() => Some(text.as_str()),
            Needle::Text(_) | Needle::Ip(_) => None,
        })
        .collect();
    let texts = texts?;
    let negated = filter.op.is_negated();
    match (filter.op, &texts[..]) {
        (LineOp::Contains | LineOp::ContainsNot, [text]) => Some(Condition::Contains {
            negated,
            text: (*text).to_owned(),
        }),
        (LineOp::Contains | LineOp::ContainsNot, texts) => {
            let escaped: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
            Some(Condition::Matches {
                negated,
                pattern: escaped.join("|"),
            })
        }
        (LineOp::Matches | LineOp::MatchesNot, [pattern]) => Some(Condition::Matches {
            negated,
            pattern: (*pattern).to_owned(),
        }),
        (LineOp::Matches | LineOp::MatchesNot, patterns) => {
            let grouped: Vec<String> = patterns.iter().map(|p| format!("(?:{p})")).collect();
            Some(Condition::Matches {
                negated,
                pattern: grouped.join("|"),
            })
        }
        (LineOp::Pattern | LineOp::PatternNot, _) => None,
    }
}

/// Labels that a selector names once, with a value.
pub fn named(matchers: &[Matcher]) -> Vec<(String, String)> {
    let equal = matchers.iter().filter(|matcher| {
        let same = matchers.iter().filter(|other| other.name == matcher.name);
        matcher.op == MatchOp::Equal && same.count() == 1
    });
    equal
        .map(|matcher| (matcher.name.clone(), matcher.value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_told_as_far_as_lines_and_labels_are_the_sender_s() {
        let narrowed = |query: &str| narrow(&crate::parse_log(query).unwrap());
        let plain =
            narrowed("{a=\"b\"} |= \"x\" or \"y.\" !~ \"z\" | level=\"warn\" | drop __error__");
        assert!(plain.whole);
        assert_eq!(plain.conditions.len(), 4);
        let pattern = "x|y\\.".to_owned();
        let negated = false;
        assert_eq!(plain.conditions[1], Condition::Matches { negated, pattern });
        let parsed = narrowed("{a=\"b\"} | json | level=\"warn\" |= \"x\"");
        assert!(!parsed.whole);
        assert_eq!(
            parsed.conditions.len(),
            2,
            "the parser may have found a level"
        );
        let formatted = narrowed("{a=\"b\"} | line_format \"x\" |= \"x\"");
        assert_eq!((formatted.conditions.len(), formatted.whole), (1, false));
        assert!(!narrowed("{a=\"b\"} != \"\"").whole);
        let grafana_s = narrowed("{a=\"b\"} |= `` or \"x\" |~ \"\" | drop __error__");
        assert_eq!((grafana_s.conditions.len(), grafana_s.whole), (1, true));
        assert!(!narrowed("{a=\"b\"} |= ip(\"1.2.3.4\")").whole);
    }

    #[test]
    fn labels_are_named_by_one_value() {
        let log = crate::parse_log("{a=\"1\", b!=\"2\", c=\"3\", c!=\"4\"}").unwrap();
        assert_eq!(named(&log.matchers), [("a".to_owned(), "1".to_owned())]);
    }
}
