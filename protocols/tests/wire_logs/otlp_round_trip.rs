//! What is encoded comes back, whatever it is, and both encodings say the same.

use proptest::prelude::*;
use protocols::logs::Level;

use crate::collected::{all_lines, pairs};

#[derive(Debug, Clone)]
struct Sent {
    time_ns: i64,
    severity: u8,
    body: String,
    attributes: Vec<(String, Value)>,
    trace_id: [u8; 16],
}

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Bool(bool),
    Int(i64),
    List(Vec<i64>),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,20}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(Value::List),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    (
        1..i64::MAX,
        0u8..=24,
        "[a-z \\n\"\\\\€]{0,40}",
        prop::collection::vec(("[a-z.]{1,12}", value()), 0..6),
        prop::array::uniform16(1u8..),
    )
        .prop_map(|(time_ns, severity, body, attributes, trace_id)| Sent {
            time_ns,
            severity,
            body,
            attributes,
            trace_id,
        })
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(number: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

impl Value {
    fn protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Text(text) => bytes(1, text.as_bytes(), &mut out),
            Self::Bool(value) => out.extend([0x10, u8::from(*value)]),
            Self::Int(number) => {
                out.push(0x18);
                varint(number.cast_unsigned(), &mut out);
            }
            Self::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    bytes(1, &Self::Int(*item).protobuf(), &mut list);
                }
                bytes(5, &list, &mut out);
            }
        }
        out
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::json!({ "stringValue": text }),
            Self::Bool(value) => serde_json::json!({ "boolValue": value }),
            Self::Int(number) => serde_json::json!({ "intValue": number.to_string() }),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| Self::Int(*item).json()).collect();
                serde_json::json!({ "arrayValue": { "values": items } })
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::List(items) => serde_json::to_string(items).unwrap(),
        }
    }
}

impl Sent {
    fn protobuf(&self) -> Vec<u8> {
        let mut record = vec![0x09];
        record.extend(self.time_ns.to_le_bytes());
        record.extend([0x10, self.severity]);
        bytes(5, &Value::Text(self.body.clone()).protobuf(), &mut record);
        for (name, value) in &self.attributes {
            let mut pair = Vec::new();
            bytes(1, name.as_bytes(), &mut pair);
            bytes(2, &value.protobuf(), &mut pair);
            bytes(6, &pair, &mut record);
        }
        bytes(9, &self.trace_id, &mut record);
        let (mut scope, mut resource, mut request) = (Vec::new(), Vec::new(), Vec::new());
        bytes(2, &record, &mut scope);
        bytes(2, &scope, &mut resource);
        bytes(1, &resource, &mut request);
        request
    }

    fn json(&self) -> Vec<u8> {
        let attributes: Vec<_> = self
            .attributes
            .iter()
            .map(|(name, value)| serde_json::json!({ "key": name, "value": value.json() }))
            .collect();
        let trace_id: String = self.trace_id.iter().map(|b| format!("{b:02X}")).collect();
        let record = serde_json::json!({
            "timeUnixNano": self.time_ns.to_string(),
            "severityNumber": self.severity,
            "body": { "stringValue": self.body },
            "attributes": attributes,
            "traceId": trace_id,
        });
        let request = serde_json::json!({
            "resourceLogs": [{ "scopeLogs": [{ "logRecords": [record] }] }]
        });
        serde_json::to_vec(&request).unwrap()
    }
}

proptest! {
    #[test]
    fn what_is_sent_is_told(sent in sent()) {
        let told = all_lines("otlp.logs.protobuf", &sent.protobuf());
        prop_assert_eq!(&told, &all_lines("otlp.logs.json", &sent.json()));
        let line = &told[0];
        prop_assert_eq!(&line.body, &sent.body);
        prop_assert_eq!(line.time_ns, sent.time_ns);
        prop_assert_eq!(line.trace_id, Some(sent.trace_id));
        if sent.severity > 0 {
            prop_assert_eq!(line.level, Level::of_number(i32::from(sent.severity)));
        }
        let expected: Vec<_> = sent
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), value.text()))
            .collect();
        prop_assert_eq!(&line.fields, &pairs(&expected));
    }
}
