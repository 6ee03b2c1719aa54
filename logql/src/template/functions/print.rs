//! `printf`.

use super::super::value::Value;

/// Wider fields are mistakes.
const WIDEST: usize = 1_000;

/// Go's verbs for text, numbers and truth, with flags `-` and `0`, width and precision.
pub(super) fn formatted(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut values = arguments.iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let verb_at = after.find(|c: char| c.is_ascii_alphabetic());
        let Some(verb_at) = verb_at else {
            out.push('%');
            rest = after;
            continue;
        };
        let (spec, tail) = after.split_at(verb_at);
        let verb = tail.chars().next().unwrap_or('v');
        rest = &tail[verb.len_utf8()..];
        match values.next() {
            Some(value) => out.push_str(&one(spec, verb, value)),
            None => out.push_str(&format!("%!{verb}(MISSING)")),
        }
    }
    out.push_str(rest);
    out
}

fn one(spec: &str, verb: char, value: &Value) -> String {
    let flags_end = spec.find(|c: char| !matches!(c, '-' | '+' | '0' | ' ' | '#'));
    let (flags, sizes) = spec.split_at(flags_end.unwrap_or(spec.len()));
    let (width, precision) = match sizes.split_once('.') {
        Some((width, precision)) => (width, Some(precision.parse().unwrap_or(0).min(WIDEST))),
        None => (sizes, None),
    };
    let width: usize = width.parse().unwrap_or(0).min(WIDEST);
    let text = match (verb, value) {
        ('d', value) => value.int().to_string(),
        ('x', Value::Text(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ('x', value) => format!("{:x}", value.int()),
        ('f', value) => format!("{:.*}", precision.unwrap_or(6), value.float()),
        ('e', value) => format!("{:.*e}", precision.unwrap_or(6), value.float()),
        ('q', value) => format!("{:?}", value.to_string()),
        (_, value) => match precision {
            Some(count) => value.to_string().chars().take(count).collect(),
            None => value.to_string(),
        },
    };
    match (flags.contains('-'), flags.contains('0') && verb != 's') {
        (true, _) => format!("{text:<width$}"),
        (false, true) => match text.strip_prefix('-') {
            Some(digits) => format!("-{digits:0>width$}", width = width.saturating_sub(1)),
            None => format!("{text:0>width$}"),
        },
        (false, false) => format!("{text:>width$}"),
    }
}
