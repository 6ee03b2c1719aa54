//! Records are read for ever: every example that was ever committed decodes into
//! today's types, and today's types are committed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use schemas::codec::{self, CodecError, Example, Message, fingerprint};
use schemas::incident::{IncidentAcknowledged, IncidentSeverityChanged};
use schemas::incident_numbers::IncidentNumbered;
use schemas::registry;
use schemas::severity::Severity;

#[test]
fn todays_shapes_are_committed() {
    let released: HashSet<_> = registry::released()
        .map(|r| (r.kind, fingerprint(&r.schema)))
        .collect();
    for message in registry::types() {
        let today = ((message.kind).to_owned(), (message.schema)().fingerprint);
        assert!(
            released.contains(&today),
            "{} changed: run `make schemas` and commit",
            message.kind
        );
    }
}

#[test]
fn message_names_are_unique() {
    let mut seen = HashSet::new();
    for message in registry::types() {
        assert!(
            seen.insert(message.kind),
            "two message types are named {}",
            message.kind
        );
    }
}

#[test]
fn every_committed_example_decodes_into_todays_type() {
    let types = registry::types();
    for released in registry::released() {
        let example = released
            .example
            .unwrap_or_else(|| panic!("{} has no example", released.kind));
        let message = types
            .iter()
            .find(|m| m.kind == released.kind)
            .unwrap_or_else(|| {
                panic!(
                    "{} was removed, but the log keeps it for ever",
                    released.kind
                )
            });
        (message.decode_json)(example)
            .unwrap_or_else(|e| panic!("{}.v{}: {e}", released.kind, released.version));
    }
}

#[test]
fn todays_examples_decode_to_themselves_and_to_readable_json() {
    for message in registry::types() {
        let body = (message.example_body)().unwrap();
        assert_eq!(
            (message.decode_json)(&body).unwrap(),
            (message.example_json)()
        );
        codec::to_json(&body).unwrap_or_else(|e| panic!("{}: {e}", message.kind));
    }
}

/// Writes `value` as a process would whose schema is `old`.
fn written_by(old: &str, value: Value) -> Vec<u8> {
    let schema = Schema::parse_str(old).unwrap();
    let mut body = vec![0xC3, 0x01];
    body.extend_from_slice(&fingerprint(&schema).0);
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    body.extend(writer.write_value_to_vec(value).unwrap());
    body
}

#[test]
fn a_field_added_since_reads_as_its_default() {
    let old = r#"{"type":"record","name":"IncidentAcknowledged","namespace":"srecopilot.incident","fields":[]}"#;
    codec::learn(old).unwrap();
    let body = written_by(old, Value::Record(vec![]));
    let read: IncidentAcknowledged = codec::decode(&body).unwrap();
    assert_eq!(read, IncidentAcknowledged { note: None });
}

#[test]
fn a_field_removed_since_is_passed_over() {
    let old = r#"{"type":"record","name":"IncidentAcknowledged","namespace":"srecopilot.incident",
        "fields":[{"name":"via","type":"string"},{"name":"note","type":["null","string"]}]}"#;
    codec::learn(old).unwrap();
    let note = Value::Union(1, Box::new(Value::String("on it".to_owned())));
    let body = written_by(
        old,
        Value::Record(vec![
            ("via".to_owned(), Value::String("chat".to_owned())),
            ("note".to_owned(), note),
        ]),
    );
    let read: IncidentAcknowledged = codec::decode(&body).unwrap();
    assert_eq!(read.note.as_deref(), Some("on it"));
}

#[test]
fn a_field_made_nullable_since_reads_as_some() {
    let old = r#"{"type":"record","name":"IncidentAcknowledged","namespace":"srecopilot.incident",
        "fields":[{"name":"note","type":"string"}]}"#;
    codec::learn(old).unwrap();
    let body = written_by(
        old,
        Value::Record(vec![("note".to_owned(), Value::String("on it".to_owned()))]),
    );
    let read: IncidentAcknowledged = codec::decode(&body).unwrap();
    assert_eq!(read.note.as_deref(), Some("on it"));
}

#[test]
fn a_number_widened_since_reads_right() {
    let today = IncidentNumbered::example();
    let old = serde_json::to_string(IncidentNumbered::type_schema().schema)
        .unwrap()
        .replace("\"type\":\"long\"", "\"type\":\"int\"");
    codec::learn(&old).unwrap();
    let fields = vec![
        ("incident".to_owned(), Value::Uuid(today.incident.0)),
        ("number".to_owned(), Value::Int(12)),
    ];
    let read: IncidentNumbered = codec::decode(&written_by(&old, Value::Record(fields))).unwrap();
    assert_eq!(read, today);
}

#[test]
fn an_enum_inside_an_older_record_reads_right() {
    let old = r#"{"type":"record","name":"IncidentSeverityChanged","namespace":"srecopilot.incident","fields":[
        {"name":"reason","type":"string"},
        {"name":"from","type":{"type":"enum","name":"Severity","namespace":"srecopilot","symbols":["SEV1","SEV2","SEV3","SEV4"]}},
        {"name":"to","type":"srecopilot.Severity"}]}"#;
    codec::learn(old).unwrap();
    let body = written_by(
        old,
        Value::Record(vec![
            ("reason".to_owned(), Value::String("x".to_owned())),
            ("from".to_owned(), Value::Enum(2, "SEV3".to_owned())),
            ("to".to_owned(), Value::Enum(0, "SEV1".to_owned())),
        ]),
    );
    let read: IncidentSeverityChanged = codec::decode(&body).unwrap();
    assert_eq!(
        read,
        IncidentSeverityChanged {
            from: Severity::Sev3,
            to: Severity::Sev1
        }
    );
}

#[test]
fn an_unknown_fingerprint_is_an_error_that_asks_for_a_newer_version() {
    let mut body = codec::encode(&IncidentAcknowledged::example()).unwrap();
    body[2] ^= 0xFF;
    let refused = codec::decode::<IncidentAcknowledged>(&body).unwrap_err();
    assert!(matches!(refused, CodecError::UnknownFingerprint { .. }));
    assert!(refused.needs_newer_version());
}
