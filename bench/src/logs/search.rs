//! Searches that both stores are asked, and what they find.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::bodies::{FREQUENT, Lines, NEEDLE};
use crate::stores::{Kind, Store};

pub(super) const REPEATS: usize = 15;
const LIMIT: usize = 100;

/// One search.
pub(super) struct Search {
    pub(super) what: &'static str,
    /// Where a bar is set.
    pub(super) verdict: Option<&'static str>,
    word: &'static str,
    /// Counted instead of listed.
    counted: bool,
}

pub(super) const SEARCHES: [Search; 3] = [
    Search {
        what: "needle (3 lines)",
        verdict: Some("search: needle, latency ÷ VictoriaLogs"),
        word: NEEDLE,
        counted: false,
    },
    Search {
        what: "frequent word, newest 100 lines",
        verdict: Some("search: frequent word, latency ÷ VictoriaLogs"),
        word: FREQUENT,
        counted: false,
    },
    Search {
        what: "frequent word, counted",
        verdict: None,
        word: FREQUENT,
        counted: true,
    },
];

/// Median latencies in the order of [`SEARCHES`], and what was found.
pub(super) struct Searched {
    pub(super) ms: Vec<f64>,
    /// Of the first of each, which fills caches.
    pub(super) first_ms: Vec<f64>,
    pub(super) found: Vec<BTreeSet<i64>>,
}

/// `settle` is how long a store may fill its caches after the first of each.
pub(super) async fn all(store: &Store, lines: Lines, settle: Duration) -> anyhow::Result<Searched> {
    let mut searched = Searched {
        ms: Vec::new(),
        first_ms: Vec::new(),
        found: Vec::new(),
    };
    for search in &SEARCHES {
        let begun = Instant::now();
        let found = one(store, lines, search).await.context(search.what)?;
        searched.first_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(
            !found.is_empty(),
            "{}: {} finds nothing",
            search.what,
            store.kind.name()
        );
        searched.found.push(found);
        sleep(settle).await;
        let mut took = Vec::new();
        for _ in 0..REPEATS {
            let begun = Instant::now();
            one(store, lines, search).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        took.sort_unstable_by(f64::total_cmp);
        searched.ms.push(took[took.len() / 2]);
    }
    Ok(searched)
}

/// What one store finds the other finds too.
pub(super) fn same(ours: &Searched, theirs: &Searched) -> anyhow::Result<()> {
    for (at, search) in SEARCHES.iter().enumerate() {
        let (ours, theirs) = (&ours.found[at], &theirs.found[at]);
        ensure!(
            ours == theirs,
            "{}: {ours:?}, there {theirs:?}",
            search.what
        );
    }
    Ok(())
}

/// Times of the lines (nanoseconds), or their number.
async fn one(store: &Store, lines: Lines, search: &Search) -> anyhow::Result<BTreeSet<i64>> {
    if search.counted {
        let found = count(store, lines, search.word).await?;
        return Ok(BTreeSet::from([i64::try_from(found)?]));
    }
    let mut asked = range(store.kind, lines);
    asked.push(("query", search.word.to_owned()));
    asked.push(("limit", LIMIT.to_string()));
    let path = match store.kind {
        Kind::Ours => "/api/v1/logs",
        _ => "/select/logsql/query",
    };
    let answer = store.get(path, &asked).await?;
    match store.kind {
        Kind::Ours => {
            let page: Value = serde_json::from_slice(&answer)?;
            let items = page["items"].as_array().context("no items")?.clone();
            items.iter().map(|item| time(&item["time"])).collect()
        }
        _ => {
            let lines = answer.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| !line.is_empty());
            lines
                .map(|line| time(&serde_json::from_slice::<Value>(line)?["_time"]))
                .collect()
        }
    }
}

fn time(value: &Value) -> anyhow::Result<i64> {
    let text = value.as_str().context("a line without a time")?;
    let time = DateTime::parse_from_rfc3339(text)?;
    time.timestamp_nanos_opt()
        .context("a line of another century")
}

/// How many lines have a word; all where it is empty.
pub(super) async fn count(store: &Store, lines: Lines, word: &str) -> anyhow::Result<u64> {
    let mut asked = range(store.kind, lines);
    if store.kind == Kind::Ours {
        // There a word is looked for in the message; here, unless told, in all fields.
        let word = match word {
            "" => String::new(),
            word => format!("body:{word}"),
        };
        asked.push(("query", word));
        let answer = store.get("/api/v1/logs/stats", &asked).await?;
        let stats: Value = serde_json::from_slice(&answer)?;
        return stats["total"].as_u64().context("no total");
    }
    let word = if word.is_empty() { "*" } else { word };
    asked.push(("query", word.to_owned()));
    asked.push(("step", "1m".to_owned()));
    let answer = store.get("/select/logsql/hits", &asked).await?;
    let hits: Value = serde_json::from_slice(&answer)?;
    let series = hits["hits"].as_array().context("no hits")?;
    Ok(series.iter().filter_map(|one| one["total"].as_u64()).sum())
}

/// Everything that was sent.
fn range(kind: Kind, lines: Lines) -> Vec<(&'static str, String)> {
    let (from, to) = match kind {
        Kind::Ours => ("from", "to"),
        _ => ("start", "end"),
    };
    let text = |ns: i64| DateTime::from_timestamp_nanos(ns).to_rfc3339();
    let second = 1_000_000_000;
    vec![
        (from, text(lines.start_ns() - second)),
        (to, text(lines.end_ns() + second)),
    ]
}
