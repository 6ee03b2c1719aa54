//! Looks how far the consumers of this process are behind the log.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{CLOCK, Platform};

const EVERY: Duration = Duration::from_secs(5);

/// Until shutdown. A log that is away is told elsewhere; what was seen last stays.
pub(super) async fn keep_looking(platform: Platform) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looking = async {
        loop {
            tick.tick().await;
            if let Err(error) = platform.lags.look(&platform.log, CLOCK.now()).await {
                tracing::debug!(%error, "cannot see how far consumers are behind");
            }
        }
    };
    platform.shutdown.run_until_cancelled(looking).await;
    Ok(())
}
