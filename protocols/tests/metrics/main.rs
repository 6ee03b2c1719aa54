//! Metrics decoders over bodies that real agents sent, over bodies that an encoder of
//! these tests wrote, and over garbage.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod encode;
mod otlp;
mod seen;

use proptest::prelude::*;
use protocols::formats;
use protocols::metrics::{Labels, MetricKind};

use encode::{Message, Series};
use seen::{RECEIVED_NS, Seen};

const V1: &str = "prometheus.remote_write.v1";
const V2: &str = "prometheus.remote_write.v2";
const NATIVE: &str = "native.metrics.json";

/// Sent by Debian's Prometheus 2.42, which scrapes itself.
const PROMETHEUS: [&[u8]; 2] = [
    include_bytes!("../fixtures/metrics/prometheus-2.42-a.snappy"),
    include_bytes!("../fixtures/metrics/prometheus-2.42-b.snappy"),
];

fn unsnapped(body: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(body).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Labels::new(pairs.iter().map(own).collect())
}

#[test]
fn what_prometheus_sends_is_read() {
    let bodies = PROMETHEUS.map(unsnapped);
    let seen = bodies.map(|body| Seen::decode(V1, &body).unwrap());
    let counts = seen.each_ref().map(|seen| {
        let samples: usize = seen.samples.values().map(Vec::len).sum();
        (samples, seen.metadata.len(), seen.skipped.items)
    });
    assert_eq!(counts, COUNTS);
    let metadata = seen.iter().flat_map(|seen| &seen.metadata);
    let goroutines = metadata
        .clone()
        .find(|(family, _)| *family == "go_goroutines");
    let (kind, help, _) = goroutines.unwrap().1;
    assert_eq!(*kind, MetricKind::Gauge);
    assert_eq!(help, "Number of goroutines that currently exist.");
}

/// Samples, families with metadata, and items left out of [`PROMETHEUS`].
const COUNTS: [(usize, usize, u64); 2] = [(0, 191, 0), (300, 0, 0)];

#[test]
fn series_that_no_store_can_take_are_left_out_and_named() {
    let series = |pairs: &[(&str, &str)]| {
        let mut body = Message::default();
        body.message(1, |series| {
            for (name, value) in pairs {
                series.message(1, |label| {
                    label.bytes(1, name.as_bytes());
                    label.bytes(2, value.as_bytes());
                });
            }
            series.message(2, |sample| sample.uint(2, 7));
        });
        Seen::decode(V1, &body.0).unwrap()
    };
    let long = "x".repeat(16 * 1_024 + 1);
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[("job", "a")], "a series has no metric name"),
        (
            &[("__name__", ""), ("job", "a")],
            "a series has no metric name",
        ),
        (
            &[("__name__", "up"), ("a", "1"), ("b", "2"), ("a", "3")],
            "a series of metric `up` has a label twice",
        ),
        (
            &[("", "a"), ("__name__", "up")],
            "a series of metric `up` has a label without a name",
        ),
        (
            &[("__name__", "up"), ("a", "1"), ("a", "2")],
            "a series of metric `up` has a label twice",
        ),
        (
            &[("__name__", "up"), ("a", &long)],
            "a series of metric `up` has 16385 bytes in a label's value, the limit is 16384",
        ),
    ];
    for (pairs, problem) in cases {
        let seen = series(pairs);
        assert_eq!(
            (seen.skipped.items, seen.skipped.first.as_deref()),
            (1, Some(problem))
        );
        assert!(seen.samples.is_empty());
    }
}

#[test]
fn what_is_not_utf8_costs_no_more_than_its_series() {
    let mut body = Message::default();
    for job in [&b"caf\xe9"[..], &b"tea"[..]] {
        body.message(1, |series| {
            for (name, value) in [(&b"__name__"[..], &b"up"[..]), (&b"job"[..], job)] {
                series.message(1, |label| {
                    label.bytes(1, name);
                    label.bytes(2, value);
                });
            }
            series.message(2, |sample| sample.uint(2, 7));
            series.message(3, |exemplar| {
                exemplar.message(1, |label| label.bytes(2, b"\xe9"))
            });
        });
    }
    body.message(3, |metadata| {
        metadata.bytes(2, b"up");
        metadata.bytes(4, b"\xe9");
    });
    let seen = Seen::decode(V1, &body.0).unwrap();
    assert_eq!(seen.lines(), ["up{job=\"tea\"} [0.0]"]);
    assert_eq!((seen.exemplars.len(), seen.metadata.len()), (0, 0));
    let problem = "a series of metric `up` has a label that is not UTF-8";
    assert_eq!(
        (seen.skipped.items, seen.skipped.first.as_deref()),
        (1, Some(problem))
    );

    let mut body = Message::default();
    for symbol in [&b""[..], b"__name__", b"up", b"job", b"caf\xe9", b"tea"] {
        body.bytes(4, symbol);
    }
    for job in [4, 5] {
        body.message(5, |series| {
            series.bytes(1, &[1, 2, 3, job]);
            series.message(2, |sample| sample.uint(2, 7));
            series.message(4, |exemplar| exemplar.bytes(1, &[3, 4]));
        });
    }
    assert_eq!(Seen::decode(V2, &body.0).unwrap(), seen);
}

#[test]
fn a_body_that_is_no_message_is_refused_by_field() {
    let mut body = Message::default();
    body.message(1, |series| series.message(1, |label| label.bytes(1, b"up")));
    body.message(1, |series| series.bytes(1, &[0x0a, 9, b'x']));
    let refused = Seen::decode(V1, &body.0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "timeseries[1]: ends in the middle of a field"
    );

    let mut body = Message::default();
    body.bytes(4, b"");
    body.message(5, |series| series.bytes(1, &[0, 3]));
    let refused = Seen::decode(V2, &body.0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "timeseries[0]: refers to symbol 3, which does not exist"
    );
}

#[test]
fn metadata_of_version_two_names_the_family() {
    let mut body = Message::default();
    for symbol in ["", "__name__", "rtt_bucket", "le", "1", "Round trips.", "s"] {
        body.bytes(4, symbol.as_bytes());
    }
    body.message(5, |series| {
        series.bytes(1, &[1, 2, 3, 4]);
        series.message(2, |sample| sample.uint(2, 7));
        series.message(5, |metadata| {
            metadata.uint(1, 3);
            metadata.uint(3, 5);
            metadata.uint(4, 6);
        });
    });
    let seen = Seen::decode(V2, &body.0).unwrap();
    let told = (
        MetricKind::Histogram,
        "Round trips.".to_owned(),
        "s".to_owned(),
    );
    assert_eq!(seen.metadata["rtt"], told);
    assert_eq!(seen.lines(), ["rtt_bucket{le=\"1\"} [0.0]"]);
}

#[test]
fn native_metrics_may_be_one_value_or_many() {
    let body = br#"{"metrics": [
        {"name": "queue_length", "labels": {"queue": "mail"}, "type": "gauge", "value": 7},
        {"name": "jobs_total", "samples": [[1000, 41], [2000, "+Inf"]], "unknown": {}}
    ]}"#;
    let seen = Seen::decode(NATIVE, body).unwrap();
    let queue = labels(&[("__name__", "queue_length"), ("queue", "mail")]);
    assert_eq!(
        seen.samples[&queue],
        [(RECEIVED_NS / 1_000_000, 7f64.to_bits())]
    );
    let jobs = labels(&[("__name__", "jobs_total")]);
    assert_eq!(
        seen.samples[&jobs],
        [(1000, 41f64.to_bits()), (2000, f64::INFINITY.to_bits())]
    );
    assert_eq!(seen.metadata["queue_length"].0, MetricKind::Gauge);
}

#[test]
fn native_metrics_may_be_only_the_list() {
    let seen = Seen::decode(NATIVE, b" [{\"name\": \"a\", \"value\": 1}]").unwrap();
    let a = labels(&[("__name__", "a")]);
    assert_eq!(seen.samples[&a][0].1, 1f64.to_bits());
    let refused = Seen::decode(NATIVE, b"[{\"value\": 1}]").unwrap_err();
    assert!(refused.to_string().starts_with("[0]"), "{refused}");
    assert!(Seen::decode(NATIVE, b"[] x").is_err());
}

#[test]
fn native_metrics_may_say_when_in_the_words_of_native_logs() {
    for name in ["timestamp", "time"] {
        let body = format!(r#"{{"metrics": [{{"name": "a", "value": 1, "{name}": 1500}}]}}"#);
        let seen = Seen::decode(NATIVE, body.as_bytes()).unwrap();
        let a = labels(&[("__name__", "a")]);
        assert_eq!(seen.samples[&a], [(1500, 1f64.to_bits())], "{name}");
        let text = body.replace("1500", "\"1970-01-01T01:00:01.5+01:00\"");
        assert_eq!(
            Seen::decode(NATIVE, text.as_bytes()).unwrap().samples,
            seen.samples
        );
    }
    let many = br#"[{"name": "a", "samples": [["1970-01-01T00:00:01Z", 1], [2000, 2]]}]"#;
    let seen = Seen::decode(NATIVE, many).unwrap();
    let times: Vec<i64> = seen
        .samples
        .values()
        .flatten()
        .map(|(time, _)| *time)
        .collect();
    assert_eq!(times, [1000, 2000]);
}

#[test]
fn native_bodies_are_refused_by_field() {
    for (body, problem) in [
        (
            r#"{"metrics":[{"name":"a","value":1,"time":1795997186.5}]}"#,
            "metrics[0].time: invalid type: floating point `1795997186.5`, expected milliseconds since 1970 or an RFC 3339 time",
        ),
        (
            r#"{"metrics":[{"name":"a","value":1,"timestamp":"yesterday"}]}"#,
            "metrics[0].timestamp: `yesterday` is not an RFC 3339 time",
        ),
        (
            r#"{"metrics":[{"name":"a","value":"x"}]}"#,
            "metrics[0].value: `x` is not a number",
        ),
        (
            r#"{"metrics":[{"name":"a"}]}"#,
            "metrics[0].value: is missing, and so are samples",
        ),
        (
            r#"{"metrics":[{"name":"","value":1}]}"#,
            "metrics[0].name: is empty",
        ),
        (
            r#"{"metrics":[{"name":"a","type":"b","value":1}]}"#,
            "metrics[0].type: `b` is not a metric type",
        ),
    ] {
        let refused = Seen::decode(NATIVE, body.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with(problem), "{refused}");
    }
}

fn expected(all: &[Series]) -> (usize, usize, usize) {
    (
        all.iter().map(|one| one.samples.len()).sum(),
        all.iter().map(|one| one.histograms.len()).sum(),
        all.iter().filter(|one| one.exemplar.is_some()).count(),
    )
}

proptest! {
    #[test]
    fn both_versions_of_remote_write_tell_what_was_written(all in encode::series()) {
        let one = Seen::decode(V1, &encode::v1(&all)).unwrap();
        let two = Seen::decode(V2, &encode::v2(&all)).unwrap();
        prop_assert_eq!(&one, &two);
        let counts = (
            one.samples.values().map(Vec::len).sum(),
            one.histograms.values().map(Vec::len).sum(),
            one.exemplars.len(),
        );
        prop_assert_eq!(counts, expected(&all));
        for series in &all {
            let own: Vec<_> = series.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let samples = one.samples.get(&labels(&own));
            prop_assert!(series.samples.iter().all(|s| samples.is_some_and(|all| all.contains(s))));
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(body: Vec<u8>) {
        for format in formats::METRICS {
            drop(Seen::decode(format.name, &body));
        }
    }

    #[test]
    fn nothing_cut_or_changed_makes_a_decoder_panic(
        cut in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        byte: u8,
    ) {
        for (format, body) in whole() {
            let mut body = body[..cut.index(body.len() + 1)].to_vec();
            drop(Seen::decode(format, &body));
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
                drop(Seen::decode(format, &body));
            }
        }
    }
}

/// A good body of each format.
fn whole() -> Vec<(&'static str, Vec<u8>)> {
    let series = Series {
        labels: [("__name__", "up"), ("job", "a")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into(),
        samples: vec![(1, 2), (3, 4)],
        histograms: vec![encode::Histogram {
            time_ms: 5,
            schema: 0,
            counts: vec![1, 2],
            offset: -3,
            float: false,
        }],
        exemplar: Some(("00".to_owned(), 1, 2)),
    };
    vec![
        (V1, unsnapped(PROMETHEUS[0])),
        (V1, encode::v1(std::slice::from_ref(&series))),
        (V2, encode::v2(std::slice::from_ref(&series))),
        (otlp::PROTOBUF, otlp::PYTHON.to_vec()),
        (otlp::JSON, otlp::PYTHON_JSON.to_vec()),
        (
            NATIVE,
            br#"{"metrics":[{"name":"a","labels":{"b":"c"},"samples":[[1,2.5]]}]}"#.to_vec(),
        ),
    ]
}
