//! CPU for each message that reaches a WebSocket client of the gateway, beside a
//! bare `send` of the same frame.

mod bare;
mod gateway;
mod readers;

use std::time::Duration;

use anyhow::Context;
use schemas::change::{Change, ChangeKind};
use schemas::ids::{ProjectId, TenantId};
use tokio::time::{Interval, MissedTickBehavior, interval};
use uuid::Uuid;

use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict, short};
use crate::spread::Spread;
use crate::{cargo, process};
use readers::Readers;

const ROUNDS: usize = 5;
const CLIENTS: usize = 1_000;
/// Messages to each client in a round.
const MESSAGES: usize = 250;
/// Pause between two messages, on both sides; 50 a second is a busy day.
const PACE: Duration = Duration::from_millis(20);

/// One round, in seconds of CPU a delivered message.
struct Round {
    gateway: f64,
    bare: f64,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let program = cargo::fanout_clients().await?;
    let served = gateway::Served::start(place).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let bare = bare::measure(&program).await.context("bare sockets")?;
        let gateway = served.measure(&program).await.context("gateway")?;
        rounds.push(Round { gateway, bare });
    }
    served.stop().await?;
    Ok(section(&rounds))
}

/// CPU that this process spends from now until every reader has everything, for
/// each delivered message. `send` sends one message to all.
async fn cpu_per_message<F>(readers: Readers, mut send: F) -> anyhow::Result<f64>
where
    F: AsyncFnMut(usize) -> anyhow::Result<()>,
{
    let own = std::process::id();
    let mut pace = pace();
    let before = process::cpu_seconds(own)?;
    for message in 0..MESSAGES {
        pace.tick().await;
        send(message).await?;
    }
    readers.until_received().await?;
    let spent = process::cpu_seconds(own)? - before;
    Ok(spent / (CLIENTS * MESSAGES) as f64)
}

fn pace() -> Interval {
    let mut pace = interval(PACE);
    // A side that falls behind is not hurried afterwards.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// The project that all clients look at.
fn project() -> (TenantId, ProjectId) {
    (
        TenantId(Uuid::from_u128(0xA1)),
        ProjectId(Uuid::from_u128(0xB2)),
    )
}

/// What is announced: an incident of the project has changed.
fn change(message: usize) -> Change {
    let (tenant, project) = project();
    Change {
        kind: ChangeKind::IncidentUpdated,
        tenant,
        project: Some(project),
        key: Uuid::from_u128(message as u128).to_string(),
    }
}

fn section(rounds: &[Round]) -> Section {
    let micros = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(|r| value(r) * 1e6));
    let rate = 1.0 / PACE.as_secs_f64();
    Section {
        title: "Fan-out over WebSocket",
        method: format!(
            "{MESSAGES} announcements, {} a second, to {CLIENTS} clients in another process. Ours: the \
             whole process around the gateway's live ring, from the announcement on the in-process \
             fan-out to the sockets (axum, authenticated by API key, real router and middleware, Postgres \
             beside it). Theirs: a loop of one blocking `send` of the same frame to each plain TCP socket. \
             CPU is user and system time of the sending process, kernel work of the sends included; the \
             readers' is not.",
            short(rate),
        ),
        verdicts: vec![Verdict {
            what: "CPU a WebSocket message ÷ bare `send`, 1,000 clients",
            measured: Spread::of_ratios(rounds.iter().map(|r| (r.gateway, r.bare))),
            unit: Unit::Ratio,
            better: Better::Lower,
            first_bar: 3.0,
            aim: Some(1.5),
        }],
        figures: vec![
            Figure::spread("gateway, CPU a message", micros(|r| r.gateway), "µs"),
            Figure::spread("bare send, CPU a message", micros(|r| r.bare), "µs"),
        ],
    }
}
