//! What the OTLP requests for logs and traces have in common: items within scopes
//! within resources, as protobuf or JSON. One item is decoded at a time.
//!
//! Source: `opentelemetry/proto/{logs,trace}/v1/*.proto`, and
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: in JSON, ids are
//! hexadecimal, enums are numbers, unknown members are ignored.
//!
//! What is wrong between the items refuses the body; what is wrong within one leaves
//! that one out.

use std::fmt;

use crate::any_value::KeyValue;
use crate::item_limits::check_size;
use crate::json::{self, Number, each_item, members};
use crate::logs::{Field, Stream};
use crate::protobuf::Reader;
use crate::refused::{Refused, Skipped};

/// What a signal calls its three levels.
pub(crate) struct Names {
    pub(crate) protobuf: [&'static str; 3],
    pub(crate) json: [&'static str; 3],
}

/// What the walk meets.
pub(crate) enum Part<'a, 'w, B: ?Sized> {
    Resource(&'w Stream<'a>),
    Item { scope: &'w Scope<'a>, item: &'a B },
}

/// Where in the body an item is.
struct Position {
    names: [&'static str; 3],
    at: [usize; 3],
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [resources, scopes, items] = self.names;
        let [resource, scope, item] = self.at;
        write!(
            f,
            "{resources}[{resource}].{scopes}[{scope}].{items}[{item}]"
        )
    }
}

/// The number of the attributes in a resource, and of what it holds in a list of
/// resources or scopes.
const RESOURCE_ATTRIBUTES: u32 = 1;
const HEAD: u32 = 1;
const ITEMS: u32 = 2;

/// Walks a request in protobuf.
pub(crate) fn protobuf<'a>(
    body: &'a [u8],
    names: &Names,
    mut each: impl FnMut(Part<'a, '_, [u8]>) -> Result<(), Refused>,
) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let [resources, scopes, _] = names.protobuf;
    let mut position = Position {
        names: names.protobuf,
        at: [0; 3],
    };
    numbered(body, 1, |index, resource_items| {
        position.at[0] = index;
        let stream = resource_of(resource_items)?;
        each(Part::Resource(&stream))?;
        numbered(resource_items, ITEMS, |index, scope_items| {
            position.at[1] = index;
            let scope = scope_of(scope_items)?;
            numbered(scope_items, ITEMS, |index, item| {
                let taken = check_size(item.len()).and_then(|()| {
                    each(Part::Item {
                        scope: &scope,
                        item,
                    })
                });
                if let Err(reason) = taken {
                    position.at[2] = index;
                    skipped.note(|| reason.within(&position).to_string());
                }
                Ok(())
            })
            .map_err(|e| e.within(&format_args!("{scopes}[{index}]")))
        })
        .map_err(|e| e.within(&format_args!("{resources}[{index}]")))
    })?;
    Ok(skipped)
}

/// Calls `each` with the bytes of every field `number`.
#[inline]
fn numbered<'a>(
    bytes: &'a [u8],
    number: u32,
    mut each: impl FnMut(usize, &'a [u8]) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut message = Reader::new(bytes);
    let mut index = 0;
    while let Some(field) = message.field().map_err(|e| e.at("message"))? {
        if field.number == number {
            each(index, field.bytes().map_err(|e| e.at("message"))?)?;
            index += 1;
        }
    }
    Ok(())
}

fn resource_of(bytes: &[u8]) -> Result<Stream<'_>, Refused> {
    let mut fields = Vec::new();
    numbered(bytes, HEAD, |_, resource| {
        check_size(resource.len())?;
        numbered(resource, RESOURCE_ATTRIBUTES, |_, attribute| {
            KeyValue::of_protobuf(attribute)?.flatten(&mut fields)
        })
    })
    .map_err(|e| e.within(&"resource"))?;
    Ok(stream(fields))
}

fn scope_of(bytes: &[u8]) -> Result<Scope<'_>, Refused> {
    let mut scope = Scope::default();
    numbered(bytes, HEAD, |_, sent| {
        check_size(sent.len())?;
        let mut message = Reader::new(sent);
        while let Some(field) = message.field().map_err(|e| e.at("message"))? {
            match field.number {
                1 => scope.name.0 = field.lossy().map_err(|e| e.at("name"))?,
                2 => scope.version.0 = field.lossy().map_err(|e| e.at("version"))?,
                _ => {}
            }
        }
        Ok(())
    })
    .map_err(|e| e.within(&"scope"))?;
    Ok(scope)
}

/// Walks a request in JSON.
pub(crate) fn json(
    body: &[u8],
    names: &Names,
    mut each: impl FnMut(Part<'_, '_, str>) -> Result<(), Refused>,
) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let [resources, scopes, items] = names.json;
    // Protobuf's mapping to JSON lets readers take the original names too.
    let [old_resources, old_scopes, old_items] = names.protobuf;
    let mut position = Position {
        names: names.json,
        at: [0; 3],
    };
    let text = json::text(body);
    let [list] = members(&text, [&[resources, old_resources]]).map_err(|e| e.within(&"body"))?;
    each_item(list.unwrap_or("[]"), |index, json| {
        position.at[0] = index;
        let [resource, list] = members(json, [&["resource"], &[scopes, old_scopes]])?;
        let stream = resource_of_json(resource)?;
        each(Part::Resource(&stream))?;
        each_item(list.unwrap_or("[]"), |index, json| {
            position.at[1] = index;
            let [scope, list] = members(json, [&["scope"], &[items, old_items]])?;
            let scope = scope_of_json(scope)?;
            each_item(list.unwrap_or("[]"), |index, item| {
                let taken = check_size(item.len()).and_then(|()| {
                    each(Part::Item {
                        scope: &scope,
                        item,
                    })
                });
                if let Err(reason) = taken {
                    position.at[2] = index;
                    skipped.note(|| reason.within(&position).to_string());
                }
                Ok(())
            })
            .map_err(|e| e.within(&items))
        })
        .map_err(|e| e.within(&scopes))
    })
    .map_err(|e| e.within(&resources))?;
    Ok(skipped)
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    attributes: Vec<KeyValue<'a>>,
}

/// What made the items: an instrumentation library, most often.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Scope<'a> {
    #[serde(borrow, deserialize_with = "json::null_is_default")]
    pub(crate) name: json::Text<'a>,
    /// A number counts as its text: some write `"version": 1`.
    #[serde(borrow, deserialize_with = "json::text_or_scalar")]
    pub(crate) version: json::Text<'a>,
}

impl Scope<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.name.0
    }

    pub(crate) fn version(&self) -> &str {
        &self.version.0
    }
}

fn resource_of_json(json: Option<&str>) -> Result<Stream<'_>, Refused> {
    let json = json.unwrap_or("{}");
    let mut fields = Vec::new();
    check_size(json.len())
        .and_then(|()| json::read::<Resource<'_>>(json))
        .and_then(|resource| flatten(resource.attributes, &mut fields))
        .map_err(|e| e.within(&"resource"))?;
    Ok(stream(fields))
}

fn scope_of_json(json: Option<&str>) -> Result<Scope<'_>, Refused> {
    let json = json.unwrap_or("{}");
    check_size(json.len())
        .and_then(|()| json::read::<Scope<'_>>(json))
        .map_err(|e| e.within(&"scope"))
}

pub(crate) fn flatten<'a>(
    attributes: Vec<KeyValue<'a>>,
    fields: &mut Vec<Field<'a>>,
) -> Result<(), Refused> {
    attributes
        .into_iter()
        .try_for_each(|attribute| attribute.flatten(fields))
}

fn stream(fields: Vec<Field<'_>>) -> Stream<'_> {
    Stream {
        service: crate::log_text::service(&fields, &["service.name"]),
        fields,
    }
}

/// Times on the wire count from 1970 without a sign; 0 says nothing.
pub(crate) fn time(unsigned: u64, field: &str) -> Result<Option<i64>, Refused> {
    match i64::try_from(unsigned) {
        Ok(0) => Ok(None),
        Ok(time) => Ok(Some(time)),
        Err(_) => {
            let detail = format!("{unsigned} ns lies after the year 2262");
            Err(Refused::new(field, detail))
        }
    }
}

/// `fixed64` in JSON.
pub(crate) fn json_time(number: Option<Number<'_>>, field: &str) -> Result<Option<i64>, Refused> {
    let Some(Number(text)) = number else {
        return Ok(None);
    };
    let unsigned = text.parse().map_err(|_| {
        let detail = format!("{text:?} is not a whole number of 64 bits");
        Refused::new(field, detail)
    })?;
    time(unsigned, field)
}

/// An id of `N` bytes; none where it is empty or zero, which is no id.
#[inline]
pub(crate) fn id<const N: usize>(bytes: &[u8], field: &str) -> Result<Option<[u8; N]>, Refused> {
    match <[u8; N]>::try_from(bytes) {
        Ok(id) if id == [0; N] => Ok(None),
        Ok(id) => Ok(Some(id)),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => {
            let detail = format!("it has {} bytes where an id has {N}", bytes.len());
            Err(Refused::new(field, detail))
        }
    }
}
