//! Level 0, in the order of arrival, becomes segments of one hour whose series are
//! in the order of their ids; small ones become larger ones.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use promql::source::Samples;
use protocols::metrics::NAME;
use schemas::ids::ProjectId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::SIGNAL;
use super::arrivals::{Arrivals, within};
use super::coarsen::{Coarsened, Coarsening};
use super::day_series::DaySeries;
use super::merge::{self, Piece};
use super::registry::day_of;
use super::sections::Sections;
use super::segment::{Names, Segment, Writer};
use super::series_block::SeriesBlock;
use super::standing;
use crate::telemetry::aside::aside;
use crate::telemetry::bytes::Damaged;
use crate::telemetry::compaction::{
    Compact, CompactError, FINAL_TIER, Level0, Level1, Place, Target,
};

/// Samples in a segment, about: 200 series for an hour.
const SEGMENT_SAMPLES: usize = 50_000;
const HOUR_MS: i64 = 3_600_000;
/// Series that are kept from one range to the next.
const MOST_SERIES: usize = 4 << 20;

/// What metrics do in compaction, with the series of the days that it works on.
#[derive(Debug, Default)]
pub(crate) struct MetricsCompact {
    series: Mutex<HashMap<Key, Arc<DaySeries>>>,
}

/// Schema, project, generation, partition and day: a replay compacts in a schema of its own,
/// whose generations are counted from the beginning too.
type Key = (String, ProjectId, i64, i32, i32);

#[async_trait]
impl Compact for MetricsCompact {
    fn signal(&self) -> &'static str {
        SIGNAL
    }

    async fn compact(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level0>,
    ) -> Result<(), CompactError> {
        let mut series = BTreeMap::new();
        for row in &rows {
            if let Entry::Vacant(day) = series.entry(row.day) {
                day.insert(self.series(tx, target.place, row.day).await?);
            }
        }
        let days: Vec<i32> = series.keys().copied().collect();
        let by_name = ByName::load(tx, &target, &days).await?;
        let sections = rows.into_iter().map(|row| {
            let series = series.get(&row.day).cloned().unwrap_or_default();
            (row.data, series)
        });
        let sections = sections.collect();
        let segments = apart(move || {
            let mut hours = Hours::default();
            Sections::open(sections)?.each(|id, samples, arrivals| {
                hours.add(id, by_name.class(id), samples, arrivals);
            })?;
            Ok(hours.finish())
        });
        insert(tx, &target, segments.await?).await
    }

    async fn merge(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level1>,
    ) -> Result<(), CompactError> {
        // Of one range, segments of two classes are two runs.
        let mut runs = BTreeMap::<(i64, i16), Vec<Vec<u8>>>::new();
        let mut days = Vec::<i32>::new();
        let window_start = rows.first().map(|row| row.window_start);
        for row in rows {
            let run = (row.from_offset, row.class);
            runs.entry(run).or_default().push(row.data);
            days.push(row.day);
        }
        days.dedup();
        let by_name = ByName::load(tx, &target, &days).await?;
        let runs = runs.into_iter();
        let runs = runs.map(|((from_offset, _), parts)| Run::new(from_offset, parts));
        let runs: Vec<Run> = runs.collect();
        // Only what has become final is made coarse.
        let hour = window_start.filter(|_| target.tier == FINAL_TIER);
        let before = match hour {
            Some(start) => Some(standing::rows(tx, target.place, start).await?),
            None => None,
        };
        let rewritten = apart(move || {
            let coarse = before.map(Coarsening::over).transpose()?;
            rewrite(runs, &by_name, coarse)
        });
        let (segments, coarse) = rewritten.await?;
        if let (Some(coarse), Some(start)) = (coarse, hour) {
            coarse.write(tx, &target, start).await?;
        }
        insert(tx, &target, segments).await
    }
}

impl MetricsCompact {
    /// The series of one day, read on from where they are known.
    async fn series(
        &self,
        tx: &mut PgConnection,
        place: Place,
        day: i32,
    ) -> Result<Arc<DaySeries>, CompactError> {
        let (schema, generation) = generation(tx).await?;
        let key = (schema, place.project, generation, place.partition, day);
        // Out of the map while it grows, so that nothing has to be copied.
        let known = self.series.lock().remove(&key);
        let mut known = known.unwrap_or_default();
        let blocks: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT data FROM metric_series
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = $4
               AND first_ordinal >= $5
             ORDER BY first_ordinal",
        )
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(day)
        .bind(i32::try_from(known.len()).unwrap_or(i32::MAX))
        .fetch_all(&mut *tx)
        .await?;
        let mut fresh = Vec::new();
        for block in blocks {
            fresh.extend(SeriesBlock::decode(&block)?.ids());
        }
        Arc::make_mut(&mut known).extend(&fresh);
        let mut held = self.series.lock();
        if held.values().map(|series| series.len()).sum::<usize>() > MOST_SERIES {
            held.clear();
        }
        held.insert(key, known.clone());
        Ok(known)
    }
}

/// Ordinals mean something within one generation of one schema only.
async fn generation(tx: &mut PgConnection) -> Result<(String, i64), sqlx::Error> {
    sqlx::query_as(
        "SELECT coalesce(current_schema()::text, ''), coalesce(max(generation), 0)
         FROM checkpoint WHERE projection = $1",
    )
    .bind(SIGNAL)
    .fetch_one(tx)
    .await
}

/// A run of segments, opened one after the other: their series are in the order of
/// ids from the first to the last.
#[derive(Debug)]
struct Run {
    from_offset: i64,
    parts: VecDeque<Vec<u8>>,
    segment: Option<Arc<Segment>>,
    /// Series of the open segment, the next one last.
    entries: Vec<(u128, usize)>,
}

impl Run {
    fn new(from_offset: i64, parts: Vec<Vec<u8>>) -> Self {
        Self {
            from_offset,
            parts: parts.into(),
            segment: None,
            entries: Vec::new(),
        }
    }

    /// The next series, if there is one.
    fn peek(&mut self) -> Result<Option<u128>, Damaged> {
        while self.entries.is_empty() {
            let Some(part) = self.parts.pop_front() else {
                return Ok(None);
            };
            let segment = Segment::open(&part)?;
            let Names::Ids(ids) = segment.names() else {
                return Err(Damaged("a segment that names no ids"));
            };
            self.entries = ids.iter().copied().zip(0..ids.len()).rev().collect();
            self.segment = Some(Arc::new(segment));
        }
        Ok(self.entries.last().map(|(id, _)| *id))
    }

    fn take(&mut self, id: u128) -> Option<Piece> {
        let (_, at) = self.entries.pop_if(|(next, _)| *next == id)?;
        let segment = self.segment.clone()?;
        Some(Piece { segment, at })
    }
}

/// How long series are kept, by the hash of their metric's name, which their ids
/// begin with.
#[derive(Debug)]
struct ByName {
    whole: i16,
    names: HashMap<u32, i16>,
}

impl ByName {
    /// Names are read only where there are rules about them.
    async fn load(
        tx: &mut PgConnection,
        target: &Target,
        days: &[i32],
    ) -> Result<Self, CompactError> {
        let (classes, place) = (&target.classes, target.place);
        let mut by_name = Self {
            whole: classes.whole(),
            names: HashMap::new(),
        };
        if classes.is_uniform() {
            return Ok(by_name);
        }
        let blocks: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT data FROM metric_series
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = ANY ($4)",
        )
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(days)
        .fetch_all(tx)
        .await?;
        for block in blocks {
            let block = SeriesBlock::decode(&block)?;
            for at in 0..block.len() {
                let labels = block.labels(at);
                let class = classes.of(labels.get(NAME).unwrap_or_default());
                by_name.names.insert(name_of(labels.id().0), class);
            }
        }
        Ok(by_name)
    }

    fn class(&self, id: u128) -> i16 {
        let own = self.names.get(&name_of(id));
        own.copied().unwrap_or(self.whole)
    }
}

fn name_of(id: u128) -> u32 {
    (id >> 96) as u32
}

/// A new row of level 1.
#[derive(Debug)]
struct NewSegment {
    class: i16,
    window_start: i64,
    min_time: i64,
    max_time: i64,
    items: usize,
    id_from: u128,
    id_to: u128,
    series: u64,
    data: Vec<u8>,
}

/// New segments, and what was added to the coarse ones.
type Rewritten = (Vec<NewSegment>, Option<Coarsened>);

/// Away from the threads that serve others.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Damaged> + Send + 'static,
) -> Result<T, CompactError> {
    Ok(aside(work).await??)
}

/// The head of a run that has ended: no hash that anybody will meet.
const ENDED: u128 = u128::MAX;

/// Merges runs, which are in the order of the log, series by series. The next ids of
/// all runs lie side by side, because most series are in few of many runs.
fn rewrite(
    mut runs: Vec<Run>,
    by_name: &ByName,
    mut coarse: Option<Coarsening>,
) -> Result<Rewritten, Damaged> {
    let mut hours = Hours::default();
    let (mut samples, mut arrivals) = (Samples::default(), Arrivals::default());
    let mut pieces = Vec::new();
    let mut heads = Vec::with_capacity(runs.len());
    for run in &mut runs {
        heads.push(run.peek()?.unwrap_or(ENDED));
    }
    while let Some(id) = heads.iter().copied().min().filter(|id| *id != ENDED) {
        pieces.clear();
        let mut from_offset = i64::MAX;
        for (run, head) in runs.iter_mut().zip(&mut heads) {
            if *head == id {
                pieces.extend(run.take(id));
                from_offset = from_offset.min(run.from_offset);
                *head = run.peek()?.unwrap_or(ENDED);
            }
        }
        let places = pieces.iter().map(Piece::place);
        merge::read(places, &mut samples, Some(&mut arrivals))?;
        let class = by_name.class(id);
        hours.add(id, class, &samples, &arrivals);
        if let Some(coarse) = &mut coarse {
            coarse.add(id, class, from_offset, &samples);
        }
    }
    let coarse = coarse.map(Coarsening::finish).transpose()?;
    Ok((hours.finish(), coarse))
}

/// Segments under way, by class and hour.
#[derive(Debug, Default)]
struct Hours {
    open: BTreeMap<(i16, i64), (Writer, Option<NewSegment>)>,
    finished: Vec<NewSegment>,
}

impl Hours {
    fn add(&mut self, id: u128, class: i16, samples: &Samples, arrivals: &Arrivals) {
        let hour = |time: i64| time.div_euclid(HOUR_MS);
        let (mut floats, mut wide) = (0, 0);
        loop {
            let next = [
                samples.times.get(floats).copied(),
                samples.histograms.get(wide).map(|(time, _)| *time),
            ];
            let Some(window) = next.into_iter().flatten().map(hour).min() else {
                return;
            };
            let floats_end = samples.times.partition_point(|time| hour(*time) <= window);
            let wide_end = samples.histograms.partition_point(|h| hour(h.0) <= window);
            let (float_range, wide_range) = (floats..floats_end, wide..wide_end);
            (floats, wide) = (floats_end, wide_end);
            let ranges = (float_range, wide_range);
            self.add_to(id, (class, window), samples, arrivals, ranges);
        }
    }

    fn add_to(
        &mut self,
        id: u128,
        (class, window): (i16, i64),
        samples: &Samples,
        arrivals: &Arrivals,
        (floats, wide): (Range<usize>, Range<usize>),
    ) {
        let (writer, about) = self.open.entry((class, window)).or_default();
        let times = &samples.times[floats.clone()];
        let histograms = &samples.histograms[wide.clone()];
        writer.id(id, times, &samples.values[floats.clone()], histograms);
        if arrivals.untold {
            writer.untold();
        }
        if !arrivals.is_empty() {
            let late = within(&arrivals.floats, &floats);
            writer.arrivals(late, within(&arrivals.histograms, &wide));
        }
        let about = about.get_or_insert_with(|| NewSegment {
            class,
            window_start: window * HOUR_MS / 1_000,
            min_time: i64::MAX,
            max_time: i64::MIN,
            items: 0,
            id_from: id,
            id_to: id,
            series: 0,
            data: Vec::new(),
        });
        let wide_times = histograms.iter().map(|(time, _)| time);
        for time in times
            .first()
            .into_iter()
            .chain(times.last())
            .chain(wide_times)
        {
            about.min_time = about.min_time.min(*time);
            about.max_time = about.max_time.max(*time);
        }
        about.items += times.len() + histograms.len();
        about.id_to = id;
        if about.items >= SEGMENT_SAMPLES {
            self.close((class, window));
        }
    }

    fn close(&mut self, open: (i16, i64)) {
        if let Some((writer, about)) = self.open.get_mut(&open)
            && let Some(mut segment) = about.take()
        {
            segment.series = writer.len();
            segment.data = writer.finish_ids();
            self.finished.push(segment);
        }
    }

    fn finish(mut self) -> Vec<NewSegment> {
        let all: Vec<_> = self.open.keys().copied().collect();
        for open in all {
            self.close(open);
        }
        self.finished
    }
}

async fn insert(
    tx: &mut PgConnection,
    target: &Target,
    segments: Vec<NewSegment>,
) -> Result<(), CompactError> {
    let narrow = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
    let column = |of: fn(&NewSegment) -> i64| segments.iter().map(of).collect::<Vec<_>>();
    let uuids = |of: fn(&NewSegment) -> u128| {
        let ids = segments.iter().map(of).map(Uuid::from_u128);
        ids.collect::<Vec<_>>()
    };
    // A whole hour lies in one day.
    let days: Vec<i32> = segments
        .iter()
        .map(|segment| day_of(segment.window_start.saturating_mul(1_000)))
        .collect();
    sqlx::query(
        "INSERT INTO metrics_l1 (tenant_id, project_id, partition, rules, tier,
             from_offset, to_offset, class, day, window_start, part, min_time, max_time, items,
             id_from, id_to, series, data)
         SELECT $1, $2, $3, $4, $5, $6, $7, * FROM unnest($18::smallint[], $8::int[], $9::bigint[], $10::int[],
             $11::bigint[], $12::bigint[], $13::int[], $14::uuid[], $15::uuid[], $16::int[], $17::bytea[])",
    )
    .bind(target.place.tenant.0)
    .bind(target.place.project.0)
    .bind(target.place.partition)
    .bind(target.classes.version)
    .bind(target.tier)
    .bind(target.from_offset)
    .bind(target.to_offset)
    .bind(days)
    .bind(column(|s| s.window_start))
    .bind((0..narrow(segments.len() as u64)).collect::<Vec<_>>())
    .bind(column(|s| s.min_time))
    .bind(column(|s| s.max_time))
    .bind(segments.iter().map(|s| narrow(s.items as u64)).collect::<Vec<_>>())
    .bind(uuids(|s| s.id_from))
    .bind(uuids(|s| s.id_to))
    .bind(segments.iter().map(|s| narrow(s.series)).collect::<Vec<_>>())
    .bind(segments.iter().map(|s| &s.data[..]).collect::<Vec<_>>())
    .bind(segments.iter().map(|s| s.class).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
