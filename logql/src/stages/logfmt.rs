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
        for pair in Pairs(&text) {
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
    let pairs = Pairs(text).filter_map(Result::ok);
    let told = pairs.filter(|(_, value)| !value.is_empty());
    told.map(|(key, value)| (label_name(key), value)).collect()
}

/// Keys with their values, and what is neither.
struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(&'a str, String), String>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches(|c: char| c <= ' ');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c <= ' ' || c == '=' || c == '"');
        let end = end.unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            if after.starts_with('"') || key.is_empty() {
                let word = rest.find(|c: char| c <= ' ').unwrap_or(rest.len());
                self.0 = &rest[word..];
                return Some(Err("logfmt syntax error: unexpected '\"'".to_owned()));
            }
            self.0 = after;
            return Some(Ok((key, String::new())));
        };
        let Some(quoted) = value.strip_prefix('"') else {
            let end = value.find(|c: char| c <= ' ').unwrap_or(value.len());
            self.0 = &value[end..];
            return Some(match key {
                "" => Err("logfmt syntax error: unexpected '='".to_owned()),
                key => Ok((key, value[..end].to_owned())),
            });
        };
        let Some((text, rest)) = unquoted(quoted) else {
            self.0 = "";
            return Some(Err(
                "logfmt syntax error: unterminated quoted value".to_owned()
            ));
        };
        self.0 = rest;
        Some(match key {
            "" => Err("logfmt syntax error: unexpected '='".to_owned()),
            key => Ok((key, text)),
        })
    }
}

/// The text up to the closing quote, and what follows.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let (mut is_escaped, mut has_escapes) = (false, false);
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => (is_escaped, has_escapes) = (true, true),
            b'"' => {
                let (text, rest) = (&quoted[..at], &quoted[at + 1..]);
                let meant = match has_escapes {
                    // Escapes are those of JSON; a text with others is taken as it is.
                    true => serde_json::from_str(&format!("\"{text}\"")).ok(),
                    false => None,
                };
                return Some((meant.unwrap_or_else(|| text.to_owned()), rest));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_read_as_those_of_json() {
        let text = r#"a="x \"y\" \u00e9\n" b="C:\dir" c="" ="no" d=1"#;
        let expected = [("a", "x \"y\" \u{e9}\n"), ("b", "C:\\dir"), ("d", "1")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(logfmt_fields(text), expected);
        assert!(Pairs("a=\"x").any(|pair| pair.is_err()));
    }
}
