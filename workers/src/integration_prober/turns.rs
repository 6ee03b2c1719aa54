//! Whose turn it is: the owner of an integration's events asks its server.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use eventlog::{
    CommitError, Delivery, Group, Log, LogError, Member, Partition, Position, Record, Start,
    Transaction, Visibility,
};
use parking_lot::Mutex;
use projections::Db;
use projections::vault::credentials;
use schemas::ids::MonitoringIntegrationId;
use schemas::messages::MessageSet;
use schemas::monitoring_integration::MonitoringIntegrationEvent;
use schemas::topic::Topic;

use super::NAME;

const TOPIC: Topic = Topic::MonitoringEvents;
const BATCH_BYTES: usize = 1 << 20;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The partitions that are this instance's.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashSet<Partition>>);

impl Turns {
    pub(super) fn owns(&self, id: MonitoringIntegrationId) -> bool {
        let partition = TOPIC.partition_of(id.to_string().as_bytes());
        self.0.lock().contains(&partition)
    }

    /// Follows the events until the log has failed. An event counts as read once what
    /// it makes useless is destroyed.
    pub(super) async fn follow(&self, log: &Log, db: &Db) -> anyhow::Result<()> {
        let group = Group {
            name: NAME.to_owned(),
            topics: vec![TOPIC],
            start: Start::Beginning,
            visibility: Visibility::Durable,
        };
        let mut member = log.join(group).await.context("cannot join")?;
        loop {
            match member.next(BATCH_BYTES).await {
                Ok(delivery) => self.take(member.as_mut(), db, delivery).await?,
                Err(error) => wait_out(error).await?,
            }
        }
    }

    async fn take(
        &self,
        member: &mut dyn Member,
        db: &Db,
        delivery: Delivery,
    ) -> Result<(), LogError> {
        match delivery {
            Delivery::Assigned(partitions) => {
                self.0.lock().extend(partitions.iter().map(|(_, n)| *n));
            }
            Delivery::Revoked(lost) => {
                self.0.lock().retain(|n| !lost.contains(&(TOPIC, *n)));
            }
            Delivery::Records(fetched) => {
                let mut consumed = Vec::new();
                for fetched in fetched {
                    for record in &fetched.records {
                        settle(db, record).await;
                    }
                    consumed.push(Position {
                        topic: fetched.topic,
                        partition: fetched.partition,
                        offset: fetched.next_offset,
                    });
                }
                commit(member, consumed).await?;
            }
        }
        Ok(())
    }
}

async fn commit(member: &mut dyn Member, consumed: Vec<Position>) -> Result<(), LogError> {
    loop {
        let transaction = Transaction {
            consumed: consumed.clone(),
            ..Transaction::default()
        };
        match member.commit(transaction).await {
            // Whoever owns them now does the same again.
            Ok(_) | Err(CommitError::Fenced) => return Ok(()),
            Err(CommitError::Log(error)) => wait_out(error).await?,
        }
    }
}

/// Destroys what a record makes useless, trying until the vault answers. What cannot be
/// read makes nothing useless.
async fn settle(db: &Db, record: &Record) {
    if !MonitoringIntegrationEvent::has(record.kind()) {
        return;
    }
    let (Ok(envelope), Ok(event)) = (record.envelope(), record.decode()) else {
        tracing::error!(position = %record.position, "an event of an integration cannot be read");
        return;
    };
    let Ok(id) = envelope.subject.parse::<MonitoringIntegrationId>() else {
        return;
    };
    loop {
        let done = match &event {
            MonitoringIntegrationEvent::MonitoringCredentialSet(set) => match &set.credential {
                Some(named) => credentials::supersede(db, id.0, named.id).await,
                None => credentials::forget(db, id.0, envelope.time).await,
            },
            MonitoringIntegrationEvent::MonitoringIntegrationRemoved(_) => {
                credentials::forget(db, id.0, envelope.time).await
            }
            _ => return,
        };
        match done {
            Ok(()) => return,
            Err(error) => {
                tracing::debug!(%error, "a credential is destroyed later");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Gives up only on what no waiting mends.
async fn wait_out(error: LogError) -> Result<(), LogError> {
    if !error.is_passing() {
        return Err(error);
    }
    tracing::warn!(worker = NAME, %error, "waiting for the log");
    tokio::time::sleep(RETRY_AFTER).await;
    Ok(())
}
