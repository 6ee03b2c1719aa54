//! One tenant invents series without end: it is refused with the reason, what is kept of
//! it is bounded, and another tenant does not notice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use schemas::telemetry_limits::{SeriesLimitReached, TelemetryNote};
use schemas::topic::Topic;

use crate::{WRITE, now_ms, open, send, stored_in, written};

const SERIES_A_BODY: usize = 10_000;
/// Requests of the other tenant in each phase.
const OTHERS: usize = 200;
/// Fingerprints, the tail of the log, and some bodies in flight.
const MOST_GROWTH_BYTES: usize = 400 << 20;

/// 10 M series and the limit of a server, or a fiftieth of both.
fn counts() -> (usize, u64) {
    match std::env::var_os("SRE_COPILOT_PROVE") {
        Some(_) => (10_000_000, 1_000_000),
        None => (200_000, 20_000),
    }
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|n| n.parse().ok());
    pages.unwrap_or(0usize) * 4_096
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_invents_series_is_refused_and_nobody_else() {
    let (series, limit) = counts();
    let (mut site, key) = open(|settings| settings.allowance.limits.active_series = limit).await;
    let others_key = site.key_of_another().await;
    let site = Arc::new(site);
    let now = now_ms(&site);
    let others = async |count: usize| {
        let mut times = Vec::with_capacity(count);
        for n in 0..count {
            let body = written(&[("up", now - n as i64)]);
            let began = Instant::now();
            let told = send(&site, WRITE, &[("x-api-key", &*others_key)], &body).await;
            times.push(began.elapsed());
            assert_eq!(told.status, StatusCode::NO_CONTENT, "{}", told.text());
        }
        p99(times)
    };
    let alone = others(OTHERS).await;
    let before = resident_bytes();
    let began = Instant::now();
    let flooded = Arc::clone(&site);
    let flood = async move {
        let site = flooded;
        let mut refused = 0;
        for first in (0..series).step_by(SERIES_A_BODY) {
            let names: Vec<String> = (first..first + SERIES_A_BODY)
                .map(|n| format!("invented_{n}"))
                .collect();
            let samples: Vec<_> = names.iter().map(|name| (name.as_str(), now)).collect();
            let told = send(&site, WRITE, &[("x-api-key", &*key)], &written(&samples)).await;
            if first as u64 >= limit {
                assert_eq!(told.status, StatusCode::BAD_REQUEST);
                let reason = format!(
                    "the tenant has its {limit} active series; \
                     a new one of metric `invented_{first}` was refused"
                );
                assert!(told.text().ends_with(&reason), "{}", told.text());
                refused += 1;
            } else {
                assert_eq!(told.status, StatusCode::NO_CONTENT, "{}", told.text());
            }
        }
        refused
    };
    let flood = tokio::spawn(flood);
    let beside = others(OTHERS).await;
    let refused = flood.await.unwrap();
    let took = began.elapsed();
    let grown = resident_bytes().saturating_sub(before);
    assert_eq!(refused, (series - limit as usize) / SERIES_A_BODY);
    assert!(grown < MOST_GROWTH_BYTES, "{grown} bytes more");
    let stored = stored_in(&site, Topic::TelemetryMetrics).await.len();
    assert_eq!(stored, 2 * OTHERS + limit as usize / SERIES_A_BODY);

    let reached = testkit::eventually("the limit is noted", || async {
        let notes = site.records(Topic::AuditOperations).await;
        let reached: Vec<SeriesLimitReached> = notes
            .iter()
            .filter_map(|record| match record.decode() {
                Ok(TelemetryNote::SeriesLimitReached(reached)) => Some(reached),
                _ => None,
            })
            .collect();
        (!reached.is_empty()).then_some(reached)
    })
    .await;
    let [reached] = &reached[..] else {
        panic!("not once: {reached:?}")
    };
    assert_eq!(reached.limit, "active_series");
    assert_eq!(reached.most, i64::try_from(limit).unwrap());
    assert_eq!(reached.offender, format!("invented_{limit}"));
    println!(
        "PROOF a tenant that invents series: {series} distinct series in {:.1} s, {limit} taken, \
         the rest refused by name; memory grew by {} MiB; another tenant's p99 {:.2} ms alone, {:.2} ms beside it",
        took.as_secs_f64(),
        grown >> 20,
        alone.as_secs_f64() * 1e3,
        beside.as_secs_f64() * 1e3,
    );
}
