//! Merging, as a process over two incidents: the source asks, the target absorbs
//! or refuses, the source ends as merged or goes on. The lower id survives, so
//! that two people who merge the same pair both ways cannot swap them.

use schemas::ids::IncidentId;
use schemas::incident::transitions::Step;
use schemas::incident::{
    AbsorbIncident, AbsorptionRefused, CancelMerge, EpisodeEndForwarded, EpisodeRef,
    IncidentAbsorbed, IncidentEvent, IncidentMerged, IncidentSeverityForwarded, IncidentStatus,
    MergeCancelled, MergeRequested,
};
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decision, IncidentRefusal, Opened};

/// Episodes and sources that one incident can stand for.
const MOST_ABSORBED: usize = 1_000;

/// A merge that the target has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Merging {
    pub(super) into: IncidentId,
    handed_over: Vec<EpisodeRef>,
    /// Episodes that ended meanwhile; the target has to hear of them.
    pub(super) ended: Vec<(EpisodeRef, Timestamp)>,
}

impl Merging {
    pub(super) fn requested(e: MergeRequested) -> Self {
        Self {
            into: e.into,
            handed_over: e.episodes,
            ended: Vec::new(),
        }
    }
}

impl Opened {
    pub(super) fn request_merge(&self, into: IncidentId, own: IncidentId) -> Decision {
        if into == own {
            return Err(IncidentRefusal::MergeIntoItself);
        }
        if own < into {
            return Err(IncidentRefusal::LowerIdSurvives(into));
        }
        let asked = self.merging.as_ref().map(|merging| merging.into);
        if asked.or(self.merged_into) == Some(into) {
            return Ok(Vec::new());
        }
        self.permits(Step::Merge)?;
        let episodes = self.episodes.running();
        Ok(vec![MergeRequested { into, episodes }.into()])
    }

    /// The target's side. A refusal is an event, because the source waits for it.
    pub(super) fn absorb(&self, c: AbsorbIncident, own: IncidentId) -> Vec<IncidentEvent> {
        let AbsorbIncident { source, episodes } = c;
        if self.absorbed.contains(&source) {
            return Vec::new();
        }
        match self.reason_not_to_absorb(source, episodes.len(), own) {
            Some(reason) => vec![AbsorptionRefused { source, reason }.into()],
            None => vec![IncidentAbsorbed { source, episodes }.into()],
        }
    }

    /// Ends the source, and passes on how bad it was, as which of the two survives is
    /// nobody's choice, and what ended while the target decided.
    pub(super) fn complete_merge(&self, into: IncidentId) -> Decision {
        if self.merged_into == Some(into) {
            return Ok(Vec::new());
        }
        let merging = self.merging_into(into)?;
        let forwarded = merging.ended.iter().map(|(episode, ended_at)| {
            IncidentEvent::from(EpisodeEndForwarded {
                episode: episode.clone(),
                ended_at: *ended_at,
                into,
            })
        });
        let severity = self.severity;
        let first: [IncidentEvent; 2] = [
            IncidentMerged { into }.into(),
            IncidentSeverityForwarded { severity, into }.into(),
        ];
        Ok(first.into_iter().chain(forwarded).collect())
    }

    /// The source goes on; if its last alerts resolved meanwhile, so does it.
    pub(super) fn cancel_merge(&self, c: CancelMerge) -> Decision {
        let merging = self.merging_into(c.into)?;
        let CancelMerge { into, reason } = c;
        let mut events = vec![MergeCancelled { into, reason }.into()];
        if !merging.ended.is_empty() && self.episodes.running().is_empty() {
            events.extend(self.resolves_itself());
        }
        Ok(events)
    }

    pub(super) fn merged(&mut self, into: IncidentId) {
        self.status = IncidentStatus::Merged;
        self.merging = None;
        self.merged_into = Some(into);
    }

    pub(super) fn absorbed(&mut self, e: IncidentAbsorbed) {
        self.absorbed.insert(e.source);
        self.episodes.add(e.episodes);
    }

    fn merging_into(&self, into: IncidentId) -> Result<&Merging, IncidentRefusal> {
        let merging = self.merging.as_ref().filter(|merging| merging.into == into);
        merging.ok_or(IncidentRefusal::NotMerging(into))
    }

    fn reason_not_to_absorb(
        &self,
        source: IncidentId,
        episodes: usize,
        own: IncidentId,
    ) -> Option<String> {
        if source == own {
            return Some("an incident cannot absorb itself".to_owned());
        }
        if self.merging.is_some() {
            return Some("the target is being merged itself".to_owned());
        }
        if !self.status.is_open() {
            return Some(format!("the target is {}", self.status.name()));
        }
        let full =
            self.absorbed.len() >= MOST_ABSORBED || self.episodes.len() + episodes > MOST_ABSORBED;
        full.then(|| format!("the target has absorbed {MOST_ABSORBED} already"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Incident;
    use super::*;
    use crate::aggregate::Refuse;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::context::Context;
    use schemas::ids::CommandId;
    use schemas::incident::{
        AcknowledgeIncident, CommentIncident, CompleteMerge, EndEpisode, IncidentCommand,
        IncidentEpisodeEnded, IncidentOpened, IncidentResolved, RequestMerge,
    };
    use uuid::Uuid;

    const OWN: IncidentId = IncidentId(Uuid::from_u128(0xF0));
    const LOWER: IncidentId = IncidentId(Uuid::from_u128(0xB2));

    fn given(events: Vec<IncidentEvent>) -> AggregateTestExecutor<Incident> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context.about(OWN.0)).given(events)
    }

    fn opened() -> IncidentEvent {
        IncidentOpened::example().into()
    }

    fn requested() -> IncidentEvent {
        MergeRequested::example().into()
    }

    fn ended() -> IncidentEvent {
        IncidentEpisodeEnded::example().into()
    }

    fn request(into: IncidentId) -> IncidentCommand {
        RequestMerge { into }.into()
    }

    #[test]
    fn the_source_asks_and_hands_over_what_runs() {
        given(vec![opened()])
            .when(request(LOWER))
            .then_expect_events(vec![requested()]);
        given(vec![opened(), requested()])
            .when(request(LOWER))
            .then_expect_events(vec![]);
    }

    #[test]
    fn the_lower_id_survives() {
        let higher = IncidentId(Uuid::from_u128(0xFF));
        given(vec![opened()])
            .when(request(higher))
            .then_expect_error(IncidentRefusal::LowerIdSurvives(higher));
        given(vec![opened()])
            .when(request(OWN))
            .then_expect_error(IncidentRefusal::MergeIntoItself);
    }

    #[test]
    fn nothing_moves_while_the_target_decides() {
        given(vec![opened(), requested()])
            .when(AcknowledgeIncident { note: None }.into())
            .then_expect_error(IncidentRefusal::Merging(LOWER));
        given(vec![opened(), requested()])
            .when(EndEpisode::example().into())
            .then_expect_events(vec![ended()]);
    }

    #[test]
    fn the_target_hears_how_bad_the_source_was_and_of_ends_that_it_missed() {
        let complete = || IncidentCommand::from(CompleteMerge { into: LOWER });
        let merged = IncidentMerged { into: LOWER };
        let as_bad = IncidentSeverityForwarded::example();
        let forwarded = EpisodeEndForwarded::example();
        given(vec![opened(), requested(), ended()])
            .when(complete())
            .then_expect_events(vec![merged.clone().into(), as_bad.into(), forwarded.into()]);
        given(vec![opened(), requested(), merged.into()])
            .when(complete())
            .then_expect_events(vec![]);
        given(vec![opened()])
            .when(complete())
            .then_expect_error(IncidentRefusal::NotMerging(LOWER));
    }

    #[test]
    fn a_cancelled_merge_resolves_what_ended_meanwhile() {
        let cancelled = || IncidentEvent::from(MergeCancelled::example());
        let resolved = IncidentResolved {
            note: None,
            automatic: true,
            episodes: vec![],
        };
        given(vec![opened(), requested()])
            .when(CancelMerge::example().into())
            .then_expect_events(vec![cancelled()]);
        given(vec![opened(), requested(), ended()])
            .when(CancelMerge::example().into())
            .then_expect_events(vec![cancelled(), resolved.into()]);
    }

    #[test]
    fn the_target_absorbs_once() {
        let absorbed = || IncidentEvent::from(IncidentAbsorbed::example());
        let absorb = || IncidentCommand::from(AbsorbIncident::example());
        given(vec![opened()])
            .when(absorb())
            .then_expect_events(vec![absorbed()]);
        given(vec![opened(), absorbed()])
            .when(absorb())
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_target_that_is_resolved_or_merging_refuses_by_event() {
        let resolved = IncidentEvent::from(IncidentResolved::example());
        for (state, reason) in [
            (resolved, "the target is resolved"),
            (requested(), "the target is being merged itself"),
        ] {
            let refused = AbsorptionRefused {
                source: LOWER,
                reason: reason.to_owned(),
            };
            given(vec![opened(), state])
                .when(AbsorbIncident::example().into())
                .then_expect_events(vec![refused.into()]);
        }
    }

    #[test]
    fn merged_is_the_end() {
        let merged = IncidentMerged { into: LOWER };
        let commands: [(IncidentCommand, &str); 2] = [
            (
                AcknowledgeIncident { note: None }.into(),
                "illegal_transition",
            ),
            (CommentIncident::example().into(), "merged"),
        ];
        for (command, rule) in commands {
            let refused = given(vec![opened(), merged.clone().into()]).when(command);
            assert_eq!(refused.inspect_result().unwrap_err().rule(), rule);
        }
    }
}
