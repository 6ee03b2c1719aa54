//! What it costs to take samples in, durable and queryable.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use schemas::context::Clock;
use tokio::time::{Instant, sleep};

use super::bodies::Shape;
use crate::cargo;
use crate::comparison::Place;
use crate::latencies::Latencies;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, OnDisk, Signal, Store};

const ROUNDS: usize = 3;
const SERIES: usize = 100_000;
const SCRAPES: usize = 20;
const INTERVAL_MS: i64 = 15_000;
/// Work that a store puts off is done by then.
const SETTLE: Duration = Duration::from_secs(12);

/// What one store did in one round.
struct Round {
    kind: Kind,
    /// CPU seconds a million samples, the first sight of each series and compaction
    /// included.
    whole: f64,
    /// Without the first scrape.
    steady: f64,
    /// Of `whole`, what it took to compact. The peers merge as they go.
    compaction: f64,
    disk: OnDisk,
    seconds: f64,
    ack: Latencies,
    resident_mb: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let mut rounds = Vec::new();
    let mut missing = Vec::new();
    for round in 0..ROUNDS {
        for kind in Kind::METRICS {
            let folder = place.join(&format!("{}-{round}", kind.name()));
            match measure(kind, &server, &folder).await? {
                Some(measured) => rounds.push(measured),
                None if round == 0 => missing.push(kind.name()),
                None => {}
            }
            std::fs::remove_dir_all(&folder).ok();
        }
    }
    ensure!(missing.is_empty(), "not installed: {}", missing.join(", "));
    section(&rounds)
}

async fn measure(kind: Kind, server: &Path, folder: &Path) -> anyhow::Result<Option<Round>> {
    let Some(store) = Store::start(kind, server, folder).await? else {
        return Ok(None);
    };
    let shape = Shape {
        series: SERIES,
        scrapes: SCRAPES,
        interval_ms: INTERVAL_MS,
        end_ms: Clock::System.now().micros() / 1_000,
    };
    let scrapes: Vec<_> = (0..SCRAPES).map(|scrape| shape.scrape(scrape)).collect();
    let begun = store.cpu_seconds()?;
    let mut ack = Vec::new();
    let mut seconds = 0.0;
    let mut after_first = begun;
    for (number, bodies) in scrapes.into_iter().enumerate() {
        let started = Instant::now();
        for body in bodies {
            let sent = Instant::now();
            store.write(Signal::Metrics, body).await?;
            ack.push(sent.elapsed());
        }
        seconds += started.elapsed().as_secs_f64();
        if number == 0 {
            sleep(SETTLE / 4).await;
            after_first = store.cpu_seconds()?;
        }
    }
    store.flush().await?;
    sleep(SETTLE).await;
    let taken = store.cpu_seconds()?;
    let resident_mb = store.resident_bytes()? as f64 / 1e6;
    check(&store, shape).await?;
    let before = store.cpu_seconds()?;
    store.compact().await?;
    let compaction = match kind {
        Kind::Ours => store.cpu_seconds()? - before,
        // More than they would do by themselves so soon.
        _ => 0.0,
    };
    let ended = taken + compaction;
    let disk = store.on_disk().await?;
    let per_million = |cpu: f64, samples: usize| cpu / samples as f64 * 1e6;
    Ok(Some(Round {
        kind,
        whole: per_million(ended - begun, shape.samples()),
        steady: per_million(ended - after_first, shape.samples() - SERIES),
        compaction: per_million(compaction, shape.samples()),
        disk,
        seconds,
        ack: Latencies::of(ack),
        resident_mb,
    }))
}

/// Nothing is missing and nothing is there twice.
async fn check(store: &Store, shape: Shape) -> anyhow::Result<()> {
    let mut found = 0.0;
    for metric in Shape::metrics() {
        let query = format!("sum(count_over_time({metric}[1h]))");
        found += store.number(&query, shape.end_ms).await?;
    }
    let sent = shape.samples() as f64;
    ensure!(
        (found - sent).abs() < 0.5,
        "{} has {found} of {sent} samples",
        store.kind.name()
    );
    Ok(())
}

fn section(rounds: &[Round]) -> anyhow::Result<Section> {
    let of = |kind: Kind, value: fn(&Round) -> f64| -> Vec<f64> {
        rounds
            .iter()
            .filter(|round| round.kind == kind)
            .map(value)
            .collect()
    };
    let ratio = |peer: Kind, value: fn(&Round) -> f64| {
        let pairs = of(Kind::Ours, value).into_iter().zip(of(peer, value));
        Spread::of_ratios(pairs)
    };
    let verdict = |what, measured, first_bar, aim| Verdict {
        what,
        measured,
        unit: Unit::Ratio,
        better: Better::Lower,
        first_bar,
        aim: Some(aim),
    };
    let mut figures = Vec::new();
    for kind in Kind::METRICS {
        let name = kind.name();
        let spread = |value| Spread::of(of(kind, value));
        figures.push(Figure::spread(
            format!("{name}, CPU a million samples"),
            spread(|r| r.whole),
            "s",
        ));
        figures.push(Figure::spread(
            format!("{name}, the same after the first scrape"),
            spread(|r| r.steady),
            "s",
        ));
        figures.push(Figure::spread(
            format!("{name}, of that compaction"),
            spread(|r| r.compaction),
            "s",
        ));
        figures.push(Figure::spread(
            format!("{name}, on disk a sample when merged, of so few samples a series"),
            spread(|r| r.disk.bytes as f64 / (SERIES * SCRAPES) as f64),
            "B",
        ));
        let rate = |round: &Round| (SERIES * SCRAPES) as f64 / round.seconds / 1e6;
        figures.push(Figure::spread(
            format!("{name}, one connection"),
            spread(rate),
            "M samples/s",
        ));
        let first = rounds.iter().find(|round| round.kind == kind);
        let first = first.context("no round")?;
        let latency = format!(
            "median {:.2} ms, p99 {:.2} ms",
            first.ack.percentile_ms(50),
            first.ack.percentile_ms(99)
        );
        figures.push(Figure::new(format!("{name}, ack (first round)"), latency));
        figures.push(Figure::spread(
            format!("{name}, resident (ours without Postgres)"),
            spread(|r| r.resident_mb),
            "MB",
        ));
    }
    Ok(Section {
        title: "Metrics ingest",
        method: format!(
            "{SERIES} series with ten labels, {SCRAPES} scrapes {} s apart, 2,000 samples a request, remote \
             write 1.0 with snappy over one connection; the same bytes in the same order to each store, one \
             after the other, {ROUNDS} rounds. CPU is user and system time of all processes on the path, \
             ours with Postgres and with compaction to its last form, until {} s after the last request. Ours acknowledges after `fdatasync`; \
             VictoriaMetrics acknowledges from memory, Prometheus from the page cache. Each store then \
             counted every sample once.",
            INTERVAL_MS / 1_000,
            SETTLE.as_secs(),
        ),
        verdicts: vec![
            verdict(
                "CPU a sample ÷ VictoriaMetrics",
                ratio(Kind::VictoriaMetrics, |r| r.whole),
                1.0,
                0.35,
            ),
            verdict(
                "CPU a sample after the first scrape ÷ VictoriaMetrics",
                ratio(Kind::VictoriaMetrics, |r| r.steady),
                1.0,
                0.35,
            ),
            verdict(
                "CPU a sample ÷ Prometheus",
                ratio(Kind::Prometheus, |r| r.whole),
                0.3,
                0.08,
            ),
        ],
        figures,
    })
}
