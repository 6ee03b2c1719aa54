//! The event table that one would keep in Postgres instead of a log.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use eventlog::{Fetched, Log, Record, Visibility};
use futures::TryStreamExt;
use schemas::incident::IncidentEvent;
use schemas::messages::MessageSet;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Executor, Row};

use super::{FETCH_BYTES, Folded, apply, beginning};

const CREATE: &str = "CREATE TABLE events (
    position bigint PRIMARY KEY,
    key      text   NOT NULL,
    kind     text   NOT NULL,
    headers  json   NOT NULL,
    body     bytea  NOT NULL
)";
const COPY: &str = "COPY events (position, key, kind, headers, body) FROM STDIN";
const WHOLE: &str = "SELECT position, key, kind, headers, body FROM events ORDER BY position";
const FOLDED: &str = "SELECT key, kind, body FROM events ORDER BY position";

/// What a replay asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// The whole event, as the log hands it out.
    Whole,
    /// Only what this fold needs.
    Folded,
}

pub(super) struct Table {
    connection: PgConnection,
}

impl Table {
    pub(super) async fn create(url: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        connection.execute(CREATE).await?;
        Ok(Self { connection })
    }

    /// Copies the `events` of the log, and lets Postgres settle.
    pub(super) async fn fill(&mut self, log: &Log, events: usize) -> anyhow::Result<()> {
        let mut records = log.subscribe(beginning(), Visibility::Durable).await?;
        let mut copied = 0;
        let mut copy = self.connection.copy_in_raw(COPY).await?;
        while copied < events {
            for part in records.next(FETCH_BYTES).await? {
                copy.send(lines(&part, copied)?.into_bytes()).await?;
                copied += part.records.len();
            }
        }
        ensure!(
            copy.finish().await? == events as u64,
            "not every event was copied"
        );
        self.connection.execute("VACUUM ANALYZE events").await?;
        self.connection.execute("CHECKPOINT").await?;
        Ok(())
    }

    /// Reads all events in order and folds them.
    pub(super) async fn fold(
        &mut self,
        columns: Columns,
        events: usize,
    ) -> anyhow::Result<(Folded, Duration)> {
        let begun = Instant::now();
        let mut folded = Folded::new();
        let mut read = 0;
        let select = sqlx::query(match columns {
            Columns::Whole => WHOLE,
            Columns::Folded => FOLDED,
        });
        let mut rows = select.fetch(&mut self.connection);
        while let Some(row) = rows.try_next().await? {
            apply(
                &mut folded,
                row.try_get::<&str, _>("key")?.as_bytes(),
                event(&row)?,
            );
            read += 1;
        }
        ensure!(
            read == events,
            "the table holds {read} events, the log {events}"
        );
        Ok((folded, begun.elapsed()))
    }
}

fn event(row: &PgRow) -> anyhow::Result<IncidentEvent> {
    Ok(IncidentEvent::decode(
        row.try_get("kind")?,
        row.try_get("body")?,
    )?)
}

/// The records in COPY's text format, numbered from `first`.
fn lines(part: &Fetched, first: usize) -> anyhow::Result<String> {
    let mut lines = String::new();
    for (n, record) in part.records.iter().enumerate() {
        let (key, kind) = (std::str::from_utf8(&record.key)?, record.kind());
        let headers = metadata(record)?;
        write!(lines, "{}\t{key}\t{kind}\t{headers}\t\\\\x", first + n)?;
        for byte in &record.body {
            write!(lines, "{byte:02x}")?;
        }
        lines.push('\n');
    }
    Ok(lines)
}

/// The headers as a JSON object. None of their values holds a character that
/// COPY would want escaped.
fn metadata(record: &Record) -> anyhow::Result<String> {
    let text = |value: &[u8]| std::str::from_utf8(value).map(serde_json::Value::from);
    let pairs = record
        .headers
        .iter()
        .map(|(name, value)| Ok((name.to_owned(), text(value)?)));
    let object = pairs.collect::<anyhow::Result<serde_json::Map<_, _>>>()?;
    serde_json::to_string(&object).context("headers are text")
}
