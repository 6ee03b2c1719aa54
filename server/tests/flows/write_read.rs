//! Metrics, logs and spans are written and read back all the time while the store
//! flushes and compacts, is told to end, and is killed: what was acknowledged is
//! there once its visibility time is over, stays there, and is there once.

mod ledger;
mod signals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::StatusCode;
use schemas::context::{Clock, random_bytes};
use serde_json::Value;
use testkit::eventually_within;
use tokio::task::JoinHandle;

use crate::client::{Client, http};
use crate::database::Database;
use crate::platform::Platform;
use crate::statistics::{count, median_and_p99, proof};
use ledger::{Fault, Ledger, Read};
use signals::{Signal, counted};

const CATCH_UP: Duration = Duration::from_secs(180);
/// Of each lane in one body.
const ITEMS: usize = 5;
/// Between two bodies of a signal.
const BODY_EVERY: Duration = Duration::from_millis(50);
/// Items that one read asks for, at most.
const READ_ITEMS: usize = 400;
/// Of a part of the test between two ends of the process.
const LONGEST_LIFE_MS: u16 = 4_000;
const HOUR_MS: i64 = 3_600_000;
/// Between items of the late lane.
const LATE_STEP_MS: i64 = 50;

/// `live` items are of now. `late` ones are of hours that are over, whose segments
/// are made final again and again; they begin shortly before the end of one.
const LANES: [&str; 2] = ["live", "late"];

/// The store at a pace that shows in seconds what takes minutes.
const PACE: [(&str, &str); 3] = [
    ("SRE_COPILOT_TELEMETRY_FLUSH_MS", "40"),
    ("SRE_COPILOT_TELEMETRY_COMPACTION_MS", "300"),
    ("SRE_COPILOT_TELEMETRY_COMPACTION_ROWS", "4"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_read_once_whatever_happens_meanwhile() {
    if Database::start("flows::write_read").await.is_none() {
        return;
    }
    let mut platform = Platform::start_with(&PACE).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let shared = Arc::new(Shared::new());

    let writers: Vec<_> = Signal::ALL
        .map(|signal| tokio::spawn(write(platform.base(), key.clone(), signal, shared.clone())))
        .into();
    let readers: Vec<_> = Signal::ALL
        .map(|signal| tokio::spawn(read(client.clone(), signal, shared.clone())))
        .into();
    let ends = count("SRE_COPILOT_PROVE_LOOP_ENDS", 6, 60);
    for n in 0..ends {
        let life = u16::from_be_bytes(random_bytes()) % LONGEST_LIFE_MS;
        tokio::time::sleep(Duration::from_millis(life.into())).await;
        shared.is_down();
        // Every third end is an orderly one.
        if n % 3 == 2 {
            platform.end();
        } else {
            platform.kill();
        }
        platform.restart().await;
        shared.is_ready();
    }
    compacted_again(&platform.base()).await;
    end(writers, &shared.writers_over).await;
    all_is_there(&client, &shared).await;
    end(readers, &shared.readers_over).await;

    rollups_are_right(&client, &shared).await;
    controls(&client, &platform.base(), &key, &shared).await;
    proof(
        "write-then-read during flush, compaction and kill -9",
        &figures(ends, &shared),
    );
}

/// What writers, readers and the test tell each other.
struct Shared {
    /// By signal and lane.
    ledgers: [[Mutex<Ledger>; 2]; 3],
    ready: Mutex<Option<Instant>>,
    visible: Duration,
    late_from_ms: i64,
    reads: AtomicUsize,
    writers_over: AtomicBool,
    readers_over: AtomicBool,
}

impl Shared {
    fn new() -> Self {
        // Neighbours on the same cores make everything late: by default only what
        // does not depend on time is strict, and times are reported.
        let visible = count("SRE_COPILOT_PROVE_VISIBLE_MS", 30_000, 1_000);
        let hour = now_ms() / HOUR_MS * HOUR_MS;
        Self {
            ledgers: Default::default(),
            ready: Mutex::new(Some(Instant::now())),
            visible: Duration::from_millis(visible as u64),
            late_from_ms: hour - 2 * HOUR_MS - 30_000,
            reads: AtomicUsize::new(0),
            writers_over: AtomicBool::new(false),
            readers_over: AtomicBool::new(false),
        }
    }

    fn ledger(&self, signal: Signal, lane: usize) -> &Mutex<Ledger> {
        &self.ledgers[signal as usize][lane]
    }

    fn is_down(&self) {
        *self.ready.lock() = None;
    }

    fn is_ready(&self) {
        *self.ready.lock() = Some(Instant::now());
    }

    /// Since when the platform is ready, if it was all the time since `asked`.
    fn ready_since(&self, asked: Instant) -> Option<Instant> {
        self.ready.lock().filter(|since| *since <= asked)
    }

    fn plan(&self, signal: Signal, lane: usize) -> (usize, i64) {
        let mut ledger = self.ledger(signal, lane).lock();
        let time_ms = match LANES[lane] {
            "live" => now_ms(),
            _ => self.late_from_ms + ledger.len() as i64 * LATE_STEP_MS,
        };
        let n = ledger.plan(time_ms);
        (n, ledger.time_ms(n))
    }
}

fn now_ms() -> i64 {
    Clock::System.now().micros() / 1_000
}

async fn end(tasks: Vec<JoinHandle<()>>, over: &AtomicBool) {
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
}

/// Sends one body after another, each until it is acknowledged.
async fn write(base: String, key: String, signal: Signal, shared: Arc<Shared>) {
    let (http, url) = (http(), format!("{base}/api/v1/ingest/{}", signal.name()));
    let mut pace = tokio::time::interval(BODY_EVERY);
    while !shared.writers_over.load(Ordering::Relaxed) {
        pace.tick().await;
        let lanes: Vec<(&str, Vec<(usize, i64)>)> = LANES
            .iter()
            .enumerate()
            .map(|(at, lane)| (*lane, (0..ITEMS).map(|_| shared.plan(signal, at)).collect()))
            .collect();
        let body = signal.body(&lanes).to_string();
        until_acknowledged(&http, &url, &key, &body).await;
        let acked = Instant::now();
        for (at, (_, items)) in lanes.iter().enumerate() {
            let mut ledger = shared.ledger(signal, at).lock();
            items
                .iter()
                .for_each(|(n, _)| ledger.acknowledge(*n, acked));
        }
    }
}

async fn until_acknowledged(http: &reqwest::Client, url: &str, key: &str, body: &str) {
    loop {
        let sent = http.post(url).bearer_auth(key).body(body.to_owned());
        let sent = sent.header("content-type", "application/json").send().await;
        if let Ok(answer) = sent {
            let status = answer.status();
            if status.is_success() {
                return;
            }
            let why = answer.text().await.unwrap_or_default();
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{why}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads the newest items of both lanes, then some from anywhere, and so on.
async fn read(client: Client, signal: Signal, shared: Arc<Shared>) {
    while !shared.readers_over.load(Ordering::Relaxed) {
        for (lane, name) in LANES.iter().enumerate() {
            let len = shared.ledger(signal, lane).lock().len();
            let newest = len.saturating_sub(READ_ITEMS);
            let anywhere = u32::from_be_bytes(random_bytes()) as usize % len.max(1);
            for first in [newest, anywhere] {
                let last = (first + READ_ITEMS).min(len).checked_sub(1);
                if let Some(last) = last
                    && let Err(fault) = look(&client, signal, lane, (first, last), &shared).await
                {
                    panic!("{name} {}: {fault:?}", signal.name());
                }
            }
        }
        // Readers that get no answer leave the processor to those who start again.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One read of the items `first..=last` of a lane.
async fn look(
    client: &Client,
    signal: Signal,
    lane: usize,
    (first, last): (usize, usize),
    shared: &Shared,
) -> Result<(), Fault> {
    let (from_ms, to_ms) = {
        let ledger = shared.ledger(signal, lane).lock();
        (ledger.time_ms(first), ledger.time_ms(last))
    };
    let asked = Instant::now();
    let Some(found) = signal.read(client, LANES[lane], from_ms, to_ms).await else {
        return Ok(());
    };
    let read = Read {
        first,
        last,
        asked,
        answered: Instant::now(),
        ready: shared.ready_since(asked),
        visible: shared.visible,
    };
    shared.reads.fetch_add(1, Ordering::Relaxed);
    shared.ledger(signal, lane).lock().check(&read, &found)
}

/// The process that runs last has compacted and merged too.
async fn compacted_again(base: &str) {
    let url = format!("{base}/metrics");
    eventually_within(CATCH_UP, "the last process compacts and merges", || async {
        let text = http().get(&url).send().await.ok()?.text().await.ok()?;
        let stepped = |step: &str| {
            let name = format!("telemetry_compaction_steps_total{{step=\"{step}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&name));
            line.is_some_and(|steps| steps.parse::<f64>().unwrap() > 0.0)
        };
        (stepped("compacted") && stepped("merged")).then_some(())
    })
    .await;
}

/// Every read of everything, until nothing that was acknowledged is missing.
async fn all_is_there(client: &Client, shared: &Shared) {
    for signal in Signal::ALL {
        for lane in 0..LANES.len() {
            eventually_within(CATCH_UP, "everything acknowledged is there", || async {
                let len = shared.ledger(signal, lane).lock().len();
                for first in (0..len).step_by(READ_ITEMS) {
                    let last = (first + READ_ITEMS).min(len) - 1;
                    let found = exact(client, signal, lane, (first, last), shared).await?;
                    assert!(found.len() <= last - first + 1, "something is there twice");
                    if found != (first..=last).collect::<Vec<_>>() {
                        return None;
                    }
                }
                Some(())
            })
            .await;
        }
    }
}

/// What a read finds, in order.
async fn exact(
    client: &Client,
    signal: Signal,
    lane: usize,
    (first, last): (usize, usize),
    shared: &Shared,
) -> Option<Vec<usize>> {
    let (from_ms, to_ms) = {
        let ledger = shared.ledger(signal, lane).lock();
        (ledger.time_ms(first), ledger.time_ms(last))
    };
    let mut found = signal.read(client, LANES[lane], from_ms, to_ms).await?;
    found.sort_unstable();
    Some(found)
}

/// Records and requests are counted as often as they were sent, whatever was retried.
async fn rollups_are_right(client: &Client, shared: &Shared) {
    for signal in [Signal::Logs, Signal::Traces] {
        for (at, lane) in LANES.iter().enumerate() {
            let ledger = shared.ledger(signal, at).lock().clone();
            let span = (ledger.time_ms(0), ledger.time_ms(ledger.len() - 1));
            let found = counted(client, signal, lane, span).await;
            assert_eq!(found, ledger.len() as u64, "{lane} {}", signal.name());
        }
    }
}

/// The checks above find what is not there, and what is there twice.
async fn controls(client: &Client, base: &str, key: &str, shared: &Shared) {
    for signal in Signal::ALL {
        for (lane, name) in LANES.iter().enumerate() {
            let mut ledger = shared.ledger(signal, lane).lock().clone();
            let last = ledger.len() - 1;
            let found = exact(client, signal, lane, (last, last), shared).await;
            let phantom = ledger.plan(ledger.time_ms(last) + 1);
            ledger.acknowledge(phantom, Instant::now());
            let to_ms = ledger.time_ms(phantom);
            let again = signal.read(client, name, ledger.time_ms(last), to_ms).await;
            assert_eq!(again, found, "the item that nobody sent is not there");
            let now = Instant::now();
            let read = Read {
                first: last,
                last: phantom,
                asked: now,
                answered: now,
                ready: shared.ready_since(now),
                visible: Duration::ZERO,
            };
            let checked = ledger.check(&read, &again.unwrap());
            assert_eq!(checked, Err(Fault::Missing(phantom)));
        }
    }
    doubled(client, base, key, shared).await;
}

/// A record in two bodies that differ is two records.
async fn doubled(client: &Client, base: &str, key: &str, shared: &Shared) {
    let (signal, last) = (
        Signal::Logs,
        shared.ledger(Signal::Logs, 0).lock().len() - 1,
    );
    let time_ms = shared.ledger(signal, 0).lock().time_ms(last);
    let body: Value = signal.body(&[(LANES[0], vec![(last, time_ms)])]);
    let url = format!("{base}/api/v1/ingest/{}", signal.name());
    until_acknowledged(&http(), &url, key, &body.to_string()).await;
    eventually_within(
        CATCH_UP,
        "the item that was sent twice is there twice",
        || async {
            let looked = look(client, signal, 0, (last, last), shared).await;
            (looked == Err(Fault::Twice(last))).then_some(())
        },
    )
    .await;
}

fn figures(ends: usize, shared: &Shared) -> String {
    let mut items = 0;
    let mut lags = Vec::new();
    for ledger in shared.ledgers.iter().flatten() {
        let ledger = ledger.lock();
        items += ledger.len();
        lags.extend_from_slice(ledger.lags());
    }
    let slow = lags
        .iter()
        .filter(|lag| **lag > Duration::from_secs(1))
        .count();
    let (median, p99) = median_and_p99(lags);
    format!(
        "{items} items of three signals, {ends} ends of the process (two of three by kill -9), {} reads \
         meanwhile: lost 0, vanished 0, doubled 0; found by a read within {:.0} ms in median, {:.0} ms p99 \
         after the acknowledgement or the start, {slow} later than 1 s",
        shared.reads.load(Ordering::Relaxed),
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
    )
}
