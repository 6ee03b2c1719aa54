//! The last bodies that an integration was refused, so that its owner can see
//! what the agent really sends. In memory only, and bounded.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;
use schemas::ids::{ProjectId, TenantId};
use schemas::scope::Scope;
use schemas::time::Timestamp;

/// Bodies kept for one integration of one project.
pub const KEPT: usize = 5;
/// Bytes kept of one body.
pub const KEPT_BYTES: usize = 4_096;
/// Integrations over all projects; a new one pushes out the longest unchanged.
pub const INTEGRATIONS: usize = 256;

/// A body that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedBody {
    pub at: Timestamp,
    pub reason: String,
    /// The first [`KEPT_BYTES`] of it.
    pub body: Bytes,
    pub body_bytes: usize,
}

/// Whose, and where they were sent.
type Place = (TenantId, ProjectId, &'static str);

/// The latest bodies that were refused, by project and integration, in memory only.
#[derive(Debug, Default)]
pub struct RefusedBodies {
    kept: Mutex<BTreeMap<Place, VecDeque<RefusedBody>>>,
}

impl RefusedBodies {
    /// Keeps the beginning of a body in place of the oldest; of too many integrations the
    /// one that was idle for longest is forgotten.
    pub fn note(
        &self,
        scope: &Scope,
        integration: &'static str,
        at: Timestamp,
        reason: String,
        body: &Bytes,
    ) {
        let mut kept = self.kept.lock();
        let key = (scope.tenant(), scope.project(), integration);
        if kept.len() >= INTEGRATIONS && !kept.contains_key(&key) {
            let idle = kept
                .iter()
                .min_by_key(|(_, bodies)| bodies.front().map(|body| body.at));
            let idle = idle.map(|(key, _)| *key);
            idle.and_then(|key| kept.remove(&key));
        }
        let bodies = kept.entry(key).or_default();
        bodies.truncate(KEPT - 1);
        bodies.push_front(RefusedBody {
            at,
            reason,
            // A copy: a slice would keep the whole body in memory.
            body: Bytes::copy_from_slice(&body[..body.len().min(KEPT_BYTES)]),
            body_bytes: body.len(),
        });
    }

    /// Drops what is kept of a tenant.
    pub fn forget(&self, tenant: TenantId) {
        self.kept.lock().retain(|key, _| key.0 != tenant);
    }

    /// What `scope`'s project was refused, newest first, with the integration.
    pub fn latest(&self, scope: &Scope) -> Vec<(&'static str, RefusedBody)> {
        let kept = self.kept.lock();
        let whose = (scope.tenant(), scope.project());
        let own = kept.iter().filter(|(key, _)| (key.0, key.1) == whose);
        let mut latest: Vec<_> = own
            .flat_map(|((_, _, name), bodies)| bodies.iter().map(|body| (*name, body.clone())))
            .collect();
        latest.sort_by_key(|(_, body)| std::cmp::Reverse(body.at));
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::scope::Actor;
    use uuid::Uuid;

    fn scope(project: u128) -> Scope {
        let project = ProjectId(Uuid::from_u128(project));
        Scope::granted(TenantId(Uuid::from_u128(1)), project, Actor::system("test"))
    }

    fn note(kept: &RefusedBodies, project: u128, second: i64, body: &[u8]) {
        let at = Timestamp::from_micros(second * 1_000_000);
        let body = Bytes::copy_from_slice(body);
        kept.note(
            &scope(project),
            "alertmanager",
            at,
            format!("reason {second}"),
            &body,
        );
    }

    #[test]
    fn keeps_the_newest_of_each_project_cut_to_size() {
        let kept = RefusedBodies::default();
        for second in 0..9 {
            note(&kept, 1, second, &[b'x'; KEPT_BYTES + 7]);
        }
        note(&kept, 2, 1, b"other");
        let latest = kept.latest(&scope(1));
        let reasons: Vec<_> = latest
            .iter()
            .map(|(_, body)| body.reason.as_str())
            .collect();
        assert_eq!(
            reasons,
            ["reason 8", "reason 7", "reason 6", "reason 5", "reason 4"]
        );
        assert_eq!(
            (latest[0].1.body.len(), latest[0].1.body_bytes),
            (KEPT_BYTES, KEPT_BYTES + 7)
        );
        assert_eq!(kept.latest(&scope(2)).len(), 1);
        assert_eq!(kept.latest(&scope(3)), Vec::new());
        kept.forget(TenantId(Uuid::from_u128(9)));
        assert_eq!(kept.latest(&scope(2)).len(), 1);
        kept.forget(TenantId(Uuid::from_u128(1)));
        assert_eq!(kept.latest(&scope(2)), Vec::new());
    }

    #[test]
    fn the_longest_unchanged_integration_makes_room() {
        let kept = RefusedBodies::default();
        for project in 0..INTEGRATIONS as u128 {
            note(&kept, project, 100 + project as i64, b"x");
        }
        note(&kept, 0, 900, b"x");
        note(&kept, 9_999, 901, b"x");
        assert_eq!(kept.latest(&scope(1)), Vec::new());
        assert_eq!(kept.latest(&scope(0)).len(), 2);
        assert_eq!(kept.latest(&scope(9_999)).len(), 1);
    }
}
