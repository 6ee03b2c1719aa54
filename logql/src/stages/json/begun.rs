//! As much of a JSON text as can be read: what a sender or a limit of size has cut off
//! ends in the middle.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// What a text says before what is wrong with it. Of a value that does not end there is
/// nothing, but of objects and arrays what they begin with.
pub(super) fn begun(text: &str) -> Value {
    // Where the text ends in a number, more of its digits may have been cut off.
    let text = text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let mut found = Value::Null;
    let mut reader = serde_json::Deserializer::from_str(text);
    // Who asks knows already why it does not go on.
    Place(&mut found).deserialize(&mut reader).ok();
    found
}

/// Where a value goes as it is read, so that it is there if the reading fails.
struct Place<'v>(&'v mut Value);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = Value::Null;
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.0 = Value::from(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.0 = Value::from(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.0 = Value::from(value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        *self.0 = Value::from(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        *self.0 = Value::from(value);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        let mut found = Map::new();
        let read = members(&mut from, &mut found);
        *self.0 = Value::Object(found);
        read
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        let mut found = Vec::new();
        let read = elements(&mut from, &mut found);
        *self.0 = Value::Array(found);
        read
    }
}

fn members<'de, A: MapAccess<'de>>(
    from: &mut A,
    found: &mut Map<String, Value>,
) -> Result<(), A::Error> {
    while let Some(name) = from.next_key::<String>()? {
        let place = found.entry(name).or_insert(Value::Null);
        from.next_value_seed(Place(place))?;
    }
    Ok(())
}

fn elements<'de, A: SeqAccess<'de>>(from: &mut A, found: &mut Vec<Value>) -> Result<(), A::Error> {
    loop {
        let mut element = Value::Null;
        let read = from.next_element_seed(Place(&mut element));
        if !matches!(read, Ok(None)) {
            found.push(element);
        }
        if read?.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_before_a_cut_is_read_at_any_place() {
        let whole = r#"{"a":1.5,"b":{"c":"x\"y","d":[true,{"e":-20}]},"f":null,"g":31}"#;
        assert_eq!(begun(whole), serde_json::from_str::<Value>(whole).unwrap());
        let cases = [
            (
                r#"{"a":1.5,"b":{"c":"x\"y","d":[true,{"e":-2"#,
                json!({"a":1.5,"b":{"c":"x\"y","d":[true,{"e":null}]}}),
            ),
            (r#"{"a":1.5,"b":{"c":"x\"#, json!({"a":1.5,"b":{"c":null}})),
            (r#"{"a":1.5,"b"#, json!({"a":1.5})),
            (r#"{"a":1.5,"b""#, json!({"a":1.5,"b":null})),
            (r#"{"a":1"#, json!({"a":null})),
            (r#"{"a":1,oops,"b":2}"#, json!({"a":1})),
            ("", Value::Null),
        ];
        for (text, expected) in cases {
            assert_eq!(begun(text), expected, "{text}");
        }
        for end in 0..whole.len() {
            begun(&whole[..end]);
        }
        begun(&"[".repeat(100_000));
    }
}
