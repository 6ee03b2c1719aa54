//! Which records a query wants: words, phrases and fields, all of which must hold, or
//! all of those on one side of an `OR`.
//!
//! | written | holds for records |
//! |---|---|
//! | `timeout` | that have this word in their body, a field, or as trace or span id |
//! | `time*` | that have this piece of text there, whatever follows it |
//! | `"out of memory"` | that have this piece of text there, in any case |
//! | `level:error` `service:checkout` | of this level, of this service |
//! | `user.id:42` | whose field, else whose resource, has exactly this value |
//! | `path:/api/*` | ... begins with this |
//! | `level:error,fatal` | ... is one of these |
//! | `status:>=500` | ... is a number, and at least this (`>`, `>=`, `<`, `<=`) |
//! | `user.id:*` | that have the field |
//! | `body:"no route"` | whose body has this piece of text, in any case |
//! | `trace_id:4bf9...` `span_id:...` | of this trace, this span |
//! | `resource.host.name:a1` | whose resource has the value, whatever their fields |
//! | `-word` `-field:value` `NOT word` | that do not |
//!
//! | `timeout service:a OR refused` | that have `timeout` and are of `a`, or have `refused` |
//! | `(timeout OR refused) -level:debug` | that have either, and are not of this level |
//!
//! `AND` between conditions says nothing new, and `OR` parts more than it does. `AND`,
//! `OR` and `NOT` are operators in capitals only; a parenthesis is one where a condition
//! begins.
//!
//! Values with spaces, commas or quotes stand in double quotes, with `\"` and `\\`.

mod labels;
mod parse;

use protocols::logs::Level;

pub(super) use labels::Regexp;
pub use labels::{BadPattern, label_name};
pub use parse::{BadQuery, Range};

use super::{counts, tokens};

/// A conjunction; without clauses it holds for everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    pub(super) clauses: Vec<Clause>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clause {
    pub(super) negated: bool,
    pub(super) test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// A token, in lower case.
    Word(String),
    /// A piece of text, in lower case.
    Phrase(String),
    /// The same, of the body alone.
    Body(String),
    Level(Vec<Level>),
    Service(Value),
    TraceId(Value),
    SpanId(Value),
    Resource(String, Value),
    Field(String, Value),
    /// Exactly this stream, as segments keep it.
    Stream(Vec<u8>),
    /// A label as Loki's clients know it; an absent one is empty.
    Label(String, Value),
    /// The body has this piece of text, in this case.
    Line(String),
    LineMatches(Regexp),
    /// Arrived by then.
    KnownAt(i64),
    /// All conditions of one of these.
    Any(Vec<Vec<Clause>>),
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    AnyOf(Vec<Pattern>),
    Present,
    Compared(Comparison, f64),
    Matches(Regexp),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Exactly(String),
    BeginsWith(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Value {
    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Matches(pattern) => pattern.is_match(value),
            Self::AnyOf(patterns) => patterns.iter().any(|pattern| match pattern {
                Pattern::Exactly(text) => text == value,
                Pattern::BeginsWith(text) => value.starts_with(text.as_str()),
            }),
            Self::Compared(how, bound) => value.parse::<f64>().is_ok_and(|value| match how {
                Comparison::Above => value > *bound,
                Comparison::AtLeast => value >= *bound,
                Comparison::Below => value < *bound,
                Comparison::AtMost => value <= *bound,
            }),
        }
    }

    /// The only value that can hold, if there is just one.
    fn one(&self) -> Option<&str> {
        match self {
            Self::AnyOf(patterns) => match &patterns[..] {
                [Pattern::Exactly(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// All values that can hold, where they can be listed.
    pub(super) fn listed(&self) -> Option<Vec<&str>> {
        let Self::AnyOf(patterns) = self else {
            return None;
        };
        let exact = patterns.iter().map(|pattern| match pattern {
            Pattern::Exactly(text) => Some(text.as_str()),
            Pattern::BeginsWith(_) => None,
        });
        exact.collect()
    }
}

impl Filter {
    /// Reads what a person wrote.
    pub fn parse(text: &str) -> Result<Self, BadQuery> {
        parse::parse(text)
    }

    /// Narrows to services; no narrowing for none.
    pub fn of_services(&mut self, services: &[String]) {
        if !services.is_empty() {
            let patterns = services.iter().cloned().map(Pattern::Exactly).collect();
            self.require(Test::Service(Value::AnyOf(patterns)));
        }
    }

    /// Narrows to levels; no narrowing for none.
    pub fn of_levels(&mut self, levels: &[Level]) {
        if !levels.is_empty() {
            self.require(Test::Level(levels.to_vec()));
        }
    }

    /// Narrows to what had arrived by then.
    pub fn known_at(&mut self, as_of_ns: i64) {
        self.require(Test::KnownAt(as_of_ns));
    }

    pub(super) fn require(&mut self, test: Test) {
        self.clauses.push(Clause {
            negated: false,
            test,
        });
    }

    /// Whether the counts by service and level can answer.
    pub(super) fn is_counted(&self) -> bool {
        let counted = |clause: &Clause| match &clause.test {
            Test::Level(_) => true,
            Test::Service(Value::AnyOf(patterns)) => patterns.iter().all(|pattern| match pattern {
                Pattern::Exactly(text) | Pattern::BeginsWith(text) => counts::has_name(text),
            }),
            Test::Service(_) => true,
            _ => false,
        };
        self.clauses.iter().all(counted)
    }

    /// Whether a record of this service and level is wanted, as far as these say.
    pub(super) fn admits(&self, service: &str, level: Level) -> bool {
        self.clauses.iter().all(|clause| {
            let holds = match &clause.test {
                Test::Level(levels) => levels.contains(&level),
                Test::Service(value) => value.holds(service),
                _ => return true,
            };
            holds != clause.negated
        })
    }

    /// Sets of hashes of tokens: without all of one of them a segment has no wanted
    /// record. None where that cannot be said.
    pub(super) fn tokens(&self) -> Vec<Vec<u64>> {
        let of_all = |clauses: &[Clause]| -> Vec<u64> {
            let hashes = clauses.iter().chain(&self.clauses).flat_map(Clause::tokens);
            let mut hashes: Vec<u64> = hashes.collect();
            hashes.sort_unstable();
            hashes.dedup();
            hashes.truncate(MOST_TOKENS);
            hashes
        };
        let alternatives = self.clauses.iter().find_map(Clause::alternatives);
        let sets: Vec<_> = match alternatives {
            Some(alternatives) => alternatives.iter().map(|all| of_all(all)).collect(),
            None => vec![of_all(&[])],
        };
        match sets.iter().any(Vec::is_empty) {
            true => Vec::new(),
            false => sets,
        }
    }

    /// What is asked, on whichever side of an `OR`.
    pub(super) fn tests(&self) -> Vec<&Test> {
        let (mut found, mut left) = (Vec::new(), Vec::new());
        left.extend(&self.clauses);
        while let Some(Clause { test, .. }) = left.pop() {
            match test {
                Test::Any(alternatives) => left.extend(alternatives.iter().flatten()),
                one => found.push(one),
            }
        }
        found
    }

    /// Names of the fields that it asks for.
    pub(super) fn fields(&self) -> Vec<&str> {
        let fields = self.tests().into_iter().filter_map(|test| match test {
            Test::Field(name, _) => Some(name.as_str()),
            _ => None,
        });
        fields.collect()
    }

    /// Whether it holds for everything.
    pub(super) fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// Whether it looks for text anywhere, and so may need every column.
    pub(super) fn reads_everything(&self) -> bool {
        let everywhere = |test: &&Test| matches!(test, Test::Word(_) | Test::Phrase(_));
        self.tests().iter().any(everywhere)
    }
}

impl Clause {
    /// Of a condition with an `OR`.
    fn alternatives(&self) -> Option<&[Vec<Clause>]> {
        match &self.test {
            Test::Any(alternatives) if !self.negated => Some(alternatives),
            _ => None,
        }
    }

    /// Hashes of tokens without which nothing meets it.
    fn tokens(&self) -> Vec<u64> {
        if self.negated {
            return Vec::new();
        }
        match &self.test {
            Test::Word(word) => tokens::hashes(word.as_bytes()),
            Test::Phrase(phrase) | Test::Body(phrase) | Test::Line(phrase) => {
                tokens::hashes_inside(phrase)
            }
            // Levels are no tokens.
            Test::Label(name, _) if name == "level" || name == "detected_level" => Vec::new(),
            Test::TraceId(value)
            | Test::SpanId(value)
            | Test::Service(value)
            | Test::Resource(_, value)
            | Test::Label(_, value)
            | Test::Field(_, value) => value
                .one()
                .map_or_else(Vec::new, |text| tokens::hashes(text.as_bytes())),
            _ => Vec::new(),
        }
    }
}

/// More tokens hardly exclude more.
const MOST_TOKENS: usize = 8;
