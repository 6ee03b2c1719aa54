//! The text of a query, piece by piece.

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

/// A query as far as it was read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Of open parentheses.
    pub(super) depth: usize,
    pub(super) clauses: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Whether something follows.
    pub(super) fn skip_spaces(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.at < self.text.len()
    }

    pub(super) fn error(&self, from: usize, message: impl Into<String>) -> BadQuery {
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
    pub(super) fn operator(&mut self, word: &str) -> bool {
        let rest = self.rest().strip_prefix(word);
        let alone = rest.is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace));
        if alone {
            self.at += word.len();
        }
        alone
    }

    /// Nothing may follow a closing quote directly.
    pub(super) fn ends_here(&self) -> Result<(), BadQuery> {
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
    pub(super) fn until(&mut self, ends: &[char]) -> &'a str {
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

    pub(super) fn quoted(&mut self) -> Result<String, BadQuery> {
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
