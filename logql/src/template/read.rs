//! Text into a template.

use super::functions::Function;
use super::value::Value;
use super::{Call, Node, Operand, Pipe};

const MOST_BYTES: usize = 16 * 1024;
const MOST_DEPTH: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Field(String),
    Dot,
    Literal(Value),
    Pipe,
    Open,
    Close,
}

/// Text, or what stood in braces.
enum Piece<'a> {
    Text(&'a str),
    Action(Vec<Token>),
}

/// What ended a list of nodes.
enum Ending {
    Text,
    End,
    Else,
    ElseIf(Pipe),
}

pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    if text.len() > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes"));
    }
    let mut pieces = pieces(text)?.into_iter();
    let (nodes, ending) = list(&mut pieces, 0)?;
    match ending {
        Ending::Text => Ok(nodes),
        Ending::End => Err("unexpected {{end}}".to_owned()),
        Ending::Else | Ending::ElseIf(_) => Err("unexpected {{else}}".to_owned()),
    }
}

fn list<'a>(
    pieces: &mut impl Iterator<Item = Piece<'a>>,
    depth: usize,
) -> Result<(Vec<Node>, Ending), String> {
    if depth > MOST_DEPTH {
        return Err("nested too deeply".to_owned());
    }
    let mut nodes = Vec::new();
    while let Some(piece) = pieces.next() {
        let tokens = match piece {
            Piece::Text(text) => {
                nodes.push(Node::Text(text.to_owned()));
                continue;
            }
            Piece::Action(tokens) => tokens,
        };
        let word = match tokens.first() {
            Some(Token::Name(word)) => word.as_str(),
            Some(_) => "",
            None => continue,
        };
        match (word, tokens.get(1)) {
            ("end", None) => return Ok((nodes, Ending::End)),
            ("else", None) => return Ok((nodes, Ending::Else)),
            ("else", Some(Token::Name(next))) if next == "if" => {
                return Ok((nodes, Ending::ElseIf(whole_pipe(&tokens[2..])?)));
            }
            ("if", _) => nodes.push(condition(whole_pipe(&tokens[1..])?, pieces, depth)?),
            ("range" | "with" | "define" | "template" | "block" | "else", _) => {
                return Err(format!("{word} is not understood"));
            }
            _ => nodes.push(Node::Action(whole_pipe(&tokens)?)),
        }
    }
    Ok((nodes, Ending::Text))
}

fn condition<'a>(
    first: Pipe,
    pieces: &mut impl Iterator<Item = Piece<'a>>,
    depth: usize,
) -> Result<Node, String> {
    let mut branches = Vec::new();
    let mut condition = first;
    loop {
        let (nodes, ending) = list(pieces, depth + 1)?;
        branches.push((condition, nodes));
        match ending {
            Ending::End => return Ok(Node::If(branches, Vec::new())),
            Ending::ElseIf(next) => condition = next,
            Ending::Text => return Err("{{end}} is missing".to_owned()),
            Ending::Else => {
                let (otherwise, ending) = list(pieces, depth + 1)?;
                return match ending {
                    Ending::End => Ok(Node::If(branches, otherwise)),
                    Ending::Text | Ending::Else | Ending::ElseIf(_) => {
                        Err("{{end}} is missing".to_owned())
                    }
                };
            }
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
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
        let (token, after) = token(rest)?;
        tokens.push(token);
        rest = after;
    }
}

fn token(rest: &str) -> Result<(Token, &str), String> {
    let first = rest.chars().next().ok_or("unclosed action")?;
    let name_end = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        end.unwrap_or(text.len())
    };
    match first {
        '|' => Ok((Token::Pipe, &rest[1..])),
        '(' => Ok((Token::Open, &rest[1..])),
        ')' => Ok((Token::Close, &rest[1..])),
        '.' => {
            let end = 1 + name_end(&rest[1..]);
            let token = match &rest[1..end] {
                "" => Token::Dot,
                name => Token::Field(name.to_owned()),
            };
            Ok((token, &rest[end..]))
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
                "nil" => Token::Literal(Value::default()),
                name => Token::Name(name.to_owned()),
            };
            Ok((token, &rest[end..]))
        }
        other => Err(format!("unexpected {other:?} in an action")),
    }
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

fn whole_pipe(tokens: &[Token]) -> Result<Pipe, String> {
    let mut at = 0;
    let pipe = pipe(tokens, &mut at, 0)?;
    match at == tokens.len() {
        true => Ok(pipe),
        false => Err("unexpected ) in an action".to_owned()),
    }
}

fn pipe(tokens: &[Token], at: &mut usize, depth: usize) -> Result<Pipe, String> {
    if depth > MOST_DEPTH {
        return Err("nested too deeply".to_owned());
    }
    let mut calls = Vec::new();
    loop {
        let first = calls.is_empty();
        calls.push(call(tokens, at, depth, first)?);
        match tokens.get(*at) {
            Some(Token::Pipe) => *at += 1,
            Some(_) | None => return Ok(calls),
        }
    }
}

fn call(tokens: &[Token], at: &mut usize, depth: usize, first: bool) -> Result<Call, String> {
    let head = tokens.get(*at).ok_or("missing value for command")?;
    if let Token::Name(name) = head {
        let function = Function::named(name)?;
        *at += 1;
        let mut operands = Vec::new();
        while !matches!(tokens.get(*at), None | Some(Token::Pipe | Token::Close)) {
            operands.push(operand(tokens, at, depth)?);
        }
        return Ok(Call::Function(function, operands));
    }
    let value = operand(tokens, at, depth)?;
    match tokens.get(*at) {
        None | Some(Token::Pipe | Token::Close) if first => Ok(Call::Operand(value)),
        None | Some(Token::Pipe | Token::Close) => {
            Err("a value cannot take what is piped".to_owned())
        }
        Some(_) => Err("a value cannot be called".to_owned()),
    }
}

fn operand(tokens: &[Token], at: &mut usize, depth: usize) -> Result<Operand, String> {
    let token = tokens.get(*at).ok_or("missing value for command")?;
    *at += 1;
    Ok(match token {
        Token::Field(name) => Operand::Field(name.clone()),
        Token::Dot => Operand::Dot,
        Token::Literal(value) => Operand::Literal(value.clone()),
        Token::Name(name) => Operand::Bare(Function::named(name)?),
        Token::Open => {
            let inner = pipe(tokens, at, depth + 1)?;
            if tokens.get(*at) != Some(&Token::Close) {
                return Err("unclosed left paren".to_owned());
            }
            *at += 1;
            Operand::Inner(inner)
        }
        Token::Pipe | Token::Close => return Err("missing value for command".to_owned()),
    })
}
