//! Bytes of many segments, fetched at once.

use std::ops::Range;

use chrono::{DateTime, Utc};
use schemas::scope::Scope;
use sqlx::PgConnection;

use super::LogsError;
use super::listed::Listed;

/// Pieces of segments to be fetched, column by column.
#[derive(Default)]
pub(super) struct Pieces {
    number: Vec<i32>,
    at: Vec<i32>,
    len: Vec<i32>,
    partition: Vec<i32>,
    from_offset: Vec<i64>,
    to_offset: Vec<i64>,
    part: Vec<i32>,
    slot: Vec<DateTime<Utc>>,
    day: Vec<i32>,
    class: Vec<i16>,
    window_start: Vec<i64>,
}

pub(super) const BYTES: &str = "substring(s.data FROM w.at + 1 FOR w.len)";
pub(super) const DIRECTORY: &str = "s.directory";
const WANTED: &str =
    "FROM unnest($3::int[], $4::int[], $5::int[], $6::int[], $7::bigint[], $8::bigint[], $9::int[],
             $10::timestamptz[], $11::int[], $12::smallint[], $13::bigint[])
         AS w (number, at, len, partition, from_offset, to_offset, part, slot, day, class,
               window_start)";
/// Each wanted one is looked up by the key: `OFFSET 0` keeps Postgres from going through
/// them for each row of the project, because it takes a project to have one.
pub(super) const LEVEL_0: &str = "CROSS JOIN LATERAL (SELECT s.* FROM telemetry.logs_l0 s
    WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.partition = w.partition
      AND s.from_offset = w.from_offset AND s.section = w.part AND s.slot = w.slot OFFSET 0) s";
pub(super) const LEVEL_1: &str = "CROSS JOIN LATERAL (SELECT s.* FROM telemetry.logs_l1 s
    WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.day = w.day AND s.class = w.class
      AND s.window_start = w.window_start AND s.partition = w.partition
      AND s.from_offset = w.from_offset AND s.to_offset = w.to_offset AND s.part = w.part
    OFFSET 0) s";

impl Pieces {
    /// No bytes of each, by its number.
    pub(super) fn of<'a>(listed: impl IntoIterator<Item = &'a Listed>) -> Self {
        let mut pieces = Self::default();
        for (number, one) in (0..).zip(listed) {
            pieces.push(number, one, Some(0..0));
        }
        pieces
    }

    /// All of the segment where no frame is named, but for its filter, which is last.
    pub(super) fn push(&mut self, number: i32, one: &Listed, frame: Option<Range<usize>>) {
        let narrow = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let frame = frame.unwrap_or_else(|| match one.bloom_bytes {
            0 => 0..(1 << 30),
            _ => 0..usize::try_from(one.bloom_at).unwrap_or_default(),
        });
        self.number.push(number);
        self.at.push(narrow(frame.start));
        self.len.push(narrow(frame.len()));
        self.partition.push(one.partition);
        self.from_offset.push(one.from_offset);
        self.to_offset.push(one.to_offset);
        self.part.push(one.part);
        self.slot.push(one.slot);
        self.day.push(one.day);
        self.class.push(one.class);
        self.window_start.push(one.window_start);
    }

    /// Number, place and bytes of each that is there.
    pub(super) async fn fetch(
        self,
        tx: &mut PgConnection,
        scope: &Scope,
        bytes: &'static str,
        join: &str,
    ) -> Result<Vec<(i32, i32, Vec<u8>)>, LogsError> {
        if self.number.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT w.number, w.at, {bytes} {WANTED} {join}");
        let sql = sqlx::AssertSqlSafe(sql);
        Ok(sqlx::query_as(sql)
            .bind(scope.tenant().0)
            .bind(scope.project().0)
            .bind(self.number)
            .bind(self.at)
            .bind(self.len)
            .bind(self.partition)
            .bind(self.from_offset)
            .bind(self.to_offset)
            .bind(self.part)
            .bind(self.slot)
            .bind(self.day)
            .bind(self.class)
            .bind(self.window_start)
            .fetch_all(&mut *tx)
            .await?)
    }
}
