//! Reading JSON in place: parts of a body are borrowed as they were written, lists are
//! walked without being collected, and errors say where.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memmem};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::item_limits::{self, MAX_DEPTH};
use crate::logs::Field;
use crate::refused::Refused;

/// Text that borrows from the body unless it has escapes.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A number, bare or within a string, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number<'a>(pub(crate) Cow<'a, str>);

/// A body as text. What no text can hold is U+FFFD: bytes that are not UTF-8, and the halves
/// of characters that JavaScript cuts in two and writes as `\ud83d`. One of them in one line
/// must not cost the line, nor the others that came with it.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(body).map(Cow::Borrowed);
    let text = text.unwrap_or_else(|_| String::from_utf8_lossy(body));
    let has = |begin: &[u8]| memmem::find(text.as_bytes(), begin).is_some();
    match has(b"\\ud") || has(b"\\uD") {
        true => without_halves(text),
        false => text,
    }
}

fn without_halves(text: Cow<'_, str>) -> Cow<'_, str> {
    let halves = halves(text.as_bytes());
    if halves.is_empty() {
        return text;
    }
    let mut bytes = text.into_owned().into_bytes();
    for at in halves {
        bytes[at + 2..at + 6].copy_from_slice(b"fffd");
    }
    Cow::Owned(String::from_utf8(bytes).expect("digits took the places of digits"))
}

/// Where escapes are of one half of a character, without the other.
fn halves(text: &[u8]) -> Vec<usize> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = memchr(b'\\', text.get(at..).unwrap_or_default()) {
        let begin = at + next;
        let Some(unit) = unit_at(text, begin) else {
            // What is escaped may be a backslash itself.
            at = begin + 2;
            continue;
        };
        at = begin + 6;
        match unit {
            0xd800..0xdc00 if matches!(unit_at(text, at), Some(0xdc00..0xe000)) => at += 6,
            0xd800..0xe000 => found.push(begin),
            _ => {}
        }
    }
    found
}

/// The unit of UTF-16 that is written `\uXXXX` at `at`.
fn unit_at(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Reads a `T`; the error's field is relative to it and empty for all of it.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Refused> {
    serde_json::from_str(json).or_else(|_| {
        // Following the path costs more than reading: only who is wrong pays for it.
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| refused(&error.path().to_string(), error.inner()))?;
        deserializer.end().map_err(|error| refused("", &error))?;
        Ok(value)
    })
}

fn refused(path: &str, error: &serde_json::Error) -> Refused {
    let field = if path == "." { "" } else { path };
    let detail = error.to_string();
    // Lines and columns would count from the part, not from the body.
    let detail = detail.split(" at line ").next().unwrap_or_default();
    Refused::new(field, detail)
}

/// The members of an object that have one of the names; `null` is none.
pub(crate) fn members<'a, const N: usize>(
    json: &'a str,
    names: [&[&str]; N],
) -> Result<[Option<&'a str>; N], Refused> {
    let mut found = [None; N];
    each_member(json, |name, value| {
        let known = names.iter().position(|names| names.contains(&&*name));
        if let Some(index) = known {
            found[index] = Some(value).filter(|value| *value != "null");
        }
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` with every member of an object, the value as it was written.
pub(crate) fn each_member<'a>(
    json: &'a str,
    each: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), Refused>,
) -> Result<(), Refused> {
    walk(json, |deserializer, stopped| {
        deserializer.deserialize_map(Members { each, stopped })
    })
}

/// Calls `each` with every item of a list, as it was written; errors name the item.
pub(crate) fn each_item<'a>(
    json: &'a str,
    each: impl FnMut(usize, &'a str) -> Result<(), Refused>,
) -> Result<(), Refused> {
    walk(json, |deserializer, stopped| {
        deserializer.deserialize_seq(Items { each, stopped })
    })
}

fn walk<'a>(
    json: &'a str,
    visit: impl FnOnce(
        &mut serde_json::Deserializer<serde_json::de::StrRead<'a>>,
        &mut Option<Refused>,
    ) -> serde_json::Result<()>,
) -> Result<(), Refused> {
    let mut stopped = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let visited = visit(&mut deserializer, &mut stopped).and_then(|()| deserializer.end());
    match stopped {
        Some(reason) => Err(reason),
        None => visited.map_err(|error| refused("", &error)),
    }
}

struct Members<'s, F> {
    each: F,
    stopped: &'s mut Option<Refused>,
}

impl<'de, F> Visitor<'de> for Members<'_, F>
where
    F: FnMut(Cow<'de, str>, &'de str) -> Result<(), Refused>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            if let Err(reason) = (self.each)(name, value.get()) {
                *self.stopped = Some(reason);
                return Err(de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

struct Items<'s, F> {
    each: F,
    stopped: &'s mut Option<Refused>,
}

impl<'de, F> Visitor<'de> for Items<'_, F>
where
    F: FnMut(usize, &'de str) -> Result<(), Refused>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(item) = list.next_element::<&'de RawValue>()? {
            if let Err(reason) = (self.each)(index, item.get()) {
                *self.stopped = Some(reason.within(&format_args!("[{index}]")));
                return Err(de::Error::custom("stopped"));
            }
            index += 1;
        }
        Ok(())
    }
}

/// Adds what an object says as fields: dotted names where objects nest, text as it
/// is, lists and what lies deeper than `depth` as it was written, `null` not at all.
/// `prefix` is empty or ends in a dot.
pub(crate) fn flatten<'a>(
    object: &'a str,
    prefix: &str,
    depth: usize,
    fields: &mut Vec<Field<'a>>,
) -> Result<(), Refused> {
    each_member(object, |name, value| {
        let name = match prefix {
            "" => name,
            prefix => Cow::Owned(format!("{prefix}{name}")),
        };
        flatten_member(name, value, depth, fields)
    })
}

/// The same for one member.
pub(crate) fn flatten_member<'a>(
    name: Cow<'a, str>,
    value: &'a str,
    depth: usize,
    fields: &mut Vec<Field<'a>>,
) -> Result<(), Refused> {
    if value == "null" {
        return Ok(());
    }
    if value.starts_with('{') && depth > 0 {
        return flatten(value, &format!("{name}."), depth - 1, fields);
    }
    item_limits::push(fields, name, scalar(value)?)
}

/// Nesting that [`flatten`] follows for senders' own objects.
pub(crate) const FLATTEN_DEPTH: usize = 8;
const _: () = assert!(FLATTEN_DEPTH < MAX_DEPTH);

/// Text as it is, anything else as it was written.
pub(crate) fn scalar(json: &str) -> Result<Cow<'_, str>, Refused> {
    if json.starts_with('"') {
        return read::<Text<'_>>(json).map(|text| text.0);
    }
    Ok(Cow::Borrowed(json))
}

/// For texts that some write as numbers; `null` is none.
pub(crate) fn text_or_scalar<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Text<'de>, D::Error> {
    let written = Option::<&RawValue>::deserialize(deserializer)?;
    let text = written.map(|written| scalar(written.get())).transpose();
    text.map(|text| Text(text.unwrap_or_default()))
        .map_err(de::Error::custom)
}

/// For members that may be `null` where they could be left out.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Number<'_> {
    pub(crate) fn integer(&self) -> Result<i64, String> {
        self.0
            .parse()
            .map_err(|_| format!("{:?} is not a whole number of 64 bits", self.0))
    }

    pub(crate) fn double(&self) -> Result<f64, String> {
        // Rust reads "Infinity" and "NaN" as protobuf writes them.
        self.0
            .parse()
            .map_err(|_| format!("{:?} is not a number", self.0))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Number<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes()[0] {
            b'"' => {
                let text = serde_json::from_str::<Text<'de>>(raw).map_err(de::Error::custom)?;
                Ok(Self(text.0))
            }
            b'-' | b'0'..=b'9' => Ok(Self(Cow::Borrowed(raw))),
            _ => {
                let start: String = raw.chars().take(32).collect();
                Err(de::Error::custom(format!("`{start}` is not a number")))
            }
        }
    }
}

/// Calls `each` with the lines that are not blank, and their numbers from 1.
pub(crate) fn each_line<'a>(
    text: &'a str,
    mut each: impl FnMut(usize, &'a str) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty())
        .try_for_each(|(index, line)| each(index + 1, line))
}

/// Calls `each` with every object of a body that is a list, an object with the list
/// as member `list`, one object, or one object a line; `each` gets its place too.
pub(crate) fn each_object<'a>(
    body: &'a str,
    list: &str,
    mut each: impl FnMut(&dyn fmt::Display, &'a str) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let body = body.trim();
    let mut items = |json, name: &str| {
        let walked = each_item(json, |index, item| {
            each(&format_args!("{name}[{index}]"), item)
        });
        walked.map_err(|e| e.within(&name))
    };
    if body.starts_with('[') {
        return items(body, "");
    }
    let first = body.split(['\n', '\r']).next().unwrap_or_default();
    let whole = members(first, [&[]; 0]).is_err() || first.len() == body.len();
    if !whole {
        return each_line(body, |number, line| {
            each(&format_args!("line {number}"), line)
        });
    }
    let [listed] = members(body, [&[list]]).map_err(|e| e.within(&"body"))?;
    match listed {
        Some(json) => items(json, list),
        None => each(&"body", body),
    }
}
