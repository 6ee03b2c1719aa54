//! Numbers over time.

use super::lex::Token;
use super::{Parser, anchored, wrong_pattern};
use crate::ast::*;
use crate::error::ParseError;

/// Signs and words of operators with how tightly they bind.
const OPERATORS: [(&str, u8); 15] = [
    ("or", 1),
    ("and", 2),
    ("unless", 2),
    ("==", 3),
    ("!=", 3),
    (">=", 3),
    ("<=", 3),
    (">", 3),
    ("<", 3),
    ("+", 4),
    ("-", 4),
    ("*", 5),
    ("/", 5),
    ("%", 5),
    ("^", 6),
];
/// The longest window and offset: a hundred years.
const LONGEST_NS: f64 = 3.2e18;

impl Parser<'_> {
    fn operator(&self) -> Option<(&'static str, u8)> {
        let word = match self.peek() {
            Token::Sign(sign) => sign,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        OPERATORS.into_iter().find(|(known, _)| *known == word)
    }

    pub(super) fn metric(&mut self, binding: u8) -> Result<Metric, ParseError> {
        self.deeper(|parser| parser.operators(binding))
    }

    fn operators(&mut self, binding: u8) -> Result<Metric, ParseError> {
        let mut left = self.operand()?;
        let mut chained = 0;
        while let Some((sign, tightness)) = self.operator() {
            if tightness <= binding {
                break;
            }
            chained += 1;
            if chained > super::MOST_STAGES {
                let most = super::MOST_STAGES;
                return Err(self.error(format!(
                    "the query has more than {most} operators one after the other"
                )));
            }
            let place = self.place();
            self.advance();
            let returns_bool = self.takes_word("bool");
            let matching = self.matching()?;
            // Powers nest to the right.
            let right = self.metric(if sign == "^" {
                tightness - 1
            } else {
                tightness
            })?;
            let of_sets = tightness <= 2;
            if of_sets && (left.is_scalar() || right.is_scalar()) {
                let message = format!(
                    "unexpected literal for a leg of logical/set binary operation ({sign})"
                );
                return Err(ParseError::at(self.text, place, message));
            }
            if returns_bool && tightness != 3 {
                let message = format!("bool is not allowed with {sign}");
                return Err(ParseError::at(self.text, place, message));
            }
            left = Metric::Binary(Box::new(Binary {
                sign,
                returns_bool,
                matching,
                left,
                right,
            }));
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<Option<Matching>, ParseError> {
        let on = self.sees_word("on");
        if !on && !self.sees_word("ignoring") {
            return Ok(None);
        }
        self.advance();
        let labels = self.label_list()?;
        let side = ["group_left", "group_right"]
            .into_iter()
            .find(|side| self.sees_word(side));
        let group = match side {
            None => None,
            Some(side) => {
                self.advance();
                let included = match self.sees("(") {
                    true => self.label_list()?,
                    false => Vec::new(),
                };
                Some((side, included))
            }
        };
        Ok(Some(Matching { on, labels, group }))
    }

    fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.sees(")") {
            labels.push(self.name()?);
            if !self.takes(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(labels)
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = self.sees_word("without");
        if !without && !self.sees_word("by") {
            return Ok(None);
        }
        self.advance();
        let labels = self.label_list()?;
        Ok(Some(Grouping { without, labels }))
    }

    fn operand(&mut self) -> Result<Metric, ParseError> {
        match self.peek().clone() {
            Token::Sign("(") => {
                self.advance();
                let inner = self.metric(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("-" | "+") | Token::Number(_) => Ok(Metric::Number(self.signed()?)),
            Token::Name(name) => self.called(&name),
            _ => Err(self.unexpected("")),
        }
    }

    fn signed(&mut self) -> Result<f64, ParseError> {
        let minus = self.takes("-");
        if !minus {
            self.takes("+");
        }
        match self.peek() {
            Token::Number(value) => {
                let value = *value;
                self.advance();
                Ok(if minus { -value } else { value })
            }
            _ => Err(self.unexpected("NUMBER")),
        }
    }

    fn called(&mut self, name: &str) -> Result<Metric, ParseError> {
        if let Some((_, op)) = RangeOp::ALL.into_iter().find(|(known, _)| *known == name) {
            self.advance();
            return self.range(op).map(|range| Metric::Range(Box::new(range)));
        }
        if let Some((_, op)) = VectorOp::ALL.into_iter().find(|(known, _)| *known == name) {
            self.advance();
            return self.aggregation(op);
        }
        match name {
            "vector" => {
                self.advance();
                self.expect("(")?;
                let value = self.signed()?;
                self.expect(")")?;
                Ok(Metric::Constant(value))
            }
            "label_replace" => {
                self.advance();
                self.label_replace()
            }
            _ => Err(self.unexpected("")),
        }
    }

    fn label_replace(&mut self) -> Result<Metric, ParseError> {
        self.expect("(")?;
        let inner = self.metric(0)?;
        let mut arguments: [String; 4] = Default::default();
        let mut place = self.place();
        for argument in &mut arguments {
            self.expect(",")?;
            place = self.place();
            *argument = self.string()?;
        }
        self.expect(")")?;
        if let Err(error) = anchored(&arguments[3]) {
            return Err(ParseError::at(self.text, place, wrong_pattern(&error)));
        }
        Ok(Metric::LabelReplace {
            inner: Box::new(inner),
            arguments,
        })
    }

    fn aggregation(&mut self, op: VectorOp) -> Result<Metric, ParseError> {
        let place = self.place();
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let parameter = match (self.peek(), self.after(1)) {
            (Token::Number(value), Token::Sign(",")) => {
                let value = *value;
                self.advance();
                self.advance();
                Some(value)
            }
            _ => None,
        };
        let inner = self.metric(0)?;
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let wrong = |message: String| Err(ParseError::at(self.text, place, message));
        match parameter {
            None if op.takes_parameter() => {
                return wrong(format!("parameter required for operation {}", op.name()));
            }
            Some(value) if !op.takes_parameter() => {
                return wrong(format!(
                    "unsupported parameter for operation {}({value},",
                    op.name()
                ));
            }
            Some(value) if value < 1.0 || value.fract() != 0.0 => {
                let message = format!(
                    "invalid parameter (must be greater than 0) {}({value},",
                    op.name()
                );
                return wrong(message);
            }
            _ => {}
        }
        if op.sorts() && grouping.is_some() {
            return wrong(format!("grouping not allowed for {} operation", op.name()));
        }
        Ok(Metric::Vector(Box::new(VectorAggregation {
            op,
            parameter: parameter.map(|value| value as u64),
            grouping,
            inner,
        })))
    }

    fn range(&mut self, op: RangeOp) -> Result<RangeAggregation, ParseError> {
        let place = self.place();
        self.expect("(")?;
        let parameter = match (op, self.peek()) {
            (RangeOp::QuantileOverTime, Token::Number(_) | Token::Sign("-")) => {
                let value = self.signed()?;
                self.expect(",")?;
                Some(value)
            }
            _ => None,
        };
        let mut log = self.log()?;
        let mut unwrap = self.unwrap()?;
        let range_ns = self.window()?;
        let offset_ns = self.offset()?;
        // Stages may stand behind the window too.
        self.stages(&mut log)?;
        if unwrap.is_none() {
            unwrap = self.unwrap()?;
        }
        self.expect(")")?;
        let grouping = self.grouping()?;
        let wrong = |message: String| Err(ParseError::at(self.text, place, message));
        if op == RangeOp::QuantileOverTime && parameter.is_none() {
            return wrong(format!("parameter required for operation {}", op.name()));
        }
        if unwrap.is_none() && op.needs_unwrap() {
            return wrong(format!("invalid aggregation {} without unwrap", op.name()));
        }
        if unwrap.is_some() && op.is_of_lines() {
            return wrong(format!("invalid aggregation {} with unwrap", op.name()));
        }
        if grouping.is_some() && !op.takes_grouping() {
            return wrong(format!(
                "grouping not allowed for {} aggregation",
                op.name()
            ));
        }
        Ok(RangeAggregation {
            op,
            parameter,
            log,
            unwrap,
            range_ns,
            offset_ns,
            grouping,
        })
    }

    /// `| unwrap duration(took) | __error__=""`.
    fn unwrap(&mut self) -> Result<Option<Unwrap>, ParseError> {
        if !self.sees("|") || !matches!(self.after(1), Token::Name(name) if name == "unwrap") {
            return Ok(None);
        }
        self.advance();
        self.advance();
        let mut label = self.name()?;
        let mut conversion = None;
        if self.takes("(") {
            let known = Conversion::ALL
                .into_iter()
                .find(|known| known.name() == label);
            let known = known.ok_or_else(|| self.error(format!("{label} converts nothing")))?;
            conversion = Some(known);
            label = self.name()?;
            self.expect(")")?;
        }
        let mut filters = Vec::new();
        while self.takes("|") {
            filters.push(self.label_filter()?);
        }
        Ok(Some(Unwrap {
            label,
            conversion,
            filters,
        }))
    }

    /// `[5m]`.
    fn window(&mut self) -> Result<i64, ParseError> {
        if !self.takes("[") {
            return Err(self.unexpected("["));
        }
        let ns = match self.peek() {
            Token::Duration(ns, _) if *ns >= 1.0 && *ns < LONGEST_NS => *ns as i64,
            Token::Duration(..) => return Err(self.error("a range must be positive")),
            _ => return Err(self.unexpected("DURATION")),
        };
        self.advance();
        self.expect("]")?;
        Ok(ns)
    }

    fn offset(&mut self) -> Result<i64, ParseError> {
        if !self.takes_word("offset") {
            return Ok(0);
        }
        let sign = if self.takes("-") { -1 } else { 1 };
        let ns = match self.peek() {
            Token::Duration(ns, _) if *ns < LONGEST_NS => sign * (*ns as i64),
            _ => return Err(self.unexpected("DURATION")),
        };
        self.advance();
        Ok(ns)
    }
}
