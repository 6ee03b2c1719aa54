//! `sre-copilot log ...`: topics, sizes, records as JSON, damage, copy to Kafka.

use anyhow::{Context, ensure};
#[cfg(feature = "kafka")]
use eventlog::copy::CopyError;
use eventlog::{Record, Visibility, inspect};
use schemas::codec;
use schemas::messages::MessageSet;
use schemas::progress::PlatformRecord;
use schemas::topic::{Retention, Topic};

use super::{Lines, Workbench, ensure_kept, tell};
use crate::config::Config;
use crate::storage;

const DAY_S: u32 = 86_400;
/// Bytes that are read at a time.
const READ_BYTES: usize = 1 << 20;

/// Which records `log cat` prints.
pub(super) struct Selection {
    pub(super) partition: Option<i32>,
    pub(super) from: i64,
    pub(super) key: Option<String>,
}

/// Needs no log: the table is part of the program and of its settings.
pub(super) fn topics(config: &Config, print: impl Fn(&str)) -> anyhow::Result<()> {
    for topic in Topic::all() {
        let kept = match storage::retention(topic, config) {
            Retention::Forever => "for ever".to_owned(),
            Retention::Days(days) => format!("{days} days"),
            Retention::Seconds(DAY_S) => "1 day".to_owned(),
            Retention::Seconds(seconds) if seconds.is_multiple_of(DAY_S) => {
                format!("{} days", seconds / DAY_S)
            }
            Retention::Seconds(seconds) => format!("{seconds} s"),
        };
        let (name, partitions) = (topic.name(), topic.partitions());
        print(&format!(
            "{name:<24} {partitions:>3} partitions  {kept:<9}  {}",
            topic.journal().name()
        ));
    }
    Ok(())
}

pub(super) async fn stat(bench: &Workbench, out: &Lines) -> anyhow::Result<()> {
    tell(out, format!("log {}", bench.log.id())).await;
    for usage in bench.log.usage().await? {
        let ends: i64 = usage.ranges.iter().map(|range| range.end).sum();
        // Kafka tells no sizes: `kafka-log-dirs.sh --describe` does.
        let bytes = usage
            .bytes
            .map_or_else(String::new, |bytes| format!(" {bytes:>14} bytes"));
        let line = format!(
            "{:<24} {:>3} partitions {:>12} records{bytes}  offsets up to {ends}",
            usage.topic, usage.partitions, usage.records
        );
        tell(out, line).await;
    }
    Ok(())
}

pub(super) async fn cat(
    bench: &Workbench,
    out: &Lines,
    topic: &str,
    selection: &Selection,
    limit: usize,
) -> anyhow::Result<()> {
    let topic = Topic::by_name(topic)
        .with_context(|| format!("no topic is named `{topic}`; `log topics` lists them"))?;
    let last = topic.partitions() - 1;
    if let Some(partition) = selection.partition {
        ensure!(
            (0..=last).contains(&partition),
            "{} has no partition {partition}: they are 0 to {last}",
            topic.name()
        );
    }
    learn_schemas(bench).await?;
    let mut left = limit;
    for partition in 0..topic.partitions() {
        if selection.partition.is_none_or(|wanted| wanted == partition) {
            left -= cat_partition(bench, out, topic, partition, selection, left).await?;
        }
    }
    Ok(())
}

/// Prints up to `left` records of one partition and says how many it printed.
async fn cat_partition(
    bench: &Workbench,
    out: &Lines,
    topic: Topic,
    partition: i32,
    selection: &Selection,
    left: usize,
) -> anyhow::Result<usize> {
    let range = bench
        .log
        .range(topic, partition, Visibility::Durable)
        .await?;
    let mut next = selection.from.max(range.start);
    let mut printed = 0;
    while next < range.end && printed < left {
        let fetched = bench
            .log
            .read(topic, partition, next, READ_BYTES, Visibility::Durable)
            .await?;
        let wanted = |record: &&Record| {
            selection
                .key
                .as_deref()
                .is_none_or(|key| record.key == key.as_bytes())
        };
        for record in fetched.records.iter().filter(wanted).take(left - printed) {
            tell(out, inspect::describe(record).to_string()).await;
            printed += 1;
        }
        ensure!(
            fetched.next_offset > next,
            "{}/{partition} does not read on at {next}",
            topic.name()
        );
        next = fetched.next_offset;
    }
    Ok(printed)
}

/// Newer processes announce their schemas; with them we can print their records.
async fn learn_schemas(bench: &Workbench) -> anyhow::Result<()> {
    let range = bench
        .log
        .range(Topic::Schemas, 0, Visibility::Durable)
        .await?;
    let mut next = range.start;
    while next < range.end {
        let fetched = bench
            .log
            .read(Topic::Schemas, 0, next, READ_BYTES, Visibility::Durable)
            .await?;
        for record in &fetched.records {
            if let Ok(PlatformRecord::SchemaAnnounced(announced)) =
                PlatformRecord::decode(record.kind(), &record.body)
            {
                codec::learn(&announced.schema).context("topic schemas")?;
            }
        }
        ensure!(
            fetched.next_offset > next,
            "topic schemas does not read on at {next}"
        );
        next = fetched.next_offset;
    }
    Ok(())
}

/// Reads every byte of an embedded log that no server has open.
pub(super) async fn verify(config: &Config, print: impl Fn(&str)) -> anyhow::Result<()> {
    ensure!(
        config.kafka_brokers.is_none(),
        "the log is on Kafka, whose brokers check every batch that they take and read: look for \
         CorruptRecordException in their logs; `sre-copilot log cat TOPIC` reads a topic with \
         its sums checked"
    );
    ensure_kept(config)?;
    let folder = config.data_dir.join("log");
    let found = tokio::task::spawn_blocking(move || eventlog::embedded::verify(&folder)).await??;
    for finding in &found.findings {
        print(&finding.to_string());
    }
    print(&format!(
        "{} records in {} segments, {} bytes read",
        found.records, found.segments, found.bytes
    ));
    ensure!(
        found.findings.is_empty(),
        "{} damaged places",
        found.findings.len()
    );
    Ok(())
}

/// Moves an embedded log to an empty Kafka. The server must be stopped: two
/// places may not go on growing under one identity.
#[cfg(feature = "kafka")]
pub(super) async fn copy(to: &str, config: &Config, print: impl Fn(&str)) -> anyhow::Result<()> {
    ensure!(to == "kafka", "`log copy --to {to}`: only kafka is known");
    let brokers = config
        .kafka_brokers
        .as_deref()
        .context("set KAFKA_BROKERS to the target of the copy")?;
    ensure_kept(config)?;
    super::ensure_owned(config)?;
    let from = storage::open_embedded(config).await?;
    let options = storage::kafka_options(brokers, config);
    let report = eventlog::copy::to_kafka(&*from, options)
        .await
        .map_err(|error| not_copied(error, config))?;
    storage::note_moved(config, brokers)?;
    print(&format!(
        "copied {} records; start with KAFKA_BROKERS set from now on",
        report.records
    ));
    Ok(())
}

/// What keeps a log there from being opened is told as when it is opened.
#[cfg(feature = "kafka")]
fn not_copied(error: CopyError, config: &Config) -> anyhow::Error {
    match error {
        CopyError::Open(error) => storage::not_opened(error, config),
        other => other.into(),
    }
}

#[cfg(not(feature = "kafka"))]
pub(super) async fn copy(_: &str, _: &Config, _: impl Fn(&str)) -> anyhow::Result<()> {
    anyhow::bail!("this program was built without Kafka")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_topic_is_listed_with_the_retention_that_is_set() {
        let listed = |retention: &str, brokers: Option<&str>| {
            let settings = Settings {
                telemetry_log_retention: Some(retention.to_owned()),
                kafka_brokers: brokers.map(str::to_owned),
                ..Settings::default()
            };
            let lines = RefCell::new(Vec::new());
            let config = settings.resolve(8580).unwrap();
            topics(&config, |line| lines.borrow_mut().push(line.to_owned())).unwrap();
            let mut lines = lines.into_inner().into_iter();
            lines
                .find(|line| line.starts_with("telemetry.logs "))
                .unwrap()
        };
        assert!(listed("3d", None).contains(" 3 days "));
        assert!(listed("1d", None).contains(" 1 day "));
        assert!(listed("90m", None).contains(" 5400 s "));
        // Its brokers are not told of the setting.
        assert!(listed("90m", Some("localhost:9092")).contains(" 3 days "));
    }
}
