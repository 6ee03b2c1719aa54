//! How long a tenant keeps its audit entries: long enough to look into something, and
//! never longer than the log keeps the records.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::audit_policy::{
    AuditPolicyCommand, AuditPolicyEvent, AuditRetentionSet, SetAuditRetention,
};
use schemas::context::Context;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

/// A tenant that keeps less cannot answer who did it last month.
pub const LEAST_DAYS: i32 = 30;
/// The retention of topic `audit.operations`, which is what is kept unless told.
pub const MOST_DAYS: i32 = 400;

/// The policy whose id is the record's key; one a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPolicy {
    /// None = as long as the log keeps its records.
    days: Option<i32>,
}

/// Why a policy refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditPolicyRefusal {
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for AuditPolicyRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::Invalid(_) => fields::RULE,
        }
    }
}

impl AuditPolicy {
    /// What is in force.
    fn days(&self) -> i32 {
        self.days.unwrap_or(MOST_DAYS)
    }

    /// The events that follow from `command`, or why there are none.
    pub fn decide(
        &self,
        command: &AuditPolicyCommand,
    ) -> Result<Vec<AuditPolicyEvent>, AuditPolicyRefusal> {
        let AuditPolicyCommand::SetAuditRetention(SetAuditRetention { days }) = command;
        let days = *days;
        if !(LEAST_DAYS..=MOST_DAYS).contains(&days) {
            let problem = format!("is {days}, not {LEAST_DAYS} to {MOST_DAYS}");
            return Err(fields::invalid("days", &problem).into());
        }
        if self.days() == days {
            return Ok(Vec::new());
        }
        Ok(vec![AuditRetentionSet { days }.into()])
    }
}

impl Aggregate for AuditPolicy {
    const TYPE: &'static str = "audit_policy";
    type Command = AuditPolicyCommand;
    type Event = AuditPolicyEvent;
    type Error = AuditPolicyRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: AuditPolicyCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), AuditPolicyRefusal> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AuditPolicyEvent) {
        let AuditPolicyEvent::AuditRetentionSet(e) = event;
        self.days = Some(e.days);
    }
}

impl Audited for AuditPolicy {
    const STANDS: bool = true;

    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        // The audit projection reads `days` from here.
        changes.field("days", Some(before.days()), Some(after.days()));
    }
}

impl Hosted for AuditPolicy {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityEvents;
    const REACH: Reach = Reach::Tenant;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::TestFramework;
    use schemas::context::Clock;

    fn given(events: Vec<AuditPolicyEvent>) -> cqrs_es::test::AggregateTestExecutor<AuditPolicy> {
        let context = Context::ambient(&Clock::System);
        TestFramework::with(context).given(events)
    }

    fn set(days: i32) -> AuditPolicyCommand {
        SetAuditRetention { days }.into()
    }

    #[test]
    fn it_is_set_and_setting_it_again_changes_nothing() {
        let event = || AuditPolicyEvent::from(AuditRetentionSet { days: 90 });
        given(vec![])
            .when(set(90))
            .then_expect_events(vec![event()]);
        given(vec![event()])
            .when(set(90))
            .then_expect_events(vec![]);
    }

    #[test]
    fn the_first_one_takes_the_place_of_what_was_in_force() {
        given(vec![])
            .when(set(MOST_DAYS))
            .then_expect_events(vec![]);
        let before = AuditPolicy::default();
        let mut after = before.clone();
        after.apply(AuditRetentionSet { days: 90 }.into());
        let mut changes = Changes::default();
        AuditPolicy::compare(&before, &after, &mut changes);
        let told = changes.finish();
        let expected = r#"{"before":{"days":400},"after":{"days":90}}"#;
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[test]
    fn nobody_can_switch_the_audit_off() {
        for days in [i32::MIN, -1, 0, 29, 401] {
            let refused = AuditPolicy::default().decide(&set(days)).unwrap_err();
            assert_eq!(refused.rule(), "invalid");
            assert!(refused.to_string().contains(&days.to_string()));
        }
    }
}
