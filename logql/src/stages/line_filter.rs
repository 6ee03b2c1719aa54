//! Filters over the text of a line.

use memchr::memmem::Finder;
use regex::Regex;

use super::ip::Range;
use super::pattern::LinePattern;
use crate::ast::{LineFilter, LineOp, Needle};

#[derive(Debug)]
pub(crate) struct Filter {
    negated: bool,
    any_of: Vec<Look>,
}

#[derive(Debug)]
enum Look {
    Piece(Box<Finder<'static>>),
    Regexp(Regex),
    Pattern(LinePattern),
    Ip(Range),
}

impl Filter {
    pub(crate) fn of(filter: &LineFilter) -> Result<Self, String> {
        let look = |needle: &Needle| {
            Ok(match needle {
                Needle::Ip(range) => {
                    let known = Range::parse(range);
                    Look::Ip(known.ok_or_else(|| format!("{range:?} is no range"))?)
                }
                Needle::Text(text) => match filter.op {
                    LineOp::Contains | LineOp::ContainsNot => {
                        Look::Piece(Box::new(Finder::new(text.as_bytes()).into_owned()))
                    }
                    LineOp::Matches | LineOp::MatchesNot => {
                        let pattern = crate::parse::regexp(text);
                        Look::Regexp(pattern.map_err(|error| error.to_string())?)
                    }
                    LineOp::Pattern | LineOp::PatternNot => Look::Pattern(LinePattern::of(text)?),
                },
            })
        };
        let any_of: Result<_, String> = filter.any_of.iter().map(look).collect();
        Ok(Self {
            negated: filter.op.is_negated(),
            any_of: any_of?,
        })
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        let found = self.any_of.iter().any(|look| match look {
            Look::Piece(finder) => finder.find(text.as_bytes()).is_some(),
            Look::Regexp(pattern) => pattern.is_match(text),
            Look::Pattern(pattern) => pattern.matches(text),
            Look::Ip(range) => range.is_in(text),
        });
        found != self.negated
    }
}
