//! Clients that send commands as the gateway does.

use std::sync::Arc;

use eventlog::{Log, NewRecord};
use futures::future::BoxFuture;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{IncidentId, ProjectId, TenantId, UserId};
use schemas::incident::IncidentCommand;
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::topic::Topic;

use super::outcomes::Outcomes;

#[derive(Clone)]
pub(super) struct Clients {
    log: Log,
    outcomes: Outcomes,
    scope: Scope,
}

impl Clients {
    pub(super) async fn connect(log: &Log) -> anyhow::Result<Self> {
        let context = Context::ambient(&Clock::System);
        let actor = Actor::User(UserId(context.id()));
        let scope = Scope::granted(TenantId(context.id()), ProjectId(context.id()), actor);
        Ok(Self {
            log: log.clone(),
            outcomes: Outcomes::follow(log).await?,
            scope,
        })
    }

    /// What [`load::drive`](crate::load::drive) calls for each command.
    pub(super) fn sender(
        self,
    ) -> Arc<
        impl Fn(IncidentId, IncidentCommand) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync,
    > {
        Arc::new(move |incident, command| {
            let clients = self.clone();
            Box::pin(async move { clients.send(incident, command).await })
                as BoxFuture<'static, anyhow::Result<()>>
        })
    }

    async fn send(&self, incident: IncidentId, command: IncidentCommand) -> anyhow::Result<()> {
        let envelope = self.envelope(incident, &command);
        let expected = self.outcomes.expect(envelope.command_id());
        let record = NewRecord::of(Topic::IncidentCommands, &envelope, &command)?;
        self.log.order(vec![record]).await?;
        expected.accepted().await
    }

    fn envelope(&self, incident: IncidentId, command: &IncidentCommand) -> Envelope {
        let context = Context::ambient(&Clock::System);
        let (id, subject) = (context.id(), incident.to_string());
        Envelope {
            time: context.now(),
            request_hash: Some("ab".repeat(16)),
            ..Envelope::of(&self.scope, id, command.kind(), "/gateway", subject)
        }
    }
}
