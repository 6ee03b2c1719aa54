//! Workers: what follows from an event, and from the clock. A worker appends
//! commands; it never decides for an aggregate and never writes a read model.
//!
//! A reactor is one file with a pure `react` and one line in [`reactors`]; what wakes on
//! a clock is started by `server` ([`integration_prober`], [`invitation_mailer`],
//! [`tenant_eraser`]).

pub mod episode_follower;
#[cfg(test)]
mod given;
pub mod incident_merger;
pub mod incident_numberer;
pub mod incident_opener;
pub mod integration_prober;
pub mod invitation_mailer;
pub mod mail_server;
pub mod project_key_ender;
pub mod runtime;
pub mod service_account_key_ender;
pub mod tenant_eraser;
pub mod tenant_key_ender;
mod unprompted;

use eventlog::Log;
use runtime::reactor::Reactor;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Every reactor; each is a consumer group of its own.
pub fn reactors() -> Vec<Box<dyn Reactor>> {
    vec![
        Box::new(incident_opener::IncidentOpener),
        Box::new(episode_follower::EpisodeFollower),
        Box::new(incident_numberer::IncidentNumberer),
        Box::new(incident_merger::IncidentMerger),
        Box::new(tenant_key_ender::TenantKeyEnder),
        Box::new(service_account_key_ender::ServiceAccountKeyEnder),
        Box::new(project_key_ender::ProjectKeyEnder),
    ]
}

/// The groups of all workers that read the log.
pub fn groups() -> impl Iterator<Item = &'static str> {
    let of_reactors = reactors().into_iter().map(|reactor| reactor.name());
    of_reactors.chain([integration_prober::NAME])
}

/// Runs all reactors until `shutdown`, or until one cannot go on: then all end,
/// and the error says which.
pub async fn run(log: Log, shutdown: CancellationToken) -> anyhow::Result<()> {
    let stop = shutdown.child_token();
    let mut running = JoinSet::new();
    for reactor in reactors() {
        running.spawn(runtime::runner::run(log.clone(), reactor, stop.clone()));
    }
    let mut ended = Ok(());
    while let Some(finished) = running.join_next().await {
        let finished = finished.map_err(anyhow::Error::from).flatten();
        if finished.is_err() && ended.is_ok() {
            ended = finished;
            stop.cancel();
        }
    }
    ended
}
