//! From text to a filter.

use protocols::logs::Level;

use super::super::tokens::is_token_byte;
use super::{Clause, Comparison, Filter, Pattern, Test, Value};

/// Longer queries are mistakes.
const MOST_BYTES: usize = 4096;
const MOST_CLAUSES: usize = 64;
const MOST_DEPTH: usize = 8;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {}", .range.from + 1)]
pub struct BadQuery {
    pub range: Range,
    pub message: String,
}

/// Characters of the query, the end not included, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: usize,
    pub to: usize,
}

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
            format!("a query has at most {MOST_BYTES} bytes, not more"),
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

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Of open parentheses.
    depth: usize,
    clauses: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether something follows.
    fn skip_spaces(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.at < self.text.len()
    }

    fn error(&self, from: usize, message: impl Into<String>) -> BadQuery {
        let chars = |at: usize| self.text[..at.min(self.text.len())].chars().count();
        let to = chars(self.at.max(from));
        BadQuery {
            range: Range {
                from: chars(from),
                to,
            },
            message: message.into(),
        }
    }

    /// Takes this word in capitals, where it stands alone.
    fn operator(&mut self, word: &str) -> bool {
        let rest = self.rest().strip_prefix(word);
        let alone = rest.is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace));
        if alone {
            self.at += word.len();
        }
        alone
    }

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

    /// Nothing may follow a closing quote directly.
    fn ends_here(&self) -> Result<(), BadQuery> {
        match self.peek() {
            Some(')') if self.depth > 0 => Ok(()),
            Some(c) if !c.is_whitespace() => {
                Err(self.error(self.at, format!("a space is missing before `{c}`")))
            }
            _ => Ok(()),
        }
    }

    /// Takes what goes on until a space, one of `ends`, or the parenthesis that closes
    /// what the word does not open.
    fn until(&mut self, ends: &[char]) -> &'a str {
        let rest = self.rest();
        let mut opened = 0_usize;
        let ends_here = |c: char| {
            match c {
                '(' => opened += 1,
                ')' if opened == 0 => return self.depth > 0,
                ')' => opened -= 1,
                _ => {}
            }
            c.is_whitespace() || ends.contains(&c)
        };
        let end = rest.find(ends_here).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
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

    fn field(&mut self, begin: usize, name: &str) -> Result<Test, BadQuery> {
        let value_at = self.at;
        if name == "level" {
            return self.levels(value_at);
        }
        if name == "body" {
            return match self.value(begin, name)? {
                Value::AnyOf(patterns) => match &patterns[..] {
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
        match number.parse::<f64>() {
            Ok(bound) if bound.is_finite() => Ok(Value::Compared(how, bound)),
            _ => Err(self.error(begin, format!("`{number}` is not a number"))),
        }
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

    fn quoted(&mut self) -> Result<String, BadQuery> {
        let begin = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        self.at = self.text.len();
        Err(self.error(begin, "a quote is not closed"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(text: &str) -> Vec<(bool, Test)> {
        let filter = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let clauses = filter.clauses.into_iter();
        clauses
            .map(|clause| (clause.negated, clause.test))
            .collect()
    }

    fn one(text: &str) -> Test {
        let mut all = tests(text);
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0).1
    }

    fn exactly(texts: &[&str]) -> Value {
        let patterns = texts
            .iter()
            .map(|text| Pattern::Exactly((*text).to_owned()));
        Value::AnyOf(patterns.collect())
    }

    #[test]
    fn words_phrases_and_fields_are_told_apart() {
        assert_eq!(one(" Timeout "), Test::Word("timeout".to_owned()));
        assert_eq!(one("10.1.2.3"), Test::Phrase("10.1.2.3".to_owned()));
        assert_eq!(one("\"Out of\""), Test::Phrase("out of".to_owned()));
        assert_eq!(one("\"timeout\""), Test::Phrase("timeout".to_owned()));
        assert_eq!(
            one("level:WARN,fatal"),
            Test::Level(vec![Level::Warn, Level::Fatal])
        );
        assert_eq!(
            one("service:a,\"b, c\""),
            Test::Service(exactly(&["a", "b, c"]))
        );
        assert_eq!(
            one("a.b:\"say \\\"x\\\"\""),
            Test::Field("a.b".to_owned(), exactly(&["say \"x\""]))
        );
        assert_eq!(
            one("url:http://x/?a=b"),
            Test::Field("url".to_owned(), exactly(&["http://x/?a=b"]))
        );
        assert_eq!(
            one("resource.host:x"),
            Test::Resource("host".to_owned(), exactly(&["x"]))
        );
        assert_eq!(one("trace_id:4BF9"), Test::TraceId(exactly(&["4bf9"])));
        assert_eq!(one("a:*"), Test::Field("a".to_owned(), Value::Present));
        assert_eq!(one("body:\"No Route\""), Test::Body("no route".to_owned()));
        let prefix = Value::AnyOf(vec![Pattern::BeginsWith("/api/".to_owned())]);
        assert_eq!(one("path:/api/*"), Test::Field("path".to_owned(), prefix));
        let bound = Value::Compared(Comparison::AtLeast, 500.0);
        assert_eq!(one("status:>=500"), Test::Field("status".to_owned(), bound));
    }

    #[test]
    fn all_must_hold_and_some_must_not() {
        let negated: Vec<bool> = tests("a -b -\"c d\" -e:f g:-1")
            .into_iter()
            .map(|t| t.0)
            .collect();
        assert_eq!(negated, [false, true, true, true, false]);
        assert!(tests("  ").is_empty());
    }

    #[test]
    fn operators_of_other_search_boxes_mean_what_they_say() {
        let plain = tests("a b:c -d -\"e f\"");
        assert_eq!(tests("a AND b:c AND NOT d NOT \"e f\""), plain);
        assert_eq!(tests("and \"NOT\" ANDROID"), tests("and \"not\" android"));
        let phrase = Test::Phrase("timeout".to_owned());
        assert_eq!(tests("NOT \"timeout\""), [(true, phrase)]);
        assert_eq!(
            parse("a NOT ").unwrap_err().message,
            "`NOT` must stand before what is not wanted"
        );
    }

    #[test]
    fn or_parts_what_must_all_hold() {
        let of = |text: &str| parse(text).unwrap().clauses;
        let either = Test::Any(vec![of("a b:c"), of("-d"), of("\"OR\" or")]);
        assert_eq!(one("a AND b:c OR NOT d OR \"OR\" or"), either);
        for (text, from, to) in [
            ("OR a", 0, 2),
            ("a OR OR b", 5, 7),
            ("ä OR ", 2, 4),
            ("a OR AND", 2, 4),
        ] {
            let refused = parse(text).unwrap_err();
            assert_eq!((refused.range.from, refused.range.to), (from, to), "{text}");
            assert!(refused.message.contains("between conditions"));
        }
        let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(tests(&deep(8)), tests("a"));
        assert!(parse(&deep(9)).is_err());
        assert!(parse(&"a OR ".repeat(64)).is_err(), "one is missing");
        assert!(parse(&format!("{}a", "a OR ".repeat(63))).is_ok());
        assert!(parse(&format!("{}a", "a OR ".repeat(64))).is_err());
    }

    #[test]
    fn parentheses_hold_together_what_or_parts() {
        let of = |text: &str| parse(text).unwrap().clauses;
        let either = Test::Any(vec![of("a:b,c"), of("f(x)")]);
        let all = tests("(a:b,c OR f(x)) d NOT (e \"f\") (g h)");
        assert_eq!(all[0], (false, either));
        assert_eq!(all[1..2], tests("d"));
        assert_eq!(all[2], (true, Test::Any(vec![of("e \"f\"")])));
        assert_eq!(all[3..], tests("g h"));
        assert_eq!(one("f(x)"), Test::Phrase("f(x)".to_owned()));
        assert_eq!(one("x)"), Test::Phrase("x)".to_owned()));
        for (text, from, message) in [
            (
                "ä (b",
                2,
                "a parenthesis is not closed; text that has one stands in quotes",
            ),
            ("()", 0, "the parentheses are empty"),
            ("(a)b", 3, "a space is missing before `b`"),
            ("(a OR )", 3, LONELY),
            (
                "a:(b OR c)",
                0,
                "`a:` takes several values as `a,b`; one with a parenthesis stands in quotes",
            ),
        ] {
            let refused = parse(text).unwrap_err();
            assert_eq!(
                (refused.range.from, &refused.message[..]),
                (from, message),
                "{text}"
            );
        }
    }

    #[test]
    fn a_word_with_a_star_is_a_beginning() {
        assert_eq!(one("Cache*"), Test::Phrase("cache".to_owned()));
        assert_eq!(one("\"cache*\""), Test::Phrase("cache*".to_owned()));
        assert_eq!(one("*"), Test::Phrase("*".to_owned()));
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let at = |text: &str| {
            parse(text)
                .map_err(|e| (e.range.from, e.message))
                .unwrap_err()
        };
        assert_eq!(at("ä \"open").0, 2);
        assert_eq!(at("a:"), (0, "`a:` has no value".to_owned()));
        assert_eq!(at("x :5"), (2, "a field's name is missing".to_owned()));
        assert_eq!(
            at("status:>=many"),
            (9, "`many` is not a number".to_owned())
        );
        assert_eq!(at("a level:loud").0, 8);
        assert_eq!(at("a -").0, 2);
        assert_eq!(at("\"\"").1, "the quotes are empty");
        assert_eq!(
            at("\"a\"b"),
            (3, "a space is missing before `b`".to_owned())
        );
        assert_eq!(at("a\"b\"").0, 1);
        assert!(parse(&"a ".repeat(65)).is_err() && parse(&"a".repeat(5000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "([a-c\"\\\\:*,<>= ()é-]|OR ){0,40}") {
            drop(parse(&text));
        }
    }
}
