use protocols::elastic_bulk::{BulkSink, Item, walk};
use protocols::logs::{Level, LogRecord, LogSink, Stream};

use crate::collected::{Lines, NOW, all_lines, id, lines, pairs};

const BULK: &[u8] = br#"{"index":{"_index":"logs-shop","_id":"7"}}
{"@timestamp":"2026-09-21T14:13:20.123Z","message":"paid","log":{"level":"warn","logger":"pay"},"service":{"name":"shop"},"trace":{"id":"0af7651916cd43dd8448eb211c80319c"},"span":{"id":"b7ad6b7169203331"},"tags":["a"],"n":1.50}
{"delete":{"_index":"logs-shop","_id":"7"}}
{"create":{}}
{"log":"level=error from fluent bit\n","kubernetes":{"pod":{"name":"p-1"}}}
{"update":{"_id":"8"}}
{"doc":{}}
{"create":{}}
{"@timestamp":"yesterday","message":"x"}
{"create":{}}
{"a":1}
"#;

#[derive(Default)]
struct Answering {
    sink: Lines,
    answers: Vec<(&'static str, String, Option<String>)>,
}

impl LogSink for Answering {
    fn stream(&mut self, stream: &Stream<'_>) {
        self.sink.stream(stream);
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.sink.record(record);
    }
}

impl BulkSink for Answering {
    fn item(&mut self, item: &Item<'_>) {
        let answer = (item.action, item.id.to_owned(), item.refused.clone());
        self.answers.push(answer);
    }
}

#[test]
fn adds_documents_and_answers_each_action() {
    let mut sink = Answering::default();
    let skipped = walk(BULK, NOW, &mut sink);
    let Answering { sink, answers } = sink;
    assert_eq!(skipped.unwrap().items, 3);
    let actions: Vec<_> = answers.iter().map(|(action, ..)| *action).collect();
    assert_eq!(
        actions,
        ["index", "delete", "create", "update", "create", "create"]
    );
    assert_eq!((&*answers[0].1, &answers[0].2), ("7", &None));
    assert_eq!(
        answers[1].2.as_deref(),
        Some("line 3.delete: log records can only be added")
    );
    assert!(
        answers[4]
            .2
            .as_deref()
            .unwrap()
            .starts_with("line 9.@timestamp: \"yesterday\"")
    );
    let paid = &sink.lines[0];
    assert_eq!((&*paid.service, paid.level), ("shop", Level::Warn));
    assert_eq!(paid.stream, pairs(&[("_index", "logs-shop")]));
    assert_eq!(paid.time_ns, NOW + 123_000_000);
    assert_eq!(paid.trace_id, Some(id("0af7651916cd43dd8448eb211c80319c")));
    assert_eq!(paid.span_id, Some(id("b7ad6b7169203331")));
    let expected = [("log.logger", "pay"), ("tags", "[\"a\"]"), ("n", "1.50")];
    assert_eq!(paid.fields, pairs(&expected));
    let fluent = &sink.lines[1];
    assert_eq!(fluent.body, "level=error from fluent bit\n");
    assert_eq!((fluent.level, fluent.time_ns), (Level::Error, NOW));
    assert_eq!(fluent.field("kubernetes.pod.name"), Some("p-1"));
    assert!(fluent.stream.is_empty());
    let whole = &sink.lines[2];
    assert_eq!(whole.body, "{\"a\":1}");
    assert_eq!(whole.fields, pairs(&[("a", "1")]));
}

#[test]
fn a_body_that_cannot_be_paired_is_refused() {
    for (body, why) in [
        (
            &b"{\"index\":{}}\n"[..],
            "body: it ends after an action `index` without a document",
        ),
        (b"{\"message\":1}\n{}\n", "line 1.action: "),
        (b"nonsense\n", "line 1: "),
    ] {
        let refused = lines("elastic.bulk", body).unwrap_err().to_string();
        assert!(refused.starts_with(why), "{refused}");
    }
    assert!(all_lines("elastic.bulk", b"\n").is_empty());
}
