//! Text into tokens with their places.

use crate::error::ParseError;
use crate::units;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    /// Nanoseconds, and the text.
    Duration(f64, String),
    Bytes(f64, String),
    Text(String),
    Name(String),
    /// `--strict`.
    Flag(String),
    Sign(&'static str),
    End,
}

impl Token {
    /// As Loki's grammar names it.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(..) => "DURATION".to_owned(),
            Self::Bytes(..) => "BYTES".to_owned(),
            Self::Text(_) => "STRING".to_owned(),
            Self::Name(name) => match is_keyword(name) {
                true => name.clone(),
                false => "IDENTIFIER".to_owned(),
            },
            Self::Flag(_) => "PARSER_FLAG".to_owned(),
            Self::Sign(sign) => (*sign).to_owned(),
            Self::End => "$end".to_owned(),
        }
    }
}

fn is_keyword(name: &str) -> bool {
    use crate::ast::{RangeOp, VectorOp};
    let words = [
        "by",
        "without",
        "on",
        "ignoring",
        "bool",
        "offset",
        "unwrap",
        "json",
        "logfmt",
        "regexp",
        "pattern",
        "unpack",
        "line_format",
        "label_format",
        "drop",
        "keep",
        "decolorize",
        "and",
        "or",
        "unless",
        "group_left",
        "group_right",
        "vector",
        "label_replace",
    ];
    words.contains(&name)
        || RangeOp::ALL.iter().any(|(known, _)| *known == name)
        || VectorOp::ALL.iter().any(|(known, _)| *known == name)
}

const SIGNS: [&str; 28] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "|", "=", ">", "<", "(", ")", "{",
    "}", "[", "]", ",", "+", "-", "*", "/", "%", "^", ".",
];

pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ParseError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        let token = match next {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '`' => string(text, &mut at, next)?,
            '0'..='9' => number(text, &mut at)?,
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => number(text, &mut at)?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let name = word(rest);
                at += name.len();
                Token::Name(name.to_owned())
            }
            '-' if rest[1..].starts_with('-')
                && rest[2..].starts_with(|c: char| c.is_ascii_alphabetic()) =>
            {
                let length = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '-');
                let flag = &rest[..length.unwrap_or(rest.len())];
                at += flag.len();
                Token::Flag(flag.to_owned())
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let Some(sign) = sign else {
                    let message = format!("syntax error: unexpected character {next:?}");
                    return Err(ParseError::at(text, start, message));
                };
                at += sign.len();
                Token::Sign(sign)
            }
        };
        found.push((token, start));
    }
    found.push((Token::End, text.len()));
    Ok(found)
}

fn word(rest: &str) -> &str {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &rest[..end.unwrap_or(rest.len())]
}

/// A number, a duration or a size.
fn number(text: &str, at: &mut usize) -> Result<Token, ParseError> {
    let rest = &text[*at..];
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '\u{b5}' | '\u{3bc}');
    let mut end = rest.find(|c| !part(c)).unwrap_or(rest.len());
    // `1e-3`, but not `5m-3`.
    if rest[..end].ends_with(['e', 'E'])
        && rest[..end - 1].parse::<f64>().is_ok()
        && let Some(digits) = rest[end..].strip_prefix(['+', '-'])
    {
        let length = digits.find(|c: char| !c.is_ascii_digit());
        end += 1 + length.unwrap_or(digits.len());
    }
    let word = &rest[..end];
    let hex = word
        .strip_prefix("0x")
        .map(|hex| u64::from_str_radix(hex, 16));
    let token = if let Some(Ok(value)) = hex {
        Token::Number(value as f64)
    } else if let Ok(value) = word.parse::<f64>() {
        Token::Number(value)
    } else if let Some(ns) = units::duration_ns(word) {
        Token::Duration(ns, word.to_owned())
    } else if let Some(size) = units::bytes(word) {
        Token::Bytes(size, word.to_owned())
    } else {
        let message =
            format!("syntax error: {word:?} is neither a number nor a duration nor a size");
        return Err(ParseError::at(text, *at, message));
    };
    *at += end;
    Ok(token)
}

fn string(text: &str, at: &mut usize, quote: char) -> Result<Token, ParseError> {
    let start = *at;
    let open = || ParseError::at(text, start, "literal not terminated");
    *at += 1;
    if quote == '`' {
        let end = text[*at..].find('`').ok_or_else(open)?;
        let value = text[*at..*at + end].to_owned();
        *at += end + 1;
        return Ok(Token::Text(value));
    }
    let mut value = Vec::new();
    loop {
        let next = text[*at..].chars().next().ok_or_else(open)?;
        *at += next.len_utf8();
        match next {
            '"' => {
                let value = String::from_utf8_lossy(&value).into_owned();
                return Ok(Token::Text(value));
            }
            '\n' => return Err(open()),
            '\\' => escape(text, at, &mut value)?,
            next => value.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn escape(text: &str, at: &mut usize, value: &mut Vec<u8>) -> Result<(), ParseError> {
    let start = *at;
    let wrong = || ParseError::at(text, start - 1, "invalid char escape");
    let next = text[*at..].chars().next().ok_or_else(wrong)?;
    *at += next.len_utf8();
    let mut digits = |from: usize, count: usize, radix: u32| {
        let found = text.get(from..from + count).ok_or_else(wrong)?;
        *at = from + count;
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
        '"' => b'"',
        'x' => digits(start + 1, 2, 16)? as u8,
        '0'..='7' => u8::try_from(digits(start, 3, 8)?).map_err(|_| wrong())?,
        'u' | 'U' => {
            let code = digits(start + 1, if next == 'u' { 4 } else { 8 }, 16)?;
            let letter = char::from_u32(code).ok_or_else(wrong)?;
            value.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        _ => return Err(wrong()),
    };
    value.push(byte);
    Ok(())
}
