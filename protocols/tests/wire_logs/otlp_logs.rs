use protocols::logs::Level;

use crate::collected::{NOW, all_lines, id, lines, pairs};

const PYTHON: &[u8] = include_bytes!("../fixtures/otlp/logs-python.binpb");
const JS: &[u8] = include_bytes!("../fixtures/otlp/logs-js.json");

#[test]
fn reads_what_the_python_sdk_sends() {
    let lines = all_lines("otlp.logs.protobuf", PYTHON);
    assert_eq!(lines.len(), 3);
    let failed = &lines[0];
    assert_eq!(failed.service, "checkout");
    assert!(
        failed
            .stream
            .contains(&("host.name".into(), "web-1".into()))
    );
    assert_eq!(failed.body, "payment failed: db: no answer");
    assert_eq!((failed.level, &*failed.level_text), (Level::Error, "ERROR"));
    assert_eq!(failed.time_ns, NOW + 4_000_000);
    assert_eq!(
        failed.trace_id,
        Some(id("5b8efff798038103d269b633813fc60c"))
    );
    assert_eq!(failed.span_id, Some(id("eee19b7ec3c1b171")));
    let expected = [
        ("order.id", "42"),
        ("user.id", "u1"),
        ("user.tier", "3"),
        ("tags", "[\"a\",\"b\"]"),
        ("ratio", "0.25"),
        ("ok", "false"),
        ("scope.name", "checkout.audit"),
        ("scope.version", "0.3"),
    ];
    assert_eq!(failed.fields, pairs(&expected));
}

#[test]
fn structured_bodies_are_json_and_fields() {
    let lines = all_lines("otlp.logs.protobuf", PYTHON);
    let updated = &lines[1];
    assert_eq!(
        updated.body,
        r#"{"event":"cart.updated","n":3,"nested":{"deep":[1,"x",null]}}"#
    );
    // It does not say when it happened, only when it was observed.
    assert_eq!(updated.time_ns, NOW + 6_000_000);
    let expected = [
        ("blob", "AAH/"),
        ("scope.name", "checkout.audit"),
        ("event.name", "cart.updated"),
        ("scope.version", "0.3"),
        ("event", "cart.updated"),
        ("n", "3"),
        ("nested.deep", "[1,\"x\",null]"),
    ];
    assert_eq!(updated.fields, pairs(&expected));
    let text = &lines[2];
    assert_eq!((text.level, &*text.level_text), (Level::Info, "notice"));
    assert_eq!(text.field("status"), Some("200"));
    assert_eq!(text.field("http.path"), Some("/x"));
}

#[test]
fn reads_what_the_javascript_sdk_sends() {
    let lines = all_lines("otlp.logs.json", JS);
    assert_eq!(lines.len(), 2);
    let slow = &lines[0];
    assert_eq!(slow.service, "frontend");
    assert_eq!(slow.body, "cart is slow");
    assert_eq!(slow.time_ns, 1_790_000_001_250_000_000);
    assert_eq!(slow.level, Level::Warn);
    assert_eq!(slow.trace_id, Some(id("0af7651916cd43dd8448eb211c80319c")));
    assert_eq!(slow.field("big"), Some("9007199254740991"));
    assert_eq!(slow.field("user.roles"), Some("[\"admin\"]"));
    assert_eq!(slow.field("scope.name"), Some("frontend.web"));
    assert_eq!(slow.field("scope.version"), Some("3.0.0"));
    assert_eq!(lines[1].body, r#"{"kind":"view","n":1}"#);
    assert_eq!(lines[1].field("event.name"), Some("page.view"));
}

#[test]
fn one_bad_record_is_left_out_and_named() {
    let body = br#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"traceId": "abc", "body": {"stringValue": "bad"}},
        {"body": {"stringValue": "good"}, "unknown": [1]},
        {"severityNumber": "nine"}
    ]}]}]}"#;
    let (lines, skipped) = lines("otlp.logs.json", body).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((&*lines[0].body, lines[0].time_ns), ("good", NOW));
    assert_eq!(lines[0].service, "unknown_service");
    assert_eq!(skipped.items, 2);
    let first = skipped.first.unwrap();
    assert!(
        first.starts_with("resourceLogs[0].scopeLogs[0].logRecords[0].traceId: \"abc\""),
        "{first}"
    );
}

#[test]
fn a_bad_id_in_protobuf_is_named_too() {
    // resource_logs { scope_logs { log_records { trace_id: "\x01\x02" } } }
    let body = [0x0a, 8, 0x12, 6, 0x12, 4, 0x4a, 2, 1, 2];
    let (lines, skipped) = lines("otlp.logs.protobuf", &body).unwrap();
    assert!(lines.is_empty());
    assert_eq!(
        skipped.first.as_deref(),
        Some(
            "resource_logs[0].scope_logs[0].log_records[0].trace_id: \
             it has 2 bytes where an id has 16"
        )
    );
}

#[test]
fn what_is_not_utf8_is_read_with_marks() {
    // resource_logs { scope_logs { log_records { body { string_value: "caf\xe9" } } } }
    let body = [
        0x0a, 12, 0x12, 10, 0x12, 8, 0x2a, 6, 0x0a, 4, b'c', b'a', b'f', 0xe9,
    ];
    assert_eq!(
        all_lines("otlp.logs.protobuf", &body)[0].body,
        "caf\u{fffd}"
    );
}

#[test]
fn a_bad_resource_refuses_the_body() {
    let body = br#"{"resourceLogs": [{}, {"resource": {"attributes": [{"key": 1}]}}]}"#;
    let refused = lines("otlp.logs.json", body).unwrap_err();
    assert_eq!(refused.field, "resourceLogs[1].resource.attributes[0].key");
    assert!(
        refused.detail.contains("invalid type: integer `1`"),
        "{refused}"
    );
    let refused = lines("otlp.logs.json", b"[]").unwrap_err();
    assert_eq!(refused.field, "body");
}

#[test]
fn numbers_may_be_text_and_null_is_nothing() {
    let body = br#"{"resourceLogs": [{"resource": null, "scopeLogs": [{"scope": null,
        "logRecords": [{"timeUnixNano": 1790000000000000001, "observedTimeUnixNano": null,
        "severityNumber": null, "body": null, "traceId": null, "attributes": [
            {"key": "int", "value": {"intValue": "-7"}},
            {"key": "double", "value": {"doubleValue": "NaN"}},
            {"key": "none", "value": {}},
            {"key": "null", "value": null},
            {"key": "bytes", "value": {"bytesValue": "AAH/"}}
        ]}]}]}]}"#;
    let lines = all_lines("otlp.logs.json", body);
    assert_eq!((lines[0].time_ns, &*lines[0].body), (NOW + 1, ""));
    let expected = [("int", "-7"), ("double", "NaN"), ("bytes", "AAH/")];
    assert_eq!(lines[0].fields, pairs(&expected));
}

#[test]
fn fields_and_depth_and_size_are_bounded() {
    let record = |record: &str| {
        format!(r#"{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{record}]}}]}}]}}"#)
    };
    let attribute = r#"{"key": "k", "value": {"boolValue": true}}"#;
    let many = vec![attribute; 1_025].join(",");
    let list = r#"{"arrayValue": {"values": ["#;
    let deep = format!("{}{}", list.repeat(50), "]}}".repeat(50));
    for (text, why) in [
        (format!(r#"{{"attributes": [{many}]}}"#), "1024 fields"),
        (format!(r#"{{"body": {deep}}}"#), "recursion limit"),
        (
            format!(r#"{{"severityText": "{}"}}"#, "x".repeat(1 << 20)),
            "over the limit",
        ),
    ] {
        let (lines, skipped) = lines("otlp.logs.json", record(&text).as_bytes()).unwrap();
        assert!(lines.is_empty());
        let first = skipped.first.unwrap();
        assert!(first.contains(why), "{first}");
    }
}

#[test]
fn a_record_that_has_its_fill_of_fields_goes_without_the_scopes_version() {
    let attributes: Vec<_> = (0..1_024)
        .map(|n| serde_json::json!({ "key": format!("k{n}"), "value": { "boolValue": true } }))
        .collect();
    let body = serde_json::json!({"resourceLogs": [{"scopeLogs": [{
        "scope": { "version": "1" },
        "logRecords": [{ "attributes": attributes }, { "attributes": attributes[1..] }],
    }]}]});
    let lines = all_lines("otlp.logs.json", body.to_string().as_bytes());
    assert_eq!(
        (lines[0].fields.len(), lines[1].fields.len()),
        (1_024, 1_024)
    );
    let versions = [0, 1].map(|at| lines[at].field("scope.version"));
    assert_eq!(versions, [None, Some("1")]);
}

#[test]
fn a_scopes_version_that_is_no_text_costs_nothing() {
    for (written, read) in [("1", Some("1")), ("null", None), ("\"1.2\"", Some("1.2"))] {
        let body = format!(
            r#"{{"resourceLogs": [{{"scopeLogs": [{{"scope": {{"version": {written}}},
                "logRecords": [{{"body": {{"stringValue": "x"}}}}]}}]}}]}}"#
        );
        let lines = all_lines("otlp.logs.json", body.as_bytes());
        assert_eq!(lines[0].field("scope.version"), read, "{written}");
    }
}

#[test]
fn a_json_body_adds_a_bounded_number_of_fields() {
    let members: Vec<_> = (0..99).map(|n| format!(r#""f{n}":{n}"#)).collect();
    let text = format!("{{{}}}", members.join(","));
    let body = serde_json::json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"body": {"stringValue": text}, "attributes": [{"key": "f0", "value": {"stringValue": "own"}}]},
        {"body": {"stringValue": "{not json"}}
    ]}]}]});
    let lines = all_lines("otlp.logs.json", body.to_string().as_bytes());
    assert_eq!(lines[0].body, text);
    assert_eq!(lines[0].field("f0"), Some("own"));
    assert_eq!(lines[0].fields.len(), 64);
    assert_eq!(lines[0].field("f63"), Some("63"));
    assert!(lines[1].fields.is_empty());
}
