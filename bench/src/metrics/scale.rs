//! What many series and many tenants cost: the same samples at the same rate, spread
//! differently.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use schemas::context::Clock;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::bodies::Shape;
use crate::cargo;
use crate::comparison::Place;
use crate::report::{Better, Figure, Section, Unit, Verdict};
use crate::spread::Spread;
use crate::stores::{Http, Kind, Signal, Store};

const INTERVAL_MS: i64 = 15_000;
const SETTLE: Duration = Duration::from_secs(12);
/// Samples that are counted: those after the first scrape.
const SAMPLES: usize = 2_000_000;
const FEW_SERIES: usize = 10_000;
const MANY_SERIES: usize = 50 * FEW_SERIES;
const SAMPLES_A_SECOND: usize = 100_000;
const TENANTS: usize = 1_000;
const TENANT_SERIES: usize = 100_000;
const TENANT_SCRAPES: usize = 20;
const ROUNDS: usize = 3;

/// CPU seconds a million samples after the first scrape, of that scrape, and bytes
/// of memory a series at the end.
struct Cost {
    steady: f64,
    first: f64,
    memory: f64,
}

/// The same samples of 10,000 series and of 50 times as many.
pub async fn compare_series(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let (mut few, mut many, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (kind, series, costs) in [
            (Kind::Ours, FEW_SERIES, &mut few),
            (Kind::Ours, MANY_SERIES, &mut many),
            (Kind::VictoriaMetrics, MANY_SERIES, &mut theirs),
        ] {
            let folder = place.join(&format!("series-{}-{series}-{round}", kind.name()));
            let store = Store::start(kind, &server, &folder).await?;
            let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
            costs.push(of_series(&store, series).await?);
            drop(store);
            std::fs::remove_dir_all(&folder).ok();
        }
    }
    Ok(series_section(&few, &many, &theirs))
}

async fn of_series(store: &Store, series: usize) -> anyhow::Result<Cost> {
    let shape = Shape {
        series,
        scrapes: SAMPLES / series + 1,
        interval_ms: INTERVAL_MS,
        end_ms: Clock::System.now().micros() / 1_000,
    };
    let begun = store.cpu_seconds()?;
    send_at_pace(store, shape, 0..1).await?;
    sleep(SETTLE).await;
    let known = store.cpu_seconds()?;
    send_at_pace(store, shape, 1..shape.scrapes).await?;
    store.flush().await?;
    sleep(SETTLE).await;
    let ended = store.cpu_seconds()?;
    let memory = store.memory_bytes()? as f64 / series as f64;
    let found = counted(store, shape).await?;
    ensure!(
        found == shape.samples() as f64,
        "{} has {found} of {} samples",
        store.kind.name(),
        shape.samples()
    );
    let steady = shape.samples() - series;
    Ok(Cost {
        steady: (ended - known) / steady as f64 * 1e6,
        first: (known - begun) / series as f64 * 1e6,
        memory,
    })
}

async fn send_at_pace(
    store: &Store,
    shape: Shape,
    scrapes: std::ops::Range<usize>,
) -> anyhow::Result<()> {
    let body = 2_000.min(shape.series);
    let mut pace = interval(Duration::from_secs_f64(
        body as f64 / SAMPLES_A_SECOND as f64,
    ));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for scrape in scrapes {
        for body in shape.scrape(scrape) {
            pace.tick().await;
            store.write(Signal::Metrics, body).await?;
        }
    }
    Ok(())
}

async fn counted(store: &Store, shape: Shape) -> anyhow::Result<f64> {
    let mut found = 0.0;
    for metric in Shape::metrics() {
        // Younger series live as long as the scrapes.
        let query = format!("sum(count_over_time({metric}[2h]))");
        found += store.number(&query, shape.end_ms).await?;
    }
    Ok(found)
}

/// The same requests from one tenant and from a thousand.
pub async fn compare_tenants(place: &Place) -> anyhow::Result<Section> {
    let server = cargo::server().await?;
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (tenants, costs) in [(1, &mut one), (TENANTS, &mut many)] {
            let folder = place.join(&format!("tenants-{tenants}-{round}"));
            let store = Store::start(Kind::Ours, &server, &folder).await?;
            let store = store.context("our own server is there")?;
            let mut accounts = Vec::new();
            for number in 1..=tenants {
                accounts.push(store.sign_up(number).await?);
            }
            costs.push(of_tenants(&store, &accounts).await?);
            drop(store);
            std::fs::remove_dir_all(&folder).ok();
        }
    }
    Ok(tenants_section(&one, &many))
}

/// Each scrape has a request for each thousandth of the series.
async fn of_tenants(store: &Store, accounts: &[(Http, Http)]) -> anyhow::Result<Cost> {
    let shape = Shape {
        series: TENANT_SERIES,
        scrapes: TENANT_SCRAPES + 1,
        interval_ms: INTERVAL_MS,
        end_ms: Clock::System.now().micros() / 1_000,
    };
    let request = TENANT_SERIES / TENANTS;
    let mut pace = interval(Duration::from_secs_f64(
        request as f64 / SAMPLES_A_SECOND as f64,
    ));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = store.cpu_seconds()?;
    let mut known = begun;
    for scrape in 0..shape.scrapes {
        for (number, body) in shape.scrape_in(scrape, request).into_iter().enumerate() {
            pace.tick().await;
            let (sender, _) = &accounts[number % accounts.len()];
            store.write_as(sender, Signal::Metrics, body).await?;
        }
        if scrape == 0 {
            sleep(SETTLE).await;
            known = store.cpu_seconds()?;
        }
    }
    sleep(SETTLE).await;
    let ended = store.cpu_seconds()?;
    let mut found = 0.0;
    for (_, reader) in accounts {
        for metric in Shape::metrics() {
            let query = format!("sum(count_over_time({metric}[1h]))");
            found += Store::number_as(reader, store.kind, &query, shape.end_ms).await?;
        }
    }
    ensure!(
        found == shape.samples() as f64,
        "{found} of {} samples",
        shape.samples()
    );
    let memory = store.memory_bytes()? as f64 / TENANT_SERIES as f64;
    let steady = (ended - known) / (shape.samples() - TENANT_SERIES) as f64 * 1e6;
    let first = (known - begun) / TENANT_SERIES as f64 * 1e6;
    Ok(Cost {
        steady,
        first,
        memory,
    })
}

fn verdict(what: &'static str, measured: Spread, first_bar: f64, aim: f64) -> Verdict {
    Verdict {
        what,
        measured,
        unit: Unit::Ratio,
        better: Better::Lower,
        first_bar,
        aim: Some(aim),
    }
}

fn ratios(ours: &[Cost], theirs: &[Cost], of: fn(&Cost) -> f64) -> Spread {
    Spread::of_ratios(ours.iter().map(of).zip(theirs.iter().map(of)))
}

fn figures(name: &str, costs: &[Cost]) -> [Figure; 3] {
    let spread = |of: fn(&Cost) -> f64| Spread::of(costs.iter().map(of));
    [
        Figure::spread(
            format!("{name}, CPU a million samples"),
            spread(|cost| cost.steady),
            "s",
        ),
        Figure::spread(
            format!("{name}, CPU a million series seen first"),
            spread(|cost| cost.first),
            "s",
        ),
        Figure::spread(
            format!("{name}, memory a series"),
            spread(|cost| cost.memory),
            "B",
        ),
    ]
}

fn series_section(few: &[Cost], many: &[Cost], theirs: &[Cost]) -> Section {
    Section {
        title: "Many series",
        method: format!(
            "{SAMPLES} samples after the first scrape, of {FEW_SERIES} series and of {MANY_SERIES}, remote \
             write of 2,000 samples a request at {SAMPLES_A_SECOND} samples a second; CPU of all processes on \
             the path until {} s after the last request. Memory is what all processes have for themselves and \
             their share of what they share (Pss), ours with Postgres, {} s after the last request, ÷ series; \
             the servers' own needs are in it. Each store then counted every sample once. {ROUNDS} rounds.",
            SETTLE.as_secs(),
            SETTLE.as_secs(),
        ),
        verdicts: vec![
            verdict(
                "CPU a sample at 50 times the series",
                ratios(many, few, |cost| cost.steady),
                1.3,
                1.1,
            ),
            verdict(
                "memory an active series ÷ VictoriaMetrics",
                ratios(many, theirs, |cost| cost.memory),
                1.0,
                0.5,
            ),
        ],
        figures: [
            figures("few series", few),
            figures("many series", many),
            figures("VictoriaMetrics, many series", theirs),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

fn tenants_section(one: &[Cost], many: &[Cost]) -> Section {
    Section {
        title: "Many tenants",
        method: format!(
            "{TENANT_SERIES} series, {TENANT_SCRAPES} scrapes after the first, {} samples a request at \
             {SAMPLES_A_SECOND} samples a second: from one tenant, and each request from another of {TENANTS}. \
             CPU of all processes on the path until {} s after the last request. Each tenant then counted its \
             own. {ROUNDS} rounds.",
            TENANT_SERIES / TENANTS,
            SETTLE.as_secs(),
        ),
        verdicts: vec![verdict(
            "CPU a sample with 1,000 tenants",
            ratios(many, one, |cost| cost.steady),
            1.2,
            1.05,
        )],
        figures: [figures("one tenant", one), figures("1,000 tenants", many)]
            .into_iter()
            .flatten()
            .collect(),
    }
}
