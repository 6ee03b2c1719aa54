//! Selectors and the stages behind them.

use super::lex::Token;
use super::{MOST_STAGES, Parser, regexp, wrong_pattern};
use crate::ast::*;
use crate::error::ParseError;
use crate::stages::{ip, json, pattern};
use crate::template::Template;

/// Words that begin a stage, and so are no labels.
const STAGES: [&str; 10] = [
    "json",
    "logfmt",
    "pattern",
    "regexp",
    "unpack",
    "decolorize",
    "line_format",
    "label_format",
    "drop",
    "keep",
];

impl Parser<'_> {
    /// Whether lines are asked for: a brace, perhaps in parentheses.
    pub(super) fn begins_lines(&self) -> bool {
        let mut ahead = 0;
        while matches!(self.after(ahead), Token::Sign("(")) {
            ahead += 1;
        }
        matches!(self.after(ahead), Token::Sign("{"))
    }

    pub(super) fn log(&mut self) -> Result<LogExpr, ParseError> {
        if self.takes("(") {
            let mut inner = self.deeper(Self::log)?;
            self.expect(")")?;
            self.stages(&mut inner)?;
            return Ok(inner);
        }
        let mut log = LogExpr {
            matchers: self.selector()?,
            stages: Vec::new(),
        };
        self.stages(&mut log)?;
        Ok(log)
    }

    /// Stages as far as they go; `| unwrap` is left.
    pub(super) fn stages(&mut self, log: &mut LogExpr) -> Result<(), ParseError> {
        loop {
            if log.stages.len() > MOST_STAGES {
                return Err(self.error(format!("more than {MOST_STAGES} stages")));
            }
            let op = LineOp::ALL.into_iter().find(|(sign, _)| self.sees(sign));
            if let Some((_, op)) = op {
                self.advance();
                self.line_filter(op, &mut log.stages)?;
            } else if self.sees("|") && !matches!(self.after(1), Token::Name(n) if n == "unwrap") {
                self.advance();
                let stage = self.stage()?;
                log.stages.push(stage);
            } else {
                return Ok(());
            }
        }
    }

    /// `!= "a" or "b"` is `!= "a" != "b"`.
    fn line_filter(&mut self, op: LineOp, stages: &mut Vec<Stage>) -> Result<(), ParseError> {
        let mut any_of = vec![self.needle(op)?];
        while self.takes_word("or") {
            any_of.push(self.needle(op)?);
        }
        if op.is_negated() {
            let each = any_of.into_iter().map(|needle| LineFilter {
                op,
                any_of: vec![needle],
            });
            stages.extend(each.map(Stage::LineFilter));
        } else {
            stages.push(Stage::LineFilter(LineFilter { op, any_of }));
        }
        Ok(())
    }

    fn needle(&mut self, op: LineOp) -> Result<Needle, ParseError> {
        let place = self.place();
        let wrong = |parser: &Self, message| Err(ParseError::at(parser.text, place, message));
        if self.takes_word("ip") {
            if !matches!(op, LineOp::Contains | LineOp::ContainsNot) {
                return wrong(self, format!("ip: invalid operation {}", op.sign()));
            }
            return Ok(Needle::Ip(self.ip_range()?));
        }
        let text = self.string()?;
        match op {
            LineOp::Matches | LineOp::MatchesNot => {
                if let Err(error) = regexp(&text) {
                    return wrong(self, wrong_pattern(&error));
                }
            }
            LineOp::Pattern | LineOp::PatternNot => {
                if let Err(message) = pattern::LinePattern::of(&text) {
                    return wrong(self, message);
                }
            }
            LineOp::Contains | LineOp::ContainsNot => {}
        }
        Ok(Needle::Text(text))
    }

    /// `("10.0.0.0/8")`.
    pub(super) fn ip_range(&mut self) -> Result<String, ParseError> {
        self.expect("(")?;
        let place = self.place();
        let range = self.string()?;
        if ip::Range::parse(&range).is_none() {
            let message = format!("ip: {range:?} is no address, range or prefix");
            return Err(ParseError::at(self.text, place, message));
        }
        self.expect(")")?;
        Ok(range)
    }

    fn stage(&mut self) -> Result<Stage, ParseError> {
        let word = match self.peek() {
            Token::Name(name) if STAGES.contains(&name.as_str()) => name.clone(),
            Token::Name(_) | Token::Sign("(") => {
                return Ok(Stage::LabelFilter(self.label_filter()?));
            }
            _ => return Err(self.unexpected("a stage or a label filter")),
        };
        self.advance();
        Ok(match word.as_str() {
            "json" => Stage::Json(self.extractions(true)?),
            "logfmt" => self.logfmt()?,
            "pattern" => {
                Stage::Pattern(self.checked(|text| pattern::Captures::of(text).map(drop))?)
            }
            "regexp" => Stage::Regexp(self.checked(named_groups)?),
            "unpack" => Stage::Unpack,
            "decolorize" => Stage::Decolorize,
            "line_format" => Stage::LineFormat(self.template()?),
            "label_format" => Stage::LabelFormat(self.label_formats()?),
            "drop" => Stage::Drop(self.picks()?),
            _ => Stage::Keep(self.picks()?),
        })
    }

    fn checked(
        &mut self,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<String, ParseError> {
        let place = self.place();
        let text = self.string()?;
        match check(&text) {
            Ok(()) => Ok(text),
            Err(message) => Err(ParseError::at(self.text, place, message)),
        }
    }

    fn template(&mut self) -> Result<String, ParseError> {
        self.checked(|text| {
            let wrong = |why| format!("invalid template: {why}");
            Template::parse(text).map(drop).map_err(wrong)
        })
    }

    fn logfmt(&mut self) -> Result<Stage, ParseError> {
        let (mut strict, mut keep_empty) = (false, false);
        while let Token::Flag(flag) = self.peek().clone() {
            match flag.as_str() {
                "--strict" => strict = true,
                "--keep-empty" => keep_empty = true,
                other => return Err(self.error(format!("unknown parser flag {other}"))),
            }
            self.advance();
        }
        Ok(Stage::Logfmt {
            strict,
            keep_empty,
            wanted: self.extractions(false)?,
        })
    }

    /// `a, b="servers[0].name"`; none takes everything.
    fn extractions(&mut self, paths: bool) -> Result<Vec<Extraction>, ParseError> {
        let mut found = Vec::new();
        while matches!(self.peek(), Token::Name(_)) {
            let label = self.name()?;
            let expression = match self.takes("=") {
                true if paths => self.checked(|text| json::path(text).map(drop))?,
                true => self.string()?,
                false => label.clone(),
            };
            found.push(Extraction { label, expression });
            if !self.takes(",") {
                break;
            }
        }
        Ok(found)
    }

    fn label_formats(&mut self) -> Result<Vec<LabelFormat>, ParseError> {
        let mut found: Vec<LabelFormat> = Vec::new();
        loop {
            let to = self.name()?;
            if to.starts_with("__error") {
                return Err(self.error(format!("{to} cannot be formatted")));
            }
            if found.iter().any(|one| one.label() == to) {
                return Err(self.error(format!(
                    "multiple label name '{to}' not allowed in a single format operation"
                )));
            }
            self.expect("=")?;
            found.push(match self.peek() {
                Token::Name(_) => LabelFormat::Rename {
                    to,
                    from: self.name()?,
                },
                _ => LabelFormat::Template {
                    to,
                    template: self.template()?,
                },
            });
            if !self.takes(",") {
                return Ok(found);
            }
        }
    }

    fn picks(&mut self) -> Result<Vec<Pick>, ParseError> {
        let mut found = Vec::new();
        loop {
            let name = self.name()?;
            found.push(match self.match_op() {
                None => Pick::Name(name),
                Some(op) => {
                    let value = match op.is_pattern() {
                        true => self.pattern()?,
                        false => self.string()?,
                    };
                    Pick::Value(Matcher { name, op, value })
                }
            });
            if !self.takes(",") {
                return Ok(found);
            }
        }
    }
}

fn named_groups(text: &str) -> Result<(), String> {
    let compiled = regexp(text).map_err(|error| wrong_pattern(&error))?;
    match compiled.capture_names().flatten().next() {
        Some(_) => Ok(()),
        None => Err("at least one named capture must be supplied".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_refused_is_said() {
        for (stages, why) in [
            (
                "| label_format x=y, x=`z`",
                "multiple label name 'x' not allowed in a single format operation",
            ),
            ("| logfmt --lax", "unknown parser flag --lax"),
            ("|~ ip(\"1.2.3.4\")", "ip: invalid operation |~"),
            ("|~ `a(`", "error parsing regexp"),
            (
                "| regexp `a`",
                "at least one named capture must be supplied",
            ),
        ] {
            let refused = crate::parse(&format!("{{a=\"b\"}} {stages}")).unwrap_err();
            assert!(refused.to_string().contains(why), "{stages}: {refused}");
        }
        assert!(crate::parse("{a=\"b\"} | label_format x=y | label_format x=z").is_ok());
    }
}
