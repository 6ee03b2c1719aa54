//! Events as the runner writes them, of many incidents at a time.

use anyhow::Context as _;
use commands::incident::Incident;
use cqrs_es::Aggregate;
use eventlog::{Log, NewRecord};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{CommandId, IncidentId, ProjectId, TenantId, UserId};
use schemas::incident::{IncidentCommand, IncidentEvent};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use uuid::Uuid;

use crate::load::life;

/// Incidents that move at the same time.
const ABREAST: usize = 1_000;

/// Leads `incidents` incidents through their life; returns how many events that made.
pub(super) async fn append(log: &Log, incidents: usize) -> anyhow::Result<usize> {
    let mut appended = 0;
    let mut left = incidents;
    while left > 0 {
        let cohort = left.min(ABREAST);
        appended += append_cohort(log, cohort).await?;
        left -= cohort;
    }
    Ok(appended)
}

async fn append_cohort(log: &Log, size: usize) -> anyhow::Result<usize> {
    let context = Context::ambient(&Clock::System);
    let mut cohort: Vec<Living> = (0..size).map(|_| Living::new(&context)).collect();
    let mut appended = 0;
    loop {
        let mut records = Vec::with_capacity(size);
        for incident in &mut cohort {
            records.extend(incident.step(&context)?);
        }
        if records.is_empty() {
            return Ok(appended);
        }
        appended += records.len();
        log.append(records)
            .await
            .context("cannot append the events")?;
    }
}

/// One incident on its way.
struct Living {
    id: IncidentId,
    scope: Scope,
    state: Incident,
    version: i64,
    ahead: std::vec::IntoIter<IncidentCommand>,
}

impl Living {
    fn new(context: &Context) -> Self {
        let id = |n| Uuid::from_u128(n);
        let actor = Actor::User(UserId(id(3)));
        Self {
            id: IncidentId(context.id()),
            scope: Scope::granted(TenantId(id(1)), ProjectId(id(2)), actor),
            state: Incident::default(),
            version: 0,
            ahead: life(context).to_vec().into_iter(),
        }
    }

    /// The records that follow from the next command; none at the end of its life.
    fn step(&mut self, context: &Context) -> anyhow::Result<Vec<NewRecord>> {
        let Some(command) = self.ahead.next() else {
            return Ok(Vec::new());
        };
        let cause = CommandId(context.id());
        let decision = Context::decision(context.now(), cause).about(self.id.0);
        let events = self.state.decide(command, &decision)?;
        events
            .into_iter()
            .map(|event| self.record(event, cause, context.now()))
            .collect()
    }

    fn record(
        &mut self,
        event: IncidentEvent,
        cause: CommandId,
        time: Timestamp,
    ) -> anyhow::Result<NewRecord> {
        self.version += 1;
        self.state.apply(event.clone());
        let id = Uuid::new_v5(&cause.0, b"event");
        let subject = self.id.to_string();
        let envelope = Envelope {
            time,
            causation: Some(cause.0),
            sequence: Some(self.version),
            request_hash: Some("ab".repeat(16)),
            ..Envelope::of(&self.scope, id, event.kind(), "/commands/incident", subject)
        };
        Ok(NewRecord::of(Topic::IncidentEvents, &envelope, &event)?)
    }
}
