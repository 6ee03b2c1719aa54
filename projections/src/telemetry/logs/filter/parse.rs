//! From text to a filter.

mod fields;
mod reader;
#[cfg(test)]
mod tests;

use super::super::tokens::is_token_byte;
use super::{Clause, Filter, Test};
use reader::Reader;
pub use reader::{BadQuery, Range};

/// Longer queries are mistakes.
const MOST_BYTES: usize = 4096;
const MOST_CLAUSES: usize = 64;
const MOST_DEPTH: usize = 8;

pub(super) fn parse(text: &str) -> Result<Filter, BadQuery> {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        clauses: 0,
    };
    if text.len() > MOST_BYTES {
        return Err(reader.error(
            0,
            format!(
                "a query has at most {MOST_BYTES} bytes, and this one has {}",
                text.len()
            ),
        ));
    }
    let mut alternatives = reader.alternatives()?;
    let mut filter = Filter::default();
    match alternatives.len() {
        0 | 1 => filter.clauses = alternatives.pop().unwrap_or_default(),
        _ => filter.require(Test::Any(alternatives)),
    }
    Ok(filter)
}

const LONELY: &str = "`OR` must stand between conditions; the word itself is `or`";

impl<'a> Reader<'a> {
    /// What stands on each side of an `OR`, up to the end or the parenthesis that closes;
    /// nothing where there is nothing.
    fn alternatives(&mut self) -> Result<Vec<Vec<Clause>>, BadQuery> {
        let (mut alternatives, mut clauses) = (Vec::new(), Vec::new());
        let mut split = None;
        while self.skip_spaces() && !(self.depth > 0 && self.peek() == Some(')')) {
            let from = self.at;
            // All conditions must hold anyway.
            if self.operator("AND") {
                continue;
            }
            if self.operator("OR") {
                if clauses.is_empty() {
                    return Err(self.error(from, LONELY));
                }
                alternatives.push(std::mem::take(&mut clauses));
                split = Some((from, self.at));
                continue;
            }
            if self.clauses == MOST_CLAUSES {
                return Err(self.error(from, format!("more than {MOST_CLAUSES} conditions")));
            }
            self.clauses += 1;
            let clause = self.clause()?;
            match clause.test {
                // All that must hold, in needless parentheses.
                Test::Any(mut one) if one.len() == 1 && !clause.negated => {
                    clauses.append(&mut one[0]);
                }
                _ => clauses.push(clause),
            }
        }
        match (clauses.is_empty(), split) {
            (true, Some((from, to))) => {
                self.at = to;
                return Err(self.error(from, LONELY));
            }
            (true, None) => {}
            (false, _) => alternatives.push(clauses),
        }
        Ok(alternatives)
    }

    /// What stands in parentheses, of which the first is next.
    fn group(&mut self) -> Result<Test, BadQuery> {
        let begin = self.at;
        if self.depth == MOST_DEPTH {
            return Err(self.error(begin, format!("more than {MOST_DEPTH} parentheses deep")));
        }
        (self.at, self.depth) = (self.at + 1, self.depth + 1);
        let alternatives = self.alternatives()?;
        self.depth -= 1;
        if self.peek() != Some(')') {
            self.at = begin + 1;
            let message = "a parenthesis is not closed; text that has one stands in quotes";
            return Err(self.error(begin, message));
        }
        self.at += 1;
        if alternatives.is_empty() {
            return Err(self.error(begin, "the parentheses are empty"));
        }
        self.ends_here()?;
        Ok(Test::Any(alternatives))
    }

    fn clause(&mut self) -> Result<Clause, BadQuery> {
        let begin = self.at;
        let negated = self.negation()?;
        let test = match self.peek() {
            Some('(') => self.group(),
            Some('"') => {
                let phrase = self.quoted()?;
                self.ends_here()?;
                self.text_test(begin, &phrase, true)
            }
            _ => self.word_or_field(),
        }?;
        Ok(Clause { negated, test })
    }

    /// Takes `-` or `NOT`, behind which something must follow.
    fn negation(&mut self) -> Result<bool, BadQuery> {
        let begin = self.at;
        let sign = match self.peek() {
            Some('-') => {
                self.at += 1;
                "-"
            }
            _ if self.operator("NOT") => {
                self.skip_spaces();
                "NOT"
            }
            _ => return Ok(false),
        };
        match self.peek() {
            Some(c) if !c.is_whitespace() => Ok(true),
            _ => Err(self.error(
                begin,
                format!("`{sign}` must stand before what is not wanted"),
            )),
        }
    }

    fn word_or_field(&mut self) -> Result<Test, BadQuery> {
        let begin = self.at;
        let word = self.until(&['"', ':']);
        match self.peek() {
            Some('"') => Err(self.error(self.at, "a quote inside a word; put it all in quotes")),
            Some(':') if word.is_empty() => Err(self.error(begin, "a field's name is missing")),
            Some(':') => {
                self.at += 1;
                self.field(begin, word)
            }
            _ => self.text_test(begin, word, false),
        }
    }

    /// A word where it is one, else a phrase.
    fn text_test(&self, begin: usize, text: &str, quoted: bool) -> Result<Test, BadQuery> {
        let lower = text.to_ascii_lowercase();
        // The beginning of a word: what follows may be anything.
        if let Some(beginning) = lower.strip_suffix('*').filter(|_| !quoted)
            && !beginning.is_empty()
        {
            return Ok(Test::Phrase(beginning.to_owned()));
        }
        match lower.bytes().all(is_token_byte) {
            true if lower.is_empty() => Err(self.error(begin, "the quotes are empty")),
            true if !quoted => Ok(Test::Word(lower)),
            _ => Ok(Test::Phrase(lower)),
        }
    }
}
