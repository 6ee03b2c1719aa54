//! What the monitoring servers of a project are called: a name is one server's, in whatever
//! case.

use projections::monitoring_integrations;
use schemas::ids::{MonitoringIntegrationId, ProjectId};
use schemas::scope::Scope;

use crate::Gateway;
use crate::dispatch::Command;
use crate::error::Error;
use crate::given_names::{self, taken};

const WHAT: &str = "an integration";
/// So many integrations a project has at most.
const MOST: usize = 200;

/// The names of one project.
pub(super) struct Names {
    project: ProjectId,
    known: Vec<(MonitoringIntegrationId, String)>,
}

impl Names {
    pub(super) async fn load(gateway: &Gateway, scope: &Scope) -> Result<Self, Error> {
        // One more than there should be: two at once may both have been the last.
        let most = i64::try_from(MOST).unwrap_or(i64::MAX).saturating_add(1);
        Ok(Self {
            project: scope.project(),
            known: monitoring_integrations::named(&gateway.db, scope, most).await?,
        })
    }

    /// The id of the server that `command` adds as `name`, the same at each retry. Where the
    /// id that the name gives is that of a server which was renamed, it gets one of its own.
    pub(super) fn id_for(
        &self,
        name: &str,
        command: &Command,
    ) -> Result<MonitoringIntegrationId, Error> {
        let by_name = MonitoringIntegrationId::of(self.project, name);
        let moved_on = self.known.iter().any(|(id, called)| {
            *id == by_name && MonitoringIntegrationId::of(self.project, called) != by_name
        });
        let id = match moved_on {
            true => MonitoringIntegrationId(command.created()),
            false => by_name,
        };
        self.free_for(id, name)?;
        let is_retry = self.known.iter().any(|(known, _)| *known == id);
        match !is_retry && self.known.len() >= MOST {
            true => Err(full()),
            false => Ok(id),
        }
    }

    /// Refuses `name` where a server other than `id` has it.
    pub(super) fn free_for(&self, id: MonitoringIntegrationId, name: &str) -> Result<(), Error> {
        let wanted = MonitoringIntegrationId::of(self.project, name);
        let is_taken = self.known.iter().any(|(known, called)| {
            *known != id && MonitoringIntegrationId::of(self.project, called) == wanted
        });
        if is_taken { Err(taken(WHAT)) } else { Ok(()) }
    }
}

/// Does `give`, which asks [`Names`], while nobody else gives the same name.
pub(super) async fn giving<T>(
    gateway: &Gateway,
    name: &str,
    scope: &Scope,
    command: &Command,
    give: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let name = MonitoringIntegrationId::of(scope.project(), name);
    given_names::giving(gateway, name.0, WHAT, command, give).await
}

fn full() -> Error {
    let detail = format!("a project has at most {MOST} monitoring integrations");
    Error::refused_here("too_many_integrations", detail)
}
