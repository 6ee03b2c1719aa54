//! Whether the announcements of a partition follow each other.

use std::collections::HashMap;

use projections::checkpoints::Checkpoint;
use schemas::change::Announcement;

type Key = (String, String, i32);

/// Per (projection, topic, partition): where the last announcement ended.
#[derive(Default)]
pub(super) struct Continuity {
    ended: HashMap<Key, i64>,
    /// Checkpoints that were ahead of the announcements when last compared.
    ahead: HashMap<Key, i64>,
}

impl Continuity {
    /// Whether `announcement` begins where the last of its partition ended. The
    /// first one of a partition begins the sequence.
    pub(super) fn follows(&mut self, announcement: &Announcement) -> bool {
        let key = (
            announcement.projection.clone(),
            announcement.topic.clone(),
            announcement.partition,
        );
        let before = self.ended.insert(key, announcement.to);
        before.is_none_or(|ended| ended == announcement.from)
    }

    /// Whether a checkpoint that was ahead a comparison ago is still not announced.
    /// One comparison alone proves nothing: a commit is announced after it.
    pub(super) fn is_behind(&mut self, checkpoints: &[Checkpoint]) -> bool {
        let mut behind = false;
        let mut ahead = HashMap::new();
        for checkpoint in checkpoints {
            let key = (
                checkpoint.projection.clone(),
                checkpoint.topic.clone(),
                checkpoint.partition,
            );
            let next = checkpoint.next_offset;
            let ended = *self.ended.entry(key.clone()).or_insert(next);
            if self.ahead.get(&key).is_some_and(|seen| ended < *seen) {
                behind = true;
                self.ended.insert(key, next);
            } else if ended < next {
                ahead.insert(key, next);
            }
        }
        self.ahead = ahead;
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(from: i64, to: i64) -> Announcement {
        Announcement {
            projection: "incidents".to_owned(),
            topic: "incident.events".to_owned(),
            partition: 3,
            from,
            to,
            changes: Vec::new(),
        }
    }

    fn checkpoint(next_offset: i64) -> [Checkpoint; 1] {
        [Checkpoint {
            projection: "incidents".to_owned(),
            topic: "incident.events".to_owned(),
            partition: 3,
            generation: 1,
            next_offset,
        }]
    }

    #[test]
    fn a_hole_between_announcements_is_seen() {
        let mut continuity = Continuity::default();
        assert!(continuity.follows(&announcement(0, 4)));
        assert!(continuity.follows(&announcement(4, 9)));
        assert!(!continuity.follows(&announcement(10, 12)));
        assert!(continuity.follows(&announcement(12, 13)));
    }

    #[test]
    fn an_announcement_that_never_comes_is_missed_at_the_second_look() {
        let mut continuity = Continuity::default();
        assert!(!continuity.is_behind(&checkpoint(5)));
        assert!(!continuity.is_behind(&checkpoint(7)));
        assert!(continuity.is_behind(&checkpoint(7)));
        assert!(!continuity.is_behind(&checkpoint(7)));
    }

    #[test]
    fn an_announcement_that_comes_late_is_not_missed() {
        let mut continuity = Continuity::default();
        assert!(!continuity.is_behind(&checkpoint(5)));
        assert!(!continuity.is_behind(&checkpoint(7)));
        assert!(continuity.follows(&announcement(5, 7)));
        assert!(!continuity.is_behind(&checkpoint(9)));
        assert!(continuity.follows(&announcement(7, 9)));
        assert!(!continuity.is_behind(&checkpoint(9)));
    }
}
