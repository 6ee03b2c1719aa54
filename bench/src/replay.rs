//! Folding the events of the log, beside folding the same events from a table.

mod events;
mod table;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use commands::incident::Incident;
use cqrs_es::Aggregate;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, Position, Visibility};
use schemas::incident::IncidentEvent;
use schemas::topic::Topic;

use crate::comparison::Place;
use crate::postgres;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use table::{Columns, Table};

const ROUNDS: usize = 5;
const INCIDENTS: usize = 30_000;
const TOPIC: Topic = Topic::IncidentEvents;
const FETCH_BYTES: usize = 1 << 20;

/// State by aggregate id: what a replay arrives at.
type Folded = HashMap<Bytes, Incident>;

/// One round, in events a second.
struct Round {
    log: f64,
    log_unfolded: f64,
    table: f64,
    table_bare: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let log: Log = EmbeddedLog::open(Options::new(place.join("log")))?;
    let events = events::append(&log, INCIDENTS).await?;
    let (server, url) = postgres::start(place, "postgres").await?;
    let measured = measure(&log, &url, events).await;
    server.stop().await?;
    log.close().await?;
    Ok(section(events, &measured?))
}

async fn measure(log: &Log, url: &str, events: usize) -> anyhow::Result<Vec<Round>> {
    let mut table = Table::create(url).await?;
    table.fill(log, events).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let rate = |took: Duration| events as f64 / took.as_secs_f64();
        let (from_log, took) = fold_log(log, events).await?;
        let (from_table, table_took) = table.fold(Columns::Whole, events).await?;
        ensure!(
            from_log == from_table,
            "the log and the table fold to different states"
        );
        let (_, bare_took) = table.fold(Columns::Folded, events).await?;
        rounds.push(Round {
            log: rate(took),
            log_unfolded: rate(read_log(log, events).await?),
            table: rate(table_took),
            table_bare: rate(bare_took),
        });
    }
    Ok(rounds)
}

/// Reads all `events` of the log and folds them.
async fn fold_log(log: &Log, events: usize) -> anyhow::Result<(Folded, Duration)> {
    let begun = Instant::now();
    let mut folded = Folded::new();
    let mut read = 0;
    let mut records = log.subscribe(beginning(), Visibility::Durable).await?;
    while read < events {
        for part in records.next(FETCH_BYTES).await? {
            read += part.records.len();
            for record in part.records {
                apply(&mut folded, &record.key, record.decode()?);
            }
        }
    }
    Ok((folded, begun.elapsed()))
}

/// The reading alone.
async fn read_log(log: &Log, events: usize) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut read = 0;
    let mut records = log.subscribe(beginning(), Visibility::Durable).await?;
    while read < events {
        let parts = records.next(FETCH_BYTES).await?;
        read += parts.iter().map(|part| part.records.len()).sum::<usize>();
    }
    Ok(begun.elapsed())
}

fn beginning() -> Vec<Position> {
    let partitions = 0..TOPIC.partitions();
    partitions
        .map(|partition| Position {
            topic: TOPIC,
            partition,
            offset: 0,
        })
        .collect()
}

fn apply(folded: &mut Folded, key: &[u8], event: IncidentEvent) {
    if let Some(incident) = folded.get_mut(key) {
        incident.apply(event);
    } else {
        folded
            .entry(Bytes::copy_from_slice(key))
            .or_default()
            .apply(event);
    }
}

fn section(events: usize, rounds: &[Round]) -> Section {
    let spread = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(value));
    let figure = |name: &str, value| Figure::spread(name, spread(value), "events/s");
    Section {
        title: "Replay",
        method: format!(
            "{events} events of {INCIDENTS} incidents that ran at the same time, folded to the same \
             states, which are compared. Ours: a subscription to all partitions of the embedded log, \
             every byte checked against its CRC, whole records with their headers. Theirs: the same \
             bytes in a Postgres table (`position` primary key, key, kind, headers, body) filled by \
             COPY, vacuumed, and read by one streaming SELECT in order of position through sqlx; \
             decoding and folding are the same code. Files and table were in the page cache."
        ),
        verdicts: vec![Verdict {
            what: "replay events/s, log ÷ SELECT",
            measured: Spread::of_ratios(rounds.iter().map(|r| (r.log, r.table))),
            unit: Unit::Ratio,
            better: Better::Higher,
            first_bar: 2.0,
            aim: Some(10.0),
        }],
        figures: vec![
            figure("log, read and folded", |r| r.log),
            figure("log, read only", |r| r.log_unfolded),
            figure("table, whole rows read and folded", |r| r.table),
            figure("table, without its headers column, read and folded", |r| {
                r.table_bare
            }),
        ],
    }
}
