//! Level 0, in the order of arrival, becomes segments of one hour in the order of
//! time, with a filter over their tokens. What is large already is taken as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use sqlx::PgConnection;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::SIGNAL;
use super::blooms::Key;
use super::counts::stored;
use super::fold::day_of;
use super::record::StreamView;
use super::segment::{Bloom, Directory, Segment, Writer};
use super::table::Table;
use crate::db::Db;
use crate::telemetry::aside::aside;
use crate::telemetry::bytes::Damaged;
use crate::telemetry::classes::Classes;
use crate::telemetry::compaction::{Compact, CompactError, Level0, Level1, Target};

/// A segment with so many records is not written again.
pub(super) const LARGE: usize = 8_000;
/// Records of a new segment, about.
const SEGMENT_RECORDS: usize = 12_000;
/// Text that is held at once, and records: of short ones with little text there are many.
const MOST_BYTES: usize = 128 << 20;
const MOST_RECORDS: usize = 1 << 20;
const NS_AN_HOUR: i64 = 3_600_000_000_000;
/// Services that are named; queries look into segments that have more.
const MOST_SERVICES: usize = 500;

/// Filters that are held until somebody takes them; a replay has nobody.
const MOST_WRITTEN_BYTES: usize = 32 << 20;

/// What logs do in compaction.
#[derive(Debug, Default)]
pub(crate) struct LogsCompact {
    written: Mutex<Vec<(Key, Vec<u8>)>>,
}

impl LogsCompact {
    async fn insert(
        &self,
        tx: &mut PgConnection,
        target: Target,
        segments: Vec<NewSegment>,
    ) -> Result<(), CompactError> {
        insert(tx, target, &segments).await?;
        let mut written = self.written.lock();
        let mut held: usize = written.iter().map(|(_, filter)| filter.len()).sum();
        for segment in &segments {
            let filter = segment.filter();
            held += filter.len();
            if !filter.is_empty() && held <= MOST_WRITTEN_BYTES {
                written.push((Key::Content(segment.content), filter.to_vec()));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Compact for LogsCompact {
    fn signal(&self) -> &'static str {
        SIGNAL
    }

    fn finished_items(&self) -> Option<i32> {
        i32::try_from(LARGE).ok()
    }

    async fn compact(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level0>,
    ) -> Result<(), CompactError> {
        let rows = rows.into_iter().map(|row| row.data).collect();
        let segments = rewrite_apart(rows, target.classes.clone()).await?;
        self.insert(tx, target, segments).await
    }

    async fn merge(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level1>,
    ) -> Result<(), CompactError> {
        let rows = rows.into_iter().map(|row| row.data).collect();
        let segments = rewrite_apart(rows, target.classes.clone()).await?;
        self.insert(tx, target, segments).await
    }

    /// Who looks for a word looks among the newest records first.
    fn written(&self, db: &Db) {
        let written = std::mem::take(&mut *self.written.lock());
        if !written.is_empty() {
            db.blooms().keep(written);
        }
    }
}

async fn rewrite_apart(
    segments: Vec<Vec<u8>>,
    classes: Arc<Classes>,
) -> Result<Vec<NewSegment>, CompactError> {
    aside(move || rewrite(segments, &classes)).await?
}

fn rewrite(segments: Vec<Vec<u8>>, classes: &Classes) -> Result<Vec<NewSegment>, CompactError> {
    let mut done = Vec::new();
    let mut table = Table::default();
    for data in segments {
        let segment = Segment::open(&data[..])?;
        if is_final(&segment)?
            && let Some(class) = one_class(&segment, classes)?
        {
            done.push(NewSegment::of(data, class)?);
            continue;
        }
        segment.append(None, &mut table)?;
        if table.bytes() >= MOST_BYTES || table.len() >= MOST_RECORDS {
            write(&std::mem::take(&mut table), classes, &mut done)?;
        }
    }
    write(&table, classes, &mut done)?;
    Ok(done)
}

/// How long all of it is kept; None where its streams differ in that.
fn one_class(segment: &Segment<'_>, classes: &Classes) -> Result<Option<i16>, Damaged> {
    let mut found = None;
    for stream in segment.streams()?.0.iter() {
        let class = classes.of(StreamView::read(stream)?.service);
        if *found.get_or_insert(class) != class {
            return Ok(None);
        }
    }
    Ok(Some(found.unwrap_or(classes.whole())))
}

/// Large, within one hour, and with a filter.
fn is_final(segment: &Segment<'_>) -> Result<bool, Damaged> {
    if segment.len() < LARGE || segment.directory().bloom().is_none() {
        return Ok(false);
    }
    let times = segment.times()?;
    let hour = |time: Option<&i64>| time.map(|time| time.div_euclid(NS_AN_HOUR));
    Ok(hour(times.first()) == hour(times.last()))
}

fn write(table: &Table, classes: &Classes, done: &mut Vec<NewSegment>) -> Result<(), CompactError> {
    let mut of_stream = Vec::new();
    for stream in table.streams.texts.iter() {
        of_stream.push(classes.of(StreamView::read(stream)?.service));
    }
    let mut hours = BTreeMap::<(i16, i64), Vec<u32>>::new();
    for at in table.sorted() {
        let row = &table.rows[at as usize];
        let hour = row.time_ns.div_euclid(NS_AN_HOUR);
        let class = of_stream[row.stream as usize];
        hours.entry((class, hour)).or_default().push(at);
    }
    let broken = |e: std::io::Error| CompactError::Damaged(e.to_string());
    let mut writer = Writer::new().map_err(broken)?;
    for ((class, _), rows) in hours {
        let parts = (rows.len() / SEGMENT_RECORDS).max(1);
        for part in rows.chunks(rows.len().div_ceil(parts)) {
            let written = writer.write(table, part, Bloom::With).map_err(broken)?;
            done.push(NewSegment::of(written.data, class)?);
        }
    }
    Ok(())
}

/// A new row of level 1.
struct NewSegment {
    class: i16,
    window_start: i64,
    min_time: i64,
    max_time: i64,
    items: i32,
    directory: Vec<u8>,
    levels: i16,
    services: Vec<String>,
    bloom_at: i32,
    bloom_bytes: i32,
    bloom_probes: i16,
    content: Uuid,
    data: Vec<u8>,
}

impl NewSegment {
    fn of(data: Vec<u8>, class: i16) -> Result<Self, Damaged> {
        let segment = Segment::open(&data[..])?;
        let times = segment.times()?;
        let (first, last) = (times.first().copied(), times.last().copied());
        let (min_time, max_time) = (first.unwrap_or_default(), last.unwrap_or_default());
        let levels = segment.levels()?;
        let mut services = Vec::new();
        for stream in segment.streams()?.0.iter() {
            services.push(stored(StreamView::read(stream)?.service));
        }
        services.sort_unstable();
        services.dedup();
        let narrow = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let bloom = segment.directory().bloom();
        let (bloom, bloom_probes) = bloom.map_or((0..0, 0), |it| (it.frame, it.probes));
        Ok(Self {
            class,
            window_start: min_time.div_euclid(NS_AN_HOUR) * 3_600,
            min_time,
            max_time,
            items: narrow(segment.len()),
            directory: data[..Directory::len_in(&data)?].to_vec(),
            levels: levels.iter().fold(0, |set, level| set | 1 << *level as u8),
            services,
            bloom_at: narrow(bloom.start),
            bloom_bytes: narrow(bloom.len()),
            bloom_probes,
            content: Uuid::from_u128(xxh3_128(&data)),
            data,
        })
    }

    /// Its token filter; empty where it has none.
    fn filter(&self) -> &[u8] {
        let narrow = |n: i32| usize::try_from(n).unwrap_or_default();
        let begin = narrow(self.bloom_at);
        self.data
            .get(begin..begin + narrow(self.bloom_bytes))
            .unwrap_or_default()
    }

    /// As JSON, because arrays of arrays are no way to bind lists. Empty where there
    /// are too many to list.
    fn services(&self) -> String {
        match self.services.len() <= MOST_SERVICES {
            true => serde_json::to_string(&self.services).unwrap_or_default(),
            false => "[]".to_owned(),
        }
    }
}

async fn insert(
    tx: &mut PgConnection,
    target: Target,
    segments: &[NewSegment],
) -> Result<(), CompactError> {
    let column = |of: fn(&NewSegment) -> i64| segments.iter().map(of).collect::<Vec<_>>();
    let narrow = |of: fn(&NewSegment) -> i32| segments.iter().map(of).collect::<Vec<_>>();
    // Parts of the same run that were large already have stayed and keep their numbers.
    sqlx::query(
        "WITH kept AS (
             SELECT day, max(part) + 1 AS parts FROM logs_l1
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND from_offset = $6
               AND to_offset = $7 AND day = ANY($9) GROUP BY day)
         INSERT INTO logs_l1 (tenant_id, project_id, partition, rules, tier,
             from_offset, to_offset, class, part, day, window_start, min_time, max_time, items,
             bloom_at, bloom_bytes, bloom_probes, content, levels, services, directory, data)
         SELECT $1, $2, $3, $4, $5, $6, $7, class, part + coalesce(parts, 0), day, window_start,
             min_time, max_time, items, bloom_at, bloom_bytes, bloom_probes, content, levels,
             ARRAY(SELECT jsonb_array_elements_text(services::jsonb)), directory, data
         FROM unnest($8::int[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[],
             $13::int[], $14::int[], $15::int[], $16::smallint[], $17::text[], $18::bytea[],
             $19::bytea[], $20::smallint[], $21::smallint[], $22::uuid[]) AS new (part, day, window_start,
             min_time, max_time, items, bloom_at, bloom_bytes, levels, services, directory, data,
             class, bloom_probes, content)
         LEFT JOIN kept USING (day)",
    )
    .bind(target.place.tenant.0)
    .bind(target.place.project.0)
    .bind(target.place.partition)
    .bind(target.classes.version)
    .bind(target.tier)
    .bind(target.from_offset)
    .bind(target.to_offset)
    .bind((0..segments.len() as i32).collect::<Vec<_>>())
    .bind(narrow(|s| day_of(s.min_time)))
    .bind(column(|s| s.window_start))
    .bind(column(|s| s.min_time))
    .bind(column(|s| s.max_time))
    .bind(narrow(|s| s.items))
    .bind(narrow(|s| s.bloom_at))
    .bind(narrow(|s| s.bloom_bytes))
    .bind(segments.iter().map(|s| s.levels).collect::<Vec<_>>())
    .bind(
        segments
            .iter()
            .map(NewSegment::services)
            .collect::<Vec<_>>(),
    )
    .bind(
        segments
            .iter()
            .map(|s| &s.directory[..])
            .collect::<Vec<_>>(),
    )
    .bind(segments.iter().map(|s| &s.data[..]).collect::<Vec<_>>())
    .bind(segments.iter().map(|s| s.class).collect::<Vec<_>>())
    .bind(segments.iter().map(|s| s.bloom_probes).collect::<Vec<_>>())
    .bind(segments.iter().map(|s| s.content).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
