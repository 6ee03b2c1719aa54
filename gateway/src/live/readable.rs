//! Which changes a socket is told of: those of what its holder may read.

use access::permissions::Action;
use access::principal::Principal;
use schemas::change::ChangeKind;

/// What the holder of a socket may do, one bit an action: a frame is looked at once a
/// socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Readable(u64);

impl Readable {
    pub(super) fn of(principal: &Principal) -> Self {
        let may = Action::all().filter(|action| principal.may(*action));
        Self(may.fold(0, |held, action| held | bit(action)))
    }

    /// Whether somebody who may do this is told of a change that `needs` leave.
    pub(super) fn includes(self, needs: Option<Action>) -> bool {
        needs.is_none_or(|action| self.0 & bit(action) != 0)
    }
}

/// What one needs leave for to see what has changed.
pub(super) fn needed(kind: ChangeKind) -> Action {
    match kind {
        ChangeKind::IncidentCreated
        | ChangeKind::IncidentUpdated
        | ChangeKind::IncidentAbsorbed
        | ChangeKind::TimelineUpdated => Action::ReadIncidents,
        ChangeKind::AlertFired | ChangeKind::AlertResolved => Action::ReadAlerts,
        ChangeKind::ApiKeyUpdated => Action::ReadApiKeys,
        ChangeKind::MemberUpdated => Action::ReadMembers,
        ChangeKind::ProjectUpdated => Action::ReadProjects,
        ChangeKind::SavedViewUpdated => Action::ReadSavedViews,
        ChangeKind::MonitoringIntegrationUpdated => Action::ReadMonitoringIntegrations,
        ChangeKind::TelemetryLimitsUpdated | ChangeKind::TelemetryLimitsReached => {
            Action::ReadTelemetryLimits
        }
    }
}

fn bit(action: Action) -> u64 {
    1 << action as u64
}

#[cfg(test)]
impl Readable {
    pub(super) const EVERYTHING: Self = Self(u64::MAX);

    pub(super) fn only(actions: &[Action]) -> Self {
        Self(actions.iter().fold(0, |held, action| held | bit(*action)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_action_has_a_bit_of_its_own() {
        let bits: HashSet<u64> = Action::all().map(bit).collect();
        assert_eq!(bits.len(), Action::all().count());
        let incidents = Readable::only(&[Action::ReadIncidents]);
        assert!(incidents.includes(Some(needed(ChangeKind::TimelineUpdated))));
        assert!(!incidents.includes(Some(needed(ChangeKind::ApiKeyUpdated))));
        assert!(incidents.includes(None), "a resync is everybody's");
    }
}
