//! Expressions back into text: on one line, or laid out where a line would be long.

use super::ast::*;
use crate::{
    duration, number,
    source::{Comparison, Matcher},
};
use protocols::metrics::NAME;
use std::fmt;

/// Longer expressions are laid out over several lines.
const LINE: usize = 100;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Number(value) => f.write_str(&number::shortest(*value)),
            Kind::Text(text) => f.write_str(&quoted(text)),
            Kind::Paren(inner) => write!(f, "({inner})"),
            Kind::Unary { minus, inner } => write!(f, "{}{inner}", sign(*minus)),
            Kind::Binary(b) => write!(f, "{} {} {}", b.left, operator(b), b.right),
            Kind::Aggregate(a) => {
                write!(f, "{}(", head(a))?;
                if let Some(parameter) = &a.parameter {
                    write!(f, "{parameter}, ")?;
                }
                write!(f, "{})", a.inner)
            }
            Kind::Call(call) => {
                let arguments: Vec<_> = call.arguments.iter().map(Self::to_string).collect();
                write!(f, "{}({})", call.function.name, arguments.join(", "))
            }
            Kind::Selector(s) => write!(f, "{}{}", bare(s), modifiers(s.at, s.offset_ms)),
            Kind::Range { selector, range_ms } => match &selector.kind {
                Kind::Selector(s) => {
                    let range = duration::format(*range_ms);
                    write!(f, "{}[{range}]{}", bare(s), modifiers(s.at, s.offset_ms))
                }
                _ => Ok(()),
            },
            Kind::Subquery(s) => write!(f, "{}{}", s.inner, brackets(s)),
        }
    }
}

fn sign(minus: bool) -> &'static str {
    if minus { "-" } else { "+" }
}

fn brackets(subquery: &Subquery) -> String {
    let step = subquery.step_ms.map(duration::format).unwrap_or_default();
    format!(
        "[{}:{step}]{}",
        duration::format(subquery.range_ms),
        modifiers(subquery.at, subquery.offset_ms)
    )
}

fn modifiers(at: Option<At>, offset_ms: i64) -> String {
    let mut text = match at {
        None => String::new(),
        Some(At::Time(ms)) => {
            let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
            format!(" @ {sign}{}.{:03}", ms / 1000, ms % 1000)
        }
        Some(At::Start) => " @ start()".to_owned(),
        Some(At::End) => " @ end()".to_owned(),
    };
    if offset_ms != 0 {
        text.push_str(&format!(" offset {}", duration::format(offset_ms)));
    }
    text
}

/// As Go quotes; bytes that are no text are spelled in hexadecimal.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                letter if letter.is_ascii_control() => {
                    text.push_str(&format!("\\x{:02x}", u32::from(letter)));
                }
                letter if letter.is_control() => {
                    text.push_str(&format!("\\u{:04x}", u32::from(letter)));
                }
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.push('"');
    text
}

/// A label's name, quoted where it is not a plain one.
fn label(name: &str) -> String {
    let plain = name
        .bytes()
        .enumerate()
        .all(|(at, b)| b.is_ascii_alphabetic() || b == b'_' || (at > 0 && b.is_ascii_digit()));
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        quoted(name.as_bytes())
    }
}

fn labels(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| label(name)).collect();
    names.join(", ")
}

fn bare(selector: &Selector) -> String {
    let name = selector.name.as_deref().unwrap_or_default();
    let plain = label(&name.replace(':', "_")) == name.replace(':', "_");
    let mut parts = Vec::new();
    if !plain && !name.is_empty() {
        parts.push(quoted(name.as_bytes()));
    }
    for matcher in &selector.matchers {
        if !(selector.name.is_some() && matcher.name == NAME && matcher.value == name) {
            parts.push(comparison(matcher));
        }
    }
    let before = if plain { name } else { "" };
    if parts.is_empty() && !before.is_empty() {
        return before.to_owned();
    }
    format!("{before}{{{}}}", parts.join(","))
}

fn comparison(matcher: &Matcher) -> String {
    let sign = match matcher.comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Matches => "=~",
        Comparison::MatchesNot => "!~",
    };
    let value = quoted(matcher.value.as_bytes());
    format!("{}{sign}{value}", label(&matcher.name))
}

fn operator(binary: &Binary) -> String {
    let mut text = binary.op.sign().to_owned();
    if binary.returns_bool {
        text.push_str(" bool");
    }
    let Some(matching) = &binary.matching else {
        return text;
    };
    if matching.on || !matching.labels.is_empty() {
        let word = if matching.on { "on" } else { "ignoring" };
        text.push_str(&format!(" {word} ({})", labels(&matching.labels)));
    }
    let side = match matching.cardinality {
        Cardinality::OneToOne => return text,
        Cardinality::ManyToOne => "group_left",
        Cardinality::OneToMany => "group_right",
    };
    text.push_str(&format!(" {side} ({})", labels(&matching.include)));
    text
}

fn head(aggregate: &Aggregate) -> String {
    let name = aggregate.op.name();
    match &aggregate.grouping {
        Grouping::By(names) if names.is_empty() => name.to_owned(),
        Grouping::By(names) => format!("{name} by ({}) ", labels(names)),
        Grouping::Without(names) => format!("{name} without ({}) ", labels(names)),
    }
}

/// Laid out with two spaces per level where one line is not enough.
pub(crate) fn pretty(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let line = expr.to_string();
    if line.len() <= LINE {
        return format!("{indent}{line}");
    }
    match &expr.kind {
        Kind::Paren(inner) => {
            format!("{indent}(\n{}\n{indent})", pretty(inner, level + 1))
        }
        Kind::Unary { minus, inner } => {
            let inner = pretty(inner, level);
            format!("{indent}{}{}", sign(*minus), inner.trim_start())
        }
        Kind::Binary(b) => format!(
            "{}\n{indent}{}\n{}",
            pretty(&b.left, level + 1),
            operator(b),
            pretty(&b.right, level + 1)
        ),
        Kind::Aggregate(a) => {
            let mut arguments = Vec::new();
            if let Some(parameter) = &a.parameter {
                arguments.push(pretty(parameter, level + 1));
            }
            arguments.push(pretty(&a.inner, level + 1));
            format!("{indent}{}(\n{}\n{indent})", head(a), arguments.join(",\n"))
        }
        Kind::Call(call) => {
            let arguments: Vec<_> = call
                .arguments
                .iter()
                .map(|argument| pretty(argument, level + 1))
                .collect();
            let name = call.function.name;
            format!("{indent}{name}(\n{}\n{indent})", arguments.join(",\n"))
        }
        Kind::Subquery(s) => format!("{}{}", pretty(&s.inner, level), brackets(s)),
        _ => format!("{indent}{line}"),
    }
}
