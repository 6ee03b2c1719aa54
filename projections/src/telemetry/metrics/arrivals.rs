//! When samples arrived that were late: sparse, so that a segment without any keeps
//! nothing, and a series that others of its segment are late beside keeps nothing
//! either. Bodies bring many samples at once: neighbours that arrived together are one
//! run.
//!
//! ```text
//! column: an arrival, then of each series that has any: series since the one before,
//!         bytes of its runs of samples, those, bytes of its runs of histograms, those
//! run: samples since the run before, samples, arrival less the one before
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

/// The column under way.
#[derive(Debug, Default)]
pub(crate) struct ColumnWriter {
    bytes: Vec<u8>,
    first_ms: i64,
    last_series: u64,
    runs: Vec<u8>,
}

impl ColumnWriter {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds those of a series; series increase.
    pub(crate) fn series(
        &mut self,
        series: u64,
        floats: impl Iterator<Item = Late>,
        histograms: impl Iterator<Item = Late>,
    ) {
        let (mut floats, mut histograms) = (floats.peekable(), histograms.peekable());
        let Some(first) = floats.peek().or(histograms.peek()) else {
            return;
        };
        if self.bytes.is_empty() {
            self.first_ms = first.arrival_ms;
            put_signed(&mut self.bytes, self.first_ms);
        }
        put_varint(&mut self.bytes, series - self.last_series);
        self.last_series = series;
        self.runs.clear();
        put_runs(floats, self.first_ms, &mut self.runs);
        put_bytes(&mut self.bytes, &self.runs);
        self.runs.clear();
        put_runs(histograms, self.first_ms, &mut self.runs);
        put_bytes(&mut self.bytes, &self.runs);
    }

    /// What was written; nothing is left.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.last_series = 0;
        std::mem::take(&mut self.bytes)
    }
}

fn put_runs(late: impl Iterator<Item = Late>, first_ms: i64, out: &mut Vec<u8>) {
    let (mut late, mut end, mut last_ms) = (late.peekable(), 0, first_ms);
    while let Some(Late { at, arrival_ms }) = late.next() {
        let mut next = at + 1;
        while late
            .next_if(|late| late.at == next && late.arrival_ms == arrival_ms)
            .is_some()
        {
            next += 1;
        }
        put_varint(out, (at - end).into());
        put_varint(out, (next - at).into());
        put_signed(out, arrival_ms.wrapping_sub(last_ms));
        (end, last_ms) = (next, arrival_ms);
    }
}

/// The column read: runs stay as they are until a series is asked for.
#[derive(Debug, Default)]
pub(crate) struct Column {
    bytes: Vec<u8>,
    first_ms: i64,
    /// Series, where its runs of samples begin, and where those of histograms do.
    series: Vec<(u32, u32, u32)>,
}

impl Column {
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, Damaged> {
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
        self.bytes.len() + self.series.len() * size_of::<(u32, u32, u32)>()
    }

    /// Appends those of a series whose samples lie behind `before` others, so many
    /// floats and so many histograms.
    pub(crate) fn of(
        &self,
        series: usize,
        before: (usize, usize),
        to: &mut Arrivals,
    ) -> Result<(), Damaged> {
        let Some((_, floats, histograms)) = self.find(series) else {
            return Ok(());
        };
        for (begin, before, late) in [
            (floats, before.0, &mut to.floats),
            (histograms, before.1, &mut to.histograms),
        ] {
            let runs = Reader::new(&self.bytes[begin as usize..]).bytes()?;
            read_runs(runs, self.first_ms, before, late)?;
        }
        Ok(())
    }
}

/// More samples than a series of a segment has.
const MOST: u64 = 1 << 24;

fn read_runs(
    runs: &[u8],
    mut arrival_ms: i64,
    before: usize,
    late: &mut Vec<Late>,
) -> Result<(), Damaged> {
    let (mut runs, mut end) = (Reader::new(runs), before as u64);
    while !runs.is_empty() {
        let begin = end.saturating_add(runs.varint()?);
        end = begin.saturating_add(runs.varint()?);
        if end - before as u64 > MOST {
            return Err(Damaged("more late samples than there are"));
        }
        arrival_ms = arrival_ms.wrapping_add(runs.signed()?);
        late.extend((begin..end).map(|at| Late {
            at: at as u32,
            arrival_ms,
        }));
    }
    Ok(())
}
