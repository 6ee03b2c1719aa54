//! Atomic batches. Every call here blocks and belongs on a thread of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::error::unavailable;
use super::options::{Options, TRANSACTION_TIMEOUT};
use super::{told, wire};
use crate::LogError;
use crate::record::{NewRecord, Offset, Position};

/// How long a transaction may wait for the brokers before it is given up.
const PATIENCE: Duration = TRANSACTION_TIMEOUT;
/// How long the producer's name may take to be ours: the coordinator first
/// finishes what a predecessor under this name had begun.
const INIT_PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries of a call.
const AGAIN: Duration = Duration::from_millis(20);

/// Why a transaction did not happen.
#[derive(Debug)]
pub(super) enum Failure {
    /// Aborted because the broker takes another for the owner.
    Fenced(KafkaError),
    /// Aborted; the producer can begin again.
    Aborted(KafkaError),
    /// Aborted because the rest of it breaks the log's own rules.
    Refused(LogError),
    /// The producer is of no more use, and whether its last transaction
    /// happened is decided when a successor of its name begins.
    Lost(KafkaError),
}

impl Failure {
    pub(super) fn into_error(self) -> LogError {
        match self {
            Self::Fenced(cause) | Self::Aborted(cause) | Self::Lost(cause) => unavailable(cause),
            Self::Refused(error) => error,
        }
    }
}

/// The offsets to move, and the membership that entitles to it.
pub(super) type Consumed<'a> = (&'a TopicPartitionList, &'a ConsumerGroupMetadata);

/// What the second part of a transaction is made of.
pub(super) type Rest<'a> = Box<dyn FnOnce(&[Position]) -> Result<Vec<NewRecord>, LogError> + 'a>;

/// The only producer with its transactional id.
pub(super) struct Transactor {
    options: Arc<Options>,
    producer: BaseProducer<Deliveries>,
}

impl Transactor {
    /// Takes over the id: fences every earlier producer with it and finishes or
    /// aborts what that one had begun.
    pub(super) fn open(options: &Arc<Options>, purpose: &str) -> Result<Self, KafkaError> {
        let config = options.transactions(purpose);
        let producer: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default())?;
        insist(INIT_PATIENCE, || producer.init_transactions(PATIENCE))?;
        Ok(Self {
            options: Arc::clone(options),
            producer,
        })
    }

    /// Appends `records`, then what `rest` makes of their positions, and moves
    /// the offsets: all or nothing. Returns the positions of `records`.
    pub(super) fn run(
        &self,
        records: &[NewRecord],
        rest: Option<Rest<'_>>,
        consumed: Option<Consumed<'_>>,
    ) -> Result<Vec<Position>, Failure> {
        self.producer
            .begin_transaction()
            .map_err(|error| self.classify(error))?;
        let positions = match self.fill(records, rest, consumed) {
            Ok(positions) => positions,
            Err(failure) => return Err(self.abort(failure)),
        };
        match insist(PATIENCE, || self.producer.commit_transaction(PATIENCE)) {
            Ok(()) => Ok(positions),
            Err(error) if wants_abort(&error) => Err(self.abort(self.classify(error))),
            // Neither committed nor aborted as far as we know.
            Err(error) => Err(Failure::Lost(error)),
        }
    }

    /// Serves callbacks while there is nothing to do.
    pub(super) fn idle(&self) {
        self.producer.poll(Duration::ZERO);
    }

    fn fill(
        &self,
        records: &[NewRecord],
        rest: Option<Rest<'_>>,
        consumed: Option<Consumed<'_>>,
    ) -> Result<Vec<Position>, Failure> {
        let classify = |error| self.classify(error);
        let positions = self.deliver(records).map_err(classify)?;
        if let Some(rest) = rest {
            let rest = rest(&positions).map_err(Failure::Refused)?;
            self.deliver(&rest).map_err(classify)?;
        }
        if let Some((offsets, member)) = consumed {
            let send = || {
                self.producer
                    .send_offsets_to_transaction(offsets, member, PATIENCE)
            };
            insist(PATIENCE, send).map_err(classify)?;
        }
        Ok(positions)
    }

    /// Sends records and waits until the brokers have placed them all.
    fn deliver(&self, records: &[NewRecord]) -> Result<Vec<Position>, KafkaError> {
        self.producer.context().expect(records.len());
        for (index, record) in records.iter().enumerate() {
            self.send(index, record)?;
        }
        let deadline = Instant::now() + 2 * PATIENCE;
        loop {
            if let Some(offsets) = self.producer.context().delivered()? {
                return Ok(positions(records, &offsets));
            }
            if Instant::now() > deadline {
                return Err(KafkaError::MessageProduction(
                    RDKafkaErrorCode::MessageTimedOut,
                ));
            }
            // Returns with the first deliveries only after the whole interval,
            // so the interval is short.
            self.producer.poll(Duration::from_millis(1));
        }
    }

    fn send(&self, index: usize, record: &NewRecord) -> Result<(), KafkaError> {
        let name = self.options.topic_name(record.topic);
        let mut message = BaseRecord::with_opaque_to(&name, index)
            .partition(record.partition())
            .key(record.key.as_ref())
            .payload(record.body.as_ref())
            .headers(wire::headers(record));
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((error, back)) => {
                    let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                    if !full || Instant::now() > deadline {
                        return Err(error);
                    }
                    message = back;
                    self.producer.poll(Duration::from_millis(1));
                }
            }
        }
    }

    /// Ends the open transaction without effect and says why.
    fn abort(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Lost(cause) => Failure::Lost(cause),
            verdict => match insist(PATIENCE, || self.producer.abort_transaction(PATIENCE)) {
                Ok(()) => verdict,
                Err(error) => Failure::Lost(error),
            },
        }
    }

    fn classify(&self, error: KafkaError) -> Failure {
        if fatal(&error) || self.producer.client().fatal_error().is_some() {
            return Failure::Lost(error);
        }
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::FencedInstanceId
                | RDKafkaErrorCode::RebalanceInProgress,
            ) => Failure::Fenced(error),
            _ => Failure::Aborted(error),
        }
    }
}

fn positions(records: &[NewRecord], offsets: &[Offset]) -> Vec<Position> {
    let place = |(record, offset): (&NewRecord, &Offset)| Position {
        topic: record.topic,
        partition: record.partition(),
        offset: *offset,
    };
    records.iter().zip(offsets).map(place).collect()
}

/// Repeats a call that the client says may be repeated.
fn insist(
    patience: Duration,
    mut call: impl FnMut() -> Result<(), KafkaError>,
) -> Result<(), KafkaError> {
    let deadline = Instant::now() + patience;
    loop {
        match call() {
            Err(KafkaError::Transaction(error))
                if error.is_retriable() && Instant::now() < deadline =>
            {
                // Some are answered at once, for as long as the last call works on.
                std::thread::sleep(AGAIN);
            }
            result => return result,
        }
    }
}

fn wants_abort(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.txn_requires_abort())
}

fn fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}

/// Collects delivery reports by the index of the record.
#[derive(Default)]
struct Deliveries {
    reports: Mutex<Vec<Option<Result<Offset, KafkaError>>>>,
}

impl Deliveries {
    /// Forgets the last batch and awaits `count` reports.
    fn expect(&self, count: usize) {
        let mut reports = self.reports.lock();
        reports.clear();
        reports.resize_with(count, || None);
    }

    /// The offsets once all are there; the first failure as soon as it is.
    fn delivered(&self) -> Result<Option<Vec<Offset>>, KafkaError> {
        let reports = self.reports.lock();
        if let Some(Err(error)) = reports.iter().flatten().find(|report| report.is_err()) {
            return Err(error.clone());
        }
        Ok(reports
            .iter()
            .map(|report| report.as_ref()?.as_ref().ok().copied())
            .collect())
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        told::line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        told::error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let report = match result {
            // Without an offset nobody could be told where the record is.
            Ok(message) if message.offset() < 0 => {
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::BadMessage))
            }
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        if let Some(slot) = self.reports.lock().get_mut(index) {
            *slot = Some(report);
        }
    }
}
