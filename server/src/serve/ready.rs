//! Whether this process can take its work, asked by `/readyz` and told in the log when it
//! changes. Read from what others keep up to date: asking never waits.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::Instant;

use super::{Data, Platform};

const EVERY: Duration = Duration::from_millis(500);
/// A start that takes longer is told of.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is in the way; None where nothing is. The log counts as away where its end was
/// not seen for five seconds: then nothing that agents or people send can be taken.
fn obstacle(platform: &Platform) -> Option<&'static str> {
    if !platform.keyring.fresh() {
        return Some(match platform.keyring.ready() {
            true => "the log is not reached",
            false => "the API keys are not read to the log's end yet",
        });
    }
    (!has_postgres(platform)).then_some("Postgres is not there or not prepared yet")
}

/// True of a role that needs none.
fn has_postgres(platform: &Platform) -> bool {
    platform.data.as_ref().is_none_or(Data::is_usable)
}

/// The parts for `/metrics`, the gateway's own aside.
fn measure(platform: &Platform) {
    for (part, ready) in [
        ("log", platform.keyring.fresh()),
        ("keyring", platform.keyring.ready()),
        ("postgres", has_postgres(platform)),
    ] {
        metrics::gauge!("sre_copilot_ready", "part" => part).set(f64::from(u8::from(ready)));
    }
}

/// `/readyz` of a role without a gateway.
pub(super) async fn answer(State(platform): State<Platform>) -> (StatusCode, String) {
    match obstacle(&platform) {
        None => (StatusCode::OK, "ready".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}")),
    }
}

/// Until shutdown.
pub(super) async fn tell(platform: Platform) -> anyhow::Result<()> {
    let role = platform.roles.name;
    let telling = async {
        let (begun, mut told) = (Instant::now(), None);
        loop {
            measure(&platform);
            let now = obstacle(&platform);
            let starting = told.is_none() && now.is_some() && begun.elapsed() < PATIENCE;
            if !starting && told != Some(now) {
                match now {
                    None => tracing::info!(role, "ready"),
                    Some(why) => {
                        let postgres = platform.data.as_ref().filter(|data| !data.is_usable());
                        let cause = postgres.and_then(Data::cause);
                        tracing::warn!(role, why, cause, "not ready");
                    }
                }
                told = Some(now);
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    platform.shutdown.run_until_cancelled(telling).await;
    Ok(())
}
