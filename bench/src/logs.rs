//! Logs beside VictoriaLogs: the same OTLP bodies in the same order to each, then the
//! same searches.

mod bodies;
mod kept;
mod search;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use schemas::context::Clock;
use tokio::time::{Instant, sleep};

use crate::cargo;
use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, OnDisk, Signal, Store};
use bodies::Lines;
use search::Searched;

const KINDS: [Kind; 2] = [Kind::Ours, Kind::VictoriaLogs];
/// Work that a store puts off is done by then.
const SETTLE: Duration = Duration::from_secs(12);
const COUNT_LIMIT: Duration = Duration::from_secs(900);

/// What one store did in one round.
struct Round {
    kind: Kind,
    /// Of all processes, ours compacted.
    cpu_seconds: f64,
    /// Of that, what it took to compact.
    compaction_seconds: f64,
    seconds: f64,
    disk: OnDisk,
    memory_mb: f64,
    searched: Searched,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    if let Some(folder) = &place.sizes.log_stores {
        return kept::compare(&server, folder, &place.sizes).await;
    }
    let mut rounds = Vec::new();
    for round in 0..place.sizes.rounds.max(1) {
        let lines = Lines::ending(Clock::System.now().micros() * 1_000, place.sizes.log_lines);
        for kind in KINDS {
            let folder = place.join(&format!("logs-{}-{round}", kind.name()));
            rounds.push(measure(kind, &server, &folder, lines).await?);
            std::fs::remove_dir_all(&folder).ok();
        }
        if let [.., ours, theirs] = &rounds[..] {
            search::same(&ours.searched, &theirs.searched)?;
        }
    }
    let lines = Lines::ending(0, place.sizes.log_lines);
    section(&rounds, lines)
}

async fn measure(kind: Kind, server: &Path, folder: &Path, lines: Lines) -> anyhow::Result<Round> {
    let store = Store::start(kind, server, folder).await?;
    let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
    let begun = store.cpu_seconds()?;
    let seconds = fill(&store, lines).await?;
    sleep(SETTLE).await;
    let taken = store.cpu_seconds()?;
    let memory_mb = store.memory_bytes()? as f64 / 1e6;
    store.compact().await?;
    // A forced merge is more than the peer would do by itself.
    let compaction_seconds = match kind {
        Kind::Ours => store.cpu_seconds()? - taken,
        _ => 0.0,
    };
    let disk = store.on_disk().await?;
    let searched = search::all(&store, lines, Duration::ZERO).await?;
    Ok(Round {
        kind,
        cpu_seconds: taken - begun + compaction_seconds,
        compaction_seconds,
        seconds,
        disk,
        memory_mb,
        searched,
    })
}

/// Sends everything, in so many seconds, and waits until it can be found.
async fn fill(store: &Store, lines: Lines) -> anyhow::Result<f64> {
    let started = Instant::now();
    for request in 0..lines.requests() {
        store.write(Signal::Logs, lines.body(request)).await?;
    }
    store.flush().await?;
    let seconds = started.elapsed().as_secs_f64();
    until_counted(store, lines).await?;
    Ok(seconds)
}

/// Waits until a query counts every line; more is as wrong as less.
async fn until_counted(store: &Store, lines: Lines) -> anyhow::Result<()> {
    let deadline = Instant::now() + COUNT_LIMIT;
    loop {
        let found = search::count(store, lines, "").await?;
        let sent = lines.count as u64;
        ensure!(
            found <= sent,
            "{} has {found} of {sent} lines",
            store.kind.name()
        );
        if found == sent {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{} has {found} of {sent} lines",
            store.kind.name()
        );
        sleep(Duration::from_secs(2)).await;
    }
}

fn verdict(what: &'static str, measured: Spread, first_bar: f64, aim: f64) -> Verdict {
    Verdict {
        what,
        measured,
        unit: Unit::Ratio,
        better: Better::Lower,
        first_bar,
        aim: Some(aim),
    }
}

fn section(rounds: &[Round], lines: Lines) -> anyhow::Result<Section> {
    let gigabytes = lines.plain_bytes() as f64 / 1e9;
    let of = |kind: Kind, value: &dyn Fn(&Round) -> f64| -> Vec<f64> {
        let rounds = rounds.iter().filter(|round| round.kind == kind);
        rounds.map(value).collect()
    };
    let ratio = |value: &dyn Fn(&Round) -> f64| {
        let pairs = of(Kind::Ours, value).into_iter();
        Spread::of_ratios(pairs.zip(of(Kind::VictoriaLogs, value)))
    };
    let mut verdicts = vec![
        verdict(
            "logs: CPU a GB ÷ VictoriaLogs",
            ratio(&|r| r.cpu_seconds),
            1.0,
            0.33,
        ),
        verdict(
            "logs: disk ÷ VictoriaLogs, merged",
            ratio(&|r| r.disk.bytes as f64),
            1.1,
            0.85,
        ),
    ];
    for (at, search) in search::SEARCHES.iter().enumerate() {
        if let Some(what) = search.verdict {
            verdicts.push(verdict(what, ratio(&|r| r.searched.ms[at]), 2.0, 1.0));
        }
    }
    let mut figures = vec![Figure::new(
        "bytes a line, OTLP without compression",
        format!("{:.0} B", gigabytes * 1e9 / lines.count as f64),
    )];
    for kind in KINDS {
        let name = kind.name();
        let spread = |value: &dyn Fn(&Round) -> f64| Spread::of(of(kind, value));
        let line = lines.count as f64;
        let figure = |what: &str, spread, unit: &str| {
            Figure::spread(format!("{name}, {what}"), spread, unit)
        };
        figures.push(figure(
            "CPU a GB",
            spread(&|r| r.cpu_seconds / gigabytes),
            "s",
        ));
        figures.push(figure(
            "of that compaction",
            spread(&|r| r.compaction_seconds / gigabytes),
            "s",
        ));
        figures.push(figure(
            "on disk a line",
            spread(&|r| r.disk.bytes as f64 / line),
            "B",
        ));
        figures.push(figure(
            "files a line before gaps are closed",
            spread(&|r| r.disk.with_gaps as f64 / line),
            "B",
        ));
        figures.push(figure(
            "taken, one connection",
            spread(&|r| line / r.seconds / 1e6),
            "M lines/s",
        ));
        figures.push(figure(
            "memory, all processes",
            spread(&|r| r.memory_mb),
            "MB",
        ));
        for (at, search) in search::SEARCHES.iter().enumerate() {
            figures.push(figure(search.what, spread(&|r| r.searched.ms[at]), "ms"));
            let first = format!("{}, the first", search.what);
            figures.push(figure(&first, spread(&|r| r.searched.first_ms[at]), "ms"));
        }
    }
    let log = rounds
        .iter()
        .find(|round| round.kind == Kind::Ours)
        .context("no round")?;
    figures.push(Figure::new(
        "ours, the log beside it (bodies as they came, kept for days)",
        format!("{:.1} B a line", log.disk.log as f64 / lines.count as f64),
    ));
    Ok(Section {
        title: "Logs",
        method: format!(
            "{} lines of 20 services over one hour, fields and half of them with trace ids, OTLP protobuf \
             with zstd, {} lines a request over one connection; the same bytes in the same order to each store, \
             one after the other. CPU is user and system time of all processes on the path, ours with Postgres \
             and with compaction to its last form, theirs with the merges of {} s after the last request. Each \
             store counted every line once before anything else was asked. On disk: theirs after a forced merge, \
             ours all tables that queries read after VACUUM FULL. Searches over everything, median of {} after \
             one to fill caches; both found the same, ours in all fields, theirs in the message. Ours acknowledges after `fdatasync`, VictoriaLogs from \
             memory.",
            lines.count,
            bodies::LINES_PER_REQUEST,
            SETTLE.as_secs(),
            search::REPEATS,
        ),
        verdicts,
        figures,
    })
}
