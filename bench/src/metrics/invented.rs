//! What a tenant that invents series does to another one: its writes and reads at an
//! even pace, alone, and while the first sends series that it has no room for.

use std::ops::Range;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use schemas::context::Clock;
use tokio::time::{Instant, sleep_until};

use super::bodies;
use crate::cargo;
use crate::comparison::Place;
use crate::latencies::Latencies;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Http, Kind, Signal, Store};

const ROUNDS: usize = 7;
const SECONDS: usize = 9;
/// Of the neighbour, a second: writes, and as many reads.
const CALLS: usize = 100;
/// Of the inventor, a second.
const BODIES: usize = 100;
const SERIES_A_BODY: usize = 2_000;
/// What a tenant may have by itself.
const LIMIT: usize = 1_000_000;
const NEIGHBOUR: &str = "bench_neighbour";

/// What the neighbour saw, and the platform's CPU seconds meanwhile.
struct Seen {
    writes: Latencies,
    reads: Latencies,
    cpu: f64,
}

struct Round {
    alone: Seen,
    beside: Seen,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let folder = place.join("invented");
    let store = Store::start(Kind::Ours, &server, &folder).await?;
    let store = store.context("our own server is there")?;
    let (inventor, _) = store.sign_up(1).await?;
    let neighbour = store.sign_up(2).await?;
    for body in invented(0..LIMIT / SERIES_A_BODY) {
        store.write_as(&inventor, Signal::Metrics, body).await?;
    }
    store.compact().await?;
    // Warm, so that the first round is like the others.
    go_on(&store, &neighbour).await?;
    let (mut rounds, mut memory) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let alone = go_on(&store, &neighbour).await?;
        let first = LIMIT / SERIES_A_BODY + round * SECONDS * BODIES;
        let bodies = invented(first..first + SECONDS * BODIES);
        let (beside, ()) =
            tokio::try_join!(go_on(&store, &neighbour), invent(&store, &inventor, bodies),)?;
        rounds.push(Round { alone, beside });
        memory.push(store.resident_bytes()? as f64 / 1e6);
    }
    Ok(section(&rounds, memory))
}

fn invented(numbers: Range<usize>) -> Vec<Bytes> {
    let time_ms = now_ms();
    let of = |number| {
        let first = number * SERIES_A_BODY;
        bodies::of_series(first..first + SERIES_A_BODY, time_ms, |_| 1.0)
    };
    numbers.map(of).collect()
}

async fn invent(store: &Store, inventor: &Http, bodies: Vec<Bytes>) -> anyhow::Result<()> {
    let mut bodies = bodies.into_iter();
    let count = bodies.len();
    let send = async |_| match bodies.next() {
        Some(body) => store.write_refused(inventor, Signal::Metrics, body).await,
        None => Ok(()),
    };
    paced(BODIES, count, send).await.map(drop)
}

async fn go_on(store: &Store, (writes, reads): &(Http, Http)) -> anyhow::Result<Seen> {
    let count = SECONDS * CALLS;
    let write = async |n: usize| {
        let body = bodies::single(NEIGHBOUR, now_ms(), n as f64);
        store.write_as(writes, Signal::Metrics, body).await
    };
    let read = async |_| {
        let asked = Store::number_as(reads, store.kind, NEIGHBOUR, now_ms());
        asked.await.map(drop)
    };
    let before = store.cpu_seconds()?;
    let (writes, reads) = tokio::try_join!(paced(CALLS, count, write), paced(CALLS, count, read))?;
    let cpu = store.cpu_seconds()? - before;
    Ok(Seen { writes, reads, cpu })
}

/// Calls so many times a second; a time runs from when the call was due.
async fn paced(
    a_second: usize,
    count: usize,
    mut call: impl AsyncFnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Latencies> {
    let each = Duration::from_secs_f64(1.0 / a_second as f64);
    let mut due = Instant::now();
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        sleep_until(due).await;
        call(number).await?;
        took.push(due.elapsed());
        due += each;
    }
    Ok(Latencies::of(took))
}

fn now_ms() -> i64 {
    Clock::System.now().micros() / 1_000
}

type Part = fn(&Round) -> &Latencies;

fn section(rounds: &[Round], memory: Vec<f64>) -> Section {
    // Of one round the p99 is nine calls, and moves by a third with nothing beside it.
    let of_all = |part: Part| Latencies::of_all(rounds.iter().map(part)).percentile_ms(99);
    let ratio = |what, beside: Part, alone: Part| {
        let pairs = rounds
            .iter()
            .map(|r| (beside(r).percentile_ms(99), alone(r).percentile_ms(99)));
        let whole = of_all(beside) / of_all(alone);
        Verdict {
            what,
            measured: Spread::around(whole, Spread::of_ratios(pairs)),
            unit: Unit::Ratio,
            better: Better::Lower,
            first_bar: 1.1,
            aim: None,
        }
    };
    let writes: (Part, Part) = (|r| &r.beside.writes, |r| &r.alone.writes);
    let reads: (Part, Part) = (|r| &r.beside.reads, |r| &r.alone.reads);
    let mut figures = Vec::new();
    for (what, of) in [
        ("writes, alone", writes.1),
        ("writes, beside", writes.0),
        ("reads, alone", reads.1),
        ("reads, beside", reads.0),
    ] {
        for percent in [50, 99] {
            let spread = Spread::of(rounds.iter().map(|r| of(r).percentile_ms(percent)));
            figures.push(Figure::spread(format!("{what}, p{percent}"), spread, "ms"));
        }
    }
    let refused = (SECONDS * BODIES) as f64;
    let cpu = rounds
        .iter()
        .map(|r| (r.beside.cpu - r.alone.cpu) / refused * 1e3);
    figures.push(Figure::spread(
        "CPU of a refused body",
        Spread::of(cpu),
        "ms",
    ));
    figures.push(Figure::spread(
        "resident memory of the server after a round",
        Spread::of(memory),
        "MB",
    ));
    let all = LIMIT + ROUNDS * SECONDS * BODIES * SERIES_A_BODY;
    Section {
        title: "A tenant that invents series",
        method: format!(
            "A tenant has its {LIMIT} series and sends {BODIES} bodies of {SERIES_A_BODY} new ones a second, \
             {all} in all, each body refused with the reason. Its neighbour, another tenant, sends {CALLS} \
             samples and asks for the newest {CALLS} times a second, each write durable before it is answered, \
             alone and beside. A time runs from when the call was due. {SECONDS} s each, {ROUNDS} rounds; the p99 is \
             of the calls of all rounds together, the range of single rounds."
        ),
        verdicts: vec![
            ratio(
                "neighbour's p99 of writes beside invented series ÷ alone",
                writes.0,
                writes.1,
            ),
            ratio(
                "neighbour's p99 of reads beside invented series ÷ alone",
                reads.0,
                reads.1,
            ),
        ],
        figures,
    }
}
