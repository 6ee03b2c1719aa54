//! The state machine of an incident as one table, which the aggregate enforces
//! and the read model shows as `allowed_next`.

use super::IncidentStatus;

/// A step that somebody can take with an incident; named as in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Acknowledge,
    Investigate,
    Mitigate,
    Resolve,
    Learn,
    Reopen,
    Merge,
}

impl Step {
    pub const ALL: [Self; 7] = [
        Self::Acknowledge,
        Self::Investigate,
        Self::Mitigate,
        Self::Resolve,
        Self::Learn,
        Self::Reopen,
        Self::Merge,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Investigate => "investigate",
            Self::Mitigate => "mitigate",
            Self::Resolve => "resolve",
            Self::Learn => "learn",
            Self::Reopen => "reopen",
            Self::Merge => "merge",
        }
    }

    /// Where the step leads.
    pub fn target(self) -> IncidentStatus {
        match self {
            Self::Acknowledge => IncidentStatus::Acknowledged,
            Self::Investigate | Self::Reopen => IncidentStatus::Investigating,
            Self::Mitigate => IncidentStatus::Mitigated,
            Self::Resolve => IncidentStatus::Resolved,
            Self::Learn => IncidentStatus::Learned,
            Self::Merge => IncidentStatus::Merged,
        }
    }
}

/// The steps that lead on from `status`. Forward steps may skip states up to
/// RESOLVED; LEARNED follows RESOLVED only; MERGED is the end.
pub fn allowed(status: IncidentStatus) -> &'static [Step] {
    use Step::{Acknowledge, Investigate, Learn, Merge, Mitigate, Reopen, Resolve};
    match status {
        IncidentStatus::Detected => &[Acknowledge, Investigate, Mitigate, Resolve, Merge],
        IncidentStatus::Acknowledged => &[Investigate, Mitigate, Resolve, Merge],
        IncidentStatus::Investigating => &[Mitigate, Resolve, Merge],
        IncidentStatus::Mitigated => &[Resolve, Merge],
        IncidentStatus::Resolved => &[Learn, Reopen],
        IncidentStatus::Learned => &[Reopen],
        IncidentStatus::Merged => &[],
    }
}

/// The names of [`allowed`], as refusals and the read model carry them.
pub fn allowed_next(status: IncidentStatus) -> Vec<String> {
    let steps = allowed(status).iter();
    steps.map(|step| step.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forward_step_up_to_resolved_is_allowed_and_no_other() {
        let forward = [
            Step::Acknowledge,
            Step::Investigate,
            Step::Mitigate,
            Step::Resolve,
        ];
        for status in IncidentStatus::ALL.into_iter().filter(|s| s.is_open()) {
            for step in forward {
                let onwards = step.target() > status;
                assert_eq!(
                    allowed(status).contains(&step),
                    onwards,
                    "{status:?} {step:?}"
                );
            }
        }
    }

    #[test]
    fn resolved_can_be_learned_from_or_reopened() {
        assert_eq!(
            allowed_next(IncidentStatus::Resolved),
            ["learn", "reopen"].map(str::to_owned)
        );
        assert_eq!(
            allowed_next(IncidentStatus::Learned),
            ["reopen"].map(str::to_owned)
        );
        assert!(allowed_next(IncidentStatus::Merged).is_empty());
    }
}
