//! The load of the command comparison. This file is compiled into both sides, so
//! that both receive the same commands from the same clients and count alike.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use schemas::context::{Clock, Context};
use schemas::ids::{CommentId, IncidentId};
use schemas::incident::{
    AcknowledgeIncident, CommentIncident, IncidentCommand, IncidentSource, InvestigateIncident,
    LearnIncident, MitigateIncident, OpenIncident, ResolveIncident,
};
use schemas::severity::Severity;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::latencies::Latencies;

/// How many clients, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Each has one command under way at a time.
    pub clients: usize,
    /// Runs before counting begins.
    pub warm_up: Duration,
    pub measured: Duration,
}

/// What a side did in the measured time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Throughput {
    pub commands: usize,
    pub seconds: f64,
    pub commands_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Runs `load` against `send`, which returns once the command is durable.
pub async fn drive<S, F>(load: Load, send: Arc<S>) -> anyhow::Result<Throughput>
where
    S: Fn(IncidentId, IncidentCommand) -> F + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let from = Instant::now() + load.warm_up;
    let until = from + load.measured;
    let mut clients = JoinSet::new();
    for _ in 0..load.clients {
        clients.spawn(client(send.clone(), from, until));
    }
    let mut latencies = Vec::new();
    while let Some(ended) = clients.join_next().await {
        latencies.extend(ended.context("a client panicked")??);
    }
    let latencies = Latencies::of(latencies);
    let seconds = load.measured.as_secs_f64();
    Ok(Throughput {
        commands: latencies.count(),
        seconds,
        commands_per_second: latencies.count() as f64 / seconds,
        p50_ms: latencies.percentile_ms(50),
        p99_ms: latencies.percentile_ms(99),
    })
}

/// Leads one incident after the other through its life until the time is up.
async fn client<S, F>(send: Arc<S>, from: Instant, until: Instant) -> anyhow::Result<Vec<Duration>>
where
    S: Fn(IncidentId, IncidentCommand) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    let mut latencies = Vec::new();
    loop {
        let context = Context::ambient(&Clock::System);
        let incident = IncidentId(context.id());
        for command in life(&context) {
            let sent = Instant::now();
            send(incident, command).await?;
            let now = Instant::now();
            if now > until {
                return Ok(latencies);
            }
            if now > from {
                latencies.push(now - sent);
            }
        }
    }
}

/// What happens to an incident that nobody mishandles.
pub fn life(context: &Context) -> [IncidentCommand; 7] {
    let note = || Some("rolled back checkout to 4.1.2".to_owned());
    let open = OpenIncident {
        title: "Checkout answers 5xx".to_owned(),
        description: Some("more than 5 % for 2 m".to_owned()),
        severity: Severity::Sev1,
        source: IncidentSource::Manual,
        episode: None,
        group_key: None,
    };
    let comment = CommentIncident {
        comment: CommentId(context.id()),
        body: "looking at the deploy of 02:31".to_owned(),
    };
    [
        open.into(),
        AcknowledgeIncident { note: None }.into(),
        InvestigateIncident { note: None }.into(),
        comment.into(),
        MitigateIncident { note: note() }.into(),
        ResolveIncident { note: note() }.into(),
        LearnIncident { note: None }.into(),
    ]
}
