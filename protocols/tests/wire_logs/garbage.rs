//! Whatever the bytes, decoders answer; what is cut is refused.

use proptest::prelude::*;
use protocols::formats::{LOGS, SPANS};

use crate::collected::{Lines, NOW, Spans, lines, spans};

const LOGS_PROTOBUF: &[u8] = include_bytes!("../fixtures/otlp/logs-python.binpb");
const SPANS_PROTOBUF: &[u8] = include_bytes!("../fixtures/otlp/traces-python.binpb");
const LOGS_JSON: &[u8] = include_bytes!("../fixtures/otlp/logs-js.json");
const SPANS_JSON: &[u8] = include_bytes!("../fixtures/otlp/traces-js.json");
const LOKI_JSON: &[u8] = include_bytes!("../fixtures/loki/pino.json");

const ALL: [&[u8]; 5] = [
    LOGS_PROTOBUF,
    SPANS_PROTOBUF,
    LOGS_JSON,
    SPANS_JSON,
    LOKI_JSON,
];

/// Returns how many formats took it.
fn decode_by_all(body: &[u8]) -> usize {
    let logs = LOGS
        .iter()
        .filter(|format| (format.decode)(body, NOW, &mut Lines::default()).is_ok());
    let spans = SPANS
        .iter()
        .filter(|format| (format.decode)(body, NOW, &mut Spans::default()).is_ok());
    logs.count() + spans.count()
}

#[test]
fn what_is_cut_is_refused() {
    for end in 1..LOGS_PROTOBUF.len() {
        assert!(lines("otlp.logs.protobuf", &LOGS_PROTOBUF[..end]).is_err());
    }
    for end in 1..SPANS_PROTOBUF.len() {
        assert!(spans("otlp.spans.protobuf", &SPANS_PROTOBUF[..end]).is_err());
    }
    for end in 1..LOGS_JSON.len() {
        assert!(lines("otlp.logs.json", &LOGS_JSON[..end]).is_err());
    }
    for end in 1..SPANS_JSON.len() {
        assert!(spans("otlp.spans.json", &SPANS_JSON[..end]).is_err());
    }
    for end in 1..LOKI_JSON.len() {
        assert!(lines("loki.push.json", &LOKI_JSON[..end]).is_err());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(body: Vec<u8>) {
        decode_by_all(&body);
    }

    #[test]
    fn nor_does_text(body in "(?s)[<>0-9a-z \\[\\]{}\":,=\\\\\n-]{0,80}") {
        decode_by_all(body.as_bytes());
        decode_by_all(format!("<13>1 {body}").as_bytes());
        decode_by_all(format!("{{\"logs\":[{body}]}}").as_bytes());
        decode_by_all(format!("<13>Sep 21 {body}").as_bytes());
    }

    #[test]
    fn nor_do_a_few_wrong_bytes(
        which in 0..ALL.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = ALL[which].to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        decode_by_all(&body);
    }
}
