//! How soon a body is durable and how soon a query sees it, beside what the disk
//! needs for a sync in the same moments.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use schemas::context::Clock;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::bodies::{self, Shape};
use crate::append::SyncedFile;
use crate::cargo;
use crate::comparison::Place;
use crate::latencies::Latencies;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, Signal, Store};

const ROUNDS: usize = 3;
const SERIES: usize = 100_000;
/// A body of 2,000 samples so often.
const PACE: Duration = Duration::from_millis(10);
const BODIES: usize = 1_500;
/// Samples whose way to an answer is watched.
const PROBES: usize = 150;
const PROBE: &str = "bench_probe";
const LOOK: Duration = Duration::from_millis(5);
const LIMIT: Duration = Duration::from_secs(30);

struct Round {
    ack: Latencies,
    sync: Latencies,
    visible: Latencies,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let folder = place.join(&format!("latency-{round}"));
        let store = Store::start(Kind::Ours, &server, &folder).await?;
        let store = store.context("our own server is there")?;
        let (ack, sync) = acks(&store, place).await?;
        let visible = visibility(&store).await?;
        rounds.push(Round { ack, sync, visible });
        drop(store);
        std::fs::remove_dir_all(&folder).ok();
    }
    Ok(section(&rounds))
}

/// Bodies at an even pace, and before each of them a synced write of as many bytes.
async fn acks(store: &Store, place: &Place) -> anyhow::Result<(Latencies, Latencies)> {
    let sent = bodies(BODIES);
    let largest = sent.iter().map(bytes::Bytes::len).max().unwrap_or(0);
    let mut file = SyncedFile::create(&place.join("sync"), largest, BODIES)?;
    let (mut ack, mut sync) = (Vec::new(), Vec::new());
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for body in sent {
        pace.tick().await;
        let len = body.len();
        let (given_back, took) = tokio::task::spawn_blocking(move || {
            let took = file.write(len);
            (file, took)
        })
        .await?;
        file = given_back;
        sync.push(took?);
        let begun = Instant::now();
        store.write(Signal::Metrics, body).await?;
        ack.push(begun.elapsed());
    }
    Ok((Latencies::of(ack), Latencies::of(sync)))
}

fn bodies(count: usize) -> Vec<bytes::Bytes> {
    let shape = shape(count.div_ceil(SERIES / 2_000));
    (0..shape.scrapes)
        .flat_map(|scrape| shape.scrape(scrape))
        .take(count)
        .collect()
}

fn shape(scrapes: usize) -> Shape {
    Shape {
        series: SERIES,
        scrapes,
        interval_ms: 15_000,
        end_ms: Clock::System.now().micros() / 1_000,
    }
}

/// From the acknowledgement of a sample to the first answer that has it, while
/// bodies keep coming.
async fn visibility(store: &Store) -> anyhow::Result<Latencies> {
    let load = bodies(BODIES);
    let loading = async {
        let mut pace = interval(PACE * 4);
        for body in load {
            pace.tick().await;
            store.write(Signal::Metrics, body).await?;
        }
        // Probing decides when the phase is over.
        std::future::pending::<anyhow::Result<Latencies>>().await
    };
    let probing = async {
        let mut seen = Vec::new();
        for number in 1..=PROBES {
            let now_ms = Clock::System.now().micros() / 1_000;
            let body = bodies::single(PROBE, now_ms, number as f64);
            store.write(Signal::Metrics, body).await?;
            let acked = Instant::now();
            while store.number(PROBE, now_ms).await? < number as f64 {
                ensure!(
                    acked.elapsed() < LIMIT,
                    "a sample was not seen in {LIMIT:?}"
                );
                sleep(LOOK).await;
            }
            seen.push(acked.elapsed());
        }
        Ok(Latencies::of(seen))
    };
    tokio::select! {
        ended = loading => ended,
        seen = probing => seen,
    }
}

fn section(rounds: &[Round]) -> Section {
    let p99 = |of: fn(&Round) -> &Latencies| rounds.iter().map(move |r| of(r).percentile_ms(99));
    let median = |of: fn(&Round) -> &Latencies| rounds.iter().map(move |r| of(r).percentile_ms(50));
    let ratios = p99(|r| &r.ack).zip(p99(|r| &r.sync));
    let seconds = p99(|r| &r.visible).map(|ms| ms / 1e3);
    Section {
        title: "Ack and visibility",
        method: format!(
            "{BODIES} bodies of 2,000 samples, one every {} ms over one connection; before each, a `write` \
             and `fdatasync` of as many bytes into blocks that were written before, on the same disk. Then \
             {PROBES} single samples among such bodies at a quarter of that pace: from the acknowledgement \
             until an instant query, asked every {} ms, answers with it. {ROUNDS} rounds, each on an empty \
             folder, series not seen before included.",
            PACE.as_millis(),
            LOOK.as_millis(),
        ),
        verdicts: vec![
            Verdict {
                what: "ack p99 ÷ fdatasync p99 of the run",
                measured: Spread::of_ratios(ratios),
                unit: Unit::Ratio,
                better: Better::Lower,
                first_bar: 3.0,
                aim: Some(1.5),
            },
            Verdict {
                what: "ack to visible, p99",
                measured: Spread::of(seconds),
                unit: Unit::Seconds,
                better: Better::Lower,
                first_bar: 1.0,
                aim: Some(0.25),
            },
        ],
        figures: vec![
            Figure::spread("ack, median", Spread::of(median(|r| &r.ack)), "ms"),
            Figure::spread("ack, p99", Spread::of(p99(|r| &r.ack)), "ms"),
            Figure::spread(
                "write and fdatasync, median",
                Spread::of(median(|r| &r.sync)),
                "ms",
            ),
            Figure::spread(
                "write and fdatasync, p99",
                Spread::of(p99(|r| &r.sync)),
                "ms",
            ),
            Figure::spread(
                "ack to visible, median",
                Spread::of(median(|r| &r.visible)),
                "ms",
            ),
        ],
    }
}
