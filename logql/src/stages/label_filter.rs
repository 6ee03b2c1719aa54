//! Filters over labels.

use regex::Regex;

use super::ip::Range;
use crate::ast::{Bound, Comparison, LabelFilter, MatchOp, Matcher};
use crate::line::{ERROR, LabelSet};
use crate::{parse, units};

#[derive(Debug)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Text(Matching),
    Ip(String, bool, Range),
    Compared(String, Comparison, Bound),
}

/// A matcher with its pattern compiled.
#[derive(Debug)]
pub(crate) struct Matching {
    matcher: Matcher,
    pattern: Option<Regex>,
}

impl Matching {
    pub(crate) fn of(matcher: &Matcher) -> Result<Self, String> {
        let pattern = matcher
            .op
            .is_pattern()
            .then(|| parse::anchored(&matcher.value));
        Ok(Self {
            matcher: matcher.clone(),
            pattern: pattern.transpose().map_err(|error| error.to_string())?,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.matcher.name
    }

    pub(crate) fn holds(&self, value: &str) -> bool {
        let matches = || {
            self.pattern
                .as_ref()
                .is_some_and(|pattern| pattern.is_match(value))
        };
        match self.matcher.op {
            MatchOp::Equal => self.matcher.value == value,
            MatchOp::NotEqual => self.matcher.value != value,
            MatchOp::Matches => matches(),
            MatchOp::MatchesNot => !matches(),
        }
    }
}

impl Filter {
    pub(crate) fn of(filter: &LabelFilter) -> Result<Self, String> {
        let boxed = |filter: &LabelFilter| Ok::<_, String>(Box::new(Self::of(filter)?));
        Ok(match filter {
            LabelFilter::And(left, right) => Self::And(boxed(left)?, boxed(right)?),
            LabelFilter::Or(left, right) => Self::Or(boxed(left)?, boxed(right)?),
            LabelFilter::Text(matcher) => Self::Text(Matching::of(matcher)?),
            LabelFilter::Ip {
                name,
                negated,
                range,
            } => {
                let known = Range::parse(range).ok_or_else(|| format!("{range:?} is no range"))?;
                Self::Ip(name.clone(), *negated, known)
            }
            LabelFilter::Compared { name, op, bound } => {
                Self::Compared(name.clone(), *op, bound.clone())
            }
        })
    }

    /// A value that is no number is kept and marked, as Loki does.
    pub(crate) fn holds(&self, labels: &mut LabelSet) -> bool {
        match self {
            Self::And(left, right) => left.holds(labels) && right.holds(labels),
            Self::Or(left, right) => left.holds(labels) || right.holds(labels),
            Self::Text(matching) => matching.holds(labels.text(matching.name())),
            // A line that is marked already is left to filters of text; and beside the address
            // there may be a port, or another address.
            Self::Ip(..) if labels.get(ERROR).is_some() => true,
            Self::Ip(name, negated, range) => match labels.get(name) {
                Some(value) => range.is_in(value) != *negated,
                None => false,
            },
            Self::Compared(name, op, bound) => {
                let Some(value) = labels.get(name) else {
                    return false;
                };
                let (number, bound) = match bound {
                    Bound::Number(bound) => (value.parse().ok(), *bound),
                    Bound::DurationNs(bound, _) => (units::duration_ns(value), *bound),
                    Bound::Bytes(bound, _) => (units::bytes(value), *bound),
                };
                match number {
                    Some(number) => op.holds(number, bound),
                    None => {
                        let details = format!("{value:?} of label {name} cannot be compared");
                        labels.fail("LabelFilterErr", details);
                        true
                    }
                }
            }
        }
    }
}
