//! The part of LogQL that is understood: pure.
//!
//! `{label="value", ...}` with `=`, `!=`, `=~`, `!~`; line filters `|=`, `!=`, `|~`,
//! `!~`; `| json`, `| logfmt`; label filters `| name = "value"`, `| name > 5`;
//! `count_over_time(... [5m])` and `rate(... [5m])`, alone or in `sum(...)` or
//! `sum by (level) (...)`.

use projections::telemetry::logs::Filter;
use promql::duration;

/// What is not understood, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse error at character {}: {message}", .at + 1)]
pub(super) struct BadLogQl {
    at: usize,
    message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum LogQl {
    Lines(Selection),
    Count(Counting),
}

/// Which lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selection {
    /// What the store can tell.
    pub(super) filter: Filter,
    pub(super) json: bool,
    pub(super) logfmt: bool,
    /// What only the labels of a line tell.
    pub(super) labels: Vec<LabelFilter>,
}

/// How many lines over time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counting {
    pub(super) selection: Selection,
    pub(super) range_ns: i64,
    pub(super) per_second: bool,
    /// The name under which the level is told, where it is asked for.
    pub(super) by_level: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelFilter {
    pub(super) name: String,
    pub(super) operator: &'static str,
    pub(super) value: String,
}

/// `30s`, or a number of seconds.
pub(super) fn duration_ns(text: &str) -> Option<i64> {
    let ms = match text.parse::<f64>() {
        Ok(seconds) if (0.0..1e9).contains(&seconds) => (seconds * 1e3) as i64,
        Ok(_) => return None,
        Err(_) => duration::parse(text)?,
    };
    (ms > 0).then(|| ms.saturating_mul(1_000_000))
}

pub(super) fn parse(text: &str) -> Result<LogQl, BadLogQl> {
    let mut reader = Reader { text, at: 0 };
    let query = match reader.peek('{') {
        true => LogQl::Lines(reader.selection()?),
        false => LogQl::Count(reader.counting()?),
    };
    reader.spaces();
    match reader.rest().is_empty() {
        true => Ok(query),
        false => Err(reader.wrong("nothing more is understood here")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&mut self, what: char) -> bool {
        self.spaces();
        self.rest().starts_with(what)
    }

    /// Takes it if it is there.
    fn has(&mut self, what: &str) -> bool {
        self.spaces();
        let there = self.rest().starts_with(what);
        if there {
            self.at += what.len();
        }
        there
    }

    fn must(&mut self, what: &str) -> Result<(), BadLogQl> {
        match self.has(what) {
            true => Ok(()),
            false => Err(self.wrong(format!("`{what}` is missing"))),
        }
    }

    fn wrong(&self, message: impl Into<String>) -> BadLogQl {
        BadLogQl {
            at: self.text[..self.at].chars().count(),
            message: message.into(),
        }
    }

    fn name(&mut self) -> Result<&'a str, BadLogQl> {
        self.spaces();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        if name.is_empty() {
            return Err(self.wrong("a name is missing"));
        }
        self.at += name.len();
        Ok(name)
    }

    fn operator(&mut self, known: &[&'static str]) -> Option<&'static str> {
        self.spaces();
        let found = known
            .iter()
            .find(|one| self.rest().starts_with(**one))
            .copied();
        self.at += found.map_or(0, str::len);
        found
    }

    /// In double quotes with escapes, or in backquotes as it is.
    fn string(&mut self) -> Result<String, BadLogQl> {
        if self.has("`") {
            let rest = self.rest();
            let end = rest
                .find('`')
                .ok_or_else(|| self.wrong("a quote is not closed"))?;
            self.at += end + 1;
            return Ok(rest[..end].to_owned());
        }
        self.must("\"")?;
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(c @ ('"' | '\\')) => text.push(c),
                    _ => return Err(self.wrong("an escape is not understood")),
                },
                c => text.push(c),
            }
        }
        Err(self.wrong("a quote is not closed"))
    }

    fn selection(&mut self) -> Result<Selection, BadLogQl> {
        let mut selection = Selection::default();
        self.must("{")?;
        while !self.peek('}') {
            let name = self.name()?;
            let operator = self.operator(&["=~", "!~", "!=", "="]);
            let operator = operator.ok_or_else(|| self.wrong("an operator is missing"))?;
            let value = self.string()?;
            let negated = operator.starts_with('!');
            let filter = &mut selection.filter;
            let set = match operator.ends_with('~') {
                true => filter.label_matches(negated, name, &value),
                false => {
                    filter.label(negated, name, &value);
                    Ok(())
                }
            };
            set.map_err(|error| self.wrong(error.to_string()))?;
            if !self.has(",") {
                break;
            }
        }
        self.must("}")?;
        while let Some(stage) = self.operator(&["|=", "|~", "!=", "!~", "|"]) {
            self.stage(stage, &mut selection)?;
        }
        Ok(selection)
    }

    fn stage(&mut self, stage: &str, selection: &mut Selection) -> Result<(), BadLogQl> {
        if stage == "|" {
            return self.pipe(selection);
        }
        let text = self.string()?;
        let negated = stage.starts_with('!');
        if !stage.ends_with('~') {
            selection.filter.line(negated, &text);
            return Ok(());
        }
        let set = selection.filter.line_matches(negated, &text);
        set.map_err(|error| self.wrong(error.to_string()))
    }

    fn pipe(&mut self, selection: &mut Selection) -> Result<(), BadLogQl> {
        let name = self.name()?;
        match name {
            "json" => selection.json = true,
            "logfmt" => selection.logfmt = true,
            _ => {
                let known = ["=~", "!~", "!=", "==", ">=", "<=", ">", "<", "="];
                let operator = self.operator(&known);
                let operator =
                    operator.ok_or_else(|| self.wrong(format!("`{name}` is not understood")))?;
                let value = match self.peek('"') || self.peek('`') {
                    true => self.string()?,
                    false => self.number()?,
                };
                if operator.ends_with('~') && regex::Regex::new(&value).is_err() {
                    return Err(self.wrong("the pattern is none"));
                }
                selection.labels.push(LabelFilter {
                    name: name.to_owned(),
                    operator,
                    value,
                });
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<String, BadLogQl> {
        let rest = self.rest();
        let part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e');
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        if rest[..end].parse::<f64>().is_err() {
            return Err(self.wrong("a number or a quoted text is missing"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn counting(&mut self) -> Result<Counting, BadLogQl> {
        let begin = self.at;
        if self.name()? != "sum" {
            self.at = begin;
            return self.over_time();
        }
        let mut by_level = self.by()?;
        self.must("(")?;
        let mut counting = self.over_time()?;
        self.must(")")?;
        if by_level.is_none() {
            by_level = self.by()?;
        }
        counting.by_level = by_level;
        Ok(counting)
    }

    fn by(&mut self) -> Result<Option<String>, BadLogQl> {
        if !self.has("by") {
            return Ok(None);
        }
        self.must("(")?;
        let name = self.name()?;
        if name != "level" && name != "detected_level" {
            return Err(self.wrong("counts are kept by level only"));
        }
        self.must(")")?;
        Ok(Some(name.to_owned()))
    }

    fn over_time(&mut self) -> Result<Counting, BadLogQl> {
        let begin = self.at;
        let per_second = match self.name()? {
            "count_over_time" => false,
            "rate" => true,
            other => {
                let message = format!("`{other}` is not understood");
                self.at = begin;
                return Err(self.wrong(message));
            }
        };
        self.must("(")?;
        let selection = self.selection()?;
        if !selection.labels.is_empty() {
            return Err(self.wrong("label filters are not counted"));
        }
        self.must("[")?;
        let rest = self.rest();
        let end = rest.find(']').ok_or_else(|| self.wrong("`]` is missing"))?;
        let range_ns = duration_ns(rest[..end].trim());
        let range_ns = range_ns.filter(|ns| ns % super::NS == 0);
        let range_ns = range_ns.ok_or_else(|| self.wrong("a duration in seconds is missing"))?;
        self.at += end + 1;
        self.must(")")?;
        Ok(Counting {
            selection,
            range_ns,
            per_second,
            by_level: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_stages_and_counts_are_read() {
        let text = "{app=\"shop\", env!~\"dev|test\"} |= \"a \\\"b\\\"\" !~ `x+` | json | status >= 500 | user = \"ada\"";
        let LogQl::Lines(selection) = parse(text).unwrap() else {
            panic!("lines");
        };
        let mut filter = Filter::default();
        filter.label(false, "app", "shop");
        filter.label_matches(true, "env", "dev|test").unwrap();
        filter.line(false, "a \"b\"");
        filter.line_matches(true, "x+").unwrap();
        assert_eq!(selection.filter, filter);
        assert!(selection.json && !selection.logfmt);
        assert_eq!(selection.labels[0].operator, ">=");
        assert_eq!(selection.labels[1].value, "ada");
        let LogQl::Count(counting) =
            parse("sum by (level) (rate({a=~\".+\"} |= `x` [5m]))").unwrap()
        else {
            panic!("counts");
        };
        assert_eq!(counting.range_ns, 300 * super::super::NS);
        assert!(counting.per_second);
        assert_eq!(counting.by_level.as_deref(), Some("level"));
        assert!(parse("sum(count_over_time({a=\"b\"}[30s])) by (detected_level)").is_ok());
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        let at = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(at("{a=\"b\""), "parse error at character 7: `}` is missing");
        assert_eq!(
            at("{a}"),
            "parse error at character 3: an operator is missing"
        );
        assert_eq!(
            at("topk(3, {a=\"b\"})"),
            "parse error at character 1: `topk` is not understood"
        );
        assert!(at("{a=~\"(\"}").contains("parse error at character 8"));
        assert!(at("sum by (pod) (rate({a=\"b\"}[1m]))").ends_with("by level only"));
        assert!(at("{a=\"b\"} | line_format \"x\"").contains("`line_format` is not understood"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[a-c{}=~!|\"`\\[\\]() 5mé\\\\]{0,30}") {
            drop(parse(&text));
        }
    }
}
