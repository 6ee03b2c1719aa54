//! What log lines say of themselves, whatever brought them: the fields of a JSON body,
//! a level and trace ids among the fields, `level=` in text. What the sender says
//! beside the line counts more.

use std::borrow::Cow;

use crate::hex_ids;
use crate::item_limits::MAX_FIELDS;
use crate::json::{self, FLATTEN_DEPTH};
use crate::logs::{Field, Level, LogRecord};

/// The service of what says none.
pub(crate) const UNKNOWN_SERVICE: &str = "unknown_service";

/// Fields that a JSON body may add.
pub(crate) const MAX_PARSED_FIELDS: usize = 64;
/// Bytes of a text in which a level is looked for.
const LEVEL_WITHIN: usize = 512;

const LEVEL_NAMES: [&str; 6] = [
    "level",
    "detected_level",
    "severity",
    "log.level",
    "lvl",
    "severity_text",
];
const TRACE_NAMES: [&str; 4] = ["trace_id", "traceId", "trace.id", "traceID"];
const SPAN_NAMES: [&str; 4] = ["span_id", "spanId", "span.id", "spanID"];

/// Completes a record from its own body and fields. `stream` are the fields that the
/// record shares with others.
pub(crate) fn complete<'r>(record: &mut LogRecord<'r>, body: &'r str, stream: &[Field<'_>]) {
    if body.trim_ascii_start().starts_with('{') {
        add_parsed(&mut record.fields, body);
    }
    if record.level == Level::Unknown {
        find_level(record, body, stream);
    }
    if record.trace_id.is_none() {
        record.trace_id = find(&record.fields, &TRACE_NAMES).and_then(hex_ids::parse);
    }
    if record.span_id.is_none() {
        record.span_id = find(&record.fields, &SPAN_NAMES).and_then(hex_ids::parse);
    }
}

/// Adds the members of a JSON object, up to [`MAX_PARSED_FIELDS`]; of what is no JSON
/// nothing. The sender's fields of the same name stay as they are.
fn add_parsed<'r>(fields: &mut Vec<Field<'r>>, body: &'r str) {
    let mut parsed = Vec::new();
    if json::flatten(body, "", FLATTEN_DEPTH, &mut parsed).is_err() {
        return;
    }
    let own = fields.len();
    let room = MAX_PARSED_FIELDS.min(MAX_FIELDS.saturating_sub(own));
    for field in parsed.into_iter().take(room) {
        if !fields[..own].iter().any(|(name, _)| *name == field.0) {
            fields.push(field);
        }
    }
}

fn find_level<'r>(record: &mut LogRecord<'r>, body: &'r str, stream: &[Field<'_>]) {
    let said = find(&record.fields, &LEVEL_NAMES).map(|word| (level(word), word.to_owned()));
    let said = said.or_else(|| {
        let word = find(stream, &LEVEL_NAMES)?;
        Some((level(word), word.to_owned()))
    });
    match said {
        Some((level, word)) => set_level(record, level, Cow::Owned(word)),
        None => {
            if let Some(word) = level_in(body) {
                set_level(record, level(word), Cow::Borrowed(word));
            }
        }
    }
}

fn set_level<'r>(record: &mut LogRecord<'r>, level: Level, word: Cow<'r, str>) {
    record.level = level;
    if record.level_text.is_empty() {
        record.level_text = word;
    }
}

/// From a word, or from the numbers of pino and bunyan (30 is info).
pub(crate) fn level(word: &str) -> Level {
    match word {
        "10" => Level::Trace,
        "20" => Level::Debug,
        "30" => Level::Info,
        "40" => Level::Warn,
        "50" => Level::Error,
        "60" => Level::Fatal,
        word => Level::of_word(word),
    }
}

/// The word after `level=` (or `lvl=`, `severity=`) near the start of a text.
fn level_in(body: &str) -> Option<&str> {
    let end = body.floor_char_boundary(LEVEL_WITHIN);
    let start = &body[..end];
    ["level=", "lvl=", "severity="].iter().find_map(|name| {
        let at = start.find(name)?;
        let before = start[..at].bytes().next_back();
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return None;
        }
        let word = start[at + name.len()..].trim_start_matches('"');
        let length = word.bytes().take_while(u8::is_ascii_alphanumeric).count();
        Some(&word[..length]).filter(|word| level(word) != Level::Unknown)
    })
}

/// The value of the first of `names` that is there and not empty.
pub(crate) fn find<'f>(fields: &'f [Field<'_>], names: &[&str]) -> Option<&'f str> {
    names.iter().find_map(|name| {
        let (_, value) = fields.iter().find(|(known, _)| known == name)?;
        Some(&**value).filter(|value| !value.is_empty())
    })
}

/// The service that the fields name.
pub(crate) fn service<'a>(fields: &[Field<'a>], names: &[&str]) -> Cow<'a, str> {
    let named = names.iter().find_map(|name| {
        let (_, value) = fields.iter().find(|(known, _)| known == name)?;
        Some(value.clone()).filter(|value| !value.is_empty())
    });
    named.unwrap_or(Cow::Borrowed(UNKNOWN_SERVICE))
}
