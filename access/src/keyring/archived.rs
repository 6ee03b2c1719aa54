//! Projects that were archived at some time: no key of one is good while it is, nor, once
//! it is restored, any that was made before. What is said of a project lies on another
//! partition than its keys, and may come before or after them: a key is asked when it is
//! used.

use std::collections::HashMap;

use schemas::ids::{ProjectId, TenantId};
use schemas::project_keys::ProjectKeysEvent;
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};

/// By tenant, because nobody ends the keys of another.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub(super) struct Archived(HashMap<TenantId, HashMap<ProjectId, Good>>);

/// Which keys of a project are good.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq)]
enum Good {
    None,
    Since(Timestamp),
}

impl Archived {
    pub(super) fn take(&mut self, tenant: TenantId, project: ProjectId, event: &ProjectKeysEvent) {
        let good = match event {
            ProjectKeysEvent::ProjectKeysEnded(_) => Good::None,
            ProjectKeysEvent::ProjectKeysReopened(reopened) => Good::Since(reopened.at),
        };
        self.0.entry(tenant).or_default().insert(project, good);
    }

    /// Whether a key of `project` that was made at `made` has ended with it.
    pub(super) fn ends(&self, tenant: TenantId, project: ProjectId, made: Timestamp) -> bool {
        let known = self.0.get(&tenant).and_then(|of| of.get(&project));
        match known {
            None => false,
            Some(Good::None) => true,
            Some(Good::Since(at)) => made < *at,
        }
    }

    pub(super) fn forget(&mut self, tenant: TenantId) {
        self.0.remove(&tenant);
    }
}
