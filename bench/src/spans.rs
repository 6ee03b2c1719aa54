//! Spans beside VictoriaLogs. VictoriaTraces keeps each span as a record of the
//! store that VictoriaLogs is, and cannot be had from the Go proxy: VictoriaLogs is
//! given the same spans as records with the same fields, which it takes in the same
//! form (OTLP, protobuf).

mod bodies;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use schemas::context::Clock;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cargo;
use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, OnDisk, Signal, Store};
use bodies::Traces;

const KINDS: [Kind; 2] = [Kind::Ours, Kind::VictoriaLogs];
/// Work that a store puts off is done by then.
const SETTLE: Duration = Duration::from_secs(12);
const COUNT_LIMIT: Duration = Duration::from_secs(900);

/// What one store did in one round.
struct Round {
    kind: Kind,
    /// CPU seconds a million spans, ours compacted.
    cpu: f64,
    /// Of that, what it took to compact.
    compaction: f64,
    seconds: f64,
    disk: OnDisk,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let mut rounds = Vec::new();
    for round in 0..place.sizes.rounds.max(1) {
        let traces = Traces::ending(Clock::System.now().micros() * 1_000, place.sizes.spans);
        for kind in KINDS {
            let folder = place.join(&format!("spans-{}-{round}", kind.name()));
            rounds.push(measure(kind, &server, &folder, traces).await?);
            std::fs::remove_dir_all(&folder).ok();
        }
    }
    let traces = Traces::ending(0, place.sizes.spans);
    section(&rounds, traces)
}

async fn measure(
    kind: Kind,
    server: &Path,
    folder: &Path,
    traces: Traces,
) -> anyhow::Result<Round> {
    let store = Store::start(kind, server, folder).await?;
    let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
    let begun = store.cpu_seconds()?;
    let started = Instant::now();
    for request in 0..traces.requests() {
        match kind {
            Kind::Ours => store.write(Signal::Spans, traces.body(request)).await?,
            _ => {
                store
                    .write(Signal::Logs, traces.body_of_records(request))
                    .await?
            }
        }
    }
    store.flush().await?;
    let seconds = started.elapsed().as_secs_f64();
    until_counted(&store, traces).await?;
    sleep(SETTLE).await;
    let taken = store.cpu_seconds()?;
    store.compact().await?;
    // Compaction drops spans that were sent twice, and nothing else.
    until_counted(&store, traces).await?;
    let compaction = match kind {
        Kind::Ours => store.cpu_seconds()? - taken,
        _ => 0.0,
    };
    let per_million = |cpu: f64| cpu / traces.count as f64 * 1e6;
    Ok(Round {
        kind,
        cpu: per_million(taken - begun + compaction),
        compaction: per_million(compaction),
        seconds,
        disk: store.on_disk().await?,
    })
}

/// Waits until every span is counted; more is as wrong as less.
async fn until_counted(store: &Store, traces: Traces) -> anyhow::Result<()> {
    let deadline = Instant::now() + COUNT_LIMIT;
    loop {
        let (found, sent) = (count(store, traces).await?, traces.count as u64);
        ensure!(
            found <= sent,
            "{} has {found} of {sent} spans",
            store.kind.name()
        );
        if found == sent {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{} has {found} of {sent} spans",
            store.kind.name()
        );
        sleep(Duration::from_secs(2)).await;
    }
}

async fn count(store: &Store, traces: Traces) -> anyhow::Result<u64> {
    if store.kind == Kind::Ours {
        return store.spans_kept().await;
    }
    let text = |ns: i64| chrono::DateTime::from_timestamp_nanos(ns).to_rfc3339();
    let second = 1_000_000_000;
    let (from, to) = (
        text(traces.start_ns() - second),
        text(traces.end_ns() + 60 * second),
    );
    let asked = [
        ("start", from),
        ("end", to),
        ("query", "*".to_owned()),
        ("step", "1m".to_owned()),
    ];
    let hits: Value = serde_json::from_slice(&store.get("/select/logsql/hits", &asked).await?)?;
    let series = hits["hits"].as_array().context("no hits")?;
    Ok(series.iter().filter_map(|one| one["total"].as_u64()).sum())
}

fn section(rounds: &[Round], traces: Traces) -> anyhow::Result<Section> {
    let spans = traces.count as f64;
    let of = |kind: Kind, value: &dyn Fn(&Round) -> f64| -> Vec<f64> {
        let rounds = rounds.iter().filter(|round| round.kind == kind);
        rounds.map(value).collect()
    };
    let pairs = of(Kind::Ours, &|r| r.cpu).into_iter();
    let cpu = Spread::of_ratios(pairs.zip(of(Kind::VictoriaLogs, &|r| r.cpu)));
    let bytes = Spread::of(of(Kind::Ours, &|r| r.disk.bytes as f64 / spans));
    let mut figures = vec![Figure::new(
        "bytes a span, OTLP without compression",
        format!("{:.0} B", traces.plain_bytes() as f64 / spans),
    )];
    for kind in KINDS {
        let name = match kind {
            Kind::Ours => "ours",
            _ => "VictoriaLogs, spans as records",
        };
        let spread = |value: &dyn Fn(&Round) -> f64| Spread::of(of(kind, value));
        let figure = |what: &str, spread, unit: &str| {
            Figure::spread(format!("{name}, {what}"), spread, unit)
        };
        figures.push(figure("CPU a million spans", spread(&|r| r.cpu), "s"));
        figures.push(figure("of that compaction", spread(&|r| r.compaction), "s"));
        figures.push(figure(
            "on disk a span",
            spread(&|r| r.disk.bytes as f64 / spans),
            "B",
        ));
        figures.push(figure(
            "files a span before gaps are closed",
            spread(&|r| r.disk.with_gaps as f64 / spans),
            "B",
        ));
        figures.push(figure(
            "taken, one connection",
            spread(&|r| spans / r.seconds / 1e6),
            "M spans/s",
        ));
    }
    let ours = rounds
        .iter()
        .find(|round| round.kind == Kind::Ours)
        .context("no round")?;
    figures.push(Figure::new(
        "ours, the log beside it (bodies as they came, kept for days)",
        format!("{:.1} B a span", ours.disk.log as f64 / spans),
    ));
    Ok(Section {
        title: "Spans",
        method: format!(
            "{} spans in traces of {} over one hour, OTLP protobuf with zstd, about {} spans a request over one \
             connection. VictoriaTraces is not to be had from the Go proxy; in its place stands VictoriaLogs, \
             whose store it uses, with the same spans as OTLP log records that have the same fields. It does \
             not keep an index of traces as VictoriaTraces does, and we do. CPU is user and system time of all \
             processes on the path, ours with Postgres, rates, durations and service edges as they arrive and \
             compaction to the last form, theirs with the merges of {} s after the last request. Both counted \
             every span once. On disk: theirs after a forced merge, ours all tables that queries read after \
             VACUUM FULL.",
            traces.count,
            bodies::SPANS_PER_TRACE,
            bodies::TRACES_PER_REQUEST * bodies::SPANS_PER_TRACE,
            SETTLE.as_secs(),
        ),
        verdicts: vec![
            Verdict {
                what: "spans: CPU a span ÷ VictoriaLogs with the same spans",
                measured: cpu,
                unit: Unit::Ratio,
                better: Better::Lower,
                first_bar: 1.0,
                aim: Some(0.3),
            },
            Verdict {
                what: "spans: bytes a span",
                measured: bytes,
                unit: Unit::Bytes,
                better: Better::Lower,
                first_bar: 60.0,
                aim: Some(45.0),
            },
        ],
        figures,
    })
}
