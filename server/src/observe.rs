//! Logs to standard error; metrics for `/metrics`.

pub mod described;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Machines read the log: the last line is for them too.
static JSON: AtomicBool = AtomicBool::new(false);

/// How often histograms are summed up.
const SUM_EVERY: Duration = Duration::from_secs(5);

/// Starts logging as `setting` says: a level or filter, and `json` for machines.
pub fn start_logging(setting: &str) -> anyhow::Result<()> {
    let (json, filters): (Vec<_>, Vec<_>) = setting
        .split(',')
        .map(str::trim)
        .partition(|part| matches!(*part, "json" | "text"));
    let filter = filters.join(",");
    let mut filter = EnvFilter::try_new(&filter).with_context(|| {
        format!("configuration: log is `{setting}`: expected a level or filter")
    })?;
    // The wrapper calls it an error where a client that was fenced is dropped; what the
    // fence meant was told before.
    if !setting.contains("rdkafka") {
        let quiet = "rdkafka::consumer::base_consumer=off".parse();
        filter = filter.add_directive(quiet.context("a filter of our own")?);
    }
    // Colours are for people: files and collectors would keep the escapes.
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal() && !no_color)
        .with_writer(std::io::stderr);
    if json.contains(&"json") {
        JSON.store(true, Ordering::Relaxed);
        builder.json().finish().init();
    } else {
        builder.with_target(false).finish().init();
    }
    Ok(())
}

/// Collects what the crates count and measure.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&[
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ])?
        .set_buckets_for_metric(
            Matcher::Suffix("_bytes".to_owned()),
            &[
                256.0,
                1024.0,
                4096.0,
                16384.0,
                65536.0,
                262_144.0,
                1_048_576.0,
                4_194_304.0,
            ],
        )?
        .install_recorder()
        .context("cannot install the metrics recorder")?;
    described::describe();
    let info = [("version", env!("CARGO_PKG_VERSION"))];
    metrics::gauge!("sre_copilot_build_info", &info).set(1.0);
    Ok(handle)
}

/// Sums up what histograms have recorded. Without it they keep each value until somebody
/// asks for `/metrics`, and perhaps nobody does.
pub async fn keep_summing(handle: PrometheusHandle) {
    let mut tick = tokio::time::interval(SUM_EVERY);
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

/// Why the program ends: for the person at the terminal, or a line of the log where
/// machines read that.
pub fn say_last(line: &str) {
    match JSON.load(Ordering::Relaxed) {
        true => tracing::error!("{line}"),
        false => say(line),
    }
}

/// A line for the person at the terminal, whatever the log level.
#[expect(
    clippy::print_stderr,
    reason = "this is the one place that talks to the terminal"
)]
pub fn say(line: &str) {
    eprintln!("{line}");
}
