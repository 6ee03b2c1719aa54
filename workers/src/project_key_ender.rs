//! When a project is archived, its API keys end, those that are being made at that moment
//! too; when it is restored, new ones are good. Whoever archives or restores it asks for
//! that as well; this sees to it where they did not get as far.

use eventlog::Record;
use schemas::envelope::BadHeader;
use schemas::ids::ProjectId;
use schemas::messages::MessageSet;
use schemas::project_keys::{EndProjectKeys, ProjectKeysCommand, ReopenProjectKeys};
use schemas::tenant::TenantEvent;
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::reactor::{Reactor, Verdict};

pub struct ProjectKeyEnder;

impl Reactor for ProjectKeyEnder {
    fn name(&self) -> &'static str {
        "project_key_ender"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn react(&self, record: &Record) -> Verdict {
        if !TenantEvent::has(record.kind()) {
            return Ok(Vec::new());
        }
        let event = record.decode::<TenantEvent>()?;
        let cause = Cause::of(self.name(), record)?;
        match event {
            TenantEvent::ProjectArchived(event) => {
                let tenant_version = version(&cause)?;
                let reason = Some("the project was archived".to_owned());
                let end = EndProjectKeys {
                    tenant_version,
                    reason,
                };
                told(&cause, event.project, "end", end.into())
            }
            TenantEvent::ProjectRestored(event) => {
                let tenant_version = version(&cause)?;
                let at = cause.envelope.time;
                let reopen = ReopenProjectKeys { tenant_version, at };
                told(&cause, event.project, "reopen", reopen.into())
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn told(cause: &Cause, project: ProjectId, step: &str, message: ProjectKeysCommand) -> Verdict {
    let topic = Topic::IdentityCommands;
    let command = cause.command::<ProjectKeysCommand>(topic, project, step, message)?;
    Ok(vec![command])
}

/// The version of the tenant after the event.
fn version(cause: &Cause) -> Result<i64, BadHeader> {
    cause.envelope.sequence.ok_or_else(|| BadHeader {
        header: "ce_sequence",
        problem: "is missing".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given;
    use schemas::tenant::{ProjectArchived, ProjectRenamed, ProjectRestored};
    use uuid::Uuid;

    const SHOP: ProjectId = ProjectId(Uuid::from_u128(0x51));

    fn commands(event: impl Into<TenantEvent>) -> Vec<(Topic, String, ProjectKeysCommand)> {
        let record = given::record::<TenantEvent>(Topic::IdentityEvents, given::SUBJECT, event);
        let commands = ProjectKeyEnder.react(&record).unwrap();
        let again = ProjectKeyEnder.react(&record).unwrap();
        assert_eq!(again, commands, "the same again");
        commands.iter().map(given::sent).collect()
    }

    #[test]
    fn the_keys_of_an_archived_project_end_and_new_ones_are_good_once_it_is_restored() {
        let topic = Topic::IdentityCommands;
        let end = EndProjectKeys {
            tenant_version: 3,
            reason: Some("the project was archived".to_owned()),
        };
        assert_eq!(
            commands(ProjectArchived { project: SHOP }),
            [(topic, SHOP.to_string(), end.into())]
        );
        let reopen = ReopenProjectKeys {
            tenant_version: 3,
            at: given::AT,
        };
        assert_eq!(
            commands(ProjectRestored { project: SHOP }),
            [(topic, SHOP.to_string(), reopen.into())]
        );
    }

    #[test]
    fn those_of_one_that_is_renamed_do_not() {
        let renamed = ProjectRenamed {
            project: SHOP,
            name: "Shop".to_owned(),
        };
        assert!(commands(renamed).is_empty());
    }
}
