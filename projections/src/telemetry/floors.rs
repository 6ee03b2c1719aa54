//! Where a replay of the range still in the log begins. Segments that hold an older
//! position stay as they are, so what they hold is not taken again: per window of an
//! hour, because a merge joins positions of one window only.

use std::collections::{BTreeMap, HashMap};

use eventlog::{Offset, Partition};
use schemas::ids::ProjectId;

/// An hour, in the unit of `window_start`.
pub(crate) const WINDOW_S: i64 = 3_600;

/// The least position of each window that is taken.
#[derive(Debug, Default)]
pub(crate) struct Floors {
    starts: BTreeMap<Partition, Offset>,
    windows: HashMap<(ProjectId, Partition, i64), Offset>,
}

/// A segment that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) project: ProjectId,
    pub(crate) partition: Partition,
    pub(crate) window_start: i64,
    pub(crate) from: Offset,
    /// Not included.
    pub(crate) to: Offset,
}

impl Floors {
    /// From where each partition begins and what is stored, by `from` ascending.
    pub(crate) fn new(starts: BTreeMap<Partition, Offset>, stored: &[Stored]) -> Self {
        let mut floors = Self {
            starts,
            windows: HashMap::new(),
        };
        for one in stored {
            let floor = floors.of(one.project, one.partition, one.window_start);
            if one.from < floor && floor < one.to {
                let window = (one.project, one.partition, one.window_start);
                floors.windows.insert(window, one.to);
            }
        }
        floors
    }

    /// The floor of the window that begins at `window_start` seconds.
    pub(crate) fn of(&self, project: ProjectId, partition: Partition, window_start: i64) -> Offset {
        let own = self.windows.get(&(project, partition, window_start));
        own.copied().unwrap_or_else(|| self.start(partition))
    }

    pub(crate) fn start(&self, partition: Partition) -> Offset {
        self.starts.get(&partition).copied().unwrap_or(Offset::MAX)
    }

    /// Windows whose floor is not their partition's start.
    pub(crate) fn raised(&self) -> impl Iterator<Item = (ProjectId, Partition, i64, Offset)> + '_ {
        let all = self.windows.iter();
        all.map(|((project, partition, window), floor)| (*project, *partition, *window, *floor))
    }
}

/// The floors as one record of the log meets them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor<'a> {
    pub(crate) floors: &'a Floors,
    pub(crate) project: ProjectId,
    pub(crate) partition: Partition,
    pub(crate) offset: Offset,
}

impl Floor<'_> {
    /// Whether an item of that time, in seconds since 1970, is taken.
    pub(crate) fn takes(&self, time_s: i64) -> bool {
        let window_start = time_s.div_euclid(WINDOW_S) * WINDOW_S;
        self.offset >= self.floors.of(self.project, self.partition, window_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_window_begins_where_no_segment_of_it_crosses() {
        let project = ProjectId(Uuid::from_u128(1));
        let stored = |window_start, from, to| Stored {
            project,
            partition: 0,
            window_start,
            from,
            to,
        };
        let floors = Floors::new(
            BTreeMap::from([(0, 50)]),
            &[
                stored(3_600, 0, 40),
                stored(0, 10, 60),
                stored(0, 55, 70),
                stored(3_600, 50, 90),
                stored(0, 70, 99),
            ],
        );
        let takes = |time_s, offset| {
            let floor = Floor {
                floors: &floors,
                project,
                partition: 0,
                offset,
            };
            floor.takes(time_s)
        };
        assert!(
            !takes(3_599, 69) && takes(3_599, 70),
            "two cross, in a chain"
        );
        assert!(!takes(3_600, 49) && takes(7_199, 50), "none crosses");
        assert_eq!(floors.raised().collect::<Vec<_>>(), [(project, 0, 0, 70)]);
        assert_eq!(floors.start(1), Offset::MAX, "nothing of other partitions");
    }
}
