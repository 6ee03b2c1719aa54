//! The series of a day in the order of their ids, and the rank of each ordinal among
//! them: what every step of compaction would otherwise sort anew.

use std::sync::Arc;

/// Ids in order, and ranks by ordinal.
#[derive(Debug, Clone, Default)]
pub(super) struct DaySeries {
    ids: Arc<Vec<u128>>,
    ranks: Vec<u32>,
}

impl DaySeries {
    pub(super) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// In order, each once.
    pub(super) fn ids(&self) -> &Arc<Vec<u128>> {
        &self.ids
    }

    /// `None` where the day has no such ordinal.
    pub(super) fn rank(&self, ordinal: u32) -> Option<u32> {
        self.ranks.get(ordinal as usize).copied()
    }

    /// Adds those with the next ordinals.
    pub(super) fn extend(&mut self, fresh: &[u128]) {
        if fresh.is_empty() {
            return;
        }
        let first = self.ranks.len() as u32;
        let mut sorted: Vec<(u128, u32)> = fresh.iter().copied().zip(first..).collect();
        sorted.sort_unstable();
        self.ranks.resize(self.ranks.len() + fresh.len(), 0);
        let fresh: Vec<u128> = sorted.iter().map(|one| one.0).collect();
        let ids = union(&[&self.ids, &fresh]);
        let moved = ranks_in(&ids, self.ids.iter().copied());
        for rank in &mut self.ranks[..first as usize] {
            *rank = moved[*rank as usize];
        }
        let ranks = ranks_in(&ids, fresh.into_iter());
        for ((_, ordinal), rank) in sorted.iter().zip(ranks) {
            self.ranks[*ordinal as usize] = rank;
        }
        self.ids = Arc::new(ids);
    }
}

/// All ids of lists that are in order, in order.
pub(super) fn union(lists: &[&[u128]]) -> Vec<u128> {
    let mut all = lists.concat();
    // The standard library's stable sort merges runs.
    all.sort();
    all.dedup();
    all
}

/// Where each of `some` is in `all`, which has them; both are in order.
pub(super) fn ranks_in(all: &[u128], some: impl Iterator<Item = u128>) -> Vec<u32> {
    let mut rank = 0;
    some.map(|id| {
        while all[rank] < id {
            rank += 1;
        }
        rank as u32
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_ordinal_keeps_its_id(ids in prop::collection::hash_set(any::<u128>(), 0..40), cuts in prop::collection::vec(0..12_usize, 0..8)) {
            let ids: Vec<u128> = ids.into_iter().collect();
            let (mut day, mut rest) = (DaySeries::default(), &ids[..]);
            for cut in cuts.into_iter().chain([40]) {
                let (fresh, later) = rest.split_at(cut.min(rest.len()));
                day.extend(fresh);
                rest = later;
                prop_assert!(day.ids().is_sorted_by(|a, b| a < b));
                for (ordinal, id) in (0..).zip(&ids[..day.len()]) {
                    let rank = day.rank(ordinal).unwrap();
                    prop_assert_eq!(day.ids()[rank as usize], *id);
                }
                prop_assert_eq!(day.rank(day.len() as u32), None);
            }
            prop_assert_eq!(day.len(), ids.len());
        }
    }
}
