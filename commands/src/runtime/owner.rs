//! The owner of a context's commands partitions: the loop of the runner.

mod assignment;
mod routing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eventlog::{
    CommitError, Delivery, Fetched, Group, Log, LogError, Member, Partition, Position, Start,
    Visibility,
};
use schemas::ids::CommandId;
use schemas::outcome::EventPosition;
use schemas::topic::Topic;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::batch::{Batch, Verdict};
use super::cache::Cache;
use super::command::Command;
use super::erased::Erased;
use super::errand::{Arrival, Messenger};
use super::intake::Intake;
use super::plan::Plan;
use super::settlement::Answer;
use super::tail::Tail;
use crate::history::History;
use routing::Queues;

/// How often everybody else who can run does so before more commands are read. Those
/// who were answered together ask again together, and are settled together then.
const TURNS_OF_OTHERS: usize = 2;

/// A partition of some topic.
type Part = (Topic, Partition);

pub(super) struct Owner {
    log: Log,
    limits: Limits,
    messenger: Messenger,
    erased: Erased,
    /// By partition of the commands topic.
    intakes: HashMap<Part, Intake>,
    /// By partition of an events topic.
    tails: HashMap<Part, Tail>,
    cache: Cache,
    queues: Queues,
    errands: JoinSet<Arrival>,
    /// Read and not yet looked at, in order.
    ready: Vec<Arc<Command>>,
    /// Answers that needed no decision: dead letters.
    answers: Vec<Answer>,
}

impl Owner {
    pub(super) fn new(log: Log, history: Arc<dyn History>, erased: Erased, limits: Limits) -> Self {
        Self {
            log,
            messenger: Messenger::new(history, limits.clone()),
            erased,
            intakes: HashMap::new(),
            tails: HashMap::new(),
            cache: Cache::new(limits.cached_aggregates, limits.cached_bytes),
            queues: Queues::default(),
            errands: JoinSet::new(),
            ready: Vec::new(),
            answers: Vec::new(),
            limits,
        }
    }

    pub(super) async fn run(
        mut self,
        group: &'static str,
        topic: Topic,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        routing::count_from_zero(topic);
        let group = Group {
            name: group.to_owned(),
            topics: vec![topic],
            start: Start::Beginning,
            visibility: Visibility::Appended,
        };
        let mut member = self.log.join(group).await?;
        loop {
            for _ in 0..TURNS_OF_OTHERS {
                tokio::task::yield_now().await;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(arrival) = self.errands.join_next() => self.arrived(arrival?),
                delivery = member.next(self.limits.batch_bytes), if self.has_room() => {
                    self.delivered(delivery, &shutdown).await?;
                }
            }
            while let Some(arrival) = self.errands.try_join_next() {
                self.arrived(arrival?);
            }
            self.settle_all(member.as_mut(), &shutdown).await?;
        }
    }

    /// Whether more may be read; otherwise the log keeps it for us.
    fn has_room(&self) -> bool {
        let commands: usize = self.intakes.values().map(Intake::open_commands).sum();
        let bytes: usize = self.intakes.values().map(Intake::open_bytes).sum();
        metrics::gauge!("commands_open").set(u32::try_from(commands).unwrap_or(u32::MAX));
        commands < self.limits.open_commands && bytes < self.limits.open_bytes
    }

    async fn delivered(
        &mut self,
        delivery: Result<Delivery, LogError>,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        match delivery {
            Ok(Delivery::Assigned(parts)) => self.assigned(&parts, shutdown).await?,
            Ok(Delivery::Revoked(parts)) => self.revoked(&parts),
            Ok(Delivery::Records(fetched)) => fetched.into_iter().for_each(|f| self.read(f)),
            Err(LogError::Unavailable(reason)) => {
                tracing::warn!(%reason, "the log is not available");
                tokio::time::sleep(self.limits.retry_longest).await;
            }
            Err(error) => return Err(error).context("reading commands"),
        }
        Ok(())
    }

    /// Settles what can be settled, a portion after the other; a repeat of a command
    /// waits for one round.
    async fn settle_all(
        &mut self,
        member: &mut dyn Member,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        self.settle(member, shutdown).await?;
        while !self.ready.is_empty() {
            self.settle(member, shutdown).await?;
        }
        Ok(())
    }

    async fn settle(
        &mut self,
        member: &mut dyn Member,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let decidable = self.route(member.portion());
        let mut later = Vec::new();
        let mut batch = Batch::default();
        for command in decidable {
            let decided = batch.decide(&command, &mut self.cache, &self.erased).await;
            match decided.context("an event does not fit its schema")? {
                Verdict::Settled(settlement) => self.answers.push(Answer::Settled(settlement)),
                Verdict::Later => later.push(command),
            }
        }
        self.ready.splice(0..0, later);
        let plan = self.plan();
        if plan.is_empty() {
            batch.install(&mut self.cache, |_| Vec::new());
            return Ok(());
        }
        match self.commit(&plan, member, shutdown).await? {
            Some(positions) => self.committed(batch, &plan, &positions),
            None => self.forget(),
        }
        Ok(())
    }

    /// Sorts the answers of this round into those that go out and those that wait.
    fn plan(&mut self) -> Plan {
        let mut answers = Vec::with_capacity(self.answers.len());
        for answer in self.answers.drain(..) {
            let Position {
                topic, partition, ..
            } = answer.input();
            if let Some(intake) = self.intakes.get_mut(&(topic, partition)) {
                answers.extend(intake.answered(answer));
            }
        }
        let mut consumed = Vec::new();
        for ((topic, partition), intake) in &mut self.intakes {
            answers.extend(intake.release());
            consumed.extend(intake.advance().map(|offset| Position {
                topic: *topic,
                partition: *partition,
                offset,
            }));
        }
        Plan { answers, consumed }
    }

    /// The events' positions; None once another member owns the partitions.
    async fn commit(
        &self,
        plan: &Plan,
        member: &mut dyn Member,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<Vec<Position>>> {
        let mut pause = self.limits.retry_first;
        loop {
            match member.commit(plan.transaction()).await {
                Ok(positions) => return Ok(Some(positions)),
                Err(CommitError::Fenced) => return Ok(None),
                Err(CommitError::Log(error)) if error.is_passing() => {
                    tracing::warn!(%error, "decisions wait for the log");
                }
                Err(CommitError::Log(error)) => return Err(error).context("committing decisions"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(self.limits.retry_longest.max(Duration::from_millis(1)));
        }
    }

    /// The copies become the aggregates, and the events their newest history.
    fn committed(&mut self, batch: Batch, plan: &Plan, positions: &[Position]) {
        let mut placed: HashMap<CommandId, Vec<EventPosition>> = HashMap::new();
        for (answer, own) in plan.with_positions(positions) {
            let Answer::Settled(settlement) = answer else {
                continue;
            };
            let key = settlement.command.key;
            let result = settlement
                .refusal
                .as_ref()
                .map_or("accepted", |_| "refused");
            metrics::counter!("commands_settled_total", "aggregate" => key.kind.name(), "result" => result)
                .increment(1);
            if let Some(tail) = self.tails.get_mut(&(key.kind.events(), key.partition())) {
                let facts = settlement.facts(own).into_iter();
                facts.for_each(|fact| tail.push(key, fact));
            }
            if !own.is_empty() {
                let own = own.iter().copied().map(EventPosition::from);
                placed.insert(settlement.command.envelope.command_id(), own.collect());
            }
        }
        batch.install(&mut self.cache, |settled| {
            placed.remove(&settled.id).unwrap_or_default()
        });
    }

    fn read(&mut self, fetched: Fetched) {
        let part = (fetched.topic, fetched.partition);
        for record in fetched.records {
            self.read_one(part, record);
        }
        if let Some(intake) = self.intakes.get_mut(&part).filter(|i| !i.is_stopped()) {
            intake.read_to(fetched.next_offset);
        }
    }
}
