//! The examples of the OTLP specification, where they are to be had.

use std::path::PathBuf;

use protocols::logs::Level;
use protocols::spans::SpanKind;

use crate::collected::{all_lines, all_spans, id};

fn example(name: &str) -> Option<Vec<u8>> {
    let Some(dir) = std::env::var_os("CONFORMANCE_DIR") else {
        eprintln!("SKIPPED otlp/{name}: CONFORMANCE_DIR is not set");
        return None;
    };
    Some(std::fs::read(PathBuf::from(dir).join("otlp").join(name)).unwrap())
}

#[test]
fn logs_example() {
    let Some(body) = example("logs.json") else {
        return;
    };
    let lines = all_lines("otlp.logs.json", &body);
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        (&*line.service, &*line.body),
        ("my.service", "Example log record")
    );
    assert_eq!(
        (line.level, &*line.level_text),
        (Level::Info, "Information")
    );
    assert_eq!(line.trace_id, Some(id("5b8efff798038103d269b633813fc60c")));
    assert_eq!(line.time_ns, 1_544_712_660_300_000_000);
    assert_eq!(line.field("int.attribute"), Some("10"));
    assert_eq!(line.field("double.attribute"), Some("637.704"));
    assert_eq!(line.field("boolean.attribute"), Some("true"));
}

#[test]
fn events_example() {
    let Some(body) = example("events.json") else {
        return;
    };
    let lines = all_lines("otlp.logs.json", &body);
    assert_eq!(lines[0].field("event.name"), Some("browser.page_view"));
    assert_eq!(lines[0].field("title"), Some("Free Online GUID Generator"));
}

#[test]
fn trace_example() {
    let Some(body) = example("trace.json") else {
        return;
    };
    let spans = all_spans("otlp.spans.json", &body);
    assert_eq!(spans.len(), 1);
    let span = &spans[0].record;
    assert_eq!(spans[0].service, "my.service");
    assert_eq!(span.trace_id, id("5b8efff798038103d269b633813fc60c"));
    assert_eq!(span.parent_id, Some(id("eee19b7ec3c1b173")));
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(span.duration_ns, 1_000_000_000);
}
