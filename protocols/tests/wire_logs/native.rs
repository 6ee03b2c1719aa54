use protocols::logs::Level;
use protocols::spans::{SpanKind, SpanStatus};

use crate::collected::{NOW, all_lines, all_spans, id, lines, pairs, spans};

const RECORD: &str = r#"{"timestamp":"2026-09-21T14:13:21Z","level":"error","service":"pay","message":"no","trace_id":"0AF7651916CD43DD8448EB211C80319C","attributes":{"user":{"id":"u1"},"n":1},"extra":true}"#;

/// JavaScript writes so what was cut within a character.
#[test]
fn half_a_character_does_not_cost_the_line() {
    let body = r#"[{"message":"half \ud83d"},{"message":"whole \uD83D\uDE00"},
        {"message":"\ude00 and twice \ud83d\ud83d\ude00"},
        {"message":"no escape \\ud83d"},{"message":"\u00e9 \\\ud83d"}]"#;
    let bodies: Vec<_> = all_lines("native.logs.json", body.as_bytes())
        .into_iter()
        .map(|line| line.body)
        .collect();
    let expected = [
        "half \u{fffd}",
        "whole \u{1f600}",
        "\u{fffd} and twice \u{fffd}\u{1f600}",
        "no escape \\ud83d",
        "é \\\u{fffd}",
    ];
    assert_eq!(bodies, expected);
    // Cut within an escape: no JSON, and no panic.
    for end in 1..body.len() {
        assert!(
            lines("native.logs.json", &body.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
}

#[test]
fn takes_an_object_a_list_or_lines() {
    let plain = r#"{"message":"level=warn hm"}"#;
    for body in [
        format!("{{\n\"logs\": [{RECORD}, {plain}]}}"),
        format!("[{RECORD},{plain}]"),
        format!("{RECORD}\n{plain}\n"),
    ] {
        let lines = all_lines("native.logs.json", body.as_bytes());
        assert_eq!(lines.len(), 2, "{body}");
        let failed = &lines[0];
        assert_eq!((&*failed.service, failed.level), ("pay", Level::Error));
        assert_eq!(failed.time_ns, NOW + 1_000_000_000);
        assert_eq!(
            failed.trace_id,
            Some(id("0af7651916cd43dd8448eb211c80319c"))
        );
        let expected = [("user.id", "u1"), ("n", "1"), ("extra", "true")];
        assert_eq!(failed.fields, pairs(&expected));
        assert_eq!(
            (&*lines[1].service, lines[1].level, lines[1].time_ns),
            ("unknown_service", Level::Warn, NOW)
        );
    }
    assert_eq!(all_lines("native.logs.json", RECORD.as_bytes()).len(), 1);
}

#[test]
fn a_record_without_a_message_is_left_out_and_named() {
    let body = br#"{"logs":[{"level":"info"},{"message":"x","timestamp":"noon"},{"message":"y"}]}"#;
    let (lines, skipped) = lines("native.logs.json", body).unwrap();
    assert_eq!((lines.len(), skipped.items), (1, 2));
    assert_eq!(
        skipped.first.as_deref(),
        Some("logs[0].message: it is missing")
    );
}

#[test]
fn reads_spans() {
    let body = br#"{"spans":[
        {"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331",
         "parent_id":"b7ad6b7169203330","name":"GET /","service":"web","kind":"server",
         "start":1790000000000,"end":"2026-09-21T14:13:20.250Z","status":"error",
         "status_message":"500","attributes":{"http":{"route":"/"},"list":[1, 2]},
         "events":[{"name":"retry","attributes":{"n":2}}]},
        {"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203332",
         "name":"q","start":1790000000.5,"duration_ms":0.25}]}"#;
    let spans = all_spans("native.spans.json", body);
    assert_eq!(spans[0].service, "web");
    let get = &spans[0].record;
    assert_eq!(
        (get.kind, get.status),
        (SpanKind::Server, SpanStatus::Error)
    );
    assert_eq!((get.start_ns, get.duration_ns), (NOW, 250_000_000));
    assert_eq!(get.parent_id, Some(id("b7ad6b7169203330")));
    let expected = [("http.route", "/"), ("list", "[1, 2]")];
    assert_eq!(pairs(&get.fields), pairs(&expected));
    assert_eq!(get.events[0].time_ns, NOW);
    assert_eq!(spans[1].service, "unknown_service");
    assert_eq!(spans[1].record.start_ns, NOW + 500_000_000);
    assert_eq!(spans[1].record.duration_ns, 250_000);
}

#[test]
fn says_what_is_wrong_with_a_span() {
    let span = |rest: &str| {
        format!(r#"[{{"trace_id":"0af7651916cd43dd8448eb211c80319c","name":"n","start":1{rest}}}]"#)
    };
    for (rest, why) in [
        ("", "[0]: missing field `span_id`"),
        (
            r#","span_id":"12","end":2"#,
            "[0].span_id: \"12\" is not 16",
        ),
        (
            r#","span_id":"b7ad6b7169203331""#,
            "[0].end: it and `duration_ms` are missing",
        ),
        (
            r#","span_id":"b7ad6b7169203331","end":2,"kind":"odd""#,
            "[0].kind: \"odd\" is none of [\"unspecified\"",
        ),
    ] {
        let (spans, skipped) = spans("native.spans.json", span(rest).as_bytes()).unwrap();
        assert!(spans.is_empty());
        let first = skipped.first.unwrap();
        assert!(first.starts_with(why), "{first}");
    }
}
