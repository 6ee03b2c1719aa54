//! Looks at the clock for tenants whose grace is over, and asks that they be erased.
//! Every instance looks: the command's id follows from the tenant and its time, so that
//! one is enough and more are no more.

use std::collections::HashSet;
use std::time::Duration;

use eventlog::{Log, NewRecord};
use projections::{Db, projects};
use schemas::codec::CodecError;
use schemas::context::Clock;
use schemas::ids::{ProjectId, TenantId};
use schemas::tenant::{EraseTenant, TenantCommand};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use tokio_util::sync::CancellationToken;

use crate::unprompted::{self, Unprompted};

/// Names the actor and the ids; never changes.
pub const NAME: &str = "tenant_eraser";
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A tenant that is due, with a project of its own.
type Due = (TenantId, ProjectId, Timestamp);

/// What the eraser works with.
#[derive(Clone)]
pub struct TenantEraser {
    pub log: Log,
    pub db: Db,
    pub clock: Clock,
}

impl TenantEraser {
    /// Looks until `shutdown`. Ends early only where the log has failed; trouble with
    /// Postgres only delays it.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The read model shows the tenant a moment longer than it is there.
        let mut asked = HashSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                _ = look.tick() => {}
            }
            let now = self.clock.now();
            match projects::erasures_due(&self.db, now).await {
                Ok(due) => {
                    asked.retain(|one| due.contains(one));
                    for one in due {
                        if !asked.contains(&one)
                            && unprompted::give(&self.log, NAME, command(one, now)).await?
                        {
                            asked.insert(one);
                        }
                    }
                }
                Err(error) => tracing::debug!(%error, "tenants are erased later"),
            }
        }
    }
}

fn command((tenant, project, due_at): Due, now: Timestamp) -> Result<NewRecord, CodecError> {
    let given = Unprompted {
        worker: NAME,
        subject: tenant.0,
        step: (tenant.0, due_at.micros().to_string()),
        place: (tenant, project),
        time: now,
    };
    let message = TenantCommand::from(EraseTenant { due_at });
    given.command(Topic::IdentityCommands, &message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given;
    use uuid::Uuid;

    #[test]
    fn a_tenant_and_its_time_make_one_command_whoever_looks_and_when() {
        let due: Due = (TenantId(Uuid::from_u128(0x7E)), given::project(), given::AT);
        let (first, later) = (given::AT, given::AT.plus_millis(5_000));
        let id = |now| {
            command(due, now)
                .unwrap()
                .headers
                .text("ce_id")
                .unwrap()
                .to_owned()
        };
        assert_eq!(id(first), id(later));
        let (topic, key, message) = given::sent::<TenantCommand>(&command(due, later).unwrap());
        assert_eq!((topic, key), (Topic::IdentityCommands, due.0.to_string()));
        assert_eq!(message, EraseTenant { due_at: given::AT }.into());
        let again = (due.0, due.1, later);
        let other = command(again, later).unwrap();
        assert_ne!(
            other.headers.text("ce_id").unwrap(),
            id(later),
            "asked for anew"
        );
    }
}
