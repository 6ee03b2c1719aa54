//! When samples arrived that were late: sparse, so that a segment without any keeps
//! nothing, and a series that others of its segment are late beside keeps nothing
//! either. Bodies bring many samples at once: neighbours that arrived together are one
//! run, and so are neighbouring series of which all arrived together, as after an outage.
//!
//! ```text
//! column of series of which some are late, or not all at once:
//!         an arrival, then of each: series since the one before,
//!         bytes of its runs of samples, those, bytes of its runs of histograms, those
//! run: samples since the run before, samples, arrival less the one before
//! column of whole series: runs of series, as those of samples; the first arrival is
//!         less none
//! ```

use std::ops::Range;

use promql::source::Samples;

use crate::telemetry::arrival::LATE_NS;
use crate::telemetry::bytes::{Damaged, Reader, put_bytes, put_signed, put_varint};

/// Samples that arrive later than this after their own time are late.
pub(crate) const LATE_MS: i64 = LATE_NS / 1_000_000;

/// A late sample by its place among those of its series. Arrivals are in milliseconds,
/// as times are: the first at which it was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) at: u32,
    pub(crate) arrival_ms: i64,
}

/// Of the samples of one series, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arrivals {
    pub(crate) floats: Vec<Late>,
    pub(crate) histograms: Vec<Late>,
    /// Some of the samples do not tell: they are of before arrivals were kept, or what
    /// is left of others.
    pub(crate) untold: bool,
}

impl Arrivals {
    pub(crate) fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
        self.untold = false;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// Leaves out what had not arrived by `as_of_ms`; of what was not late its own time
    /// says so.
    pub(crate) fn leave_out(&self, samples: &mut Samples, as_of_ms: i64) {
        let gone = |late: &[Late]| -> Vec<u32> {
            let late = late.iter().filter(|late| late.arrival_ms > as_of_ms);
            late.map(|late| late.at).collect()
        };
        let (floats, histograms) = (gone(&self.floats), gone(&self.histograms));
        without(&mut samples.times, &floats);
        without(&mut samples.values, &floats);
        without(&mut samples.histograms, &histograms);
        let known = samples.times.partition_point(|time| *time <= as_of_ms);
        samples.times.truncate(known);
        samples.values.truncate(known);
        samples.histograms.retain(|(time, _)| *time <= as_of_ms);
    }
}

/// Takes out what lies at `places`, which are in order.
fn without<T>(all: &mut Vec<T>, places: &[u32]) {
    if places.is_empty() {
        return;
    }
    let (mut at, mut places) = (0, places.iter().peekable());
    all.retain(|_| {
        let is_gone = places.next_if(|place| **place == at).is_some();
        at += 1;
        !is_gone
    });
}

/// Those of `late` within a range of places, counted from its begin.
pub(crate) fn within(late: &[Late], range: &Range<usize>) -> impl Iterator<Item = Late> {
    let (from, to) = (range.start as u32, range.end as u32);
    let begin = late.partition_point(|late| late.at < from);
    let end = late.partition_point(|late| late.at < to);
    late[begin..end].iter().map(move |late| Late {
        at: late.at - from,
        ..*late
    })
}

/// What becomes of them where samples are put into `order`.
pub(crate) fn reordered(late: &mut Vec<Late>, order: &[usize]) {
    if late.is_empty() {
        return;
    }
    let arrival = |(at, place): (usize, &usize)| {
        let found = late.binary_search_by_key(place, |late| late.at as usize);
        let arrival_ms = late[found.ok()?].arrival_ms;
        Some(Late {
            at: at as u32,
            arrival_ms,
        })
    };
    *late = order.iter().enumerate().filter_map(arrival).collect();
}

/// Neighbours that arrived together: samples of a series, or series of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    from: u32,
    end: u32,
    arrival_ms: i64,
}

/// The columns under way.
#[derive(Debug, Default)]
pub(crate) struct ColumnWriter {
    bytes: Vec<u8>,
    first_ms: i64,
    last_series: u64,
    runs: Vec<u8>,
    floats: Vec<Run>,
    histograms: Vec<Run>,
    whole: Vec<Run>,
}

impl ColumnWriter {
    /// Adds those of a series that has so many floats and histograms; series increase.
    pub(crate) fn series(
        &mut self,
        series: u64,
        (floats, histograms): (usize, usize),
        late_floats: impl Iterator<Item = Late>,
        late_histograms: impl Iterator<Item = Late>,
    ) {
        collect_runs(late_floats, &mut self.floats);
        collect_runs(late_histograms, &mut self.histograms);
        let Some(first) = self.floats.first().or(self.histograms.first()) else {
            return;
        };
        let arrival_ms = first.arrival_ms;
        let at_once = |runs: &[Run], count| {
            is_whole(runs, count) && runs.iter().all(|run| run.arrival_ms == arrival_ms)
        };
        if at_once(&self.floats, floats) && at_once(&self.histograms, histograms) {
            let at = series as u32;
            return extend(&mut self.whole, at, arrival_ms);
        }
        if self.bytes.is_empty() {
            self.first_ms = arrival_ms;
            put_signed(&mut self.bytes, self.first_ms);
        }
        put_varint(&mut self.bytes, series - self.last_series);
        self.last_series = series;
        for runs in [&self.floats, &self.histograms] {
            self.runs.clear();
            put_runs(runs, self.first_ms, &mut self.runs);
            put_bytes(&mut self.bytes, &self.runs);
        }
    }

    /// The column of series of which not all arrived at once, if there are any; nothing
    /// of it is left.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        self.last_series = 0;
        let bytes = std::mem::take(&mut self.bytes);
        (!bytes.is_empty()).then_some(bytes)
    }

    /// The column of the others.
    pub(crate) fn take_whole(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        put_runs(&self.whole, 0, &mut bytes);
        self.whole.clear();
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// Whether the runs of a series are one that has all of its samples; of no samples there
/// are none.
fn is_whole(runs: &[Run], count: usize) -> bool {
    match runs {
        [] => count == 0,
        [run] => run.from == 0 && run.end as usize == count,
        _ => false,
    }
}

fn collect_runs(late: impl Iterator<Item = Late>, runs: &mut Vec<Run>) {
    runs.clear();
    for Late { at, arrival_ms } in late {
        extend(runs, at, arrival_ms);
    }
}

/// Lengthens the last run by what follows it, or begins one.
fn extend(runs: &mut Vec<Run>, at: u32, arrival_ms: i64) {
    match runs.last_mut() {
        Some(run) if run.end == at && run.arrival_ms == arrival_ms => run.end += 1,
        _ => runs.push(Run {
            from: at,
            end: at + 1,
            arrival_ms,
        }),
    }
}

fn put_runs(runs: &[Run], first_ms: i64, out: &mut Vec<u8>) {
    let (mut last_end, mut last_ms) = (0, first_ms);
    for run in runs {
        put_varint(out, (run.from - last_end).into());
        put_varint(out, (run.end - run.from).into());
        put_signed(out, run.arrival_ms.wrapping_sub(last_ms));
        (last_end, last_ms) = (run.end, run.arrival_ms);
    }
}

/// The columns read: runs of samples stay as they are until a series is asked for.
#[derive(Debug, Default)]
pub(crate) struct Column {
    bytes: Vec<u8>,
    first_ms: i64,
    /// Series, where its runs of samples begin, and where those of histograms do.
    series: Vec<(u32, u32, u32)>,
    whole: Vec<Run>,
}

impl Column {
    /// Of bytes of the one column, or none, and of the other.
    pub(crate) fn read(some: Option<Vec<u8>>, whole: Option<Vec<u8>>) -> Result<Self, Damaged> {
        let mut column = match some {
            Some(bytes) => Self::read_some(bytes)?,
            None => Self::default(),
        };
        each_run(&whole.unwrap_or_default(), 0, 0, |run| {
            column.whole.push(run);
        })?;
        Ok(column)
    }

    fn read_some(bytes: Vec<u8>) -> Result<Self, Damaged> {
        let mut reader = Reader::new(&bytes);
        let place = |reader: &Reader<'_>| (bytes.len() - reader.rest().len()) as u32;
        let first_ms = reader.signed()?;
        let (mut series, mut all) = (0_u32, Vec::new());
        while !reader.is_empty() {
            let step = u32::try_from(reader.varint()?).unwrap_or(u32::MAX);
            series = series
                .checked_add(step)
                .ok_or(Damaged("a series that there is not"))?;
            let floats = place(&reader);
            reader.bytes()?;
            all.push((series, floats, place(&reader)));
            reader.bytes()?;
        }
        Ok(Self {
            first_ms,
            series: all,
            bytes,
            whole: Vec::new(),
        })
    }

    /// Where all of a segment is late, each series lies at its own place.
    fn find(&self, series: usize) -> Option<(u32, u32, u32)> {
        let of = |found: &(u32, u32, u32)| found.0 as usize;
        let guess = self.series.get(series).copied();
        guess.filter(|guess| of(guess) == series).or_else(|| {
            let found = self.series.binary_search_by_key(&series, of).ok()?;
            Some(self.series[found])
        })
    }

    /// Bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
            + self.series.len() * size_of::<(u32, u32, u32)>()
            + self.whole.len() * size_of::<Run>()
    }

    /// The arrival of all samples of a series, where that is one.
    fn whole(&self, series: usize) -> Option<i64> {
        let series = u32::try_from(series).ok()?;
        let next = self.whole.partition_point(|run| run.end <= series);
        let run = self.whole.get(next).filter(|run| run.from <= series)?;
        Some(run.arrival_ms)
    }

    /// Appends those of a series that has so many floats and so many histograms, and
    /// whose samples lie behind `before` others.
    pub(crate) fn of(
        &self,
        series: usize,
        count: (usize, usize),
        before: (usize, usize),
        to: &mut Arrivals,
    ) -> Result<(), Damaged> {
        if let Some(arrival_ms) = self.whole(series) {
            if count.0.max(count.1) as u64 > MOST {
                return Err(Damaged("more that is late than there is"));
            }
            let late = |before: usize, count: usize| {
                let places = before..before.saturating_add(count);
                places.map(move |at| Late {
                    at: at as u32,
                    arrival_ms,
                })
            };
            to.floats.extend(late(before.0, count.0));
            to.histograms.extend(late(before.1, count.1));
            return Ok(());
        }
        let Some((_, floats, histograms)) = self.find(series) else {
            return Ok(());
        };
        for (begin, before, late) in [
            (floats, before.0, &mut to.floats),
            (histograms, before.1, &mut to.histograms),
        ] {
            let runs = Reader::new(&self.bytes[begin as usize..]).bytes()?;
            each_run(runs, self.first_ms, before as u64, |run| {
                let arrival_ms = run.arrival_ms;
                late.extend((run.from..run.end).map(|at| Late { at, arrival_ms }));
            })?;
        }
        Ok(())
    }
}

/// More samples than a series of a segment has, and more series than a segment.
const MOST: u64 = 1 << 24;

/// Calls `take` with each run, moved behind `before` others.
fn each_run(
    runs: &[u8],
    mut arrival_ms: i64,
    before: u64,
    mut take: impl FnMut(Run),
) -> Result<(), Damaged> {
    let (mut runs, mut last_end) = (Reader::new(runs), before);
    while !runs.is_empty() {
        let from = last_end.saturating_add(runs.varint()?);
        let end = from.saturating_add(runs.varint()?);
        if end - before > MOST {
            return Err(Damaged("more that is late than there is"));
        }
        arrival_ms = arrival_ms.wrapping_add(runs.signed()?);
        take(Run {
            from: from as u32,
            end: end as u32,
            arrival_ms,
        });
        last_end = end;
    }
    Ok(())
}
