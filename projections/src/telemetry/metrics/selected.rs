//! What a selector found: series with their pieces of segments, decoded one after
//! the other.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use promql::source::{Samples, SeriesSet, SourceError};
use protocols::metrics::Labels;

use super::arrivals::Arrivals;
use super::coarse;
use super::fetch::SegmentRow;
use super::index::DayIndex;
use super::merge::{self, Piece};
use super::registry::HashedMap;
use super::segment::{Names, Segment};
use super::segments::SegmentKey;
use crate::telemetry::bytes::Damaged;

const NONE: u32 = u32::MAX;
/// Of a window of level 1, in seconds.
const HOUR: i64 = 3_600;

/// Implements promql's series set.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    from_ms: i64,
    to_ms: i64,
    as_of_ms: Option<i64>,
    days: Vec<Day>,
    by_id: HashedMap<u32>,
    found: Vec<Found>,
}

/// One day's index and where its series are in `found`.
#[derive(Debug)]
struct Day {
    day: i32,
    index: Arc<RwLock<DayIndex>>,
    places: Vec<u32>,
}

/// A series: where its labels are, and its samples.
#[derive(Debug)]
struct Found {
    index: Arc<RwLock<DayIndex>>,
    series: u32,
    pieces: Vec<Piece>,
}

impl Selected {
    pub(crate) fn new(from_ms: i64, to_ms: i64) -> Self {
        Self {
            from_ms,
            to_ms,
            ..Self::default()
        }
    }

    /// Without what had not arrived by then.
    pub(crate) fn known_at(self, as_of_ms: Option<i64>) -> Self {
        // Nothing arrives before its own time.
        let to_ms = self.to_ms.min(as_of_ms.unwrap_or(i64::MAX));
        Self {
            to_ms,
            as_of_ms,
            ..self
        }
    }

    pub(crate) fn times(&self) -> (i64, i64) {
        (self.from_ms, self.to_ms)
    }

    pub(crate) fn series(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn ids(&self) -> Vec<u128> {
        self.by_id.keys().copied().collect()
    }

    /// Adds the series that were found on a day.
    pub(crate) fn add_day(&mut self, day: i32, index: Arc<RwLock<DayIndex>>, series: &[u32]) {
        if series.is_empty() {
            return;
        }
        let held = index.read();
        let mut places = vec![NONE; held.len()];
        for series in series {
            let next = u32::try_from(self.found.len()).unwrap_or(NONE);
            let place = *self.by_id.entry(held.id(*series)).or_insert(next);
            if place == next {
                self.found.push(Found {
                    index: index.clone(),
                    series: *series,
                    pieces: Vec::new(),
                });
            }
            places[*series as usize] = place;
        }
        drop(held);
        self.days.push(Day { day, index, places });
    }

    /// Whether a segment may hold samples of the days that were added.
    pub(crate) fn may_read(&self, key: &SegmentKey) -> bool {
        self.days.iter().any(|day| day.day == key.day)
            && (key.level == 0
                || (key.window_start.saturating_mul(1_000) <= self.to_ms
                    && key.window_start.saturating_add(HOUR).saturating_mul(1_000) > self.from_ms))
    }

    /// Gives each series its pieces of `rows`, which are in the order of the log;
    /// returns the segments that were opened for it.
    pub(crate) fn take_in(
        &mut self,
        rows: Vec<SegmentRow>,
        held: &HashMap<SegmentKey, Arc<Segment>>,
    ) -> Result<Vec<(SegmentKey, Arc<Segment>)>, Damaged> {
        let mut opened = Vec::new();
        for SegmentRow { key, data } in rows {
            let segment = match (held.get(&key), data) {
                (Some(segment), _) => segment.clone(),
                (None, data) => {
                    let data = data.ok_or(Damaged("a segment was not sent"))?;
                    let segment = Arc::new(match key.level {
                        0 | 1 => Segment::open(&data)?,
                        _ => coarse::open(&data)?,
                    });
                    opened.push((key, segment.clone()));
                    segment
                }
            };
            self.give(&key, &segment);
        }
        self.found.retain(|found| !found.pieces.is_empty());
        (self.by_id, self.days) = Default::default();
        Ok(opened)
    }

    fn give(&mut self, key: &SegmentKey, segment: &Arc<Segment>) {
        let mut pieces = Vec::new();
        match segment.names() {
            Names::Ids(ids) => {
                let place = |(at, id)| self.by_id.get(id).map(|place| (at, *place));
                pieces.extend(ids.iter().enumerate().filter_map(place));
            }
            Names::Ordinals(ordinals) => {
                let Some(day) = self.days.iter().find(|day| day.day == key.day) else {
                    return;
                };
                let index = day.index.read();
                let series = index.of_ordinal(key.partition);
                let place = |(at, ordinal): (usize, &u32)| {
                    let series = *series.get(*ordinal as usize)?;
                    let place = *day.places.get(series as usize)?;
                    (place != NONE).then_some((at, place))
                };
                pieces.extend(ordinals.iter().enumerate().filter_map(place));
            }
        }
        for (at, place) in pieces {
            self.found[place as usize].pieces.push(Piece {
                segment: segment.clone(),
                at,
            });
        }
    }
}

impl SeriesSet for Selected {
    fn next(&mut self, samples: &mut Samples) -> Result<Option<Labels>, SourceError> {
        samples.clear();
        while let Some(found) = self.found.pop() {
            let failed = |e: Damaged| SourceError::Failed(e.to_string());
            let pieces = found.pieces.iter().map(Piece::place);
            match self.as_of_ms {
                None => merge::read(pieces, samples, None).map_err(failed)?,
                Some(as_of_ms) => {
                    let mut arrivals = Arrivals::default();
                    merge::read(pieces, samples, Some(&mut arrivals)).map_err(failed)?;
                    if arrivals.untold {
                        return Err(untold());
                    }
                    arrivals.leave_out(samples, as_of_ms);
                }
            }
            merge::cut(samples, self.from_ms, self.to_ms);
            if !samples.is_empty() {
                return Ok(Some(found.index.read().labels(found.series)));
            }
        }
        Ok(None)
    }

    fn split(&mut self, parts: usize) -> Vec<Box<dyn SeriesSet>> {
        let share = self.found.len() / (parts + 1);
        let mut shares: Vec<Box<dyn SeriesSet>> = Vec::with_capacity(parts);
        for _ in 0..if share == 0 { 0 } else { parts } {
            let found = self.found.split_off(self.found.len() - share);
            shares.push(Box::new(Self {
                found,
                ..Self::new(self.from_ms, self.to_ms).known_at(self.as_of_ms)
            }));
        }
        shares
    }
}

/// Rather no answer than one that may be wrong.
pub(crate) fn untold() -> SourceError {
    let why = "samples of this time do not tell when they arrived: they are downsampled, or \
               were stored before arrivals were kept; ask without `as_of`";
    SourceError::NotKept(why.to_owned())
}
