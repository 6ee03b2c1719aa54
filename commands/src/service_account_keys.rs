//! The keys of a service account that is disabled: once they have ended, none is good
//! again.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::service_account_keys::{
    EndServiceAccountKeys, ServiceAccountKeysCommand, ServiceAccountKeysEnded,
    ServiceAccountKeysEvent,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const REASON_CHARS: usize = 1_000;

/// All API keys of the service account whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccountKeys {
    ended: bool,
}

/// Why the keys were not ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAccountKeysRefusal {
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for ServiceAccountKeysRefusal {
    fn rule(&self) -> &'static str {
        fields::RULE
    }
}

type Decision = Result<Vec<ServiceAccountKeysEvent>, ServiceAccountKeysRefusal>;

impl ServiceAccountKeys {
    /// The events that follow from `command`; none where the keys have ended.
    pub fn decide(&self, command: ServiceAccountKeysCommand) -> Decision {
        let ServiceAccountKeysCommand::EndServiceAccountKeys(EndServiceAccountKeys { reason }) =
            command;
        fields::optional("reason", reason.as_deref(), REASON_CHARS)?;
        match self.ended {
            true => Ok(Vec::new()),
            false => Ok(vec![ServiceAccountKeysEnded { reason }.into()]),
        }
    }
}

impl Aggregate for ServiceAccountKeys {
    const TYPE: &'static str = "service_account_keys";
    type Command = ServiceAccountKeysCommand;
    type Event = ServiceAccountKeysEvent;
    type Error = ServiceAccountKeysRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: ServiceAccountKeysCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), ServiceAccountKeysRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ServiceAccountKeysEvent) {
        let ServiceAccountKeysEvent::ServiceAccountKeysEnded(_) = event;
        self.ended = true;
    }
}

impl Audited for ServiceAccountKeys {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("ended", Some(before.ended), Some(after.ended));
    }

    fn tell(event: &ServiceAccountKeysEvent, changes: &mut Changes) {
        let ServiceAccountKeysEvent::ServiceAccountKeysEnded(e) = event;
        if let Some(reason) = &e.reason {
            changes.said("reason", reason);
        }
    }
}

impl Hosted for ServiceAccountKeys {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityKeys;
    const REACH: Reach = Reach::Project;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::TestFramework;
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    #[test]
    fn they_end_once() {
        let context = || Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        let end = || ServiceAccountKeysCommand::from(EndServiceAccountKeys::example());
        let ended = || ServiceAccountKeysEvent::from(ServiceAccountKeysEnded::example());
        TestFramework::<ServiceAccountKeys>::with(context())
            .given_no_previous_events()
            .when(end())
            .then_expect_events(vec![ended()]);
        TestFramework::<ServiceAccountKeys>::with(context())
            .given(vec![ended()])
            .when(end())
            .then_expect_events(vec![]);
    }
}
