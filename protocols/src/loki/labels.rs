//! A stream's labels as `LogQL` writes them: `{app="shop", path="C:\\x"}`.

use std::borrow::Cow;

use crate::item_limits;
use crate::logs::Field;
use crate::refused::Refused;

/// Reads the pairs; what is escaped within a value is copied, the rest borrowed.
pub(super) fn parse(text: &str) -> Result<Vec<Field<'_>>, Refused> {
    let refuse = |why: &str| {
        let start: String = text.chars().take(128).collect();
        Refused::new("labels", format!("{start:?}: {why}"))
    };
    let mut fields = Vec::new();
    let trimmed = text.trim();
    let mut rest = trimmed
        .strip_prefix('{')
        .ok_or_else(|| refuse("`{` is missing"))?
        .trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return match after.is_empty() {
                true => Ok(fields),
                false => Err(refuse("something follows `}`")),
            };
        }
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| refuse("`=` is missing"))?;
        let (value, after) = quoted(after.trim_start()).map_err(refuse)?;
        item_limits::push(&mut fields, Cow::Borrowed(name.trim()), value)?;
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
        } else if !rest.starts_with('}') {
            return Err(refuse("`,` or `}` is missing after a value"));
        }
    }
}

/// A quoted text, as Go writes it, and what follows it.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    if let Some(raw) = text.strip_prefix('`') {
        let (value, rest) = raw.split_once('`').ok_or("a value does not end")?;
        return Ok((Cow::Borrowed(value), rest));
    }
    let text = text.strip_prefix('"').ok_or("a value is not quoted")?;
    let end = text.find(['"', '\\']).ok_or("a value does not end")?;
    if text.as_bytes()[end] == b'"' {
        return Ok((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    unescape(text)
}

fn unescape(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    // Bytes, as `\xe2\x82\xac` spells one character.
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['"', '\\']).ok_or("a value does not end")?;
        value.extend_from_slice(&rest.as_bytes()[..end]);
        let escape = &rest[end + 1..];
        if rest.as_bytes()[end] == b'"' {
            let value = String::from_utf8(value).map_err(|_| "a value is not UTF-8")?;
            return Ok((Cow::Owned(value), escape));
        }
        rest = one_escape(escape, &mut value).ok_or("an unknown escape")?;
    }
}

/// Reads what follows a backslash.
fn one_escape<'t>(text: &'t str, value: &mut Vec<u8>) -> Option<&'t str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let plain = match kind {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'v' => 0x0b,
        '\\' | '"' | '\'' => kind as u8,
        'x' => {
            value.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
            return rest.get(2..);
        }
        'u' | 'U' => {
            let digits = if kind == 'u' { 4 } else { 8 };
            let code = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
            let mut buffer = [0; 4];
            value.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
            return rest.get(digits..);
        }
        '0'..='7' => {
            value.push(u8::from_str_radix(text.get(..3)?, 8).ok()?);
            return text.get(3..);
        }
        _ => return None,
    };
    value.push(plain);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let fields = parse(text).unwrap();
        fields
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }

    #[test]
    fn reads_plain_and_escaped_values() {
        let text = r#"{app="shop", path="C:\\x\n\"q\"", euro="\xe2\x82\xac\u20ac\101",raw=`a\b`,}"#;
        let expected = [
            ("app", "shop"),
            ("path", "C:\\x\n\"q\""),
            ("euro", "€€A"),
            ("raw", "a\\b"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(text), expected);
        assert!(pairs(" {} ").is_empty());
    }

    #[test]
    fn borrows_what_has_no_escapes() {
        let fields = parse(r#"{app="shop"}"#).unwrap();
        assert!(matches!(fields[0].1, Cow::Borrowed("shop")));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, why) in [
            ("app=\"x\"", "`{` is missing"),
            ("{app}", "`=` is missing"),
            ("{app=x}", "a value is not quoted"),
            ("{app=\"x}", "a value does not end"),
            ("{app=\"x\" b=\"y\"}", "`,` or `}` is missing"),
            ("{app=\"\\q\"}", "an unknown escape"),
            ("{app=\"\\xff\"}", "a value is not UTF-8"),
            ("{}x", "something follows"),
        ] {
            let refused = parse(text).unwrap_err().to_string();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
