//! What Loki's query language asks beyond ours: labels, and lines in their case.

use regex::Regex;

use super::{Clause, Filter, Pattern, Test, Value};

/// The largest program that a pattern may become, in bytes.
const MOST_PROGRAM: usize = 1 << 20;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(in super::super) struct Regexp(Regex);

impl PartialEq for Regexp {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Regexp {
    fn new(pattern: &str) -> Result<Self, BadPattern> {
        let built = regex::RegexBuilder::new(&promql::re2::respelled(pattern))
            .size_limit(MOST_PROGRAM)
            .build();
        built.map(Self).map_err(|e| BadPattern(e.to_string()))
    }

    pub(in super::super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

/// A name as a label may have: letters, digits and underscores.
pub fn label_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect()
}

impl Filter {
    fn add(&mut self, negated: bool, test: Test) {
        self.clauses.push(Clause { negated, test });
    }

    /// The label is (or is not) exactly this; an absent label is empty.
    pub fn label(&mut self, negated: bool, name: &str, value: &str) {
        let value = Value::AnyOf(vec![Pattern::Exactly(value.to_owned())]);
        self.add(negated, Test::Label(name.to_owned(), value));
    }

    /// The whole label matches (or does not).
    pub fn label_matches(
        &mut self,
        negated: bool,
        name: &str,
        pattern: &str,
    ) -> Result<(), BadPattern> {
        let value = Value::Matches(Regexp::new(&format!("^(?s:{pattern})$"))?);
        self.add(negated, Test::Label(name.to_owned(), value));
        Ok(())
    }

    /// The body has (or has not) this piece of text, in this case.
    pub fn line(&mut self, negated: bool, text: &str) {
        if !text.is_empty() {
            self.add(negated, Test::Line(text.to_owned()));
        }
    }

    /// Some of the body matches (or nothing does).
    pub fn line_matches(&mut self, negated: bool, pattern: &str) -> Result<(), BadPattern> {
        self.add(negated, Test::LineMatches(Regexp::new(pattern)?));
        Ok(())
    }
}
