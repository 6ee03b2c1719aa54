//! Matchers of a selector, compiled once and then asked about many values.

use promql::source::{Comparison, Matcher, SourceError};
use regex::Regex;

/// One matcher.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    test: Test,
    negated: bool,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    Matches(Regex),
}

impl Compiled {
    pub(crate) fn all(matchers: &[Matcher]) -> Result<Vec<Self>, SourceError> {
        matchers.iter().map(Self::of).collect()
    }

    fn of(matcher: &Matcher) -> Result<Self, SourceError> {
        let (negated, expression) = match matcher.comparison {
            Comparison::Equal => (false, false),
            Comparison::NotEqual => (true, false),
            Comparison::Matches => (false, true),
            Comparison::MatchesNot => (true, true),
        };
        let value = &matcher.value;
        let test = match expression {
            false => Test::Equal(value.clone()),
            true => Test::Matches(
                promql::anchored(value)
                    .map_err(|e| SourceError::Failed(format!("expression `{value}`: {e}")))?,
            ),
        };
        Ok(Self {
            name: matcher.name.clone(),
            test,
            negated,
        })
    }

    pub(crate) fn accepts(&self, value: &str) -> bool {
        let fits = match &self.test {
            Test::Equal(wanted) => wanted == value,
            Test::Matches(expression) => expression.is_match(value),
        };
        fits != self.negated
    }

    /// The only value that it accepts, where there is one that a label can have.
    pub(crate) fn only(&self) -> Option<&str> {
        match &self.test {
            Test::Equal(value) if !self.negated && !value.is_empty() => Some(value),
            _ => None,
        }
    }
}
