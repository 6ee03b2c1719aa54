//! Asks every monitoring server by the clock whether it is well, and has what changes
//! recorded. Each instance asks those whose events it owns, so that one asks each; it
//! also destroys the credentials that these events make useless.

mod ask;
mod plan;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Log, LogError};
use outbound::Outbound;
use projections::Db;
use projections::monitoring_integrations;
use projections::vault::MasterKey;
use schemas::context::Clock;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use ask::Asked;
pub use plan::Pace;
use plan::Plans;
use turns::Turns;

/// Names the consumer group, the actor and the metrics; never changes.
pub const NAME: &str = "integration_prober";
/// So many servers are asked at once.
const AT_ONCE: usize = 16;
/// How often it looks what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the prober works with.
#[derive(Clone)]
pub struct Prober {
    pub log: Log,
    pub db: Db,
    pub master: MasterKey,
    pub clock: Clock,
    pub outbound: Outbound,
    pub pace: Pace,
}

impl Prober {
    /// Probes until `shutdown`. Ends early only where the log has failed; trouble with
    /// Postgres only delays it.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let turns = Turns::default();
        let following = turns.follow(&self.log, &self.db);
        let probing = self.probe(&turns);
        tokio::select! {
            failed = following => failed,
            failed = probing => Ok(failed?),
            () = shutdown.cancelled() => Ok(()),
        }
    }

    async fn probe(&self, turns: &Turns) -> Result<(), LogError> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut plans = Plans::new(self.pace);
        let mut asking: JoinSet<Asked> = JoinSet::new();
        let mut look = tokio::time::interval(LOOK_EVERY.min(self.pace.every));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    let targets = match monitoring_integrations::targets(&self.db).await {
                        Ok(targets) => targets,
                        Err(error) => {
                            tracing::debug!(%error, "the monitoring servers are asked later");
                            continue;
                        }
                    };
                    let now = self.clock.now();
                    plans.know(targets.into_iter().filter(|target| turns.owns(target.id)), now);
                    for target in plans.due(now) {
                        asking.spawn(self.clone().ask(target, permits.clone()));
                    }
                }
                Some(asked) = asking.join_next() => {
                    let Ok(asked) = asked else {
                        // The runtime has told of the panic; whose call it was is not
                        // known, so all are due again in their turn.
                        plans.release_all();
                        continue;
                    };
                    let owned = turns.owns(asked.target.id);
                    let probe = plans.take(&asked, owned, self.clock.now());
                    if let Some(probe) = probe
                        && !self.record(&asked.target, probe).await?
                    {
                        plans.unrecorded(asked.target.id);
                    }
                }
            }
        }
    }
}
