use protocols::elastic_bulk::{BulkSink, Item, OfIndex, walk};
use protocols::logs::{Level, LogRecord, LogSink, Stream};

use crate::collected::{Line, Lines, NOW, all_lines, id, lines, pairs};

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

/// Elasticsearch refuses the one document; the others must not go with it.
#[test]
fn a_document_that_is_not_utf8_is_read_with_marks() {
    let body =
        b"{\"create\":{}}\n{\"message\":\"caf\xe9\"}\n{\"create\":{}}\n{\"message\":\"tea\"}\n";
    let bodies: Vec<_> = all_lines("elastic.bulk", body)
        .into_iter()
        .map(|line| line.body)
        .collect();
    assert_eq!(bodies, ["caf\u{fffd}", "tea"]);
}

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

/// One document of each shipper, as its output makes them by default: Filebeat (Kubernetes,
/// a module, plain with a level of its own), Fluent Bit (two pods, systemd), Vector
/// (Kubernetes, Docker), Logstash, OpenTelemetry's Collector, Serilog, Elastic Agent.
const SHIPPERS: &[u8] = include_bytes!("../fixtures/elastic/shippers.ndjson");

#[test]
fn every_shippers_documents_name_their_service_and_say_their_level() {
    let lines = all_lines("elastic.bulk", SHIPPERS);
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&*line.service, line.level, &*line.body))
        .collect();
    assert_eq!(
        told,
        [
            ("shop", Level::Unknown, "payment refused"),
            ("nginx", Level::Unknown, "10.0.0.1 GET /"),
            ("basket", Level::Error, "x"),
            ("cart", Level::Warn, "level=warn msg=slow"),
            ("coredns", Level::Unknown, "ready"),
            ("nginx", Level::Error, "bind failed"),
            ("checkout", Level::Unknown, "checked out"),
            ("proxy", Level::Unknown, "up"),
            ("billing", Level::Info, "seen"),
            ("orders", Level::Warn, "from the collector"),
            ("mail", Level::Warn, "x 1"),
            ("sshd", Level::Warn, "rejected"),
        ]
    );
    for line in &lines {
        assert_eq!(line.time_ns, NOW - 500_000_000, "{}", line.body);
    }
    // What only hinted is still there to search by; what was named is not there twice.
    assert_eq!(lines[0].field("kubernetes.container.name"), Some("main"));
    assert_eq!(lines[0].field("container.image.name"), Some("shop:1"));
    assert_eq!(lines[4].field("kubernetes.container_name"), Some("coredns"));
    assert_eq!(lines[5].field("PRIORITY"), Some("3"));
    assert_eq!(lines[9].field("resource.attributes.service.name"), None);
    let trace = Some(id("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!((lines[2].trace_id, lines[9].trace_id), (trace, trace));
    assert_eq!(lines[9].span_id, Some(id("b7ad6b7169203331")));
    // Neither refused nor lost: it took 0.35 s, and the trace is of somebody else's system.
    assert_eq!(lines[8].field("time"), Some("0.35"));
    assert_eq!(lines[8].field("trace_id"), Some("5f1c-not-one-of-ours"));
    assert_eq!(lines[8].trace_id, None);
}

#[test]
fn small_numbers_are_no_times_and_what_is_named_counts_before_hints() {
    let body = b"{\"index\":{}}\n\
        {\"message\":\"m\",\"time\":12,\"service\":\"\",\"app\":\"a\",\"container_name\":\"c\"}\n\
        {\"index\":{}}\n\
        {\"message\":\"m\",\"time\":\"10:13\",\"service.name\":\"s\",\"app\":\"a\",\"PRIORITY\":\"9\"}\n";
    let lines = all_lines("elastic.bulk", body);
    let told = |line: &Line| (line.service.clone(), line.time_ns, line.level);
    assert_eq!(told(&lines[0]), ("a".to_owned(), NOW, Level::Unknown));
    assert_eq!(told(&lines[1]), ("s".to_owned(), NOW, Level::Unknown));
}

#[test]
fn the_index_of_the_path_is_of_what_names_none() {
    const BODY: &[u8] = b"{\"index\":{}}\n{\"message\":\"a\"}\n\
        {\"index\":{\"_index\":\"own\"}}\n{\"message\":\"b\"}\n{\"delete\":{\"_id\":\"1\"}}\n";
    #[derive(Default)]
    struct Indexes(Lines, Vec<String>);
    impl LogSink for Indexes {
        fn stream(&mut self, stream: &Stream<'_>) {
            self.0.stream(stream);
        }
        fn record(&mut self, record: &LogRecord<'_>) {
            self.0.record(record);
        }
    }
    impl BulkSink for Indexes {
        fn item(&mut self, item: &Item<'_>) {
            self.1.push(item.index.to_owned());
        }
    }
    for (index, expected) in [
        (
            "logs-shop",
            [
                pairs(&[("_index", "logs-shop")]),
                pairs(&[("_index", "own")]),
            ],
        ),
        ("", [Vec::new(), pairs(&[("_index", "own")])]),
    ] {
        let mut sink = Indexes::default();
        let mut placed = OfIndex {
            index,
            sink: &mut sink,
        };
        walk(BODY, NOW, &mut placed).unwrap();
        let Indexes(lines, answered) = sink;
        let streams: Vec<_> = lines.lines.iter().map(|line| line.stream.clone()).collect();
        assert_eq!(streams, expected);
        assert_eq!(answered, [index, "own", index]);
    }
}
