//! The keys of a project: all end when it is archived. Once it is restored those that
//! are made from then on are good, and none from before.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::project_keys::{
    EndProjectKeys, ProjectKeysCommand, ProjectKeysEnded, ProjectKeysEvent, ProjectKeysReopened,
    ReopenProjectKeys,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const REASON_CHARS: usize = 1_000;

/// All API keys of the project whose id is the record's key.
///
/// Whoever archives or restores a project tells it here, and so does a worker, later: the
/// versions of the tenant say which of two came last, whatever the order they come in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectKeys {
    ended: bool,
    /// The latest that was heard of.
    tenant_version: i64,
}

/// Why the keys were neither ended nor let be good again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectKeysRefusal {
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for ProjectKeysRefusal {
    fn rule(&self) -> &'static str {
        fields::RULE
    }
}

type Decision = Result<Vec<ProjectKeysEvent>, ProjectKeysRefusal>;

impl ProjectKeys {
    /// The events that follow from `command`; none where something later was heard.
    pub fn decide(&self, command: ProjectKeysCommand) -> Decision {
        match command {
            ProjectKeysCommand::EndProjectKeys(c) => self.end(c),
            ProjectKeysCommand::ReopenProjectKeys(c) => Ok(self.reopen(&c)),
        }
    }

    /// Keys that have ended end again where that is news: what was to happen between the
    /// two, and comes late, must not let them be good.
    fn end(&self, c: EndProjectKeys) -> Decision {
        fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
        let EndProjectKeys {
            tenant_version,
            reason,
        } = c;
        match tenant_version > self.tenant_version {
            true => Ok(vec![
                ProjectKeysEnded {
                    tenant_version,
                    reason,
                }
                .into(),
            ]),
            false => Ok(Vec::new()),
        }
    }

    /// Keys that were never heard to have ended are told too: their end comes late, and
    /// what was made before the project was restored is good no longer.
    fn reopen(&self, c: &ReopenProjectKeys) -> Vec<ProjectKeysEvent> {
        let (tenant_version, at) = (c.tenant_version, c.at);
        match tenant_version > self.tenant_version {
            true => vec![ProjectKeysReopened { tenant_version, at }.into()],
            false => Vec::new(),
        }
    }
}

impl Aggregate for ProjectKeys {
    const TYPE: &'static str = "project_keys";
    type Command = ProjectKeysCommand;
    type Event = ProjectKeysEvent;
    type Error = ProjectKeysRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: ProjectKeysCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), ProjectKeysRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProjectKeysEvent) {
        (self.ended, self.tenant_version) = match event {
            ProjectKeysEvent::ProjectKeysEnded(e) => (true, e.tenant_version),
            ProjectKeysEvent::ProjectKeysReopened(e) => (false, e.tenant_version),
        };
    }
}

impl Audited for ProjectKeys {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("ended", Some(before.ended), Some(after.ended));
    }

    fn tell(event: &ProjectKeysEvent, changes: &mut Changes) {
        if let ProjectKeysEvent::ProjectKeysEnded(e) = event
            && let Some(reason) = &e.reason
        {
            changes.said("reason", reason);
        }
    }
}

impl Hosted for ProjectKeys {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityKeys;
    /// A project is archived from any other of its tenant.
    const REACH: Reach = Reach::Tenant;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn given(events: Vec<ProjectKeysEvent>) -> AggregateTestExecutor<ProjectKeys> {
        let context = Context::decision(NOON, CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn end(tenant_version: i64) -> ProjectKeysCommand {
        let reason = None;
        EndProjectKeys {
            tenant_version,
            reason,
        }
        .into()
    }

    fn ended(tenant_version: i64) -> ProjectKeysEvent {
        let reason = None;
        ProjectKeysEnded {
            tenant_version,
            reason,
        }
        .into()
    }

    fn reopen(tenant_version: i64) -> ProjectKeysCommand {
        let at = NOON;
        ReopenProjectKeys { tenant_version, at }.into()
    }

    fn reopened(tenant_version: i64) -> ProjectKeysEvent {
        let at = NOON;
        ProjectKeysReopened { tenant_version, at }.into()
    }

    #[test]
    fn they_end_with_the_archive_and_are_good_again_after_it() {
        given(vec![])
            .when(end(5))
            .then_expect_events(vec![ended(5)]);
        given(vec![ended(5)])
            .when(end(5))
            .then_expect_events(vec![]);
        given(vec![ended(5)])
            .when(reopen(6))
            .then_expect_events(vec![reopened(6)]);
        given(vec![ended(5), reopened(6)])
            .when(reopen(6))
            .then_expect_events(vec![]);
        given(vec![ended(5), reopened(6)])
            .when(end(9))
            .then_expect_events(vec![ended(9)]);
    }

    #[test]
    fn what_comes_late_changes_nothing() {
        // The worker tells of the archive when the project was restored already.
        given(vec![reopened(6)])
            .when(end(5))
            .then_expect_events(vec![]);
        // Archived, restored and archived again; that it was restored comes last.
        let twice = given(vec![ended(5)]).when(end(7));
        twice.then_expect_events(vec![ended(7)]);
        given(vec![ended(5), ended(7)])
            .when(reopen(6))
            .then_expect_events(vec![]);
    }
}
