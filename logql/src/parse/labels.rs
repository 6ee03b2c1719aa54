//! Filters over labels: `status >= 500 and (method = "GET" or size > 1MB)`.

use super::Parser;
use super::lex::Token;
use crate::ast::*;
use crate::error::ParseError;

impl Parser<'_> {
    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, ParseError> {
        let mut left = self.all_of()?;
        while self.takes_word("or") {
            let right = self.all_of()?;
            left = LabelFilter::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// `and`, a comma, and nothing between two all mean the same.
    fn all_of(&mut self) -> Result<LabelFilter, ParseError> {
        let mut left = self.one_label()?;
        loop {
            let joined = self.takes_word("and") || self.takes(",");
            let follows = match self.peek() {
                Token::Name(word) => word != "or",
                token => *token == Token::Sign("("),
            };
            if !joined && !follows {
                return Ok(left);
            }
            let right = self.one_label()?;
            left = LabelFilter::And(Box::new(left), Box::new(right));
        }
    }

    fn one_label(&mut self) -> Result<LabelFilter, ParseError> {
        if self.takes("(") {
            let inner = self.deeper(Self::label_filter)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        let place = self.place();
        let sign = match self.peek() {
            Token::Sign(sign) => *sign,
            _ => return Err(self.unexpected("an operator")),
        };
        let op = match sign {
            "=~" | "!~" => {
                self.advance();
                let op = match sign {
                    "=~" => MatchOp::Matches,
                    _ => MatchOp::MatchesNot,
                };
                let value = self.pattern()?;
                return Ok(LabelFilter::Text(Matcher { name, op, value }));
            }
            "=" | "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            ">" => Comparison::Above,
            ">=" => Comparison::AtLeast,
            "<" => Comparison::Below,
            "<=" => Comparison::AtMost,
            _ => return Err(self.unexpected("an operator")),
        };
        self.advance();
        self.compared(name, op, place)
    }

    fn compared(
        &mut self,
        name: String,
        op: Comparison,
        place: usize,
    ) -> Result<LabelFilter, ParseError> {
        let for_text = match op {
            Comparison::Equal => Some(MatchOp::Equal),
            Comparison::NotEqual => Some(MatchOp::NotEqual),
            Comparison::Above | Comparison::AtLeast | Comparison::Below | Comparison::AtMost => {
                None
            }
        };
        let no_order = |parser: &Self| {
            let message = format!(
                "syntax error: unexpected {}, of text there is no order",
                op.sign()
            );
            ParseError::at(parser.text, place, message)
        };
        let minus = self.takes("-");
        let sign = if minus { -1.0 } else { 1.0 };
        let bound = match self.peek().clone() {
            Token::Text(value) if !minus => {
                let op = for_text.ok_or_else(|| no_order(self))?;
                self.advance();
                return Ok(LabelFilter::Text(Matcher { name, op, value }));
            }
            Token::Name(word) if word == "ip" && !minus => {
                let op = for_text.ok_or_else(|| no_order(self))?;
                self.advance();
                return Ok(LabelFilter::Ip {
                    name,
                    negated: op == MatchOp::NotEqual,
                    range: self.ip_range()?,
                });
            }
            Token::Number(number) => Bound::Number(sign * number),
            Token::Duration(ns, text) if minus => Bound::DurationNs(-ns, format!("-{text}")),
            Token::Duration(ns, text) => Bound::DurationNs(ns, text),
            Token::Bytes(size, text) => Bound::Bytes(sign * size, text),
            _ => return Err(self.unexpected("BYTES or STRING or NUMBER or DURATION")),
        };
        self.advance();
        Ok(LabelFilter::Compared { name, op, bound })
    }
}
