//! One task per projection, for as long as the process lives.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use eventlog::Log;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Projection;
use super::session::{Interrupted, follow};
use crate::db::Db;
use crate::fanout::Fanout;
use crate::vault::SubjectKeys;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a fold that is interrupted again and again says so; each time is counted.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// A connection costs Postgres two megabytes, and a few milliseconds to begin.
pub const REST: Duration = Duration::from_secs(30);

/// What a fold needs from the outside.
#[derive(Clone)]
pub struct Runtime {
    pub log: Log,
    pub db: Db,
    pub people: SubjectKeys,
    pub fanout: Arc<dyn Fanout>,
    /// How long a fold keeps its connection while nothing arrives.
    pub rest: Duration,
}

/// Runs `projections` until shutdown. Ends early only where going on would be
/// wrong: the log has failed, or it is not the one that was folded.
pub async fn run(
    runtime: Runtime,
    projections: Vec<Arc<dyn Projection>>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let stop = shutdown.child_token();
    let _stop_all = stop.clone().drop_guard();
    let mut tasks = JoinSet::new();
    for projection in projections {
        let (runtime, stop) = (runtime.clone(), stop.clone());
        tasks.spawn(async move {
            keep_following(&runtime, projection.as_ref(), &stop)
                .await
                .with_context(|| format!("projection {}", projection.name()))
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a projection's task panicked")??;
    }
    Ok(())
}

async fn keep_following(
    runtime: &Runtime,
    projection: &dyn Projection,
    shutdown: &CancellationToken,
) -> Result<(), Interrupted> {
    let name = projection.name();
    // There from the start, so that the first increase is seen.
    for counted in [
        "projection_gaps_total",
        "projection_interruptions_total",
        "projection_parked_total",
    ] {
        metrics::counter!(counted, "projection" => name).increment(0);
    }
    let (mut pause, mut told) = (FIRST_PAUSE, None);
    loop {
        let progressed = || pause = FIRST_PAUSE;
        let why = match follow(runtime, projection, shutdown, progressed).await {
            Ok(()) => return Ok(()),
            Err(Interrupted::Passing(why)) => why,
            Err(fatal) => return Err(fatal),
        };
        metrics::counter!("projection_interruptions_total", "projection" => name).increment(1);
        // Twenty folds that try once a second would say nothing else.
        if told.is_none_or(|at: Instant| at.elapsed() > TELL_EVERY) {
            told = Some(Instant::now());
            let again = "interrupted; beginning again from the checkpoint";
            tracing::warn!(projection = name, why, "{again}");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}
