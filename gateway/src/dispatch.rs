//! From a request to a command on the log, to its outcome, to the read model that
//! shows it.

use std::sync::Arc;

use eventlog::{LogError, NewRecord, Position, Visibility};
use projections::outcomes;
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::ids::CommandId;
use schemas::messages::MessageSet;
use schemas::scope::Scope;
use schemas::tenant::TenantCommand;
use schemas::topic::Topic;
use uuid::Uuid;

use crate::Gateway;
use crate::error::Error;
use crate::outcomes::{Known, Settled};
use crate::request::Question;

const SOURCE: &str = "/gateway";

/// A command before it has a message: its id, and the id of what it may create.
#[derive(Debug, Clone)]
pub struct Command {
    id: CommandId,
    scope: Scope,
    question: Question,
    created: Uuid,
}

impl Command {
    /// With an idempotency key both ids follow from it, so that a retry is the same
    /// command and reaches the same aggregate.
    pub fn new(scope: &Scope, question: &Question, context: &Context) -> Self {
        let (id, created) = match &question.idempotency_key {
            None => (CommandId(context.id()), context.id()),
            Some(key) => {
                let actor = scope.actor().to_string();
                let id = CommandId::of_request(scope.tenant(), &actor, &question.route, key);
                (id, Uuid::new_v5(&id.0, b"aggregate"))
            }
        };
        Self {
            id,
            scope: scope.clone(),
            question: question.clone(),
            created,
        }
    }

    pub fn id(&self) -> CommandId {
        self.id
    }

    /// The id of the aggregate that the command creates.
    pub fn created(&self) -> Uuid {
        self.created
    }

    /// Whether a retry would be the same command.
    pub fn is_repeatable(&self) -> bool {
        self.question.idempotency_key.is_some()
    }

    fn envelope<M: MessageSet>(
        &self,
        message: &M,
        aggregate: String,
        hash: &str,
        context: &Context,
    ) -> Envelope {
        let kind = message.kind();
        let mut envelope = Envelope::of(&self.scope, self.id.0, kind, SOURCE, aggregate);
        envelope.time = context.now();
        envelope.correlation = self.question.request.id;
        envelope.traceparent = self.question.request.traceparent.clone();
        envelope.expected_version = self.question.expected_version;
        envelope.request_hash = Some(hash.to_owned());
        envelope
    }
}

impl Gateway {
    /// Sends `message` to the tenant that the command is of.
    pub(crate) async fn send_to_tenant(
        &self,
        command: &Command,
        message: impl Into<TenantCommand>,
    ) -> Result<Arc<Settled>, Error> {
        let (topic, tenant) = (Topic::IdentityCommands, command.scope.tenant());
        let message: TenantCommand = message.into();
        self.send(command, topic, tenant, message).await
    }

    /// Sends `message` to the aggregate and waits for the outcome. A refusal is
    /// [`Error::Refused`], a wait that was too long [`Error::NotYet`].
    pub async fn send<M: MessageSet>(
        &self,
        command: &Command,
        topic: Topic,
        aggregate: impl ToString,
        message: M,
    ) -> Result<Arc<Settled>, Error> {
        let tenant = command.scope.tenant();
        let hash = &command.question.hash;
        let hash = self.keys()?.request(tenant.0.as_bytes(), hash);
        if let Some(settled) = self.settled_before(command, &hash).await? {
            return accepted(settled);
        }
        let context = Context::ambient(&self.clock);
        let envelope = command.envelope(&message, aggregate.to_string(), &hash, &context);
        let record = NewRecord::of(topic, &envelope, &message)?;
        let expected = self.outcomes.expect(&command.scope, command.id, &hash);
        let ordered = self.log.order(vec![record]).await;
        let positions = ordered.inspect_err(|_| self.outcomes.forget(command.id))?;
        match expected.within(self.config.outcome_wait).await {
            Some(settled) => accepted(settled),
            None => {
                self.durable(&positions).await?;
                Err(Error::NotYet(command.id))
            }
        }
    }

    /// An outcome proves that its command is durable; without one it is asked.
    async fn durable(&self, positions: &[Position]) -> Result<(), Error> {
        for at in positions {
            let range = self.log.range(at.topic, at.partition, Visibility::Durable);
            if range.await?.end <= at.offset {
                let late = "the command is not on the disk yet; send it again".to_owned();
                return Err(LogError::Unavailable(late).into());
            }
        }
        Ok(())
    }

    /// Waits until `projections` show what the command did.
    pub async fn shown(
        &self,
        settled: &Settled,
        projections: &[&'static str],
    ) -> Result<(), Error> {
        let reached = self
            .progress
            .reached(&self.db, projections, &settled.positions);
        match tokio::time::timeout(self.config.read_wait, reached).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Error::NotYet(settled.command)),
        }
    }

    /// The outcome of an earlier attempt under the same idempotency key. Refusals
    /// are found here only; the command runner remembers what it accepted.
    async fn settled_before(
        &self,
        command: &Command,
        hash: &str,
    ) -> Result<Option<Arc<Settled>>, Error> {
        if !command.is_repeatable() {
            return Ok(None);
        }
        let found = match self.outcomes.known(&command.scope, command.id) {
            Known::Settled(settled) => settled,
            Known::Pending => return Ok(None),
            // Without Postgres the runner decides; at worst a refusal is decided anew.
            Known::Unknown => match outcomes::get(&self.db, &command.scope, command.id).await {
                Ok(Some(outcome)) => Arc::new(Settled::found(&command.scope, command.id, outcome)),
                Ok(None) | Err(_) => return Ok(None),
            },
        };
        same_question(hash, found).map(Some)
    }
}

/// The outcome if it answers this very request, else the refusal of the mismatch.
fn same_question(hash: &str, found: Arc<Settled>) -> Result<Arc<Settled>, Error> {
    match found
        .request_hash
        .as_deref()
        .is_none_or(|known| known == hash)
    {
        true => Ok(found),
        false => Err(Error::refused_here(
            "idempotency_mismatch",
            "this Idempotency-Key was used for another request",
        )),
    }
}

fn accepted(settled: Arc<Settled>) -> Result<Arc<Settled>, Error> {
    match &settled.refusal {
        Some(refusal) => Err(Error::Refused(refusal.clone())),
        None => Ok(settled),
    }
}
