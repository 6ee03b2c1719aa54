//! Sections of level 0 read together: in each the series are in the order of their
//! ordinals, here they come in the order of their ids.

use std::sync::Arc;

use promql::source::Samples;

use super::arrivals::Arrivals;
use super::day_series::{DaySeries, ranks_in, union};
use super::merge;
use super::segment::{Names, Segment};
use crate::telemetry::bytes::Damaged;

/// A section's bytes, and the series of its day.
pub(super) type Section = (Vec<u8>, Arc<DaySeries>);

/// Sections that are in the order of the log, with a place for each series in each:
/// many more than there are series, and so dealt out to these without sorting them.
#[derive(Debug, Default)]
pub(super) struct Sections {
    sections: Vec<Segment>,
    /// In order; of a day that nothing else is with all of its own.
    ids: Arc<Vec<u128>>,
    /// Where the places of each id end.
    ends: Vec<u32>,
    places: Vec<Place>,
}

/// A series in a section.
#[derive(Debug, Default, Clone, Copy)]
struct Place {
    section: u32,
    at: u32,
}

/// One day's series among those of all days.
struct Day {
    series: Arc<DaySeries>,
    /// By rank of the day, where it is not the only one.
    ranks: Option<Vec<u32>>,
}

impl Sections {
    pub(super) fn open(data: Vec<Section>) -> Result<Self, Damaged> {
        let mut all = Self::default();
        let (mut days, mut day_of) = (Vec::<Arc<DaySeries>>::new(), Vec::new());
        for (data, series) in data {
            all.sections.push(Segment::open(&data)?);
            let day = days.iter().position(|day| Arc::ptr_eq(day, &series));
            day_of.push(day.unwrap_or(days.len()));
            if day.is_none() {
                days.push(series);
            }
        }
        let days = all.rank(days);
        all.deal(&days, &day_of)?;
        Ok(all)
    }

    /// Puts the ids of all days in order.
    fn rank(&mut self, days: Vec<Arc<DaySeries>>) -> Vec<Day> {
        if let [series] = &days[..] {
            self.ids = series.ids().clone();
        } else {
            let all: Vec<&[u128]> = days.iter().map(|day| &day.ids()[..]).collect();
            self.ids = Arc::new(union(&all));
        }
        let several = days.len() > 1;
        let ranks = |series: &DaySeries| ranks_in(&self.ids, series.ids().iter().copied());
        days.into_iter()
            .map(|series| Day {
                ranks: several.then(|| ranks(&series)),
                series,
            })
            .collect()
    }

    /// Gives each id its places, in the order of the sections.
    fn deal(&mut self, days: &[Day], day_of: &[usize]) -> Result<(), Damaged> {
        self.ends = vec![0; self.ids.len()];
        for (segment, day) in self.sections.iter().zip(day_of) {
            for ordinal in ordinals(segment)? {
                self.ends[days[*day].rank(*ordinal)?] += 1;
            }
        }
        let mut total = 0_u32;
        for end in &mut self.ends {
            // For now where they begin; each place that is dealt moves it on.
            let count = std::mem::replace(end, total);
            total = total
                .checked_add(count)
                .ok_or(Damaged("more samples than one step may have"))?;
        }
        self.places = vec![Place::default(); total as usize];
        for (section, (segment, day)) in (0..).zip(self.sections.iter().zip(day_of)) {
            for (at, ordinal) in (0..).zip(ordinals(segment)?) {
                let next = &mut self.ends[days[*day].rank(*ordinal)?];
                self.places[*next as usize] = Place { section, at };
                *next += 1;
            }
        }
        Ok(())
    }

    /// Calls `take` with the id and all samples of each series.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(u128, &Samples, &Arrivals),
    ) -> Result<(), Damaged> {
        let (mut samples, mut arrivals) = (Samples::default(), Arrivals::default());
        let mut start = 0;
        for (id, end) in self.ids.iter().zip(&self.ends) {
            let places = &self.places[start..*end as usize];
            start = *end as usize;
            if places.is_empty() {
                continue;
            }
            let pieces = places
                .iter()
                .map(|place| (&self.sections[place.section as usize], place.at as usize));
            merge::read(pieces, &mut samples, Some(&mut arrivals))?;
            take(*id, &samples, &arrivals);
        }
        Ok(())
    }
}

impl Day {
    fn rank(&self, ordinal: u32) -> Result<usize, Damaged> {
        let rank = self.series.rank(ordinal);
        let rank = rank.ok_or(Damaged("a section names a series that is not stored"))? as usize;
        let of_all = self.ranks.as_ref().map(|ranks| ranks[rank] as usize);
        Ok(of_all.unwrap_or(rank))
    }
}

fn ordinals(segment: &Segment) -> Result<&[u32], Damaged> {
    match segment.names() {
        Names::Ordinals(ordinals) => Ok(ordinals),
        Names::Ids(_) => Err(Damaged("a section that names no ordinals")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::segment::Writer;
    use super::*;

    fn series(ids: &[u128]) -> Arc<DaySeries> {
        let mut series = DaySeries::default();
        series.extend(ids);
        Arc::new(series)
    }

    const IDS: [u128; 6] = [40, 10, 60, 20, 50, 30];

    fn section(day: &[u128], ordinals: &[u32], time: i64) -> Vec<u8> {
        let mut writer = Writer::default();
        for ordinal in ordinals {
            let value = day[*ordinal as usize] as f64;
            writer.ordinal(*ordinal, &[time], &[value], &[]);
        }
        writer.finish_ordinals()
    }

    proptest! {
        /// A series has another ordinal on another day, and not every day has all.
        #[test]
        fn each_series_comes_once_with_what_all_sections_have(
            days in prop::collection::vec(prop::sample::subsequence(IDS.to_vec(), 1..=6).prop_shuffle(), 1..3),
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        ) {
            let days: Vec<_> = days.into_iter().map(|day| (series(&day), day)).collect();
            let mut expected = BTreeMap::<u128, Vec<i64>>::new();
            let mut sections = Vec::new();
            for (time, (day, mask)) in (0..).zip(picks) {
                let (series, day) = &days[day.index(days.len())];
                let ordinals: Vec<u32> = (0..day.len() as u32).filter(|n| mask >> n & 1 == 1).collect();
                for ordinal in &ordinals {
                    expected.entry(day[*ordinal as usize]).or_default().push(time);
                }
                sections.push((section(day, &ordinals, time), series.clone()));
            }
            let mut found = Vec::new();
            Sections::open(sections).unwrap().each(|id, samples, _| {
                assert!(samples.values.iter().all(|value| *value == id as f64));
                found.push((id, samples.times.clone()));
            }).unwrap();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_ordinal_that_is_not_stored_is_refused() {
        let data = section(&IDS, &[5], 0);
        let stored = series(&IDS[..5]);
        assert!(Sections::open(vec![(data, stored)]).is_err());
    }
}
