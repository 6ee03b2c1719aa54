use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use protocols::spans::{SpanEvent, SpanKind, SpanLink, SpanRecord, SpanStatus, Stream};

use super::super::bloom;
use super::super::samples;
use super::super::span::Span;
use super::super::table::Table;
use super::super::tags;
use super::{Blooms, Segment, write};

type Pairs = Vec<(String, String)>;

fn pairs() -> impl Strategy<Value = Pairs> {
    vec(("[a-e]", "[a-z]{0,3}|[0-9]{1,9}"), 0..6)
}

/// What varies of a span; ids are few, so that parents and repeats occur.
type Drawn = (
    (u8, u8, Option<u8>, u8, u8),
    (i64, i64, i64),
    (String, String, String),
    Pairs,
    Vec<(i64, String, Pairs)>,
    Vec<(u8, Pairs)>,
);

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        (
            0u8..4,
            any::<u8>(),
            prop::option::of(any::<u8>()),
            0u8..6,
            0u8..3,
        ),
        (
            any::<i64>(),
            prop_oneof![0i64..100, 0..i64::MAX],
            0i64..100_000_000_000,
        ),
        (
            "[a-c]{1,2}".prop_map(String::from),
            "[xy]?".prop_map(String::from),
            "[st]?".prop_map(String::from),
        ),
        pairs(),
        vec((any::<i64>(), "[ef]{0,2}", pairs()), 0..3),
        vec((any::<u8>(), pairs()), 0..3),
    )
}

fn borrowed(pairs: &Pairs) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    pairs
        .iter()
        .map(|(n, v)| (Cow::from(n), Cow::from(v)))
        .collect()
}

fn record(drawn: &Drawn) -> SpanRecord<'_> {
    let (
        (trace, span, parent, kind, status),
        (start_ns, duration_ns, _),
        names,
        fields,
        events,
        links,
    ) = drawn;
    SpanRecord {
        trace_id: [*trace; 16],
        span_id: [*span; 8],
        parent_id: parent.map(|id| [id; 8]),
        name: (&names.0).into(),
        kind: SpanKind::ALL[usize::from(*kind)],
        start_ns: *start_ns,
        duration_ns: *duration_ns,
        status: SpanStatus::ALL[usize::from(*status)],
        status_message: (&names.1).into(),
        trace_state: (&names.2).into(),
        scope: (&names.1).into(),
        fields: borrowed(fields),
        events: events
            .iter()
            .map(|(time_ns, name, fields)| SpanEvent {
                time_ns: *time_ns,
                name: name.into(),
                fields: borrowed(fields),
            })
            .collect(),
        links: links
            .iter()
            .map(|(id, fields)| SpanLink {
                trace_id: [*id; 16],
                span_id: [*id; 8],
                fields: borrowed(fields),
            })
            .collect(),
    }
}

fn table(spans: &[Drawn]) -> Table {
    let mut table = Table::default();
    for (at, span) in spans.iter().enumerate() {
        let stream = Stream {
            service: format!("service-{}", at % 3).into(),
            fields: vec![
                ("b".into(), (at % 2).to_string().into()),
                ("a".into(), "1".into()),
            ],
        };
        let resource = table.resource(&stream);
        let record = record(span);
        table.push(resource, &record, record.start_ns.saturating_add(span.1.2));
    }
    table.arrange();
    table
}

fn spans(table: &Table) -> Vec<Span> {
    table.spans().collect()
}

proptest! {
    #[test]
    fn a_segment_gives_back_what_was_written(drawn in vec(drawn(), 1..60)) {
        let table = table(&drawn);
        let written = write(&table, Blooms::With);
        let segment = Segment::open(&written.data).expect("opens");
        prop_assert_eq!(spans(&segment.whole().expect("reads")), spans(&table));
    }

    #[test]
    fn some_rows_are_read_as_all_are(drawn in vec(drawn(), 1..60), from in 0usize..60, len in 0usize..60) {
        let table = table(&drawn);
        let written = write(&table, Blooms::With);
        let some = Segment::open(&written.data).expect("opens").table(from..from + len).expect("reads");
        let expected: Vec<_> = table.spans().skip(from).take(len).collect();
        prop_assert_eq!(spans(&some), expected);
    }

    #[test]
    fn damaged_bytes_never_panic(drawn in vec(drawn(), 1..8), at in any::<prop::sample::Index>(), byte: u8) {
        let mut data = write(&table(&drawn), Blooms::With).data;
        let at = at.index(data.len());
        data[at] = byte;
        if let Ok(segment) = Segment::open(&data) {
            segment.whole().ok();
            segment.other_fields().ok();
            if let Ok(core) = segment.core() {
                segment.told(&core, tags::EVENT, "e").ok();
                segment.told(&core, tags::SCOPE, "x").ok();
            }
        }
    }

    #[test]
    fn what_is_absorbed_is_as_if_pushed(first in vec(drawn(), 1..20), second in vec(drawn(), 1..20)) {
        let (mut joined, later) = (table(&first), table(&second));
        let expected: Vec<_> = joined.spans().chain(later.spans()).collect();
        joined.absorb(&later);
        prop_assert_eq!(spans(&joined), expected);
    }

    #[test]
    fn filters_hold_every_trace_and_token(drawn in vec(drawn(), 1..30)) {
        let table = table(&drawn);
        let written = write(&table, Blooms::With);
        for span in table.spans() {
            prop_assert!(bloom::may_hold(&written.trace_bloom, bloom::trace_key(&span.trace_id)));
            prop_assert!(bloom::may_hold(&written.token_bloom, bloom::service_key(&span.service)));
            prop_assert!(bloom::may_hold(&written.token_bloom, bloom::operation_key(&span.name)));
            for (name, value) in span.fields.iter().chain(&span.resource) {
                prop_assert!(bloom::may_hold(&written.token_bloom, bloom::field_key(name, value)));
            }
            for (name, value) in told(&span) {
                prop_assert!(bloom::may_hold(&written.token_bloom, bloom::field_key(&name, &value)));
            }
        }
    }

    #[test]
    fn what_is_told_of_a_row_is_found(drawn in vec(drawn(), 1..30)) {
        let table = table(&drawn);
        let written = write(&table, Blooms::Without);
        let segment = Segment::open(&written.data).expect("opens");
        let core = segment.core().expect("reads");
        let all: Vec<_> = table.spans().map(|span| told(&span)).collect();
        let none = ("a".to_owned(), "no such".to_owned());
        for tag in all.iter().flatten().chain([&none]) {
            let found = segment.told(&core, &tag.0, &tag.1).expect("reads");
            let expected: Vec<_> = all.iter().map(|told| told.contains(tag)).collect();
            prop_assert_eq!(found, expected, "{:?}", tag);
        }
    }
}

/// Every tag of a span that is no field of it.
fn told(span: &Span) -> Pairs {
    let named = |name: &str, value: &String| (name.to_owned(), value.clone());
    let mut told = vec![
        named(tags::SCOPE, &span.scope),
        named(tags::STATUS_MESSAGE, &span.status_message),
        named(tags::TRACE_STATE, &span.trace_state),
    ];
    told.extend(
        span.events
            .iter()
            .map(|event| named(tags::EVENT, &event.name)),
    );
    told.retain(|(_, value)| !value.is_empty());
    told.extend(span.events.iter().flat_map(|event| event.fields.clone()));
    told
}

#[test]
fn a_span_that_was_sent_twice_is_kept_once() {
    let mut once = samples::table(3);
    once.arrange();
    let mut twice = once.clone();
    twice.absorb(&once);
    twice.arrange();
    assert_eq!(spans(&twice), spans(&once));
}

#[test]
fn a_fields_column_is_read_alone() {
    let mut table = samples::table(50);
    table.arrange();
    let written = write(&table, Blooms::With);
    let segment = Segment::open(&written.data).expect("opens");
    for name in ["http.route", "enduser.id", "net.peer.port"] {
        let column = segment.field(name).expect("reads").expect("a column");
        for (at, span) in table.spans().enumerate() {
            let of_span = span.fields.iter().find(|(of, _)| of == name);
            assert_eq!(column.get(at), of_span.map(|(_, value)| value.as_str()));
        }
    }
    assert!(segment.field("no.such").expect("reads").is_none());
}

/// The bar of the telemetry store: 60 bytes for a span of ten per trace with
/// eleven attributes, filters included.
#[test]
fn a_span_takes_at_most_sixty_bytes() {
    let mut table = samples::table(2000);
    table.arrange();
    let written = write(&table, Blooms::With);
    let filters = written.trace_bloom.len() + written.token_bloom.len();
    let per_span = |bytes: usize| bytes as f64 / table.rows.len() as f64;
    let (data, filters) = (per_span(written.data.len()), per_span(filters));
    println!("{data:.1} B of data and {filters:.1} B of filters per span");
    assert!(data + filters <= 60.0, "{data} + {filters}");
}
