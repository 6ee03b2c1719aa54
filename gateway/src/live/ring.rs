//! The last frames of this gateway, for clients that come back.

use std::collections::VecDeque;

use access::permissions::Action;
use axum::extract::ws::Utf8Bytes;
use schemas::ids::{ProjectId, TenantId};

use super::readable::Readable;

/// Whose frame it is. None = everybody's (a resync).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Audience {
    pub(super) tenant: Option<TenantId>,
    pub(super) project: Option<ProjectId>,
    /// What they need leave for.
    pub(super) needs: Option<Action>,
}

impl Audience {
    pub(super) const ALL: Self = Self {
        tenant: None,
        project: None,
        needs: None,
    };

    /// Whether somebody of `tenant` and `project` may see it.
    pub(super) fn includes(self, tenant: TenantId, project: ProjectId) -> bool {
        self.tenant.is_none_or(|own| own == tenant) && self.project.is_none_or(|own| own == project)
    }
}

/// Frames by number, oldest first; numbers have no holes.
pub(super) struct Ring {
    limit: usize,
    last: u64,
    frames: VecDeque<(Audience, Utf8Bytes)>,
}

impl Ring {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            last: 0,
            frames: VecDeque::new(),
        }
    }

    /// The number of the newest frame; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Adds a frame that is made with its number.
    pub(super) fn push(
        &mut self,
        audience: Audience,
        make: impl FnOnce(u64) -> Utf8Bytes,
    ) -> Utf8Bytes {
        self.last += 1;
        let frame = make(self.last);
        self.frames.push_back((audience, frame.clone()));
        if self.frames.len() > self.limit {
            self.frames.pop_front();
        }
        frame
    }

    /// The frames after `seq` that the client may see; None where some of those
    /// after `seq` are gone, or `seq` is not of this ring.
    pub(super) fn since(
        &self,
        seq: u64,
        tenant: TenantId,
        project: ProjectId,
        may: Readable,
    ) -> Option<Vec<Utf8Bytes>> {
        let held = self.frames.len() as u64;
        let missing = self.last.checked_sub(seq)?;
        if missing > held {
            return None;
        }
        let skip = usize::try_from(held - missing).ok()?;
        let after = self.frames.iter().skip(skip);
        let seen = after.filter(|(audience, _)| {
            audience.includes(tenant, project) && may.includes(audience.needs)
        });
        Some(seen.map(|(_, frame)| frame.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    fn project(n: u128) -> ProjectId {
        ProjectId(Uuid::from_u128(n))
    }

    fn of(n: u128) -> Audience {
        Audience {
            tenant: Some(tenant(n)),
            project: Some(project(n)),
            needs: None,
        }
    }

    fn since(ring: &Ring, seq: u64) -> Option<Vec<Utf8Bytes>> {
        ring.since(seq, tenant(1), project(1), Readable::EVERYTHING)
    }

    fn numbered(ring: &mut Ring, audience: Audience) {
        ring.push(audience, |seq| seq.to_string().into());
    }

    #[test]
    fn a_client_gets_what_it_missed_and_nothing_of_others() {
        let mut ring = Ring::new(10);
        for n in [1, 2, 1, 2] {
            numbered(&mut ring, of(n));
        }
        numbered(&mut ring, Audience::ALL);
        assert_eq!(since(&ring, 1).unwrap(), ["3", "5"]);
        assert_eq!(since(&ring, 5), Some(Vec::new()));
        assert_eq!(since(&ring, 6), None);
    }

    #[test]
    fn what_a_client_may_not_read_it_has_not_missed() {
        let mut ring = Ring::new(10);
        for needs in [Action::ReadIncidents, Action::ReadApiKeys] {
            let needs = Some(needs);
            numbered(&mut ring, Audience { needs, ..of(1) });
        }
        numbered(&mut ring, Audience::ALL);
        let may = Readable::only(&[Action::ReadIncidents]);
        let missed = ring.since(0, tenant(1), project(1), may).unwrap();
        assert_eq!(missed, ["1", "3"]);
        assert_eq!(since(&ring, 0).unwrap(), ["1", "2", "3"]);
    }

    proptest! {
        #[test]
        fn resuming_gives_all_or_says_that_it_cannot(
            pushed in 0u64..50, limit in 1usize..20, seq in 0u64..60
        ) {
            let mut ring = Ring::new(limit);
            for _ in 0..pushed {
                numbered(&mut ring, of(1));
            }
            let expected: Vec<Utf8Bytes> =
                (seq + 1..=pushed).map(|n| n.to_string().into()).collect();
            let possible = seq <= pushed && expected.len() <= limit;
            prop_assert_eq!(since(&ring, seq), possible.then_some(expected));
        }
    }
}
