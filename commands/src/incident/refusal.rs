//! Why an incident refuses a command.

use schemas::ids::IncidentId;
use schemas::incident::IncidentStatus;
use schemas::incident::transitions::{self, Step};

use crate::aggregate::Refuse;
use crate::fields::{self, InvalidField};

/// One variant a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentRefusal {
    #[error("there is no such incident")]
    NotFound,
    #[error("an incident that is {} cannot be {}", .from.name(), past(*.step))]
    IllegalTransition { from: IncidentStatus, step: Step },
    #[error("the incident is being merged into {0}")]
    Merging(IncidentId),
    #[error("the incident was merged into {0}; act there")]
    Merged(IncidentId),
    #[error("an incident cannot be merged into itself")]
    MergeIntoItself,
    #[error("of two merged incidents the lower id survives: merge {0} into this one")]
    LowerIdSurvives(IncidentId),
    #[error("the incident is not being merged into {0}")]
    NotMerging(IncidentId),
    #[error("the incident does not hold this episode")]
    UnknownEpisode,
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for IncidentRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::Merging(_) => "merging",
            Self::Merged(_) => "merged",
            Self::MergeIntoItself => "merge_into_itself",
            Self::LowerIdSurvives(_) => "lower_id_survives",
            Self::NotMerging(_) => "not_merging",
            Self::UnknownEpisode => "unknown_episode",
            Self::Invalid(_) => fields::RULE,
        }
    }

    fn allowed_next(&self) -> Vec<String> {
        match self {
            Self::IllegalTransition { from, .. } => transitions::allowed_next(*from),
            _ => Vec::new(),
        }
    }
}

fn past(step: Step) -> &'static str {
    match step {
        Step::Reopen => "reopened",
        Step::Investigate => "investigated",
        other => other.target().name(),
    }
}
