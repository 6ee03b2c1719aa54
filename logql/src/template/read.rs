//! Text into a template.

mod lex;

use super::functions::Function;
use super::{Call, Choice, Node, Operand, Pipe, Range, Sets};
use lex::{Piece, Token};

const MOST_BYTES: usize = 16 * 1024;
const MOST_DEPTH: usize = 32;

/// What ended a list of nodes.
enum Ending {
    Text,
    End,
    Else,
    /// `else if` and `else with`, from the second word on.
    ElseAlso(Vec<Token>),
}

pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    if text.len() > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes"));
    }
    let mut reader = Reader {
        pieces: lex::pieces(text)?.into_iter(),
        known: Vec::new(),
        ranges: 0,
    };
    let (nodes, ending) = reader.list(0)?;
    match ending {
        Ending::Text => Ok(nodes),
        Ending::End => Err("unexpected {{end}}".to_owned()),
        Ending::Else | Ending::ElseAlso(_) => Err("unexpected {{else}}".to_owned()),
    }
}

struct Reader<'a> {
    pieces: std::vec::IntoIter<Piece<'a>>,
    /// Variables that are declared here or outside of here.
    known: Vec<String>,
    /// How many loops this is inside of.
    ranges: usize,
}

impl Reader<'_> {
    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, Ending), String> {
        if depth > MOST_DEPTH {
            return Err("nested too deeply".to_owned());
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
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
                ("else", Some(Token::Name(next))) if next == "if" || next == "with" => {
                    return Ok((nodes, Ending::ElseAlso(tokens[1..].to_vec())));
                }
                ("if" | "with", _) => nodes.push(self.choice(&tokens, depth)?),
                ("range", _) => nodes.push(self.range(&tokens[1..], depth)?),
                ("break", None) if self.ranges > 0 => nodes.push(Node::Break),
                ("continue", None) if self.ranges > 0 => nodes.push(Node::Continue),
                ("break" | "continue", None) => {
                    return Err(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                ("define" | "template" | "block" | "else", _) => {
                    return Err(format!("{word} is not understood"));
                }
                _ => nodes.push(Node::Action(self.whole_pipe(&tokens, 1)?)),
            }
        }
        Ok((nodes, Ending::Text))
    }

    /// `if` or `with`, which is the first token. What it declares ends with it.
    fn choice(&mut self, tokens: &[Token], depth: usize) -> Result<Node, String> {
        let outside = self.known.len();
        let (word, mut condition) = (&tokens[0], self.whole_pipe(&tokens[1..], 1)?);
        let mut branches = Vec::new();
        let otherwise = loop {
            let (nodes, ending) = self.list(depth + 1)?;
            branches.push((condition, nodes));
            match ending {
                Ending::End => break Vec::new(),
                Ending::Else => break self.last(depth)?,
                Ending::ElseAlso(next) if next.first() == Some(word) => {
                    condition = self.whole_pipe(&next[1..], 1)?;
                }
                Ending::ElseAlso(_) => return Err("another word after {{else".to_owned()),
                Ending::Text => return Err("{{end}} is missing".to_owned()),
            }
        };
        self.known.truncate(outside);
        let with = *word == Token::Name("with".to_owned());
        Ok(Node::Choice(Choice {
            with,
            branches,
            otherwise,
        }))
    }

    fn range(&mut self, tokens: &[Token], depth: usize) -> Result<Node, String> {
        let outside = self.known.len();
        let over = self.whole_pipe(tokens, 2)?;
        self.ranges += 1;
        let (each, ending) = self.list(depth + 1)?;
        self.ranges -= 1;
        let otherwise = match ending {
            Ending::End => Vec::new(),
            Ending::Else => self.last(depth)?,
            Ending::ElseAlso(_) => return Err("another word after {{else".to_owned()),
            Ending::Text => return Err("{{end}} is missing".to_owned()),
        };
        self.known.truncate(outside);
        Ok(Node::Range(Range {
            over,
            each,
            otherwise,
        }))
    }

    /// What follows `{{else}}`.
    fn last(&mut self, depth: usize) -> Result<Vec<Node>, String> {
        match self.list(depth + 1)? {
            (nodes, Ending::End) => Ok(nodes),
            _ => Err("{{end}} is missing".to_owned()),
        }
    }

    /// A pipe that may set up to `most` variables.
    fn whole_pipe(&mut self, tokens: &[Token], most: usize) -> Result<Pipe, String> {
        let (sets, tokens) = sets(tokens);
        let mut at = 0;
        let calls = self.pipe(tokens, &mut at, 0)?;
        if at < tokens.len() {
            return Err("unexpected token in an action".to_owned());
        }
        if let Some(Sets { names, declares }) = &sets {
            if names.len() > most {
                return Err("too many declarations".to_owned());
            }
            for name in names {
                match declares {
                    true => self.known.push(name.clone()),
                    false => self.variable(name)?,
                }
            }
        }
        Ok(Pipe { sets, calls })
    }

    fn variable(&self, name: &String) -> Result<(), String> {
        match self.known.contains(name) {
            true => Ok(()),
            false => Err(format!("undefined variable \"${name}\"")),
        }
    }

    fn pipe(&self, tokens: &[Token], at: &mut usize, depth: usize) -> Result<Vec<Call>, String> {
        if depth > MOST_DEPTH {
            return Err("nested too deeply".to_owned());
        }
        let mut calls = Vec::new();
        loop {
            let first = calls.is_empty();
            calls.push(self.call(tokens, at, depth, first)?);
            match tokens.get(*at) {
                Some(Token::Pipe) => *at += 1,
                Some(_) | None => return Ok(calls),
            }
        }
    }

    fn call(
        &self,
        tokens: &[Token],
        at: &mut usize,
        depth: usize,
        first: bool,
    ) -> Result<Call, String> {
        let head = tokens.get(*at).ok_or("missing value for command")?;
        let ended = |at: usize| matches!(tokens.get(at), None | Some(Token::Pipe | Token::Close));
        if let Token::Name(name) = head {
            let function = Function::named(name)?;
            *at += 1;
            let mut operands = Vec::new();
            while !ended(*at) {
                operands.push(self.operand(tokens, at, depth)?);
            }
            return Ok(Call::Function(function, operands));
        }
        let value = self.operand(tokens, at, depth)?;
        match (ended(*at), first) {
            (true, true) => Ok(Call::Operand(value)),
            (true, false) => Err("a value cannot take what is piped".to_owned()),
            (false, _) => Err("a value cannot be called".to_owned()),
        }
    }

    fn operand(&self, tokens: &[Token], at: &mut usize, depth: usize) -> Result<Operand, String> {
        let token = tokens.get(*at).ok_or("missing value for command")?;
        *at += 1;
        Ok(match token {
            Token::Dot(members) => Operand::Dot(members.clone()),
            Token::Variable(name, members) if name.is_empty() => Operand::Root(members.clone()),
            Token::Variable(name, members) => {
                self.variable(name)?;
                Operand::Variable(name.clone(), members.clone())
            }
            Token::Literal(value) => Operand::Literal(value.clone()),
            Token::Name(name) => Operand::Bare(Function::named(name)?),
            Token::Open => {
                let calls = self.pipe(tokens, at, depth + 1)?;
                if tokens.get(*at) != Some(&Token::Close) {
                    return Err("unclosed left paren".to_owned());
                }
                *at += 1;
                let members = match tokens.get(*at) {
                    Some(Token::Members(members)) => {
                        *at += 1;
                        members.clone()
                    }
                    _ => Vec::new(),
                };
                Operand::Inner(Pipe { sets: None, calls }, members)
            }
            Token::Members(_)
            | Token::Pipe
            | Token::Close
            | Token::Declare
            | Token::Assign
            | Token::Comma => return Err("missing value for command".to_owned()),
        })
    }
}

/// The variables that a pipe sets, and its rest.
fn sets(tokens: &[Token]) -> (Option<Sets>, &[Token]) {
    let name = |at: usize| match tokens.get(at) {
        Some(Token::Variable(name, members)) if members.is_empty() && !name.is_empty() => {
            Some(name.clone())
        }
        _ => None,
    };
    let names = match (name(0), tokens.get(1), name(2)) {
        (Some(first), Some(Token::Comma), Some(second)) => vec![first, second],
        (Some(only), _, _) => vec![only],
        (None, _, _) => return (None, tokens),
    };
    let after = names.len() * 2 - 1;
    let declares = match tokens.get(after) {
        Some(Token::Declare) => true,
        Some(Token::Assign) => false,
        _ => return (None, tokens),
    };
    (Some(Sets { names, declares }), &tokens[after + 1..])
}
