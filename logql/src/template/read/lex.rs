//! Text into pieces, and what stands in braces into tokens.

use super::super::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    /// `.` and what follows it at once: `.a.b`.
    Dot(Vec<String>),
    /// `$x.a`; without a name it is the line.
    Variable(String, Vec<String>),
    /// `.a.b` behind a parenthesis.
    Members(Vec<String>),
    Literal(Value),
    Pipe,
    Open,
    Close,
    Declare,
    Assign,
    Comma,
}

/// Text, or what stood in braces.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Action(Vec<Token>),
}

pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut trims = false;
    while !rest.is_empty() {
        let open = rest.find("{{");
        let mut before = &rest[..open.unwrap_or(rest.len())];
        if trims {
            before = before.trim_start();
        }
        let Some(open) = open else {
            found.push(Piece::Text(before));
            break;
        };
        let mut inner = &rest[open + 2..];
        if let Some(after) = inner.strip_prefix('-')
            && after.starts_with(char::is_whitespace)
        {
            before = before.trim_end();
            inner = after;
        }
        if !before.is_empty() {
            found.push(Piece::Text(before));
        }
        let (tokens, after) = action(inner)?;
        found.push(Piece::Action(tokens));
        (trims, rest) = after;
    }
    Ok(found)
}

/// Tokens up to the closing braces, whether these trim, and what follows.
fn action(text: &str) -> Result<(Vec<Token>, (bool, &str)), String> {
    if let Some(comment) = text.trim_start().strip_prefix("/*") {
        let (_, after) = comment.split_once("*/").ok_or("a comment is not closed")?;
        let after = after.trim_start();
        let trims = after.starts_with('-');
        let rest = after.trim_start_matches('-').strip_prefix("}}");
        return Ok((Vec::new(), (trims, rest.ok_or("a comment is not closed")?)));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let before = rest.len();
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("}}") {
            return Ok((tokens, (false, after)));
        }
        if let Some(after) = rest.strip_prefix("-}}")
            && rest.len() < before
        {
            return Ok((tokens, (true, after)));
        }
        let (token, after) = match tokens.last() == Some(&Token::Close) && rest.len() == before {
            true if rest.starts_with('.') => {
                let (names, after) = members(rest);
                (Token::Members(names), after)
            }
            _ => token(rest)?,
        };
        tokens.push(token);
        rest = after;
    }
}

fn token(rest: &str) -> Result<(Token, &str), String> {
    let first = rest.chars().next().ok_or("unclosed action")?;
    match first {
        '|' => Ok((Token::Pipe, &rest[1..])),
        '(' => Ok((Token::Open, &rest[1..])),
        ')' => Ok((Token::Close, &rest[1..])),
        ',' => Ok((Token::Comma, &rest[1..])),
        '=' => Ok((Token::Assign, &rest[1..])),
        ':' if rest.starts_with(":=") => Ok((Token::Declare, &rest[2..])),
        '.' => {
            let (names, after) = members(rest);
            // A dot that stands for itself has nothing behind it.
            let after = if names.is_empty() { &rest[1..] } else { after };
            Ok((Token::Dot(names), after))
        }
        '$' => {
            let end = 1 + name_end(&rest[1..]);
            let (names, after) = members(&rest[end..]);
            Ok((Token::Variable(rest[1..end].to_owned(), names), after))
        }
        '`' => {
            let (text, after) = rest[1..].split_once('`').ok_or("unterminated raw string")?;
            Ok((Token::Literal(Value::Text(text.to_owned())), after))
        }
        '"' => quoted(&rest[1..]),
        c if c.is_ascii_digit() || c == '-' || c == '+' => {
            let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
            let end = rest[1..]
                .find(|c| !part(c))
                .map_or(rest.len(), |end| end + 1);
            let word = &rest[..end];
            let value = match (word.parse::<i64>(), word.parse::<f64>()) {
                (Ok(number), _) => Value::Int(number),
                (_, Ok(number)) => Value::Float(number),
                _ => return Err(format!("bad number {word:?}")),
            };
            Ok((Token::Literal(value), &rest[end..]))
        }
        c if c.is_ascii_alphabetic() || c == '_' => {
            let end = name_end(rest);
            let token = match &rest[..end] {
                "true" => Token::Literal(Value::Bool(true)),
                "false" => Token::Literal(Value::Bool(false)),
                "nil" => Token::Literal(Value::Nothing),
                name => Token::Name(name.to_owned()),
            };
            Ok((token, &rest[end..]))
        }
        other => Err(format!("unexpected {other:?} in an action")),
    }
}

fn name_end(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    end.unwrap_or(text.len())
}

/// `.a.b`, as far as it goes.
fn members(text: &str) -> (Vec<String>, &str) {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(after) = rest.strip_prefix('.') {
        let end = name_end(after);
        if end == 0 {
            break;
        }
        names.push(after[..end].to_owned());
        rest = &after[end..];
    }
    (names, rest)
}

fn quoted(rest: &str) -> Result<(Token, &str), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Literal(Value::Text(text)), &rest[at + 1..])),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    Err("unterminated quoted string".to_owned())
}
