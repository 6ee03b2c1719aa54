//! Tokens into an expression, by precedence climbing.

use super::{
    ParseError,
    ast::*,
    functions,
    lex::{self, Token},
};
use crate::source::{Comparison, Matcher};
use protocols::metrics::NAME;

/// How deep expressions may nest, so that a hostile one cannot exhaust the stack.
const MAX_DEPTH: usize = 200;

/// How many binary operators a query may have: a chain of them nests to the left.
const MAX_OPERATORS: usize = 500;

pub(crate) fn expression(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text)?;
    if parser.peek() == &Token::End {
        return Err(parser.error("no expression found in input".to_owned()));
    }
    let expr = parser.expr(0)?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("")),
    }
}

/// A lone selector, as `match[]` takes it.
pub fn series_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    match super::parse(text)?.kind {
        Kind::Selector(selector) if selector.at.is_none() && selector.offset_ms == 0 => {
            Ok(selector.matchers)
        }
        _ => Err(ParseError::new(
            text,
            0,
            "expected only a series selector".to_owned(),
        )),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, Place)>,
    at: usize,
    depth: usize,
    operators: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        Ok(Self {
            text,
            tokens: lex::tokens(text)?,
            at: 0,
            depth: 0,
            operators: 0,
        })
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn place(&self) -> Place {
        self.tokens[self.at].1
    }

    /// Where the token before ended.
    fn ended(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].1.end
    }

    fn advance(&mut self) -> Token {
        let token = self.tokens[self.at].0.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn error(&self, message: String) -> ParseError {
        ParseError::new(self.text, self.place().start, message)
    }

    fn unexpected(&self, wanted: &str) -> ParseError {
        let place = self.place();
        let found = self.peek().described(&self.text[place.start..place.end]);
        self.error(format!("unexpected {found}{wanted}"))
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(next) if *next == sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str, context: &str) -> Result<(), ParseError> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("{context}, expected {sign:?}")))
    }

    fn sees_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(next) if next.eq_ignore_ascii_case(word))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = self.sees_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn sees_after(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at + 1), Some((Token::Sign(next), _)) if *next == sign)
    }

    fn expr(&mut self, binding: u8) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let why = format!("expression is nested too deeply: more than {MAX_DEPTH} levels");
            return Err(self.error(why));
        }
        let mut left = self.unary()?;
        while let Some(op) = self.operator() {
            let tightness = op.binding();
            if tightness <= binding {
                break;
            }
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                let why = format!(
                    "expression has too many operators: this is number {}, of {MAX_OPERATORS} at most",
                    self.operators
                );
                return Err(self.error(why));
            }
            self.advance();
            let (returns_bool, matching) = self.modifiers(op)?;
            let right = self.expr(if op == BinaryOp::Pow {
                tightness - 1
            } else {
                tightness
            })?;
            let place = Place {
                start: left.place.start,
                end: right.place.end,
            };
            left = Expr {
                kind: Kind::Binary(Box::new(Binary {
                    op,
                    left,
                    right,
                    returns_bool,
                    matching,
                })),
                place,
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<BinaryOp> {
        use BinaryOp::*;
        let all = [
            Add, Sub, Mul, Div, Mod, Pow, Atan2, Eq, Ne, Gt, Lt, Ge, Le, And, Or, Unless,
        ];
        let found = match self.peek() {
            Token::Sign(sign) => all.iter().find(|op| op.sign() == *sign),
            Token::Name(name) => all.iter().find(|op| op.sign().eq_ignore_ascii_case(name)),
            _ => None,
        };
        found.copied()
    }

    fn modifiers(&mut self, op: BinaryOp) -> Result<(bool, Option<Matching>), ParseError> {
        let place = self.place();
        let returns_bool = self.takes_word("bool");
        if returns_bool && !op.compares() {
            return Err(ParseError::new(
                self.text,
                place.start,
                "bool modifier can only be used on comparison operators".to_owned(),
            ));
        }
        let on = self.sees_word("on");
        if !on && !self.sees_word("ignoring") {
            return Ok((returns_bool, None));
        }
        self.advance();
        let labels = self.label_list()?;
        let mut matching = Matching {
            on,
            labels,
            cardinality: Cardinality::OneToOne,
            include: Vec::new(),
        };
        let left = self.sees_word("group_left");
        if left || self.sees_word("group_right") {
            if op.of_sets() {
                return Err(
                    self.error(format!("no grouping allowed for {:?} operation", op.sign()))
                );
            }
            self.advance();
            matching.cardinality = if left {
                Cardinality::ManyToOne
            } else {
                Cardinality::OneToMany
            };
            if matches!(self.peek(), Token::Sign("(")) {
                matching.include = self.label_list()?;
            }
        }
        if let Some(twice) = matching
            .include
            .iter()
            .find(|label| matching.on && matching.labels.contains(label))
        {
            return Err(self.error(format!(
                "label {twice:?} must not occur in ON and GROUP clause at once"
            )));
        }
        Ok((returns_bool, Some(matching)))
    }

    fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect("(", " in grouping opts")?;
        let mut labels = Vec::new();
        while !self.takes(")") {
            let place = self.place();
            match self.advance() {
                Token::Name(name) if !name.contains(':') => labels.push(name),
                Token::Text(text) if !text.is_empty() => {
                    labels.push(String::from_utf8_lossy(&text).into_owned());
                }
                token => {
                    let found = token.described(&self.text[place.start..place.end]);
                    return Err(ParseError::new(
                        self.text,
                        place.start,
                        format!("unexpected {found} in grouping opts, expected label"),
                    ));
                }
            }
            if !self.takes(",") && !matches!(self.peek(), Token::Sign(")")) {
                return Err(self.unexpected(" in grouping opts, expected \",\" or \")\""));
            }
        }
        Ok(labels)
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        let start = self.place().start;
        let minus = matches!(self.peek(), Token::Sign("-"));
        if !minus && !matches!(self.peek(), Token::Sign("+")) {
            return self.postfix();
        }
        self.advance();
        let inner = self.expr(BinaryOp::Mul.binding())?;
        let place = Place {
            start,
            end: inner.place.end,
        };
        let kind = match inner.kind {
            Kind::Number(number) => Kind::Number(if minus { -number } else { number }),
            _ => Kind::Unary {
                minus,
                inner: Box::new(inner),
            },
        };
        Ok(Expr { kind, place })
    }

    fn postfix(&mut self) -> Result<Expr, ParseError> {
        let mut expr = self.primary()?;
        loop {
            if matches!(self.peek(), Token::Sign("[")) {
                expr = self.brackets(expr)?;
            } else if self.sees_word("offset") {
                self.advance();
                let ms = self.signed_duration()?;
                let at = expr.place.start;
                let target = self.modified(&mut expr, "offset")?;
                if *target.0 != 0 {
                    return Err(ParseError::new(
                        self.text,
                        at,
                        "offset may not be set multiple times".to_owned(),
                    ));
                }
                *target.0 = ms;
                expr.place.end = self.ended();
            } else if matches!(self.peek(), Token::Sign("@")) {
                self.advance();
                let time = self.at_time()?;
                let at = expr.place.start;
                let target = self.modified(&mut expr, "@")?;
                if target.1.is_some() {
                    return Err(ParseError::new(
                        self.text,
                        at,
                        "@ <timestamp> may not be set multiple times".to_owned(),
                    ));
                }
                *target.1 = Some(time);
                expr.place.end = self.ended();
            } else {
                return Ok(expr);
            }
        }
    }

    /// The offset and the time of what a modifier follows.
    fn modified<'e>(
        &self,
        expr: &'e mut Expr,
        modifier: &str,
    ) -> Result<(&'e mut i64, &'e mut Option<At>), ParseError> {
        let at = expr.place.start;
        let inner = match &mut expr.kind {
            Kind::Range { selector, .. } => &mut selector.kind,
            kind => kind,
        };
        match inner {
            Kind::Selector(selector) => Ok((&mut selector.offset_ms, &mut selector.at)),
            Kind::Subquery(subquery) => Ok((&mut subquery.offset_ms, &mut subquery.at)),
            _ => Err(ParseError::new(
                self.text,
                at,
                format!(
                    "{modifier} modifier must be preceded by an instant vector selector or \
                     range vector selector or a subquery"
                ),
            )),
        }
    }

    /// `[range]` or `[range:step]`.
    fn brackets(&mut self, inner: Expr) -> Result<Expr, ParseError> {
        let start = inner.place.start;
        self.advance();
        let range_ms = self.duration()?;
        let subquery = self.takes(":");
        let step_ms = if subquery && !matches!(self.peek(), Token::Sign("]")) {
            Some(self.duration()?)
        } else {
            None
        };
        self.expect("]", " in subquery or range selector")?;
        let place = Place {
            start,
            end: self.ended(),
        };
        let kind = if subquery {
            Kind::Subquery(Box::new(Subquery {
                inner,
                range_ms,
                step_ms,
                offset_ms: 0,
                at: None,
            }))
        } else {
            match &inner.kind {
                Kind::Selector(selector) if selector.offset_ms == 0 && selector.at.is_none() => {}
                Kind::Selector(_) => {
                    let message = "no offset or @ modifiers allowed before range".to_owned();
                    return Err(ParseError::new(self.text, start, message));
                }
                _ => {
                    let message = "ranges only allowed for vector selectors".to_owned();
                    return Err(ParseError::new(self.text, start, message));
                }
            }
            Kind::Range {
                selector: Box::new(inner),
                range_ms,
            }
        };
        Ok(Expr { kind, place })
    }

    fn signed_duration(&mut self) -> Result<i64, ParseError> {
        let minus = self.takes("-");
        if !minus {
            self.takes("+");
        }
        let ms = match self.peek().clone() {
            Token::Duration(ms) => ms,
            Token::Number(seconds) => self.seconds(seconds)?,
            _ => return Err(self.unexpected(" in offset, expected duration")),
        };
        self.advance();
        Ok(if minus { -ms } else { ms })
    }

    fn duration(&mut self) -> Result<i64, ParseError> {
        let ms = match self.peek().clone() {
            Token::Duration(ms) => ms,
            Token::Number(seconds) => self.seconds(seconds)?,
            _ => return Err(self.unexpected(" in range, expected duration")),
        };
        if ms <= 0 {
            return Err(self.error("duration must be greater than 0".to_owned()));
        }
        self.advance();
        Ok(ms)
    }

    fn seconds(&self, seconds: f64) -> Result<i64, ParseError> {
        let ms = (seconds * 1000.0).round();
        if ms.is_nan() || ms.abs() > crate::duration::MAX_MS as f64 {
            return Err(self.error("duration out of range".to_owned()));
        }
        Ok(ms as i64)
    }

    fn at_time(&mut self) -> Result<At, ParseError> {
        for (word, time) in [("start", At::Start), ("end", At::End)] {
            if self.sees_word(word) && self.sees_after("(") {
                self.advance();
                self.advance();
                self.expect(")", " in @ modifier")?;
                return Ok(time);
            }
        }
        let minus = self.takes("-");
        if !minus {
            self.takes("+");
        }
        let seconds = match self.peek().clone() {
            Token::Number(seconds) => seconds,
            Token::Duration(ms) => ms as f64 / 1000.0,
            _ => return Err(self.unexpected(" in @ modifier, expected timestamp")),
        };
        let ms = self
            .seconds(seconds)
            .map_err(|_| self.error("timestamp out of bounds for @ modifier".to_owned()))?;
        self.advance();
        Ok(At::Time(if minus { -ms } else { ms }))
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let start = self.place().start;
        let kind = match self.peek().clone() {
            Token::Number(number) => {
                self.advance();
                Kind::Number(number)
            }
            Token::Duration(ms) => {
                self.advance();
                Kind::Number(ms as f64 / 1000.0)
            }
            Token::Text(text) => {
                self.advance();
                Kind::Text(text)
            }
            Token::Sign("(") => {
                self.advance();
                let inner = self.expr(0)?;
                self.expect(")", " in parenthesized expression")?;
                Kind::Paren(Box::new(inner))
            }
            Token::Sign("{") => self.selector(None)?,
            Token::Name(name) => self.named(name)?,
            _ => return Err(self.unexpected("")),
        };
        let place = Place {
            start,
            end: self.ended(),
        };
        Ok(Expr { kind, place })
    }

    fn named(&mut self, name: String) -> Result<Kind, ParseError> {
        let grouped = self.tokens.get(self.at + 1).is_some_and(|(token, _)| {
            matches!(token, Token::Name(word) if word.eq_ignore_ascii_case("by")
                    || word.eq_ignore_ascii_case("without"))
        });
        if let Some(op) = AggregateOp::named(&name)
            && (grouped || self.sees_after("("))
        {
            self.advance();
            return self.aggregate(op);
        }
        if self.sees_after("(") {
            return self.call(&name);
        }
        if name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("nan") {
            self.advance();
            return Ok(Kind::Number(if name.eq_ignore_ascii_case("inf") {
                f64::INFINITY
            } else {
                f64::NAN
            }));
        }
        self.advance();
        self.selector(Some(name))
    }

    fn call(&mut self, name: &str) -> Result<Kind, ParseError> {
        let Some(function) = functions::named(name) else {
            return Err(self.error(format!("unknown function with name {name:?}")));
        };
        self.advance();
        let arguments = self.arguments()?;
        Ok(Kind::Call(Call {
            function,
            arguments,
        }))
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        self.expect("(", "")?;
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.expr(0)?);
            if !self.takes(",") && !matches!(self.peek(), Token::Sign(")")) {
                return Err(self.unexpected(" in call, expected \",\" or \")\""));
            }
        }
        Ok(arguments)
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        if self.takes_word("by") {
            return Ok(Some(Grouping::By(self.label_list()?)));
        }
        if self.takes_word("without") {
            return Ok(Some(Grouping::Without(self.label_list()?)));
        }
        Ok(None)
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Kind, ParseError> {
        let before = self.grouping()?;
        let place = self.place();
        let mut arguments = self.arguments()?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or_else(|| Grouping::By(Vec::new())),
        };
        let wanted = 1 + usize::from(op.takes_parameter());
        let given = arguments.len();
        let inner = arguments.pop();
        let Some(inner) = inner.filter(|_| given == wanted) else {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"
            );
            return Err(ParseError::new(self.text, place.start, message));
        };
        Ok(Kind::Aggregate(Box::new(Aggregate {
            op,
            parameter: arguments.pop(),
            inner,
            grouping,
        })))
    }

    fn selector(&mut self, name: Option<String>) -> Result<Kind, ParseError> {
        let start = self.place().start;
        let mut selector = Selector {
            name,
            ..Selector::default()
        };
        if self.takes("{") {
            while !self.takes("}") {
                self.matcher(&mut selector)?;
                if !self.takes(",") && !matches!(self.peek(), Token::Sign("}")) {
                    return Err(self.unexpected(" in label matching, expected \",\" or \"}\""));
                }
            }
        }
        if let Some(name) = &selector.name {
            let twice = selector
                .matchers
                .iter()
                .any(|m| m.name == NAME && m.comparison == Comparison::Equal);
            if twice {
                let message = format!("metric name must not be set twice: {name:?}");
                return Err(ParseError::new(self.text, start, message));
            }
            selector.matchers.push(Matcher {
                name: NAME.to_owned(),
                comparison: Comparison::Equal,
                value: name.clone(),
            });
        }
        if selector.matchers.iter().all(matches_empty) {
            let message = "vector selector must contain at least one non-empty matcher".to_owned();
            return Err(ParseError::new(self.text, start, message));
        }
        Ok(Kind::Selector(selector))
    }

    fn matcher(&mut self, selector: &mut Selector) -> Result<(), ParseError> {
        let place = self.place();
        let name = match self.advance() {
            Token::Name(name) if !name.contains(':') => name,
            Token::Text(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                if matches!(self.peek(), Token::Sign("," | "}")) {
                    // A quoted metric name.
                    if selector.name.is_some() {
                        let message = format!("metric name must not be set twice: {text:?}");
                        return Err(ParseError::new(self.text, place.start, message));
                    }
                    selector.name = Some(text);
                    return Ok(());
                }
                text
            }
            token => {
                let found = token.described(&self.text[place.start..place.end]);
                return Err(ParseError::new(
                    self.text,
                    place.start,
                    format!("unexpected {found} in label matching, expected identifier or \"}}\""),
                ));
            }
        };
        let comparison = match self.peek() {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=") => Comparison::NotEqual,
            Token::Sign("=~") => Comparison::Matches,
            Token::Sign("!~") => Comparison::MatchesNot,
            _ => {
                return Err(self.unexpected(" in label matching, expected label matching operator"));
            }
        };
        self.advance();
        let place = self.place();
        let Token::Text(value) = self.peek().clone() else {
            return Err(self.unexpected(" in label matching, expected string"));
        };
        self.advance();
        let value = String::from_utf8_lossy(&value).into_owned();
        if matches!(comparison, Comparison::Matches | Comparison::MatchesNot)
            && let Err(error) = crate::anchored(&value)
        {
            let message = format!("invalid regular expression: {error}");
            return Err(ParseError::new(self.text, place.start, message));
        }
        selector.matchers.push(Matcher {
            name,
            comparison,
            value,
        });
        Ok(())
    }
}

/// Whether a series without the label fits.
fn matches_empty(matcher: &Matcher) -> bool {
    let fits = |value: &str| crate::anchored(value).is_ok_and(|regex| regex.is_match(""));
    match matcher.comparison {
        Comparison::Equal => matcher.value.is_empty(),
        Comparison::NotEqual => !matcher.value.is_empty(),
        Comparison::Matches => fits(&matcher.value),
        Comparison::MatchesNot => !fits(&matcher.value),
    }
}
