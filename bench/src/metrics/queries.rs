//! What it costs to ask: twelve PromQL questions over the same samples, and what is
//! answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use schemas::context::Clock;
use serde_json::Value;
use tokio::time::sleep;

use super::answers;
use super::bodies::Shape;
use crate::cargo;
use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Kind, OnDisk, Signal, Store};

const SERIES: usize = 20_000;
const SCRAPES: usize = 480;
const INTERVAL_MS: i64 = 15_000;
const SETTLE: Duration = Duration::from_secs(12);
const REPEATS: usize = 5;
const STEP_SECONDS: i64 = 60;

/// Name, query, and whether it is asked over a range.
const QUESTIONS: [(&str, &str, bool); 11] = [
    (
        "one series now",
        "bench_metric_00_total{instance=\"10.0.0.0:9100\",mode=\"idle\"}",
        false,
    ),
    ("one metric now", "bench_metric_00_total", false),
    ("count of everything now", "count({job=\"bench\"})", false),
    (
        "one series, range",
        "bench_metric_00_total{instance=\"10.0.0.0:9100\",mode=\"idle\"}",
        true,
    ),
    (
        "rate of one host",
        "rate(bench_metric_01_total{instance=\"10.0.0.1:9100\"}[5m])",
        true,
    ),
    (
        "sum by mode of a rate",
        "sum by (mode) (rate(bench_metric_01_total[5m]))",
        true,
    ),
    ("high cardinality", "sum by (zone) ({job=\"bench\"})", true),
    (
        "topk",
        "topk(5, sum by (instance) (rate(bench_metric_02_total[5m])))",
        true,
    ),
    (
        "regular expression",
        "sum by (mode) (bench_metric_03_total{mode=~\"user|system\",pod=~\"node-exporter-0.*\"})",
        true,
    ),
    (
        "max over time",
        "max_over_time(bench_metric_05_total{mode=\"user\"}[10m])",
        true,
    ),
    (
        "quantile by instance",
        "quantile by (namespace) (0.99, bench_metric_06_total)",
        true,
    ),
];

/// Questions whose values are Prometheus': VictoriaMetrics takes the sample before
/// the window into a rate and does not extrapolate to the window's ends.
const OTHERWISE_THERE: [&str; 3] = ["rate of one host", "sum by mode of a rate", "topk"];
const LABEL_VALUES: &str = "label values";

/// What one store needed for the questions, and what it said.
struct Asked {
    /// CPU milliseconds.
    costs: BTreeMap<&'static str, f64>,
    answers: BTreeMap<&'static str, Value>,
    disk: OnDisk,
}

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let shape = Shape {
        series: SERIES,
        scrapes: SCRAPES,
        interval_ms: INTERVAL_MS,
        end_ms: Clock::System.now().micros() / 1_000,
    };
    let ours = measure(Kind::Ours, &server, place, shape).await?;
    let theirs = measure(Kind::VictoriaMetrics, &server, place, shape).await?;
    let prometheus = measure(Kind::Prometheus, &server, place, shape).await?;
    let mut apart = Vec::new();
    for (name, answer) in &ours.answers {
        let other = match OTHERWISE_THERE.contains(name) {
            true => &prometheus,
            false => &theirs,
        };
        if let Some(what) = answers::difference(answer, &other.answers[name]) {
            apart.push(format!("{name} ({what})"));
        }
    }
    Ok(section(&ours, &theirs, &prometheus, &apart))
}

async fn measure(kind: Kind, server: &Path, place: &Place, shape: Shape) -> anyhow::Result<Asked> {
    let folder = place.join(&format!("queries-{}", kind.name()));
    let store = Store::start(kind, server, &folder).await?;
    let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
    for scrape in 0..shape.scrapes {
        for body in shape.scrape(scrape) {
            store.write(Signal::Metrics, body).await?;
        }
    }
    store.flush().await?;
    sleep(SETTLE).await;
    store.compact().await?;
    let mut asked = Asked {
        costs: BTreeMap::new(),
        answers: BTreeMap::new(),
        disk: store.on_disk().await?,
    };
    for (name, query, ranged) in QUESTIONS {
        let path = if ranged { "query_range" } else { "query" };
        asked
            .ask(&store, name, path, &question(query, ranged, shape))
            .await?;
    }
    let path = "label/instance/values";
    asked.ask(&store, LABEL_VALUES, path, &range(shape)).await?;
    drop(store);
    std::fs::remove_dir_all(&folder).ok();
    Ok(asked)
}

impl Asked {
    async fn ask(
        &mut self,
        store: &Store,
        name: &'static str,
        path: &str,
        asked: &[(&str, String)],
    ) -> anyhow::Result<()> {
        // Once to fill caches on both sides.
        let answer = store.ask(path, asked).await.context(name)?;
        self.answers.insert(name, serde_json::from_slice(&answer)?);
        let before = store.cpu_seconds()?;
        for _ in 0..REPEATS {
            store.ask(path, asked).await?;
        }
        let spent = store.cpu_seconds()? - before;
        self.costs.insert(name, spent / REPEATS as f64 * 1e3);
        Ok(())
    }

    /// Of what every store keeps.
    fn bytes_a_sample(&self) -> f64 {
        per_sample(self.disk.bytes - self.disk.coarse)
    }
}

fn per_sample(bytes: u64) -> f64 {
    bytes as f64 / (SERIES * SCRAPES) as f64
}

fn question(query: &str, ranged: bool, shape: Shape) -> Vec<(&'static str, String)> {
    let mut asked = vec![("query", query.to_owned())];
    match ranged {
        true => {
            asked.extend(range(shape));
            asked.push(("step", STEP_SECONDS.to_string()));
        }
        false => asked.push(("time", (shape.end_ms / 1_000).to_string())),
    }
    asked
}

/// Whole steps, because some stores round to them.
fn range(shape: Shape) -> Vec<(&'static str, String)> {
    let whole = |ms: i64| ms / 1_000 / STEP_SECONDS * STEP_SECONDS;
    vec![
        ("start", whole(shape.start_ms() + 900_000).to_string()),
        ("end", whole(shape.end_ms).to_string()),
    ]
}

fn section(ours: &Asked, theirs: &Asked, prometheus: &Asked, apart: &[String]) -> Section {
    let apart = if apart.is_empty() {
        "none".to_owned()
    } else {
        apart.join(", ")
    };
    let sum = |asked: &Asked| asked.costs.values().sum::<f64>();
    let ratios: Vec<_> = ours
        .costs
        .iter()
        .map(|(name, cost)| (cost.max(1.0), theirs.costs[name].max(1.0)))
        .collect();
    let mut figures: Vec<_> = ours
        .costs
        .iter()
        .map(|(name, cost)| {
            let (theirs, prometheus) = (theirs.costs[name], prometheus.costs[name]);
            let text = format!(
                "ours {cost:.1} ms, VictoriaMetrics {theirs:.1} ms, Prometheus {prometheus:.1} ms"
            );
            Figure::new(*name, text)
        })
        .collect();
    for (name, asked) in [("ours", ours), ("VictoriaMetrics", theirs)] {
        let (sample, files) = (asked.bytes_a_sample(), asked.disk.with_gaps as f64 / 1e6);
        let text = format!("{sample:.2} B a sample; {files:.1} MB of files before gaps are closed");
        figures.push(Figure::new(format!("{name}, on disk"), text));
    }
    let coarse = per_sample(ours.disk.coarse);
    let text = format!("{coarse:.2} B a sample of 15 s, at the end of the second hour");
    figures.push(Figure::new(
        "ours, by 5 minutes and by hour beside it",
        text,
    ));
    let verdict = |what, measured, first_bar, aim| Verdict {
        what,
        measured,
        unit: Unit::Ratio,
        better: Better::Lower,
        first_bar,
        aim: Some(aim),
    };
    Section {
        title: "PromQL",
        method: format!(
            "{SERIES} series, {SCRAPES} scrapes {} s apart, merged by each store as far as it can; each \
             question once to fill caches, then {REPEATS} times; CPU of all processes on the path (ticks of \
             10 ms). Answers that differ by more than 1e-9: {apart}. Compared with VictoriaMetrics, and where \
             rates are asked for, which it computes otherwise on purpose, with Prometheus. The verdict is the \
             whole list; the figures are its parts. On disk: ours all tables that queries read, after VACUUM \
             FULL; what we keep by 5 minutes and by hour for when the samples are gone, and VictoriaMetrics \
             does not, stands apart.",
            INTERVAL_MS / 1_000,
        ),
        verdicts: vec![
            verdict(
                "CPU of twelve questions ÷ VictoriaMetrics, sum",
                Spread::of([sum(ours) / sum(theirs)]),
                1.0,
                0.4,
            ),
            verdict(
                "CPU of a question ÷ VictoriaMetrics, over the list",
                Spread::of_ratios(ratios),
                1.0,
                0.4,
            ),
            verdict(
                "disk a sample ÷ VictoriaMetrics, merged",
                Spread::of([ours.bytes_a_sample() / theirs.bytes_a_sample()]),
                1.0,
                0.85,
            ),
        ],
        figures,
    }
}
