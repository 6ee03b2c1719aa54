//! A service account: created once, disabled once.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::service_account::{
    CreateServiceAccount, DisableServiceAccount, ServiceAccountCommand, ServiceAccountCreated,
    ServiceAccountDisabled, ServiceAccountEvent,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const NAME_CHARS: usize = 200;
const DESCRIPTION_CHARS: usize = 1_000;
const REASON_CHARS: usize = 1_000;

/// The account whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceAccount {
    created: Option<ServiceAccountCreated>,
    disabled: bool,
}

/// Why a service account refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAccountRefusal {
    #[error("there is no such service account")]
    NotFound,
    #[error("the service account exists already, with other values")]
    AlreadyCreated,
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for ServiceAccountRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyCreated => "already_created",
            Self::Invalid(_) => fields::RULE,
        }
    }
}

type Decision = Result<Vec<ServiceAccountEvent>, ServiceAccountRefusal>;

impl ServiceAccount {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: ServiceAccountCommand) -> Decision {
        match (&self.created, command) {
            (None, ServiceAccountCommand::CreateServiceAccount(c)) => create(c),
            (Some(known), ServiceAccountCommand::CreateServiceAccount(c)) => again(known, &c),
            (None, ServiceAccountCommand::DisableServiceAccount(_)) => {
                Err(ServiceAccountRefusal::NotFound)
            }
            (Some(_), ServiceAccountCommand::DisableServiceAccount(c)) => self.disable(c),
        }
    }

    fn disable(&self, c: DisableServiceAccount) -> Decision {
        fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
        if self.disabled {
            return Ok(Vec::new());
        }
        Ok(vec![ServiceAccountDisabled { reason: c.reason }.into()])
    }
}

impl Aggregate for ServiceAccount {
    const TYPE: &'static str = "service_account";
    type Command = ServiceAccountCommand;
    type Event = ServiceAccountEvent;
    type Error = ServiceAccountRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: ServiceAccountCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), ServiceAccountRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ServiceAccountEvent) {
        match event {
            ServiceAccountEvent::ServiceAccountCreated(e) => self.created = Some(e),
            ServiceAccountEvent::ServiceAccountDisabled(_) => self.disabled = true,
        }
    }
}

impl Audited for ServiceAccount {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        let (from, to) = (before.created.as_ref(), after.created.as_ref());
        let name = |created: &ServiceAccountCreated| created.name.clone();
        changes.field("name", from.map(name), to.map(name));
        let description = |created: &ServiceAccountCreated| created.description.clone();
        changes.field("description", from.map(description), to.map(description));
        changes.field("disabled", Some(before.disabled), Some(after.disabled));
    }

    fn tell(event: &ServiceAccountEvent, changes: &mut Changes) {
        if let ServiceAccountEvent::ServiceAccountDisabled(e) = event
            && let Some(reason) = &e.reason
        {
            changes.said("reason", reason);
        }
    }
}

impl Hosted for ServiceAccount {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityEvents;
    const REACH: Reach = Reach::Project;
}

fn create(c: CreateServiceAccount) -> Decision {
    fields::name("name", &c.name, NAME_CHARS)?;
    fields::optional("description", Some(&c.description), DESCRIPTION_CHARS)?;
    let CreateServiceAccount { name, description } = c;
    Ok(vec![ServiceAccountCreated { name, description }.into()])
}

/// Creating again with the same values is a retry and changes nothing.
fn again(known: &ServiceAccountCreated, c: &CreateServiceAccount) -> Decision {
    let same = known.name == c.name && known.description == c.description;
    same.then(Vec::new)
        .ok_or(ServiceAccountRefusal::AlreadyCreated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(events: Vec<ServiceAccountEvent>) -> AggregateTestExecutor<ServiceAccount> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    #[test]
    fn is_created_once_and_disabled_once() {
        let create = || ServiceAccountCommand::from(CreateServiceAccount::example());
        let created = || ServiceAccountEvent::from(ServiceAccountCreated::example());
        let disable = || ServiceAccountCommand::from(DisableServiceAccount::example());
        let disabled = || ServiceAccountEvent::from(ServiceAccountDisabled::example());
        given(vec![])
            .when(create())
            .then_expect_events(vec![created()]);
        given(vec![created()])
            .when(create())
            .then_expect_events(vec![]);
        given(vec![])
            .when(disable())
            .then_expect_error(ServiceAccountRefusal::NotFound);
        given(vec![created()])
            .when(disable())
            .then_expect_events(vec![disabled()]);
        given(vec![created(), disabled()])
            .when(disable())
            .then_expect_events(vec![]);
    }

    #[test]
    fn needs_a_name() {
        let nameless = CreateServiceAccount {
            name: " ".to_owned(),
            ..CreateServiceAccount::example()
        };
        let refused = given(vec![]).when(nameless.into()).inspect_result();
        assert!(refused.unwrap_err().to_string().contains("`name`"));
    }
}
