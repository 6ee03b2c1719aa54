//! Sections of level 0 read together: in each the series are in the order of their
//! ordinals, here they come in the order of their ids.

use std::sync::Arc;

use promql::source::Samples;

use super::arrivals::Arrivals;
use super::merge;
use super::segment::{Names, Segment};
use crate::telemetry::bytes::Damaged;

const ABSENT: u32 = u32::MAX;

/// A section's bytes, and the ids of its day's series by ordinal.
pub(super) type Section = (Vec<u8>, Arc<Vec<u128>>);

/// Sections that are in the order of the log, with a place for each series in each:
/// many more than there are series, so that only those are sorted by id, and the
/// places are dealt out to them.
#[derive(Debug, Default)]
pub(super) struct Sections {
    sections: Vec<Segment>,
    ids: Vec<u128>,
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

/// One day's ids by ordinal, and their ranks among all ids: first only whether they
/// occur, later which they are.
struct Day {
    ids: Arc<Vec<u128>>,
    ranks: Vec<u32>,
}

impl Sections {
    pub(super) fn open(data: Vec<Section>) -> Result<Self, Damaged> {
        let mut all = Self::default();
        let (mut days, mut day_of) = (Vec::<Day>::new(), Vec::new());
        for (data, ids) in data {
            let segment = Segment::open(&data)?;
            let day = days.iter().position(|day| Arc::ptr_eq(&day.ids, &ids));
            let day = day.unwrap_or_else(|| {
                days.push(Day::of(ids));
                days.len() - 1
            });
            days[day].mark(ordinals(&segment)?)?;
            day_of.push(day);
            all.sections.push(segment);
        }
        all.rank(&mut days);
        all.deal(&days, &day_of)?;
        Ok(all)
    }

    /// Sorts the ids that occur, and tells the days.
    fn rank(&mut self, days: &mut [Day]) {
        let mut found = Vec::new();
        for (day, known) in (0_u32..).zip(&*days) {
            found.extend(known.found().map(|(id, ordinal)| (id, day, ordinal)));
        }
        found.sort_unstable();
        for (id, day, ordinal) in found {
            if self.ids.last() != Some(&id) {
                self.ids.push(id);
            }
            let rank = self.ids.len() - 1;
            days[day as usize].ranks[ordinal as usize] = rank as u32;
        }
    }

    /// Gives each id its places, in the order of the sections.
    fn deal(&mut self, days: &[Day], day_of: &[usize]) -> Result<(), Damaged> {
        self.ends = vec![0; self.ids.len()];
        for (segment, day) in self.sections.iter().zip(day_of) {
            for ordinal in ordinals(segment)? {
                self.ends[days[*day].rank(*ordinal)] += 1;
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
                let next = &mut self.ends[days[*day].rank(*ordinal)];
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
    fn of(ids: Arc<Vec<u128>>) -> Self {
        let ranks = vec![ABSENT; ids.len()];
        Self { ids, ranks }
    }

    fn mark(&mut self, ordinals: &[u32]) -> Result<(), Damaged> {
        for ordinal in ordinals {
            let rank = self.ranks.get_mut(*ordinal as usize);
            *rank.ok_or(Damaged("a section names a series that is not stored"))? = 0;
        }
        Ok(())
    }

    /// Ids that were marked, with their ordinals.
    fn found(&self) -> impl Iterator<Item = (u128, u32)> {
        let all = self.ids.iter().zip(0_u32..).zip(&self.ranks);
        all.filter(|(_, rank)| **rank != ABSENT)
            .map(|((id, ordinal), _)| (*id, ordinal))
    }

    fn rank(&self, ordinal: u32) -> usize {
        self.ranks[ordinal as usize] as usize
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
            let days: Vec<_> = days.into_iter().map(Arc::new).collect();
            let mut expected = BTreeMap::<u128, Vec<i64>>::new();
            let mut sections = Vec::new();
            for (time, (day, mask)) in (0..).zip(picks) {
                let day = &days[day.index(days.len())];
                let ordinals: Vec<u32> = (0..day.len() as u32).filter(|n| mask >> n & 1 == 1).collect();
                for ordinal in &ordinals {
                    expected.entry(day[*ordinal as usize]).or_default().push(time);
                }
                sections.push((section(day, &ordinals, time), day.clone()));
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
        let stored = Arc::new(IDS[..5].to_vec());
        assert!(Sections::open(vec![(data, stored)]).is_err());
    }
}
