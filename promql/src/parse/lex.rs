//! Text into tokens with their places.

use super::{ParseError, ast::Place};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    /// As spelled, in milliseconds.
    Duration(i64),
    Text(Vec<u8>),
    /// A label or metric name, or a keyword: keywords are told apart by where they stand.
    Name(String),
    Sign(&'static str),
    End,
}

impl Token {
    pub(crate) fn described(&self, text: &str) -> String {
        match self {
            Self::End => "end of input".to_owned(),
            Self::Text(_) => format!("string {text}"),
            Self::Name(_) => format!("identifier {text:?}"),
            Self::Number(_) => format!("number {text:?}"),
            Self::Duration(_) => format!("duration {text:?}"),
            Self::Sign(_) => format!("{text:?}"),
        }
    }
}

const SIGNS: [&str; 24] = [
    "==", "!=", ">=", "<=", "=~", "!~", "(", ")", "{", "}", "[", "]", ",", ":", "@", "+", "-", "*",
    "/", "%", "^", "=", ">", "<",
];

pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, Place)>, ParseError> {
    let mut found = Vec::new();
    let mut at = 0;
    // Inside brackets a colon parts range and step; elsewhere it may be in a name.
    let mut bracket = false;
    while let Some(next) = text[at..].chars().next() {
        let start = at;
        let token = match next {
            ' ' | '\t' | '\n' | '\r' => {
                at += 1;
                continue;
            }
            '#' => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
                continue;
            }
            '"' | '\'' | '`' => string(text, &mut at, next)?,
            '0'..='9' | '.' => number(text, &mut at)?,
            'a'..='z' | 'A'..='Z' | '_' | ':' if !(bracket && next == ':') => {
                let rest = &text[at..];
                let length = rest
                    .bytes()
                    .take_while(|b| {
                        b.is_ascii_alphanumeric() || *b == b'_' || (*b == b':' && !bracket)
                    })
                    .count();
                at += length;
                Token::Name(rest[..length].to_owned())
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| text[at..].starts_with(**sign));
                let Some(sign) = sign else {
                    return Err(ParseError::new(
                        text,
                        at,
                        format!("unexpected character: {next:?}"),
                    ));
                };
                match *sign {
                    "[" => bracket = true,
                    "]" => bracket = false,
                    _ => {}
                }
                at += sign.len();
                Token::Sign(sign)
            }
        };
        found.push((token, Place { start, end: at }));
    }
    let end = Place {
        start: text.len(),
        end: text.len(),
    };
    found.push((Token::End, end));
    Ok(found)
}

fn number(text: &str, at: &mut usize) -> Result<Token, ParseError> {
    let start = *at;
    let bytes = text.as_bytes();
    let hex = text[start..].starts_with("0x") || text[start..].starts_with("0X");
    while let Some(byte) = bytes.get(*at) {
        let exponent = !hex
            && matches!(byte, b'+' | b'-')
            && *at > start
            && matches!(bytes[*at - 1], b'e' | b'E');
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || exponent) {
            break;
        }
        *at += 1;
    }
    let word = &text[start..*at];
    if word.bytes().all(|b| b.is_ascii_alphanumeric())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
        && let Some(ms) = crate::duration::parse(word)
    {
        return Ok(Token::Duration(ms));
    }
    parse_number(word).map(Token::Number).ok_or_else(|| {
        ParseError::new(
            text,
            start,
            format!("bad number or duration syntax: {word:?}"),
        )
    })
}

/// A number as Go reads it: decimal, hexadecimal, octal after `0`, underscores.
fn parse_number(word: &str) -> Option<f64> {
    let lower = word.to_ascii_lowercase();
    let plain: String = lower.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = plain.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|n| n as f64);
    }
    if let Some(octal) = plain.strip_prefix('0')
        && !octal.is_empty()
        && let Ok(value) = u64::from_str_radix(octal, 8)
    {
        return Some(value as f64);
    }
    if plain == "." || plain.contains("inf") || plain.contains("nan") {
        return None;
    }
    plain.parse().ok()
}

fn string(text: &str, at: &mut usize, quote: char) -> Result<Token, ParseError> {
    let start = *at;
    let unterminated = || ParseError::new(text, start, "unterminated quoted string".to_owned());
    *at += 1;
    let mut value = Vec::new();
    loop {
        let next = text[*at..].chars().next().ok_or_else(unterminated)?;
        *at += next.len_utf8();
        match next {
            _ if next == quote => return Ok(Token::Text(value)),
            '\n' if quote != '`' => return Err(unterminated()),
            '\\' if quote != '`' => escape(text, at, quote, &mut value)?,
            _ => value.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn escape(text: &str, at: &mut usize, quote: char, value: &mut Vec<u8>) -> Result<(), ParseError> {
    let start = *at;
    let wrong = || {
        ParseError::new(
            text,
            start - 1,
            "unknown escape sequence in string".to_owned(),
        )
    };
    let next = text[*at..].chars().next().ok_or_else(wrong)?;
    *at += next.len_utf8();
    let mut digits = |count: usize, radix: u32| {
        let found = text.get(*at..*at + count).ok_or_else(wrong)?;
        *at += count;
        u32::from_str_radix(found, radix).map_err(|_| wrong())
    };
    let byte = match next {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if next == quote => quote as u8,
        'x' => digits(2, 16)? as u8,
        '0'..='7' => {
            *at -= 1;
            let found = text.get(start..start + 3).ok_or_else(wrong)?;
            *at += 3;
            u8::from_str_radix(found, 8).map_err(|_| wrong())?
        }
        'u' | 'U' => {
            let code = digits(if next == 'u' { 4 } else { 8 }, 16)?;
            let letter = char::from_u32(code).ok_or_else(wrong)?;
            value.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        _ => return Err(wrong()),
    };
    value.push(byte);
    Ok(())
}
