//! What stands behind the name of a field.

use protocols::logs::Level;

use super::super::{Comparison, Pattern, Test, Value};
use super::{BadQuery, Reader};

impl Reader<'_> {
    pub(super) fn field(&mut self, begin: usize, name: &str) -> Result<Test, BadQuery> {
        let value_at = self.at;
        if name == "level" {
            return self.levels(value_at);
        }
        if name == "body" {
            return match self.value(begin, name)? {
                Value::AnyOf(patterns) => match &patterns[..] {
                    // Every body has the empty text, and none would be left without it.
                    [Pattern::Exactly(text)] if text.is_empty() => {
                        Err(self.error(value_at, "the quotes are empty"))
                    }
                    [Pattern::Exactly(text) | Pattern::BeginsWith(text)] => {
                        Ok(Test::Body(text.to_ascii_lowercase()))
                    }
                    _ => Err(self.error(value_at, "`body` takes one piece of text")),
                },
                _ => Err(self.error(value_at, "`body` takes one piece of text")),
            };
        }
        let value = self.value(begin, name)?;
        Ok(match name {
            "service" => Test::Service(value),
            "trace_id" => Test::TraceId(lower_case(value)),
            "span_id" => Test::SpanId(lower_case(value)),
            _ => match name.strip_prefix("resource.") {
                Some(name) if !name.is_empty() => Test::Resource(name.to_owned(), value),
                _ => Test::Field(name.to_owned(), value),
            },
        })
    }

    fn levels(&mut self, begin: usize) -> Result<Test, BadQuery> {
        let Value::AnyOf(patterns) = self.value(begin, "level")? else {
            return Err(self.error(begin, "`level` takes names of levels"));
        };
        let level = |pattern: &Pattern| match pattern {
            Pattern::Exactly(word) => level_of(word),
            Pattern::BeginsWith(_) => None,
        };
        let levels: Option<Vec<_>> = patterns.iter().map(level).collect();
        levels.map(Test::Level).ok_or_else(|| {
            let known = Level::ALL.map(Level::name).join(", ");
            self.error(begin, format!("there are the levels {known}"))
        })
    }

    fn value(&mut self, begin: usize, name: &str) -> Result<Value, BadQuery> {
        for (sign, how) in [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ] {
            if self.rest().starts_with(sign) {
                self.at += sign.len();
                return self.bound(how);
            }
        }
        let mut patterns = Vec::new();
        loop {
            patterns.push(self.pattern(begin, name)?);
            match self.peek() {
                Some(',') => self.at += 1,
                _ => break,
            }
        }
        self.ends_here()?;
        let everything = Pattern::BeginsWith(String::new());
        Ok(match patterns.contains(&everything) {
            true => Value::Present,
            false => Value::AnyOf(patterns),
        })
    }

    fn bound(&mut self, how: Comparison) -> Result<Value, BadQuery> {
        let begin = self.at;
        let number = self.until(&[',', '"']);
        let bound = match number.parse::<f64>() {
            Ok(bound) if bound.is_finite() => bound,
            _ => return Err(self.error(begin, format!("`{number}` is not a number"))),
        };
        // There is one bound: a second would be a condition of its own.
        self.ends_here()?;
        Ok(Value::Compared(how, bound))
    }

    fn pattern(&mut self, begin: usize, name: &str) -> Result<Pattern, BadQuery> {
        if self.peek() == Some('"') {
            return self.quoted().map(Pattern::Exactly);
        }
        let text = self.until(&[',', '"']);
        match text.strip_suffix('*') {
            Some(beginning) => Ok(Pattern::BeginsWith(beginning.to_owned())),
            _ if text.starts_with('(') => Err(self.error(
                begin,
                format!(
                    "`{name}:` takes several values as `a,b`; one with a parenthesis stands in quotes"
                ),
            )),
            None if text.is_empty() => Err(self.error(begin, format!("`{name}:` has no value"))),
            None => Ok(Pattern::Exactly(text.to_owned())),
        }
    }
}

fn level_of(word: &str) -> Option<Level> {
    match Level::of_word(word) {
        Level::Unknown if word.eq_ignore_ascii_case("unknown") => Some(Level::Unknown),
        Level::Unknown => None,
        level => Some(level),
    }
}

/// Ids are written in either case.
fn lower_case(value: Value) -> Value {
    match value {
        Value::AnyOf(patterns) => Value::AnyOf(
            patterns
                .into_iter()
                .map(|pattern| match pattern {
                    Pattern::Exactly(text) => Pattern::Exactly(text.to_ascii_lowercase()),
                    Pattern::BeginsWith(text) => Pattern::BeginsWith(text.to_ascii_lowercase()),
                })
                .collect(),
        ),
        other => other,
    }
}
