//! The worker: turns every command into one numbered event and one outcome. It
//! runs in a process of its own, this test program started again with orders.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use eventlog::kafka::{KafkaLog, Options};
use eventlog::{
    CommitError, Delivery, Fetched, Group, Log, LogError, NewRecord, Partition, Position, Start,
    Transaction, Visibility,
};
use schemas::topic::Topic;

use super::environment;

pub(crate) const COMMANDS: Topic = Topic::IncidentCommands;
pub(crate) const EVENTS: Topic = Topic::IncidentEvents;
pub(crate) const OUTCOMES: Topic = Topic::CommandOutcomes;
/// So little that a backlog takes many transactions.
const BATCH_BYTES: usize = 16;
/// Where the parent looks for lines of progress.
pub(crate) const SETTLED: &str = "settled";

/// How the worker does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Transaction,
    /// Waits once, with its events delivered and not committed.
    StallInTransaction,
    /// Wrongly: appends first, moves the offsets later, and waits in between.
    StallBetween,
}

impl Manner {
    const ALL: [Self; 3] = [
        Self::Transaction,
        Self::StallInTransaction,
        Self::StallBetween,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::StallInTransaction => "stall-in-transaction",
            Self::StallBetween => "stall-between",
        }
    }
}

pub(crate) async fn open(brokers: &str, prefix: &str, instance: &str) -> Log {
    let options = Options {
        prefix: prefix.to_owned(),
        replication: 1,
        ..Options::new(brokers, instance)
    };
    KafkaLog::open(options).await.expect("the log opens")
}

pub(crate) fn record(topic: Topic, partition: Partition, text: &str) -> NewRecord {
    NewRecord {
        topic,
        partition: Some(partition),
        key: Bytes::from_static(b"key"),
        headers: Default::default(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// In the child: works until killed. In the parent: returns at once.
pub(crate) async fn work_if_asked() {
    let Some(orders) = environment("TAKEOVER_WORKER") else {
        return;
    };
    let orders: Vec<_> = orders.split('|').collect();
    let [brokers, prefix, instance, manner, scene] = orders[..] else {
        panic!("a child has all its orders");
    };
    let manner = Manner::ALL.into_iter().find(|known| known.name() == manner);
    let worker = Worker {
        log: open(brokers, prefix, instance).await,
        manner: manner.expect("the manner is known"),
        scene: PathBuf::from(scene),
        versions: HashMap::new(),
    };
    worker.work().await;
}

struct Worker {
    log: Log,
    manner: Manner,
    scene: PathBuf,
    /// Events so far in each partition that it owns.
    versions: HashMap<Partition, usize>,
}

impl Worker {
    async fn work(mut self) {
        let group = Group {
            name: "takeover".to_owned(),
            topics: vec![COMMANDS],
            start: Start::Beginning,
            visibility: Visibility::Durable,
        };
        let mut member = self.log.join(group).await.expect("the group is joined");
        loop {
            match member.next(BATCH_BYTES).await.expect("the group goes on") {
                Delivery::Revoked(_) => self.versions.clear(),
                Delivery::Assigned(partitions) => {
                    for (_, partition) in partitions {
                        let events = all(&self.log, EVENTS, partition).await;
                        self.versions.insert(partition, events.len());
                    }
                }
                Delivery::Records(fetched) => {
                    let count: usize = fetched.iter().map(|f| f.records.len()).sum();
                    let transaction = self.decide(&fetched).await;
                    match member.commit(transaction).await {
                        Ok(_) => self.tell(count),
                        // Which of the two depends on who is asked first after a long
                        // sleep: the group, or the broker that gave the transaction up.
                        Err(CommitError::Fenced | CommitError::Log(LogError::Unavailable(_))) => {
                            touch(&self.scene.join("refused"))
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
    }

    async fn decide(&mut self, fetched: &[Fetched]) -> Transaction {
        let mut events = Vec::new();
        let mut handled = Vec::new();
        for record in fetched.iter().flat_map(|fetched| &fetched.records) {
            let partition = record.position.partition;
            let version = self
                .versions
                .get_mut(&partition)
                .expect("the partition is owned");
            *version += 1;
            let command = String::from_utf8_lossy(&record.body).into_owned();
            events.push(self::record(
                EVENTS,
                partition,
                &format!("{version} {command}"),
            ));
            handled.push(command);
        }
        let manner = self.manner;
        if manner == Manner::StallBetween && !events.is_empty() {
            self.log
                .append(std::mem::take(&mut events))
                .await
                .expect("the events are appended");
            stall(&self.scene);
        }
        let scene = self.scene.clone();
        Transaction {
            consumed: fetched.iter().map(next).collect(),
            records: events,
            finish: Some(Box::new(move |positions| {
                if manner == Manner::StallInTransaction {
                    stall(&scene);
                }
                let outcome = |(at, command): (&Position, &String)| {
                    record(OUTCOMES, 0, &format!("{command} {at}"))
                };
                positions.iter().zip(&handled).map(outcome).collect()
            })),
        }
    }

    /// The parent may have closed the pipe.
    fn tell(&self, count: usize) {
        for _ in 0..count {
            writeln!(std::io::stdout(), "{SETTLED}").ok();
        }
    }
}

fn next(fetched: &Fetched) -> Position {
    Position {
        topic: fetched.topic,
        partition: fetched.partition,
        offset: fetched.next_offset,
    }
}

/// Says that it waits, then waits until it may go on.
fn stall(scene: &Path) {
    touch(&scene.join("stalled"));
    while !scene.join("go").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

pub(crate) fn touch(path: &Path) {
    std::fs::write(path, "").expect("the scene's folder is writable");
}

/// The committed records of a partition, as text.
pub(crate) async fn all(log: &Log, topic: Topic, partition: Partition) -> Vec<(Position, String)> {
    let range = log
        .range(topic, partition, Visibility::Durable)
        .await
        .expect("there is a range");
    let (mut from, mut found) = (range.start, Vec::new());
    while from < range.end {
        let page = log
            .read(topic, partition, from, 1 << 20, Visibility::Durable)
            .await;
        let page = page.expect("the range is readable");
        from = page.next_offset;
        found.extend(page.records.into_iter().map(|record| {
            (
                record.position,
                String::from_utf8_lossy(&record.body).into_owned(),
            )
        }));
    }
    found
}
