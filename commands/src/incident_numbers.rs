//! The numbers of a project's incidents: `INC-1`, `INC-2` and so on.

use std::collections::VecDeque;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::ids::IncidentId;
use schemas::incident_numbers::{
    IncidentNumbered, IncidentNumbersCommand, IncidentNumbersEvent, NumberIncident,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};

/// How many of the newest numbers are remembered by incident. An incident that is
/// asked for later repeats its command, which the runner knows by its id.
const REMEMBERED: usize = 1_000;

/// The numbers given in the project whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentNumbers {
    last: i64,
    newest: VecDeque<IncidentId>,
}

/// Numbers are never refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentNumbersRefusal {}

impl Refuse for IncidentNumbersRefusal {
    fn rule(&self) -> &'static str {
        match *self {}
    }
}

impl IncidentNumbers {
    /// The next number, unless the incident has one.
    pub fn decide(&self, command: &IncidentNumbersCommand) -> Vec<IncidentNumbersEvent> {
        let IncidentNumbersCommand::NumberIncident(NumberIncident { incident }) = command;
        if self.newest.contains(incident) {
            return Vec::new();
        }
        let (incident, number) = (*incident, self.last + 1);
        vec![IncidentNumbered { incident, number }.into()]
    }
}

impl Aggregate for IncidentNumbers {
    const TYPE: &'static str = "incident_numbers";
    type Command = IncidentNumbersCommand;
    type Event = IncidentNumbersEvent;
    type Error = IncidentNumbersRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: IncidentNumbersCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), IncidentNumbersRefusal> {
        for event in self.decide(&command) {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: IncidentNumbersEvent) {
        let IncidentNumbersEvent::IncidentNumbered(e) = event;
        self.last = e.number;
        self.newest.push_back(e.incident);
        if self.newest.len() > REMEMBERED {
            self.newest.pop_front();
        }
    }
}

impl Audited for IncidentNumbers {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("last", Some(before.last), Some(after.last));
    }
}

impl Hosted for IncidentNumbers {
    const COMMANDS: Topic = Topic::IncidentCommands;
    const EVENTS: Topic = Topic::IncidentEvents;
    const REACH: Reach = Reach::Project;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(events: Vec<IncidentNumbersEvent>) -> AggregateTestExecutor<IncidentNumbers> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn number(incident: u128) -> IncidentNumbersCommand {
        let incident = IncidentId(Uuid::from_u128(incident));
        NumberIncident { incident }.into()
    }

    fn numbered(incident: u128, number: i64) -> IncidentNumbersEvent {
        let incident = IncidentId(Uuid::from_u128(incident));
        IncidentNumbered { incident, number }.into()
    }

    #[test]
    fn counts_from_one_without_holes() {
        given(vec![])
            .when(number(7))
            .then_expect_events(vec![numbered(7, 1)]);
        given(vec![numbered(7, 1), numbered(8, 2)])
            .when(number(9))
            .then_expect_events(vec![numbered(9, 3)]);
    }

    #[test]
    fn an_incident_has_one_number() {
        given(vec![numbered(7, 1), numbered(8, 2)])
            .when(number(7))
            .then_expect_events(vec![]);
    }
}
