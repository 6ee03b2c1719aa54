//! OpenTelemetry's `AnyValue` and `KeyValue`, from protobuf or JSON, and how they
//! become fields: text as it is, other scalars and arrays as JSON, nested lists of
//! pairs under dotted names. Bytes are base64, as JSON has them.
//!
//! Source: `opentelemetry/proto/common/v1/common.proto` and the mapping of protobuf to
//! JSON. Whole numbers in JSON may be strings.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::item_limits::{self, MAX_DEPTH};
use crate::json::{Number, Text};
use crate::logs::Field;
use crate::protobuf::Reader;
use crate::refused::Refused;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum AnyValue<'a> {
    #[default]
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(Vec<AnyValue<'a>>),
    Pairs(Vec<KeyValue<'a>>),
}

#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct KeyValue<'a> {
    #[serde(borrow)]
    pub(crate) key: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "crate::json::null_is_default")]
    pub(crate) value: AnyValue<'a>,
}

impl Default for KeyValue<'_> {
    fn default() -> Self {
        Self {
            key: Cow::Borrowed(""),
            value: AnyValue::Empty,
        }
    }
}

impl<'a> KeyValue<'a> {
    #[inline]
    pub(crate) fn of_protobuf(bytes: &'a [u8]) -> Result<Self, Refused> {
        pair(bytes, 0)
    }

    /// Adds the fields that it stands for; an empty value stands for none.
    #[inline]
    pub(crate) fn flatten(self, fields: &mut Vec<Field<'a>>) -> Result<(), Refused> {
        match self.value {
            AnyValue::Pairs(pairs) => nested(&self.key, pairs, fields),
            AnyValue::Empty => Ok(()),
            value => item_limits::push(fields, self.key, value.into_text()),
        }
    }
}

#[cold]
fn nested<'a>(
    prefix: &str,
    pairs: Vec<KeyValue<'a>>,
    fields: &mut Vec<Field<'a>>,
) -> Result<(), Refused> {
    for mut pair in pairs {
        pair.key = Cow::Owned(format!("{prefix}.{}", pair.key));
        pair.flatten(fields)?;
    }
    Ok(())
}

#[inline]
fn pair(bytes: &[u8], depth: usize) -> Result<KeyValue<'_>, Refused> {
    let mut pair = KeyValue::default();
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at("attribute"))? {
        match field.number {
            1 => pair.key = field.lossy().map_err(|e| e.at("key"))?,
            2 => {
                let value = field.bytes().map_err(|e| e.at(&pair.key))?;
                pair.value = of_protobuf(value, depth)
                    .map_err(|e| Refused::new(&*pair.key, e.to_string()))?;
            }
            _ => {}
        }
    }
    Ok(pair)
}

fn of_protobuf(bytes: &[u8], depth: usize) -> Result<AnyValue<'_>, Refused> {
    if depth > MAX_DEPTH {
        let detail = format!("values are nested deeper than {MAX_DEPTH}");
        return Err(Refused::new("value", detail));
    }
    let mut value = AnyValue::Empty;
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at("value"))? {
        let at = |e: crate::protobuf::Malformed| e.at("value");
        value = match field.number {
            1 => AnyValue::Text(field.lossy().map_err(at)?),
            2 => AnyValue::Bool(field.uint().map_err(at)? != 0),
            3 => AnyValue::Int(field.int().map_err(at)?),
            4 => AnyValue::Double(field.double().map_err(at)?),
            5 => AnyValue::Array(
                repeated(field.bytes().map_err(at)?)
                    .map(|item| of_protobuf(item?, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            6 => AnyValue::Pairs(
                repeated(field.bytes().map_err(at)?)
                    .map(|item| pair(item?, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            7 => AnyValue::Text(BASE64.encode(field.bytes().map_err(at)?).into()),
            _ => continue,
        };
    }
    Ok(value)
}

/// The bytes of each field 1: an `ArrayValue`'s or `KeyValueList`'s items.
fn repeated(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Refused>> {
    let mut message = Reader::new(bytes);
    std::iter::from_fn(move || {
        loop {
            let field = match message.field().transpose()? {
                Ok(field) if field.number != 1 => continue,
                Ok(field) => field.bytes(),
                Err(error) => Err(error),
            };
            return Some(field.map_err(|e| e.at("values")));
        }
    })
}

impl<'a> AnyValue<'a> {
    pub(crate) fn of_protobuf(bytes: &'a [u8]) -> Result<Self, Refused> {
        of_protobuf(bytes, 0)
    }

    /// Text as it is, nothing as nothing, the rest as JSON.
    #[inline]
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Empty => Cow::Borrowed(""),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Int(number) => Cow::Owned(number.to_string()),
            Self::Double(number) if !number.is_finite() => Cow::Borrowed(not_finite(number)),
            other => Cow::Owned(
                serde_json::to_string(&other).expect("keys are text and writing to memory holds"),
            ),
        }
    }
}

/// As the mapping of protobuf to JSON names them.
fn not_finite(number: f64) -> &'static str {
    if number.is_nan() {
        return "NaN";
    }
    if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

impl Serialize for AnyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Double(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Double(number) => serializer.serialize_str(not_finite(*number)),
            Self::Array(items) => items.serialize(serializer),
            Self::Pairs(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for pair in pairs {
                    map.serialize_entry(&pair.key, &pair.value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for AnyValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfJson)
    }
}

struct OfJson;

#[derive(serde::Deserialize)]
#[serde(default)]
struct Values<T> {
    values: Vec<T>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<'de> Visitor<'de> for OfJson {
    type Value = AnyValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object such as {\"stringValue\": \"text\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = AnyValue::Empty;
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            value = match &*key {
                "stringValue" | "string_value" | "bytesValue" | "bytes_value" => {
                    AnyValue::Text(map.next_value::<Text<'de>>()?.0)
                }
                "boolValue" | "bool_value" => AnyValue::Bool(map.next_value()?),
                "intValue" | "int_value" => AnyValue::Int(
                    map.next_value::<Number<'de>>()?
                        .integer()
                        .map_err(de::Error::custom)?,
                ),
                "doubleValue" | "double_value" => AnyValue::Double(
                    map.next_value::<Number<'de>>()?
                        .double()
                        .map_err(de::Error::custom)?,
                ),
                "arrayValue" | "array_value" => {
                    AnyValue::Array(map.next_value::<Values<AnyValue<'de>>>()?.values)
                }
                "kvlistValue" | "kvlist_value" => {
                    AnyValue::Pairs(map.next_value::<Values<KeyValue<'de>>>()?.values)
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
        }
        Ok(value)
    }
}
