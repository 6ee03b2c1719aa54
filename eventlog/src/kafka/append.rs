//! Appending: single records by an idempotent producer, batches by a transaction.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::util::Timeout;
use tokio::sync::{mpsc, oneshot};

use super::callbacks::Callbacks;
use super::error::unavailable;
use super::offsets::Ends;
use super::options::{DELIVERY_TIMEOUT, Options};
use super::transaction::{Failure, Transactor};
use super::wire;
use crate::LogError;
use crate::record::{NewRecord, Position};

/// What the append transactions of a process are called.
const PURPOSE: &str = "append";
/// Batches that wait for one transaction to end; more wait for a place.
const QUEUE: usize = 256;
/// Batches that share a transaction.
const SHARED: usize = 64;

struct Batch {
    records: Vec<NewRecord>,
    reply: oneshot::Sender<Result<Vec<Position>, LogError>>,
}

pub(super) struct Appender {
    options: Arc<Options>,
    ends: Arc<Ends>,
    single: FutureProducer<Callbacks>,
    batches: mpsc::Sender<Batch>,
}

impl Appender {
    /// Begins the thread that transactions run on.
    pub(super) fn start(
        options: &Arc<Options>,
        ends: &Arc<Ends>,
        single: FutureProducer<Callbacks>,
    ) -> std::io::Result<Self> {
        let (batches, queue) = mpsc::channel(QUEUE);
        let thread_options = Arc::clone(options);
        std::thread::Builder::new()
            .name("kafka append".to_owned())
            .spawn(move || run(&thread_options, queue))?;
        Ok(Self {
            options: Arc::clone(options),
            ends: Arc::clone(ends),
            single,
            batches,
        })
    }

    pub(super) async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        wire::check(&records, self.options.max_record_bytes)?;
        match records.as_slice() {
            [] => Ok(Vec::new()),
            [record] => self.append_one(record).await.map(|position| vec![position]),
            _ => self.append_batch(records).await,
        }
    }

    /// Waits until the brokers have what was accepted.
    pub(super) async fn flush(&self) -> Result<(), LogError> {
        let single = self.single.clone();
        let flush = move || {
            single
                .flush(Timeout::After(DELIVERY_TIMEOUT))
                .map_err(unavailable)
        };
        let flushed = tokio::task::spawn_blocking(flush).await;
        flushed.unwrap_or_else(|error| Err(LogError::Unavailable(error.to_string())))
    }

    async fn append_one(&self, record: &NewRecord) -> Result<Position, LogError> {
        let name = self.options.topic_name(record.topic);
        let message = FutureRecord::to(&name)
            .partition(record.partition())
            .key(record.key.as_ref())
            .payload(record.body.as_ref())
            .headers(wire::headers(record));
        let sent = self.single.send(message, DELIVERY_TIMEOUT).await;
        let delivery = sent.map_err(|(error, _)| self.refusal(unavailable(error)))?;
        Ok(Position {
            topic: record.topic,
            partition: delivery.partition,
            offset: delivery.offset,
        })
    }

    /// A producer that has lost count of its sequence accepts nothing more.
    fn refusal(&self, error: LogError) -> LogError {
        match self.single.client().fatal_error() {
            Some((code, reason)) => LogError::Failed(format!("{code}: {reason}")),
            None => error,
        }
    }

    async fn append_batch(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        let (reply, answer) = oneshot::channel();
        let gone = || LogError::Failed("the log is closed".to_owned());
        let batch = Batch { records, reply };
        self.batches.send(batch).await.map_err(|_| gone())?;
        let positions = answer.await.map_err(|_| gone())??;
        self.ends
            .ask(move |ends| Ok(await_readable(ends, positions)))
            .await
    }
}

/// The thread's life: one transaction after another until the log is closed.
fn run(options: &Arc<Options>, mut queue: mpsc::Receiver<Batch>) {
    let mut transactor = None;
    // At once, so that nothing a predecessor left open holds readers up.
    if let Err(error) = open(options, &mut transactor) {
        tracing::warn!(error = ?error, "cannot prepare append transactions yet");
    }
    while let Some(first) = queue.blocking_recv() {
        let mut batches = vec![first];
        while batches.len() < SHARED
            && let Ok(next) = queue.try_recv()
        {
            batches.push(next);
        }
        append_together(options, &mut transactor, batches);
    }
}

/// A transaction is decided before its markers are in every partition. An
/// append is readable once it returns, so this waits for the markers; a broker
/// that is slow with them changes nothing about what was decided. Blocks.
fn await_readable(ends: &Ends, positions: Vec<Position>) -> Vec<Position> {
    let touched: BTreeSet<_> = positions
        .iter()
        .map(|at| (at.topic, at.partition))
        .collect();
    let touched: Vec<_> = touched.into_iter().collect();
    let deadline = Instant::now() + DELIVERY_TIMEOUT;
    loop {
        let stable = ends.stable(&touched).unwrap_or_default();
        let readable = |at: &Position| stable.get(&(at.topic, at.partition)) > Some(&at.offset);
        if positions.iter().all(readable) {
            return positions;
        }
        if Instant::now() > deadline {
            tracing::warn!("a batch is committed and not readable yet");
            return positions;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What queued up while the last transaction ran shares the next one.
fn append_together(
    options: &Arc<Options>,
    transactor: &mut Option<Transactor>,
    batches: Vec<Batch>,
) {
    let records: Vec<_> = batches
        .iter()
        .flat_map(|batch| batch.records.iter().cloned())
        .collect();
    let outcome = open(options, transactor).and_then(|open| open.run(&records, None, None));
    if let Err(Failure::Lost(error)) = &outcome {
        tracing::warn!(%error, "the producer of append transactions is replaced");
        *transactor = None;
    }
    let outcome = outcome.map_err(Failure::into_error);
    let mut placed = outcome.as_deref().unwrap_or_default().iter().copied();
    for batch in batches {
        let answer = match &outcome {
            Ok(_) => Ok(placed.by_ref().take(batch.records.len()).collect()),
            Err(error) => Err(error.clone()),
        };
        if batch.reply.send(answer).is_err() {
            tracing::debug!("an append was answered after its caller had gone");
        }
    }
}

fn open<'a>(
    options: &Arc<Options>,
    transactor: &'a mut Option<Transactor>,
) -> Result<&'a Transactor, Failure> {
    match transactor {
        Some(open) => Ok(open),
        None => {
            let opened = Transactor::open(options, PURPOSE).map_err(Failure::Aborted)?;
            Ok(transactor.insert(opened))
        }
    }
}
