//! `1 TIMESTAMP HOST APP PROCID MSGID [ID NAME="VALUE" ...] MESSAGE`.

use std::borrow::Cow;

use super::Message;
use crate::item_limits::MAX_FIELDS;
use crate::logs::Field;
use crate::times;

/// None where it is not of this version.
pub(super) fn parse(text: &str) -> Option<Message<'_>> {
    let rest = text.strip_prefix("1 ")?;
    let (time, rest) = word(rest)?;
    let time_ns = match time {
        "" => None,
        time => Some(times::of_rfc3339(time)?),
    };
    let (host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (kind, rest) = word(rest)?;
    let mut fields = Vec::new();
    for (name, value) in [("procid", process), ("msgid", kind)] {
        if !value.is_empty() {
            fields.push((name.into(), value.into()));
        }
    }
    let rest = structured(rest, &mut fields)?;
    let text = rest.strip_prefix(' ').unwrap_or(rest);
    Some(Message {
        time_ns,
        host,
        app,
        fields,
        text: text.strip_prefix('\u{feff}').unwrap_or(text),
    })
}

/// The next word and what follows its space; `-` is none.
pub(super) fn word(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(' ')?;
    Some((if word == "-" { "" } else { word }, rest))
}

/// Adds the parameters as `id.name`; returns what follows. None where it is malformed.
fn structured<'a>(text: &'a str, fields: &mut Vec<Field<'a>>) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let mut rest = text.strip_prefix('[')?;
    loop {
        let end = rest.find([' ', ']'])?;
        let id = &rest[..end];
        rest = &rest[end..];
        while let Some(parameter) = rest.strip_prefix(' ') {
            let (name, after) = parameter.split_once("=\"")?;
            let (value, after) = value(after)?;
            if fields.len() < MAX_FIELDS {
                fields.push((Cow::Owned(format!("{id}.{name}")), value));
            }
            rest = after;
        }
        rest = rest.strip_prefix(']')?;
        match rest.strip_prefix('[') {
            Some(next) => rest = next,
            None => return Some(rest),
        }
    }
}

/// A value up to its closing quote; `\"`, `\\` and `\]` are escapes.
pub(super) fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(['"', '\\'])?;
        value.push_str(&rest[..end]);
        let after = &rest[end + 1..];
        if rest.as_bytes()[end] == b'"' {
            return Some((Cow::Owned(value), after));
        }
        if !after.starts_with(['"', '\\', ']']) {
            value.push('\\');
            rest = after;
            continue;
        }
        value.push_str(&after[..1]);
        rest = &after[1..];
    }
}
