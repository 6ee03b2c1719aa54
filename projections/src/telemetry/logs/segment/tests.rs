use proptest::collection::vec;
use proptest::prelude::*;
use protocols::logs::{Level, LogRecord, Stream};

use super::super::bloom;
use super::super::record::Record;
use super::super::samples;
use super::super::table::{Arrival, Table};
use super::super::tokens;
use super::write::Written;
use super::{Bloom, Column, Directory, Segment, Writer};

type Pairs = Vec<(String, String)>;

fn pairs() -> impl Strategy<Value = Pairs> {
    vec(
        ("[a-e]{1,2}", "[a-z ]{0,9}|-?[0-9]{1,9}|[0-9a-f]{16}"),
        0..6,
    )
}

/// What varies of a record.
#[derive(Debug, Clone)]
struct Drawn {
    time_ns: i64,
    late_ns: i64,
    position: (u8, u8),
    level: u8,
    level_text: String,
    body: String,
    ids: (Option<u128>, Option<u64>),
    service: u8,
    fields: Pairs,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let times = prop_oneof![any::<i64>(), (0i64..100).prop_map(|s| s * 1_000_000)];
    let ids = (
        prop::option::of(any::<u128>()),
        prop::option::of(any::<u64>()),
    );
    let words = (0u8..7, "[A-Z]{0,2}", ".{0,30}", 0u8..3);
    let rest = (ids, pairs(), any::<(u8, u8)>());
    (times, 0i64..100_000_000_000, words, rest).prop_map(
        |(time_ns, late_ns, (level, level_text, body, service), (ids, fields, position))| Drawn {
            time_ns,
            late_ns,
            position,
            level,
            level_text,
            body,
            ids,
            service,
            fields,
        },
    )
}

fn table(records: &[Drawn]) -> Table {
    let mut table = Table::default();
    for drawn in records {
        let stream = table.stream(&Stream {
            service: format!("service-{}", drawn.service).into(),
            fields: vec![
                ("b".into(), drawn.service.to_string().into()),
                ("a".into(), "1".into()),
            ],
        });
        let fields = drawn.fields.iter();
        let record = LogRecord {
            time_ns: drawn.time_ns,
            level: Level::ALL[usize::from(drawn.level)],
            level_text: (&drawn.level_text).into(),
            body: (&drawn.body).into(),
            trace_id: drawn.ids.0.map(u128::to_be_bytes),
            span_id: drawn.ids.1.map(u64::to_be_bytes),
            fields: fields.map(|(n, v)| (n.into(), v.into())).collect(),
        };
        let arrival = Arrival {
            received_ns: drawn.time_ns.saturating_add(drawn.late_ns),
            offset: drawn.position.0.into(),
            index: drawn.position.1.into(),
        };
        table.push(stream, &record, arrival);
    }
    table
}

fn write(table: &Table) -> Written {
    let mut writer = Writer::new().expect("zstd");
    writer
        .write(table, &table.sorted(), Bloom::With)
        .expect("writes")
}

fn filter(written: &Written) -> &[u8] {
    let directory = Directory::read(&written.data).expect("reads");
    directory.bloom().map_or(&[], |it| &written.data[it.frame])
}

fn records(table: &Table, rows: &[u32]) -> Vec<Record> {
    let rows = rows.iter().map(|row| table.record(3, *row as usize));
    rows.collect::<Result<_, _>>().expect("reads")
}

fn all(table: &Table) -> Vec<Record> {
    records(table, &(0..table.len() as u32).collect::<Vec<_>>())
}

fn read(data: &[u8], rows: Option<&[u32]>) -> Table {
    let mut table = Table::default();
    let segment = Segment::open(data).expect("opens");
    segment.append(rows, &mut table).expect("reads");
    table
}

proptest! {
    #[test]
    fn a_segment_gives_back_what_was_written(drawn in vec(drawn(), 1..60)) {
        let table = table(&drawn);
        let written = write(&table);
        prop_assert_eq!(written.records, drawn.len());
        prop_assert_eq!(all(&read(&written.data, None)), records(&table, &table.sorted()));
    }

    #[test]
    fn some_rows_are_read_as_all_are(drawn in vec(drawn(), 1..60), wanted in vec(any::<bool>(), 60)) {
        let table = table(&drawn);
        let sorted = table.sorted();
        let rows: Vec<u32> = (0..sorted.len() as u32).filter(|row| wanted[*row as usize]).collect();
        let expected: Vec<u32> = rows.iter().map(|row| sorted[*row as usize]).collect();
        let some = read(&write(&table).data, Some(&rows));
        prop_assert_eq!(all(&some), records(&table, &expected));
    }

    #[test]
    fn one_row_is_read_as_it_is_among_all(drawn in vec(drawn(), 16..60), at in any::<prop::sample::Index>()) {
        let written = write(&table(&drawn));
        let whole = read(&written.data, None);
        let row = at.index(whole.len()) as u32;
        let segment = Segment::open(&written.data[..]).expect("opens").keeping_columns();
        for _ in 0..2 {
            let mut one = Table::default();
            segment.append(Some(&[row]), &mut one).expect("reads");
            prop_assert_eq!(all(&one), records(&whole, &[row]));
        }
    }

    #[test]
    fn what_is_merged_is_as_if_pushed(first in vec(drawn(), 1..20), second in vec(drawn(), 1..20)) {
        let mut merged = read(&write(&table(&first)).data, None);
        let later = write(&table(&second));
        Segment::open(&later.data[..]).expect("opens").append(None, &mut merged).expect("reads");
        let together = table(&[first, second].concat());
        let mut expected = records(&together, &together.sorted());
        let mut found = records(&merged, &merged.sorted());
        // Drawn positions repeat, so equal places may come in any order.
        let key = |record: &Record| format!("{record:?}");
        expected.sort_by_key(key);
        found.sort_by_key(key);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_filter_never_denies_what_is_there(drawn in vec(drawn(), 1..40)) {
        let written = write(&table(&drawn));
        let filter = filter(&written);
        let holds = |text: &str| tokens::hashes(text.as_bytes()).into_iter()
            .all(|hash| bloom::may_hold(filter, bloom::PROBES, hash));
        for record in all(&read(&written.data, None)) {
            prop_assert!(holds(&record.body));
            prop_assert!(record.fields.values().all(|value| holds(value)));
            prop_assert!(record.resource.values().all(|value| holds(value)));
            prop_assert!(holds(&record.service));
            prop_assert!(record.trace_id.iter().chain(&record.span_id).all(|id| holds(id)));
        }
    }

    #[test]
    fn damaged_bytes_never_panic(drawn in vec(drawn(), 1..8), at in any::<prop::sample::Index>(), byte: u8) {
        let mut data = write(&table(&drawn)).data;
        let at = at.index(data.len());
        data[at] = byte;
        if let Ok(segment) = Segment::open(&data[..]) {
            let mut table = Table::default();
            if segment.append(None, &mut table).is_ok() {
                for row in 0..table.len() {
                    drop(table.record(0, row));
                }
            }
        }
    }
}

#[test]
fn fetched_columns_answer_like_the_whole() {
    let table = samples::table(1000);
    let written = write(&table);
    let len = Directory::len_in(&written.data).expect("reads");
    let directory = Directory::read(&written.data[..len]).expect("reads");
    let wanted = directory.frames(&[Column::Time], &["user.id"]);
    assert_eq!(wanted.len(), 2);
    let fetched = wanted.into_iter();
    let fetched = fetched
        .map(|frame| (frame.start, written.data[frame].to_vec()))
        .collect();
    let some = Segment::partial(directory, fetched);
    let whole = Segment::open(&written.data[..]).expect("opens");
    assert_eq!(some.times(), whole.times());
    let values = |segment: &Segment<'_>| {
        let mut values = Vec::new();
        let column = segment.field("user.id").expect("reads").expect("is there");
        column.each(|row, value| values.push((row, value.to_vec())));
        values
    };
    assert_eq!(values(&some).len(), 1000);
    assert_eq!(values(&some), values(&whole));
    assert!(some.bodies().is_err());
}

/// The bar of the telemetry store: 70 bytes a line of 160, its filter included.
#[test]
fn a_line_takes_at_most_seventy_bytes() {
    let table = samples::table(10_000);
    let written = write(&table);
    let per_line = |bytes: usize| bytes as f64 / table.len() as f64;
    let (data, filter) = (
        per_line(written.data.len()),
        per_line(filter(&written).len()),
    );
    println!("{data:.1} B a line, {filter:.1} B of them filter");
    assert!(data <= 70.0, "{data}");
}
