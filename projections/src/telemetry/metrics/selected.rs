//! What a selector found: series with their pieces of segments, decoded one after
//! the other.

use std::sync::Arc;

use parking_lot::RwLock;
use promql::source::{Samples, SeriesSet, SourceError};
use protocols::metrics::Labels;

use super::fetch::SegmentRow;
use super::index::DayIndex;
use super::merge::{self, Piece};
use super::registry::HashedMap;
use super::segment::{Names, Segment};
use crate::telemetry::bytes::Damaged;

const NONE: u32 = u32::MAX;

/// Implements promql's series set.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    from_ms: i64,
    to_ms: i64,
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

    /// Gives each series its pieces of `rows`, which are in the order of the log.
    pub(crate) fn take_in(&mut self, rows: Vec<SegmentRow>) -> Result<(), Damaged> {
        for row in rows {
            let segment = Arc::new(Segment::open(&row.data)?);
            let mut pieces = Vec::new();
            match segment.names() {
                Names::Ids(ids) => {
                    let place = |(at, id)| self.by_id.get(id).map(|place| (at, *place));
                    pieces.extend(ids.iter().enumerate().filter_map(place));
                }
                Names::Ordinals(ordinals) => {
                    let Some(day) = self.days.iter().find(|day| day.day == row.day) else {
                        continue;
                    };
                    let index = day.index.read();
                    let series = index.of_ordinal(row.partition);
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
        self.found.retain(|found| !found.pieces.is_empty());
        (self.by_id, self.days) = Default::default();
        Ok(())
    }
}

impl SeriesSet for Selected {
    fn next(&mut self, samples: &mut Samples) -> Result<Option<Labels>, SourceError> {
        samples.clear();
        while let Some(found) = self.found.pop() {
            merge::read(&found.pieces, samples).map_err(|e| SourceError::Failed(e.to_string()))?;
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
                ..Self::new(self.from_ms, self.to_ms)
            }));
        }
        shares
    }
}
