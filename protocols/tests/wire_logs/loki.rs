use protocols::logs::Level;

use crate::collected::{NOW, all_lines, id, lines, pairs};

const PINO: &[u8] = include_bytes!("../fixtures/loki/pino.json");
const PINO_ERROR: &[u8] = include_bytes!("../fixtures/loki/pino-error.json");
const PYTHON: &[u8] = include_bytes!("../fixtures/loki/python.json");

#[test]
fn reads_what_pino_loki_sends() {
    let lines = all_lines("loki.push.json", PINO);
    assert_eq!(lines.len(), 1);
    let placed = &lines[0];
    assert_eq!((&*placed.service, placed.level), ("shop", Level::Info));
    assert_eq!(placed.time_ns, 1_795_547_387_684_000_000);
    assert_eq!(
        placed.trace_id,
        Some(id("0af7651916cd43dd8448eb211c80319c"))
    );
    assert!(placed.body.starts_with("{\"level\":30"));
    assert_eq!(placed.field("orderId"), Some("42"));
    assert_eq!(
        placed.field("meta.traceId"),
        Some("0af7651916cd43dd8448eb211c80319c")
    );
    let failed = &all_lines("loki.push.json", PINO_ERROR)[0];
    assert_eq!(
        (failed.level, failed.field("pid")),
        (Level::Error, Some("77"))
    );
    assert_eq!(failed.field("err.message"), Some("boom"));
    assert!(
        failed
            .field("err.stack")
            .unwrap()
            .starts_with("Error: boom\n")
    );
}

#[test]
fn reads_what_python_logging_loki_sends() {
    let lines = all_lines("loki.push.json", PYTHON);
    let slow = &lines[0];
    assert_eq!((&*slow.service, slow.level), ("pay", Level::Warn));
    assert_eq!(slow.level_text, "warning");
    assert_eq!(slow.body, "slow \"gateway\"\nsecond line");
    assert!(
        slow.stream
            .contains(&("logger".into(), "billing.worker".into()))
    );
}

/// Fields of a message: the bytes of each under its number.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, value) in fields {
        bytes.push(number << 3 | 2);
        assert!(value.len() < 128);
        bytes.push(value.len() as u8);
        bytes.extend_from_slice(value);
    }
    bytes
}

fn push(labels: &str, line: &str) -> Vec<u8> {
    push_bytes(labels, line.as_bytes())
}

fn push_bytes(labels: &str, line: &[u8]) -> Vec<u8> {
    let mut seconds = vec![0x08];
    let mut rest = 1_790_000_000u64;
    while rest >= 0x80 {
        seconds.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    seconds.extend([rest as u8, 0x10, 5]);
    let metadata = message(&[(1, b"user"), (2, b"u1")]);
    let entry = message(&[(1, &seconds), (2, line), (3, &metadata)]);
    message(&[(1, &message(&[(1, labels.as_bytes()), (2, &entry)]))])
}

#[test]
fn reads_a_push_in_protobuf() {
    let body = push("{job=\"api\", q=\"a\\\"b\"}", "t=1 level=warn x");
    let line = &all_lines("loki.push.protobuf", &body)[0];
    assert_eq!(line.time_ns, NOW + 5);
    assert_eq!((&*line.service, line.level), ("api", Level::Warn));
    assert_eq!(line.level_text, "warn");
    assert_eq!(line.stream, pairs(&[("job", "api"), ("q", "a\"b")]));
    assert_eq!(line.fields, pairs(&[("user", "u1")]));
}

#[test]
fn a_stream_whose_labels_cannot_be_read_costs_no_others() {
    let body = [push("{job}", "x"), push("{job=\"api\"}", "y")].concat();
    let (taken, skipped) = lines("loki.push.protobuf", &body).unwrap();
    assert_eq!((taken.len(), &*taken[0].body, skipped.items), (1, "y", 1));
    assert_eq!(
        skipped.first.as_deref(),
        Some("streams[0].labels: \"{job}\": `=` is missing")
    );
    let body = br#"{"streams": [
        {"stream": ["app"], "values": [["1790000000000000001", "x"], ["2", "y"]]},
        {"stream": {"app": "a"}, "values": [["1790000000000000001", "good"]]}
    ]}"#;
    let (taken, skipped) = lines("loki.push.json", body).unwrap();
    assert_eq!(
        (taken.len(), &*taken[0].body, skipped.items),
        (1, "good", 2)
    );
    let first = skipped.first.unwrap();
    assert!(first.starts_with("streams[0].stream: "), "{first}");
}

/// Loki takes such lines too.
#[test]
fn a_line_that_is_not_utf8_is_read_with_marks() {
    let line = &all_lines(
        "loki.push.protobuf",
        &push_bytes("{}", b"level=warn caf\xe9"),
    )[0];
    assert_eq!(
        (&*line.body, line.level),
        ("level=warn caf\u{fffd}", Level::Warn)
    );
    assert_eq!(line.fields, pairs(&[("user", "u1")]));
    let json =
        b"{\"streams\": [{\"stream\": {}, \"values\": [[\"1\", \"caf\xe9\"], [\"2\", \"tea\"]]}]}";
    let bodies: Vec<_> = all_lines("loki.push.json", json)
        .into_iter()
        .map(|line| line.body)
        .collect();
    assert_eq!(bodies, ["caf\u{fffd}", "tea"]);
}

/// As Loki itself makes `service_name`, in its order.
#[test]
fn the_service_is_made_of_the_labels_that_loki_makes_it_of() {
    let service = |stream: &str| {
        let body =
            format!("{{\"streams\": [{{\"stream\": {stream}, \"values\": [[\"1\", \"x\"]]}}]}}");
        let lines = all_lines("loki.push.json", body.as_bytes());
        lines[0].service.to_string()
    };
    for name in [
        "service_name",
        "service",
        "app",
        "application",
        "app_name",
        "name",
        "app_kubernetes_io_name",
        "container",
        "container_name",
        "k8s_container_name",
        "component",
        "workload",
        "job",
        "k8s_job_name",
    ] {
        let stream = format!("{{\"{name}\": \"shop\", \"pod\": \"shop-1\"}}");
        assert_eq!(service(&stream), "shop", "{name}");
    }
    for (stream, expected) in [
        (
            r#"{"job": "shop/web", "container": "web", "name": "site"}"#,
            "site",
        ),
        (
            r#"{"app": "", "container": "web", "job": "shop/web"}"#,
            "web",
        ),
        (r#"{"pod": "shop-1"}"#, "unknown_service"),
    ] {
        assert_eq!(service(stream), expected, "{stream}");
    }
    let line = &all_lines(
        "loki.push.protobuf",
        &push("{container=\"web\", job=\"a\"}", "x"),
    )[0];
    assert_eq!(line.service, "web");
}

#[test]
fn a_level_must_be_a_word_of_its_own() {
    for (text, level) in [
        ("ts=1 level=\"error\" msg=x", Level::Error),
        ("severity=CRITICAL", Level::Fatal),
        ("waterlevel=info", Level::Unknown),
        ("level=over9000", Level::Unknown),
    ] {
        let line = &all_lines("loki.push.protobuf", &push("{}", text))[0];
        assert_eq!(line.level, level, "{text}");
        assert_eq!(line.service, "unknown_service");
    }
}

#[test]
fn one_bad_entry_is_left_out_and_named() {
    let body = br#"{"streams": [{"stream": {"app": "a"}, "values": [
        ["soon", "x"], ["1790000000000000001", "good", null], ["1"], [2, "number", {"k": 1}]
    ]}]}"#;
    let (lines, skipped) = lines("loki.push.json", body).unwrap();
    let times: Vec<_> = lines.iter().map(|line| line.time_ns).collect();
    assert_eq!(times, [NOW + 1, 2]);
    assert_eq!(lines[1].field("k"), Some("1"));
    assert_eq!(skipped.items, 2);
    assert_eq!(
        skipped.first.as_deref(),
        Some("streams[0].values[0][0]: \"soon\" is not a time in nanoseconds")
    );
    assert_eq!(lines_refused(b"{}"), "streams: it is missing");
}

/// To take it for a stream without lines would lose them silently.
#[test]
fn the_form_before_loki_1_is_left_out_and_named() {
    let body = br#"{"streams": [
        {"labels": "{app=\"a\"}", "entries": [{"ts": "2026-09-21T14:13:20Z", "line": "x"}]},
        {"stream": {"app": "a"}, "values": [["1790000000000000001", "good"]]}
    ]}"#;
    let (lines, skipped) = lines("loki.push.json", body).unwrap();
    assert_eq!((lines.len(), skipped.items), (1, 1));
    assert_eq!(
        skipped.first.as_deref(),
        Some("streams[0].entries: it is of an old form, send `stream` and `values`")
    );
}

fn lines_refused(body: &[u8]) -> String {
    lines("loki.push.json", body).unwrap_err().to_string()
}
