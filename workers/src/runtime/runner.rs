//! Drives one reactor: take what is there, react, commit commands and offsets in
//! one transaction, again.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use eventlog::{
    CommitError, Delivery, Fetched, Group, Log, LogError, Member, NewRecord, Partition, Position,
    Record, Start, Transaction, Visibility,
};
use metrics::{counter, gauge};
use schemas::topic::{Journal, Topic};
use tokio_util::sync::CancellationToken;

use super::reactor::{Reactor, Unreadable, Verdict};

/// About how much one transaction consumes.
const BATCH_BYTES: usize = 1 << 20;
/// A command over this size is not sent: both backends refuse records of more than
/// twice as much, and a record that the log refuses would be tried for ever.
const COMMAND_BYTES: usize = 4 << 20;
/// Waits between attempts while the log is not available.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Runs `reactor` until `shutdown`. Ends early only where the log has failed.
pub async fn run(
    log: Log,
    reactor: Box<dyn Reactor>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let name = reactor.name();
    let group = Group {
        name: name.to_owned(),
        topics: reactor.topics().to_vec(),
        start: Start::Beginning,
        visibility: visibility(reactor.topics()),
    };
    let member = log
        .join(group)
        .await
        .with_context(|| format!("{name} cannot join"))?;
    let mut runner = Runner {
        reactor,
        member,
        stopped: HashSet::new(),
    };
    tokio::select! {
        ended = runner.run() => ended.with_context(|| format!("{name} cannot go on")),
        () = shutdown.cancelled() => Ok(()),
    }
}

/// Commands lie in the main journal, so what is read from there may be unsynced:
/// the output is synced with its cause or after it.
fn visibility(topics: &[Topic]) -> Visibility {
    if topics.iter().all(|topic| topic.journal() == Journal::Main) {
        Visibility::Appended
    } else {
        Visibility::Durable
    }
}

fn sendable(commands: Vec<NewRecord>) -> Verdict {
    match commands.iter().map(|command| command.body.len()).max() {
        Some(bytes) if bytes > COMMAND_BYTES => Err(Unreadable::Malformed(format!(
            "the command would have {bytes} bytes, over the limit of {COMMAND_BYTES}"
        ))),
        _ => Ok(commands),
    }
}

struct Runner {
    reactor: Box<dyn Reactor>,
    member: Box<dyn Member>,
    /// Partitions that wait for a newer version of this program.
    stopped: HashSet<(Topic, Partition)>,
}

impl Runner {
    async fn run(&mut self) -> Result<(), LogError> {
        // There from the start, so that the first increase is seen.
        for counted in ["workers_dead_letters_total", "workers_retries_total"] {
            counter!(counted, "worker" => self.reactor.name()).increment(0);
        }
        let mut retry = Retry::default();
        loop {
            match self.member.next(BATCH_BYTES).await {
                Ok(delivery) => {
                    retry = Retry::default();
                    self.take(delivery).await?;
                }
                Err(error) => retry.wait(self.reactor.name(), error).await?,
            }
        }
    }

    async fn take(&mut self, delivery: Delivery) -> Result<(), LogError> {
        match delivery {
            Delivery::Assigned(partitions) | Delivery::Revoked(partitions) => {
                self.forget(&partitions);
                Ok(())
            }
            Delivery::Records(fetched) => {
                let mut batch = Batch::default();
                for fetched in fetched {
                    self.react_to(fetched, &mut batch);
                }
                self.commit(batch).await
            }
        }
    }

    fn forget(&mut self, partitions: &[(Topic, Partition)]) {
        self.stopped
            .retain(|partition| !partitions.contains(partition));
        self.report_stopped();
    }

    /// Reacts to the records of one partition, up to one that stops it.
    fn react_to(&mut self, fetched: Fetched, batch: &mut Batch) {
        let partition = (fetched.topic, fetched.partition);
        if self.stopped.contains(&partition) {
            return;
        }
        for record in &fetched.records {
            let reason = match self.reactor.react(record).and_then(sendable) {
                Ok(commands) => {
                    batch.records.extend(commands);
                    continue;
                }
                Err(Unreadable::Malformed(reason)) => match self.dead_letter(record, &reason) {
                    Some(letter) => {
                        batch.records.push(letter);
                        continue;
                    }
                    None => format!("{reason}, and the topic has no dead letters"),
                },
                Err(Unreadable::Newer(reason)) => reason,
            };
            self.stop(partition, record, &reason);
            batch.consumed.push(record.position);
            return;
        }
        let records = fetched.records.len() as u64;
        counter!("workers_records_total", "worker" => self.reactor.name()).increment(records);
        batch.consumed.push(Position {
            topic: fetched.topic,
            partition: fetched.partition,
            offset: fetched.next_offset,
        });
    }

    fn stop(&mut self, partition: (Topic, Partition), record: &Record, reason: &str) {
        let worker = self.reactor.name();
        tracing::error!(worker, position = %record.position, reason, "a partition is stopped");
        self.stopped.insert(partition);
        self.report_stopped();
    }

    fn report_stopped(&self) {
        gauge!("workers_stopped_partitions", "worker" => self.reactor.name())
            .set(self.stopped.len() as f64);
    }

    /// The record as it was, with the reason and the position in its headers.
    fn dead_letter(&self, record: &Record, reason: &str) -> Option<NewRecord> {
        let worker = self.reactor.name();
        let topic = record.position.topic.dead_letters()?;
        tracing::warn!(worker, position = %record.position, reason, "a record is a dead letter");
        counter!("workers_dead_letters_total", "worker" => worker).increment(1);
        let mut headers = record.headers.clone();
        let notes = [
            ("dlq_reason", reason.to_owned()),
            ("dlq_position", record.position.to_string()),
            ("dlq_group", worker.to_owned()),
        ];
        headers.extend(notes);
        Some(NewRecord {
            topic,
            partition: None,
            key: record.key.clone(),
            headers,
            body: record.body.clone(),
        })
    }

    /// Commits until it holds, or until the partitions belong to somebody else,
    /// who will do the same from the same offsets.
    async fn commit(&mut self, batch: Batch) -> Result<(), LogError> {
        if batch.consumed.is_empty() {
            return Ok(());
        }
        let worker = self.reactor.name();
        let mut retry = Retry::default();
        loop {
            match self.member.commit(batch.transaction()).await {
                Ok(_) => {
                    let commands = batch.records.len() as u64;
                    counter!("workers_commands_total", "worker" => worker).increment(commands);
                    return Ok(());
                }
                Err(CommitError::Fenced) => {
                    tracing::info!(
                        worker,
                        "whoever owns the partitions now reads again what is not committed"
                    );
                    return Ok(());
                }
                Err(CommitError::Log(error)) => retry.wait(worker, error).await?,
            }
        }
    }
}

/// What one delivery leads to.
#[derive(Default)]
struct Batch {
    consumed: Vec<Position>,
    records: Vec<NewRecord>,
}

impl Batch {
    fn transaction(&self) -> Transaction {
        Transaction {
            consumed: self.consumed.clone(),
            records: self.records.clone(),
            finish: None,
        }
    }
}

/// Grows the wait between attempts; gives up only on what no waiting mends.
struct Retry(Duration);

impl Default for Retry {
    fn default() -> Self {
        Self(FIRST_RETRY)
    }
}

impl Retry {
    async fn wait(&mut self, worker: &'static str, error: LogError) -> Result<(), LogError> {
        if !error.is_passing() {
            return Err(error);
        }
        tracing::warn!(worker, %error, "waiting for the log");
        counter!("workers_retries_total", "worker" => worker).increment(1);
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LAST_RETRY);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
