//! `logfmt`: `name=value name="quoted value"` become labels.

use super::label_name;
use crate::ast::Extraction;
use crate::line::Line;

#[derive(Debug)]
pub(crate) struct Logfmt {
    strict: bool,
    keep_empty: bool,
    /// Label and key; none takes all.
    wanted: Vec<(String, String)>,
}

impl Logfmt {
    pub(crate) fn of(strict: bool, keep_empty: bool, wanted: &[Extraction]) -> Self {
        let pair = |one: &Extraction| (one.label.clone(), one.expression.clone());
        Self {
            strict,
            keep_empty,
            wanted: wanted.iter().map(pair).collect(),
        }
    }

    pub(crate) fn run(&self, line: &mut Line) {
        let text = std::mem::take(&mut line.text);
        for pair in Pairs::of(&text) {
            let (key, value) = match pair {
                Ok(pair) => pair,
                Err(why) if self.strict => {
                    line.labels.fail("LogfmtParserErr", why);
                    break;
                }
                Err(_) => continue,
            };
            if value.is_empty() && !self.keep_empty {
                continue;
            }
            if self.wanted.is_empty() {
                line.labels.extract(&label_name(key), value);
                continue;
            }
            for (label, _) in self.wanted.iter().filter(|(_, wanted)| wanted == key) {
                line.labels.extract(label, value.clone());
            }
        }
        line.text = text;
    }
}

/// What stage `logfmt` would find in a text.
pub fn logfmt_fields(text: &str) -> Vec<(String, String)> {
    let pairs = Pairs::of(text).filter_map(Result::ok);
    let told = pairs.filter(|(_, value)| !value.is_empty());
    told.map(|(key, value)| (label_name(key), value)).collect()
}

/// Keys with their values, and what is neither, as Loki's decoder reads a line: a value
/// with `=` or a quote inside has to be quoted, or it is none.
struct Pairs<'a> {
    text: &'a str,
    /// Where a character begins, or the end.
    at: usize,
}

impl<'a> Pairs<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// What stands before the first of these characters.
    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// In Loki's words.
    fn wrong(&self, what: &str) -> String {
        format!("logfmt syntax error at pos {} : {what}", self.at + 1)
    }

    /// The rest of the word goes with what is wrong in it.
    fn wrong_word(&mut self, what: &str) -> String {
        let why = self.wrong(what);
        self.until(is_space);
        why
    }

    fn plain(&mut self) -> Result<String, String> {
        let value = self.until(ends_word);
        match self.rest().chars().next() {
            Some(c @ ('=' | '"')) => Err(self.wrong_word(&format!("unexpected '{c}'"))),
            _ => Ok(value.to_owned()),
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        let inside = &self.rest()[1..];
        let (mut is_escaped, mut has_escapes) = (false, false);
        for (at, byte) in inside.bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => (is_escaped, has_escapes) = (true, true),
                b'"' => {
                    self.at += at + 2;
                    let text = &inside[..at];
                    return match has_escapes {
                        true => unescaped(text).ok_or_else(|| self.wrong("invalid quoted value")),
                        false => Ok(text.to_owned()),
                    };
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        Err(self.wrong("unterminated quoted value"))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(&'a str, String), String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.until(|c| !is_space(c));
        if self.rest().is_empty() {
            return None;
        }
        let key = self.until(ends_word);
        match self.rest().chars().next() {
            Some('"') => return Some(Err(self.wrong_word("unexpected '\"'"))),
            Some('=') if key.is_empty() => {
                return Some(Err(self.wrong_word("unexpected '='")));
            }
            // It stands for bytes that were no UTF-8: other keys may look like it.
            _ if key.contains(char::REPLACEMENT_CHARACTER) => {
                return Some(Err(self.wrong_word("invalid key")));
            }
            Some('=') => self.at += 1,
            _ => return Some(Ok((key, String::new()))),
        }
        let value = match self.rest().starts_with('"') {
            true => self.quoted(),
            false => self.plain(),
        };
        Some(value.map(|value| (key, value)))
    }
}

fn is_space(c: char) -> bool {
    c <= ' '
}

fn ends_word(c: char) -> bool {
    is_space(c) || c == '=' || c == '"'
}

/// Escapes are those of JSON and `\'`; beside them stands no control character.
fn unescaped(text: &str) -> Option<String> {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let meant = match c {
            '\\' => match rest.next()? {
                c @ ('"' | '\\' | '/' | '\'') => c,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (hex, after) = rest.as_str().split_at_checked(4)?;
                    // A sign would be read as part of a number.
                    if hex.starts_with('+') {
                        return None;
                    }
                    units.push(u16::from_str_radix(hex, 16).ok()?);
                    rest = after.chars();
                    continue;
                }
                _ => return None,
            },
            c if c < ' ' => return None,
            c => c,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn problem(text: &str) -> String {
        Pairs::of(text).find_map(Result::err).unwrap_or_default()
    }

    #[test]
    fn quoted_values_are_read_as_those_of_json() {
        let text = r#"a="x \"y\" \u00e9\n" b="C:\dir" c="" ="no" d=1 e="it\'s \ud83d\ude00"f=2"#;
        let expected = [
            ("a", "x \"y\" \u{e9}\n"),
            ("d", "1"),
            ("e", "it's \u{1f600}"),
            ("f", "2"),
        ];
        assert_eq!(logfmt_fields(text), named(&expected));
        for wrong in [r"\", r"\x", r"\u00", r"\u+123", "\\n\n", r"\u00é"] {
            assert_eq!(unescaped(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_value_with_an_equals_sign_or_a_quote_inside_is_none_unless_it_is_quoted() {
        let text = r#"q=a=b c=1 url=/x?y=z d=x"y z" e="a=b" f"g h=2"#;
        // After `d=x"y` comes key `z` with a quote behind it.
        let expected = [("c", "1"), ("e", "a=b"), ("h", "2")];
        assert_eq!(logfmt_fields(text), named(&expected));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let expected = [
            ("a=1 b=c=d", "logfmt syntax error at pos 8 : unexpected '='"),
            ("a=b\"", "logfmt syntax error at pos 4 : unexpected '\"'"),
            ("a=1 =2", "logfmt syntax error at pos 5 : unexpected '='"),
            (
                "a=\"x",
                "logfmt syntax error at pos 5 : unterminated quoted value",
            ),
            (
                r#"a="\d""#,
                "logfmt syntax error at pos 7 : invalid quoted value",
            ),
            ("\u{fffd}=1", "logfmt syntax error at pos 4 : invalid key"),
            ("a=1 b c=", ""),
        ];
        for (text, why) in expected {
            assert_eq!(problem(text), why, "{text}");
        }
    }
}
