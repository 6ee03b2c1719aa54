//! The embedded log's append beside raw writes to the same folder.

mod raw;

pub(crate) use raw::SyncedFile;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{EventLog, NewRecord};
use schemas::topic::Topic;
use tokio::task::JoinSet;

use crate::comparison::Place;
use crate::latencies::Latencies;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;

const ROUNDS: usize = 7;
const BLOCK: usize = 4096;
/// Key, headers and frame of a record come on top of its body: with them a
/// record takes one block, as the raw write does.
const SMALL: usize = 3840;
/// With them an incident's event takes 720 bytes in the log, the mean over commands,
/// events, outcomes and audit records.
const EVENT: usize = 640;
const LARGE: usize = 50_000;
const STREAM_BYTES: usize = 256 << 20;

/// One round: milliseconds at p99, and megabytes a second.
struct Round {
    raw: f64,
    raw_growing: f64,
    one: f64,
    one_median: f64,
    many: f64,
    many_events: f64,
    many_events_median: f64,
    raw_many: f64,
    raw_rate: f64,
    rate: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let log = EmbeddedLog::open(Options::new(place.join("log")))?;
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let measured = measure(place, &log).await?;
        // The first one warms up: files, caches, the disk itself.
        if round > 0 {
            rounds.push(measured);
        }
    }
    log.close().await?;
    Ok(section(&rounds))
}

async fn measure(place: &Place, log: &Arc<EmbeddedLog>) -> anyhow::Result<Round> {
    let raw = raw::synced_writes(&place.join("raw"), BLOCK, 1_000, raw::File::Written)?;
    let one = appends(log, Topic::IncidentEvents, SMALL, 1, 1_000)
        .await?
        .0;
    let many = appends(log, Topic::IncidentEvents, SMALL, 64, 1_000)
        .await?
        .0;
    let events = appends(log, Topic::IncidentEvents, EVENT, 64, 1_000)
        .await?
        .0;
    let raw_many = raw::synced_writes(&place.join("raw"), 64 * BLOCK, 300, raw::File::Written)?;
    let growing = raw::synced_writes(&place.join("raw"), BLOCK, 300, raw::File::Growing)?;
    let raw_rate = raw::stream(&place.join("raw"), STREAM_BYTES)?;
    let each = STREAM_BYTES / LARGE / 64;
    let (_, took) = appends(log, Topic::TelemetryMetrics, LARGE, 64, each).await?;
    Ok(Round {
        raw: raw.percentile_ms(99),
        raw_growing: growing.percentile_ms(99),
        one: one.percentile_ms(99),
        one_median: one.percentile_ms(50),
        many: many.percentile_ms(99),
        many_events: events.percentile_ms(99),
        many_events_median: events.percentile_ms(50),
        raw_many: raw_many.percentile_ms(99),
        raw_rate,
        rate: (each * 64 * LARGE) as f64 / 1e6 / took.as_secs_f64(),
    })
}

/// `appenders` tasks append `each` records one after the other.
async fn appends(
    log: &Arc<EmbeddedLog>,
    topic: Topic,
    bytes: usize,
    appenders: usize,
    each: usize,
) -> anyhow::Result<(Latencies, Duration)> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for appender in 0..appenders {
        tasks.spawn(appender_task(log.clone(), topic, bytes, appender, each));
    }
    let mut samples = Vec::with_capacity(appenders * each);
    while let Some(ended) = tasks.join_next().await {
        samples.extend(ended??);
    }
    Ok((Latencies::of(samples), begun.elapsed()))
}

async fn appender_task(
    log: Arc<EmbeddedLog>,
    topic: Topic,
    bytes: usize,
    appender: usize,
    each: usize,
) -> anyhow::Result<Vec<Duration>> {
    let body = Bytes::from(raw::noise(bytes));
    let record = NewRecord {
        topic,
        partition: None,
        key: format!("appender-{appender}").into(),
        headers: Default::default(),
        body,
    };
    let mut samples = Vec::with_capacity(each);
    for _ in 0..each {
        let begun = Instant::now();
        log.append(vec![record.clone()]).await?;
        samples.push(begun.elapsed());
    }
    Ok(samples)
}

fn section(rounds: &[Round]) -> Section {
    let ratio = |what, pair: fn(&Round) -> (f64, f64), better, first_bar, aim| Verdict {
        what,
        measured: Spread::of_ratios(rounds.iter().map(pair)),
        unit: Unit::Ratio,
        better,
        first_bar,
        aim,
    };
    let figure = |name: &str, value: fn(&Round) -> f64, unit: &str| {
        Figure::spread(name, Spread::of(rounds.iter().map(value)), unit)
    };
    Section {
        title: "Append to the embedded log",
        method: "Latency until the append is durable, p99, ÷ p99 of a 4 KiB `write` + `fdatasync` by one \
                 thread into blocks that were written before (the cheapest synced write there is; into a \
                 file that grows it costs more, and is given beside it). Records of 3,840 bytes, which \
                 take a block with their frame. Megabytes a second: 64 appenders of 50,000-byte records \
                 that do not compress, each waiting for its own ack, ÷ 256 MiB written in 1 MiB pieces to \
                 a new file and synced once at the end."
            .to_owned(),
        verdicts: vec![
            ratio("append p99, 1 appender ÷ raw sync p99", |r| (r.one, r.raw), Better::Lower, 3.0, Some(1.5)),
            ratio("append p99, 64 appenders ÷ raw sync p99", |r| (r.many, r.raw), Better::Lower, 3.0, Some(1.5)),
            ratio("append MB/s ÷ raw sequential MB/s", |r| (r.rate, r.raw_rate), Better::Higher, 0.5, None),
        ],
        figures: vec![
            figure("raw write + fdatasync, written blocks, p99", |r| r.raw, "ms"),
            figure("raw write + fdatasync, growing file, p99", |r| r.raw_growing, "ms"),
            figure("raw write + fdatasync of 64 such blocks at once, p99", |r| r.raw_many, "ms"),
            figure("append, 1 appender, median", |r| r.one_median, "ms"),
            figure("append, 1 appender, p99", |r| r.one, "ms"),
            figure("append, 64 appenders, p99", |r| r.many, "ms"),
            figure("append, 64 appenders of events, median", |r| r.many_events_median, "ms"),
            figure("append, 64 appenders of events, p99", |r| r.many_events, "ms"),
            figure("raw sequential write + sync", |r| r.raw_rate, "MB/s"),
            figure("append, 64 appenders of 50,000 bytes", |r| r.rate, "MB/s"),
        ],
    }
}
