//! Text into a query, by recursive descent.

mod labels;
mod lex;
mod log;
mod metric;

use crate::ast::{Expr, LogExpr, MatchOp, Matcher};
use crate::error::ParseError;
use lex::Token;

/// Longer queries are mistakes, or hostile.
const MOST_BYTES: usize = 128 * 1024;
/// How deep a query may nest, so that a hostile one cannot exhaust the stack.
const MOST_DEPTH: usize = 60;
const MOST_STAGES: usize = 100;
/// Patterns larger than this are refused, in bytes of the compiled program.
const MOST_PATTERN: usize = 1 << 20;

/// Lines or numbers.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text)?;
    let expr = match parser.begins_lines() {
        true => Expr::Log(parser.log()?),
        false => Expr::Metric(parser.metric(0)?),
    };
    parser.end()?;
    Ok(expr)
}

/// Lines alone.
pub fn parse_log(text: &str) -> Result<LogExpr, ParseError> {
    let mut parser = Parser::new(text)?;
    let log = parser.log()?;
    parser.end()?;
    Ok(log)
}

/// `{name="value", ...}` and nothing more.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text)?;
    let matchers = parser.selector()?;
    parser.end()?;
    Ok(matchers)
}

/// A pattern of the size that queries may have, as Go writes it.
pub(crate) fn regexp(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(&promql::re2::respelled(pattern))
        .size_limit(MOST_PATTERN)
        .build()
}

/// The same, which the whole of a label must match.
pub(crate) fn anchored(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regexp(&format!("^(?s:{pattern})$"))
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        if text.len() > MOST_BYTES {
            let bytes = text.len();
            let message = format!("the query has {bytes} bytes, of {MOST_BYTES} at most");
            return Err(ParseError::at(text, 0, message));
        }
        Ok(Self {
            text,
            tokens: lex::tokens(text)?,
            at: 0,
            depth: 0,
        })
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn after(&self, ahead: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + ahead).min(last)].0
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn place(&self) -> usize {
        self.tokens[self.at].1
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, self.place(), message)
    }

    fn unexpected(&self, wanted: &str) -> ParseError {
        let found = self.peek().described();
        self.error(match wanted {
            "" => format!("syntax error: unexpected {found}"),
            wanted => format!("syntax error: unexpected {found}, expecting {wanted}"),
        })
    }

    fn end(&self) -> Result<(), ParseError> {
        match self.peek() {
            Token::End => Ok(()),
            _ => Err(self.unexpected("")),
        }
    }

    fn sees(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(next) if *next == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.sees(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), ParseError> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.unexpected(sign)),
        }
    }

    fn sees_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(next) if next == word)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = self.sees_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::Name(_) => match self.advance() {
                Token::Name(name) => Ok(name),
                _ => Err(self.unexpected("IDENTIFIER")),
            },
            _ => Err(self.unexpected("IDENTIFIER")),
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.advance();
                Ok(text)
            }
            _ => Err(self.unexpected("STRING")),
        }
    }

    /// Where a pattern stands, checked.
    fn pattern(&mut self) -> Result<String, ParseError> {
        let place = self.place();
        let pattern = self.string()?;
        match anchored(&pattern) {
            Ok(_) => Ok(pattern),
            Err(error) => Err(ParseError::at(self.text, place, wrong_pattern(&error))),
        }
    }

    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.error(format!(
                "the query is nested more than {MOST_DEPTH} levels deep"
            )));
        }
        let found = inner(self)?;
        self.depth -= 1;
        Ok(found)
    }

    fn match_op(&mut self) -> Option<MatchOp> {
        let found = MatchOp::ALL.into_iter().find(|op| self.sees(op.sign()));
        if found.is_some() {
            self.advance();
        }
        found
    }

    fn selector(&mut self) -> Result<Vec<Matcher>, ParseError> {
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.sees("}") {
            let name = match self.peek() {
                Token::Name(_) => self.name()?,
                _ if matchers.is_empty() => return Err(self.unexpected("IDENTIFIER or }")),
                _ => return Err(self.unexpected("IDENTIFIER")),
            };
            let op = self.match_op();
            let op = op.ok_or_else(|| self.unexpected("= or =~ or !~ or !="))?;
            let value = match op.is_pattern() {
                true => self.pattern()?,
                false => self.string()?,
            };
            matchers.push(Matcher { name, op, value });
            if !self.takes(",") {
                break;
            }
        }
        match self.takes("}") {
            true => Ok(matchers),
            false => Err(self.unexpected("} or ,")),
        }
    }
}

fn wrong_pattern(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!(
        "error parsing regexp: {}",
        last.trim_start_matches("error: ")
    )
}
