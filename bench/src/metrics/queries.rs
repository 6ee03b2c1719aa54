//! What it costs to ask: twelve PromQL questions over the same samples.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use schemas::context::Clock;
use serde_json::Value;
use tokio::time::sleep;

use super::bodies::Shape;
use super::store::{Kind, Store};
use crate::cargo;
use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;

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

/// CPU milliseconds of each question, in one store.
type Costs = BTreeMap<&'static str, f64>;

pub async fn compare(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let shape = Shape {
        series: SERIES,
        scrapes: SCRAPES,
        interval_ms: INTERVAL_MS,
        end_ms: Clock::System.now().micros() / 1_000,
    };
    let (ours, our_answers) = measure(Kind::Ours, &server, place, shape).await?;
    let (theirs, answers) = measure(Kind::VictoriaMetrics, &server, place, shape).await?;
    let apart: Vec<_> = our_answers
        .iter()
        .filter(|(name, answer)| !same(answer, &answers[*name]))
        .map(|(name, answer)| {
            let (ours, theirs) = (series(answer), series(&answers[name]));
            format!("{name} ({ours} series, VictoriaMetrics {theirs})")
        })
        .collect();
    Ok(section(&ours, &theirs, &apart))
}

async fn measure(
    kind: Kind,
    server: &Path,
    place: &Place,
    shape: Shape,
) -> anyhow::Result<(Costs, BTreeMap<&'static str, Value>)> {
    let folder = place.join(&format!("queries-{}", kind.name()));
    let store = Store::start(kind, server, &folder).await?;
    let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
    for scrape in 0..shape.scrapes {
        for body in shape.scrape(scrape) {
            store.write(body).await?;
        }
    }
    store.flush().await?;
    sleep(SETTLE).await;
    let mut costs = Costs::new();
    let mut answers = BTreeMap::new();
    for (name, query, ranged) in QUESTIONS {
        let asked = question(query, ranged, shape);
        let path = if ranged { "query_range" } else { "query" };
        // Once to fill caches on both sides.
        let answer = store.ask(path, &asked).await.context(name)?;
        answers.insert(name, serde_json::from_slice(&answer)?);
        let before = store.cpu_seconds()?;
        for _ in 0..REPEATS {
            store.ask(path, &asked).await?;
        }
        let spent = store.cpu_seconds()? - before;
        costs.insert(name, spent / REPEATS as f64 * 1e3);
    }
    let before = store.cpu_seconds()?;
    for _ in 0..REPEATS {
        let range = range(shape);
        store.ask("label/instance/values", &range).await?;
    }
    let spent = store.cpu_seconds()? - before;
    costs.insert("label values", spent / REPEATS as f64 * 1e3);
    Ok((costs, answers))
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

/// As many series. VictoriaMetrics extrapolates rates differently on purpose, so
/// values are compared with Prometheus elsewhere.
fn same(ours: &Value, theirs: &Value) -> bool {
    series(ours) == series(theirs) && series(ours) > 0
}

fn series(answer: &Value) -> usize {
    let result = answer["data"]["result"].as_array();
    result.map_or(0, Vec::len)
}

fn section(ours: &Costs, theirs: &Costs, apart: &[String]) -> Section {
    let apart = if apart.is_empty() {
        "none".to_owned()
    } else {
        apart.join(", ")
    };
    let sum = |costs: &Costs| costs.values().sum::<f64>();
    let ratios: Vec<_> = ours
        .iter()
        .map(|(name, cost)| (cost.max(1.0), theirs[name].max(1.0)))
        .collect();
    let figures = ours.iter().map(|(name, cost)| {
        let text = format!("ours {cost:.1} ms, VictoriaMetrics {:.1} ms", theirs[name]);
        Figure::new(*name, text)
    });
    Section {
        title: "PromQL",
        method: format!(
            "{SERIES} series, {SCRAPES} scrapes {} s apart; each question once to fill caches, then {REPEATS} \
             times; CPU of all processes on the path (ticks of 10 ms). Answers with another \
             number of series: {apart}. The verdict is the whole list; the figures are its parts.",
            INTERVAL_MS / 1_000,
        ),
        verdicts: vec![
            Verdict {
                what: "CPU of twelve questions ÷ VictoriaMetrics, sum",
                measured: Spread::of([sum(ours) / sum(theirs)]),
                unit: Unit::Ratio,
                better: Better::Lower,
                first_bar: 1.0,
                aim: Some(0.4),
            },
            Verdict {
                what: "CPU of a question ÷ VictoriaMetrics, over the list",
                measured: Spread::of_ratios(ratios),
                unit: Unit::Ratio,
                better: Better::Lower,
                first_bar: 1.0,
                aim: Some(0.4),
            },
        ],
        figures: figures.collect(),
    }
}
