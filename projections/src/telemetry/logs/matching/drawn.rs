//! Records and queries of few letters, so that they meet: columns, filters over tokens
//! and a look at every record must agree about all of them.

use proptest::collection::vec;
use proptest::prelude::*;
use protocols::logs::{Level, LogRecord, Stream};

use super::super::bloom;
use super::super::samples;
use super::super::segment::{Bloom, Writer};
use super::super::table::{Arrival, Table};
use super::*;

#[derive(Debug, Clone)]
struct Drawn {
    level: usize,
    service: u8,
    /// Of the resource, where there is one.
    host: Option<String>,
    body: String,
    span_id: Option<u64>,
    fields: Vec<(String, String)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let value = "[ab1é]{0,3}|-?[0-9]{1,2}|[ab]\0[ab]|[0-9a-f]{8}";
    let record = (
        0..Level::ALL.len(),
        0u8..3,
        prop::option::of("[ab1]{0,2}"),
        "[abAB1é \0.-]{0,12}",
        prop::option::of(0u64..300),
        vec(("[fgh]", value), 0..3),
    );
    record.prop_map(|(level, service, host, body, span_id, fields)| Drawn {
        level,
        service,
        host,
        body,
        span_id,
        fields,
    })
}

fn query() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        "[abAB1é]{1,3}[*]?",
        "\"[abAB1é .-]{1,5}\"",
        "[fgh]:(\"[ab1é]{0,3}\"|[ab1]{1,3}[*]?|-?[0-9]{1,2}|[*])",
        "[fgh]:(>|>=|<|<=)-?[0-9]{1,2}",
        "level:(info|err|fatal)(,(error|warn|fatal))?",
        "service:(s0|s1|s[*])(,s2)?",
        "body:[abAB1é]{1,3}",
        "resource[.]host:[ab1]{1,2}",
        "span_id:00000000000000[0-9a-f]{2}",
        "00000000000000[0-9a-f]{2}",
    ];
    let condition = ("(-|NOT )?", condition).prop_map(|(sign, rest)| sign + &rest);
    let side = vec(condition, 1..4).prop_map(|all| all.join(" "));
    vec(side, 1..3).prop_map(|sides| sides.join(" OR "))
}

fn table(records: &[Drawn]) -> Table {
    let mut table = Table::default();
    for (index, drawn) in (0..).zip(records) {
        let host = drawn.host.iter();
        let stream = table.stream(&Stream {
            service: format!("s{}", drawn.service).into(),
            fields: host.map(|host| ("host".into(), host.into())).collect(),
        });
        let fields = drawn.fields.iter();
        let record = LogRecord {
            time_ns: samples::RECEIVED_NS,
            level: Level::ALL[drawn.level],
            level_text: "".into(),
            body: (&drawn.body).into(),
            trace_id: None,
            span_id: drawn.span_id.map(u64::to_be_bytes),
            fields: fields
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        };
        let arrival = Arrival {
            received_ns: samples::RECEIVED_NS,
            offset: 0,
            index,
        };
        table.push(stream, &record, arrival);
    }
    table
}

proptest! {
    #[test]
    fn columns_and_filters_answer_as_a_look_at_every_record_would(
        drawn in vec(drawn(), 1..80),
        texts in vec(query(), 1..8),
    ) {
        let table = table(&drawn);
        let written = Writer::new()
            .and_then(|mut writer| writer.write(&table, &table.sorted(), Bloom::With))
            .expect("writes");
        let segment = Segment::open(&written.data[..]).expect("opens");
        let directory = segment.directory().bloom().expect("a filter");
        let tokens = &written.data[directory.frame];
        for text in texts {
            let filter = Filter::parse(&text).expect(&text);
            let rows = matching(&segment, &filter, i64::MIN, i64::MAX).expect("reads");
            let expected = Rows::those(table.len(), |row| {
                samples::wants(&filter, &table.record(0, row).expect("reads"))
            });
            prop_assert_eq!(&rows, &expected, "{}", text);
            let sets = filter.tokens();
            let may_hold = |hash: &u64| bloom::may_hold(tokens, directory.probes, *hash);
            let may = sets.iter().any(|set| set.iter().all(may_hold));
            prop_assert!(rows.is_empty() || sets.is_empty() || may, "{} is denied", text);
        }
    }
}
