//! The keys of a tenant that ends: once they have ended, none is good again.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::tenant_keys::{EndTenantKeys, TenantKeysCommand, TenantKeysEnded, TenantKeysEvent};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const REASON_CHARS: usize = 1_000;

/// All API keys of the tenant whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantKeys {
    ended: bool,
}

/// Why the keys were not ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantKeysRefusal {
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for TenantKeysRefusal {
    fn rule(&self) -> &'static str {
        fields::RULE
    }
}

type Decision = Result<Vec<TenantKeysEvent>, TenantKeysRefusal>;

impl TenantKeys {
    /// The events that follow from `command`; none where the keys have ended.
    pub fn decide(&self, command: TenantKeysCommand) -> Decision {
        let TenantKeysCommand::EndTenantKeys(EndTenantKeys { reason }) = command;
        fields::optional("reason", reason.as_deref(), REASON_CHARS)?;
        match self.ended {
            true => Ok(Vec::new()),
            false => Ok(vec![TenantKeysEnded { reason }.into()]),
        }
    }
}

impl Aggregate for TenantKeys {
    const TYPE: &'static str = "tenant_keys";
    type Command = TenantKeysCommand;
    type Event = TenantKeysEvent;
    type Error = TenantKeysRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: TenantKeysCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), TenantKeysRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TenantKeysEvent) {
        let TenantKeysEvent::TenantKeysEnded(_) = event;
        self.ended = true;
    }
}

impl Audited for TenantKeys {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("ended", Some(before.ended), Some(after.ended));
    }
}

impl Hosted for TenantKeys {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityKeys;
    const REACH: Reach = Reach::Tenant;
    const OUTLIVES_TENANT: bool = true;
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
        let end = || TenantKeysCommand::from(EndTenantKeys::example());
        let ended = || TenantKeysEvent::from(TenantKeysEnded::example());
        TestFramework::<TenantKeys>::with(context())
            .given_no_previous_events()
            .when(end())
            .then_expect_events(vec![ended()]);
        TestFramework::<TenantKeys>::with(context())
            .given(vec![ended()])
            .when(end())
            .then_expect_events(vec![]);
    }
}
