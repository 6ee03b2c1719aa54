//! Opened segments that queries have read, kept by the process that answers them:
//! a row of either level never changes, and what dashboards ask they ask again. The
//! least recently used go first.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use schemas::ids::ProjectId;

use super::segment::Segment;

/// A row of level 0 or level 1, whichever project it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SegmentKey {
    pub(crate) level: i16,
    pub(crate) day: i32,
    pub(crate) window_start: i64,
    /// A merge of one run has its offsets, but may cut it into other parts.
    pub(crate) tier: i16,
    pub(crate) class: i16,
    pub(crate) partition: i32,
    pub(crate) from_offset: i64,
    pub(crate) to_offset: i64,
    /// `section` in level 0.
    pub(crate) part: i32,
    /// The transaction that wrote it; 0 in level 0. Where rules of retention have changed, a
    /// row of the same name is written anew with other series in it.
    pub(crate) written: i64,
}

/// Whose rows, and in which generation: a replay writes rows anew, and a deletion
/// takes them away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) project: ProjectId,
    pub(crate) generation: i64,
}

/// Of all projects.
#[derive(Debug)]
pub(crate) struct Segments {
    most_bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    uses: u64,
    bytes: usize,
    segments: HashMap<(Owner, SegmentKey), (u64, Arc<Segment>)>,
}

impl Segments {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            held: Mutex::default(),
        }
    }

    /// What is here of an owner that `wanted` says may be read.
    pub(crate) fn of(
        &self,
        owner: Owner,
        wanted: impl Fn(&SegmentKey) -> bool,
    ) -> HashMap<SegmentKey, Arc<Segment>> {
        let mut held = self.held.lock();
        held.uses += 1;
        let uses = held.uses;
        let all = held.segments.iter_mut();
        all.filter(|((of, key), _)| *of == owner && wanted(key))
            .map(|((_, key), (used, segment))| {
                *used = uses;
                (*key, segment.clone())
            })
            .collect()
    }

    /// Keeps what a query has opened.
    pub(crate) fn keep(&self, owner: Owner, opened: Vec<(SegmentKey, Arc<Segment>)>) {
        let mut held = self.held.lock();
        let uses = held.uses;
        for (key, segment) in opened {
            held.bytes += segment.bytes();
            if let Some((_, before)) = held.segments.insert((owner, key), (uses, segment)) {
                held.bytes -= before.bytes();
            }
        }
        if held.bytes > self.most_bytes {
            held.shrink(self.most_bytes / 10 * 9);
        }
        metrics::gauge!("telemetry_segment_cache_bytes").set(held.bytes as f64);
    }
}

impl Held {
    fn shrink(&mut self, most_bytes: usize) {
        let mut by_use: Vec<_> = self
            .segments
            .iter()
            .map(|(key, (used, _))| (*used, *key))
            .collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in by_use {
            if self.bytes <= most_bytes {
                return;
            }
            if let Some((_, gone)) = self.segments.remove(&key) {
                self.bytes -= gone.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::Writer;
    use super::*;

    fn key(part: i32) -> SegmentKey {
        SegmentKey {
            level: 1,
            day: 1,
            window_start: 0,
            tier: 1,
            class: 30,
            partition: 0,
            from_offset: 0,
            to_offset: 9,
            part,
            written: 7,
        }
    }

    fn segment() -> Arc<Segment> {
        let mut writer = Writer::default();
        writer.id(7, &[1, 2, 3], &[0.5, 0.25, 0.125], &[]);
        Arc::new(Segment::open(&writer.finish_ids()).unwrap())
    }

    #[test]
    fn the_least_recently_used_go_first_and_projects_are_apart() {
        let project = |n| Owner {
            project: ProjectId(uuid::Uuid::from_u128(n)),
            generation: 1,
        };
        let (mine, other) = (project(1), project(2));
        let segments = Segments::new(segment().bytes() * 3);
        for part in 0..3 {
            segments.keep(mine, vec![(key(part), segment())]);
        }
        assert_eq!(segments.of(mine, |key| key.part == 0).len(), 1);
        assert!(segments.of(other, |_| true).is_empty());
        let anew = SegmentKey {
            written: 8,
            ..key(0)
        };
        assert!(segments.of(mine, |key| *key == anew).is_empty());
        segments.keep(mine, vec![(key(3), segment())]);
        let left = segments.of(mine, |_| true);
        assert!(left.contains_key(&key(0)) && left.contains_key(&key(3)));
        assert!(!left.contains_key(&key(1)));
    }
}
