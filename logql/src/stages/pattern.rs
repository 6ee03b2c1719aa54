//! Patterns of literals with placeholders: `<ip> - <_> "<method> <path>"` takes labels,
//! `<_>` in a line filter stands for anything.

use crate::line::Line;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Named(String),
    Any,
}

/// Placeholders are `<name>` and `<_>`; other angles are text.
fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        literal.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let name = inner.split_once('>').map(|(name, _)| name);
        let name = name.filter(|name| is_name(name));
        match name {
            None => {
                literal.push('<');
                rest = inner;
            }
            Some(name) => {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(match name {
                    "_" => Part::Any,
                    name => Part::Named(name.to_owned()),
                });
                rest = &inner[name.len() + 1..];
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn follow_each_other(parts: &[Part]) -> bool {
    let literal = |part: &Part| matches!(part, Part::Literal(_));
    parts
        .windows(2)
        .any(|two| !literal(&two[0]) && !literal(&two[1]))
}

/// Stage `pattern`.
#[derive(Debug)]
pub(crate) struct Captures {
    parts: Vec<Part>,
}

impl Captures {
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let parts = parts(text);
        if follow_each_other(&parts) {
            return Err("invalid pattern: consecutive capture is not allowed".to_owned());
        }
        match parts.iter().any(|part| matches!(part, Part::Named(_))) {
            true => Ok(Self { parts }),
            false => Err("invalid pattern: at least one capture is required".to_owned()),
        }
    }

    /// What was found up to the first literal that is not there.
    pub(crate) fn run(&self, line: &mut Line) {
        let text = std::mem::take(&mut line.text);
        let mut rest = text.as_str();
        let mut parts = self.parts.iter().peekable();
        if let Some(Part::Literal(first)) = parts.peek() {
            // A pattern that begins with a text is one of lines that begin with it.
            match rest.strip_prefix(first.as_str()) {
                Some(after) => rest = after,
                None => parts = [].iter().peekable(),
            }
            parts.next();
        }
        while let Some(part) = parts.next() {
            let (value, after) = match parts.next() {
                Some(Part::Literal(literal)) => match rest.split_once(literal.as_str()) {
                    Some(found) => found,
                    None => (rest, ""),
                },
                Some(Part::Named(_) | Part::Any) | None => (rest, ""),
            };
            if let Part::Named(name) = part
                && !rest.is_empty()
            {
                line.labels.extract(name, value);
            }
            rest = after;
        }
        line.text = text;
    }
}

/// Line filter `|>`: the line is of this shape.
#[derive(Debug)]
pub(crate) struct LinePattern {
    parts: Vec<Part>,
}

impl LinePattern {
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let parts = parts(text);
        if parts.iter().any(|part| matches!(part, Part::Named(_))) {
            return Err("pattern filters have no named captures, only <_>".to_owned());
        }
        match follow_each_other(&parts) {
            true => Err("invalid pattern: consecutive capture is not allowed".to_owned()),
            false => Ok(Self { parts }),
        }
    }

    /// As Loki looks: the first text may be anywhere, each other is looked for where the one
    /// before ended, and a placeholder stands for something.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (Some(last), false) = (self.parts.last(), text.is_empty()) else {
            return self.parts.is_empty() && text.is_empty();
        };
        let mut rest = text;
        for (at, part) in self.parts.iter().enumerate() {
            let Part::Literal(literal) = part else {
                continue;
            };
            match rest.split_once(literal.as_str()) {
                Some((before, after)) if at == 0 || !before.is_empty() => rest = after,
                _ => return false,
            }
        }
        rest.is_empty() == matches!(last, Part::Literal(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_lines_match() {
        for (pattern, text, matches) in [
            ("<_> done", "it is done", true),
            ("<_> done", "it is done now", false),
            ("user <_> in", "user ada in", true),
            ("user <_>", "user ", false),
            ("user <_>", "the user ada", true),
            ("<_> bar", "foo bar baz", false),
            ("<_> bar <_>", " bar ", false),
            ("<_>bar<_>", " bar ", true),
            ("<_>", "x", true),
            ("<_>", "", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("<_>a<_>b<_>", "xxaxxbxx", true),
            ("a < b <_>", "a < b c", true),
            ("", "", true),
        ] {
            let known = LinePattern::of(pattern).unwrap();
            assert_eq!(known.matches(text), matches, "{pattern}: {text}");
        }
        assert!(LinePattern::of("<a> b").is_err());
        assert!(Captures::of("<a><b>").is_err());
        assert!(Captures::of("no captures <_>").is_err());
    }

    #[test]
    fn patterns_take_what_is_at_their_places() {
        for (pattern, text, found) in [
            ("user <name> in", "user ada in", "name=ada"),
            ("user <name> in", "the user ada in", ""),
            ("<_>user <name> in", "the user ada in", "name=ada"),
            ("<a>=<b>", "x", "a=x"),
            ("<path>?<_>", "/api/status", "path=/api/status"),
            ("<a> <b>", "", ""),
        ] {
            let mut line = Line {
                text: text.to_owned(),
                ..Line::default()
            };
            Captures::of(pattern).unwrap().run(&mut line);
            let labels: Vec<_> = line
                .labels
                .iter()
                .map(|(name, value, _)| format!("{name}={value}"))
                .collect();
            assert_eq!(labels.join(" "), found, "{pattern}: {text}");
            assert_eq!(line.text, text);
        }
    }
}
