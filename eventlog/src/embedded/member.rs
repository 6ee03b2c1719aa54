//! The only member of a group: owns every partition, and appends its progress in
//! the same batch as its effects.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::progress::{NextOffset, PlatformRecord, ProgressMade};
use schemas::scope::Actor;
use schemas::topic::Topic;

use super::journal::Journal;
use super::subscription::EmbeddedSubscription;
use crate::{
    CommitError, Delivery, LogError, Member, NewRecord, Partition, Position, Subscription,
    Transaction,
};

/// Enough that a transaction's own record costs little, and a fraction of what comes
/// in during a sync.
const PORTION: usize = 16;

/// Which membership of each group is the newest: joining again under the same
/// name takes the group over, as on Kafka.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    newest: Mutex<HashMap<String, u64>>,
}

impl Memberships {
    pub(super) fn join(&self, group: &str) -> u64 {
        let mut newest = self.newest.lock();
        let membership = newest.entry(group.to_owned()).or_default();
        *membership += 1;
        *membership
    }

    fn holds(&self, group: &str, membership: u64) -> bool {
        self.newest.lock().get(group) == Some(&membership)
    }
}

pub(super) struct EmbeddedMember {
    pub(super) group: String,
    pub(super) membership: u64,
    pub(super) memberships: Arc<Memberships>,
    pub(super) main: Arc<Journal>,
    pub(super) subscription: EmbeddedSubscription,
    /// What the first call of `next` tells.
    pub(super) assigned: Option<Vec<(Topic, Partition)>>,
}

#[async_trait]
impl Member for EmbeddedMember {
    async fn next(&mut self, max_bytes: usize) -> Result<Delivery, LogError> {
        if let Some(assigned) = self.assigned.take() {
            return Ok(Delivery::Assigned(assigned));
        }
        self.subscription
            .next(max_bytes)
            .await
            .map(Delivery::Records)
    }

    async fn commit(&mut self, transaction: Transaction) -> Result<Vec<Position>, CommitError> {
        let Transaction {
            consumed,
            records,
            finish,
        } = transaction;
        if consumed.is_empty() && records.is_empty() && finish.is_none() {
            return Ok(Vec::new());
        }
        let mut staged = Vec::with_capacity(records.len() + 1);
        for record in &records {
            staged.push(self.main.stage(record)?);
        }
        if !consumed.is_empty() {
            let progress = self.progress(&consumed)?;
            staged.push(self.main.stage(&progress)?);
        }
        let room = self.main.reserve(&staged).await?;
        let count = records.len();
        let finish: Option<crate::Finish> = finish.map(|finish| {
            let of_records = move |positions: &[Position]| finish(&positions[..count]);
            Box::new(of_records) as crate::Finish
        });
        let (mut positions, _durable) = self.main.enqueue(staged, finish, room, || self.holds())?;
        positions.truncate(count);
        Ok(positions)
    }

    fn portion(&self) -> usize {
        PORTION
    }
}

impl EmbeddedMember {
    fn holds(&self) -> Result<(), CommitError> {
        let holds = self.memberships.holds(&self.group, self.membership);
        holds.then_some(()).ok_or(CommitError::Fenced)
    }

    /// The record that moves the group's offsets.
    fn progress(&self, consumed: &[Position]) -> Result<NewRecord, LogError> {
        let made = ProgressMade {
            group: self.group.clone(),
            next: consumed.iter().map(next_offset).collect(),
        };
        let context = Context::ambient(&self.main.options.clock);
        let id = context.id();
        let envelope = Envelope {
            id,
            kind: "ProgressMade".to_owned(),
            source: format!("/workers/{}", self.group),
            subject: self.group.clone(),
            time: context.now(),
            tenant: None,
            project: None,
            actor: Actor::System(self.group.clone()),
            correlation: id,
            causation: None,
            traceparent: None,
            sequence: None,
            expected_version: None,
            request_hash: None,
        };
        NewRecord::of(
            Topic::WorkersProgress,
            &envelope,
            &PlatformRecord::from(made),
        )
        .map_err(|e| LogError::Unavailable(format!("progress could not be written: {e}")))
    }
}

fn next_offset(position: &Position) -> NextOffset {
    NextOffset {
        topic: position.topic.name().to_owned(),
        partition: position.partition,
        offset: position.offset,
    }
}
