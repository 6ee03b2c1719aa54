//! The episodes of alerts that an incident stands for: its own and absorbed ones.

use schemas::incident::{
    EndEpisode, EpisodeEndForwarded, EpisodeRef, IncidentEpisodeEnded, IncidentEvent,
    IncidentResolved, IncidentSource,
};
use serde::{Deserialize, Serialize};

use super::{Decision, IncidentRefusal, Opened};

/// Each episode once, with whether its last alert has resolved. An end is final:
/// an alert that fires after it begins the group's next episode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Episodes(Vec<Episode>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Episode {
    of: EpisodeRef,
    ended: bool,
}

impl Episodes {
    pub(super) fn running(&self) -> Vec<EpisodeRef> {
        let running = self.0.iter().filter(|episode| !episode.ended);
        running.map(|episode| episode.of.clone()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, episodes: Vec<EpisodeRef>) {
        for of in episodes {
            if self.ended(&of).is_none() {
                self.0.push(Episode { of, ended: false });
            }
        }
    }

    pub(super) fn end(&mut self, of: &EpisodeRef) {
        for episode in self.0.iter_mut().filter(|episode| episode.of == *of) {
            episode.ended = true;
        }
    }

    /// An automatic resolve is the end of the last episode that ran.
    pub(super) fn resolved(&mut self, automatic: bool) {
        for episode in self.0.iter_mut().filter(|_| automatic) {
            episode.ended = true;
        }
    }

    /// None where the incident does not hold the episode.
    fn ended(&self, of: &EpisodeRef) -> Option<bool> {
        let episode = self.0.iter().find(|episode| episode.of == *of);
        episode.map(|episode| episode.ended)
    }
}

impl FromIterator<EpisodeRef> for Episodes {
    fn from_iter<I: IntoIterator<Item = EpisodeRef>>(episodes: I) -> Self {
        let mut held = Self::default();
        held.add(episodes.into_iter().collect());
        held
    }
}

impl Opened {
    /// The last episode that ends resolves the incident, unless people opened it
    /// or a merge is under way; a merged incident passes the news on.
    pub(super) fn end_episode(&self, c: EndEpisode) -> Decision {
        let ended = self.episodes.ended(&c.episode);
        if ended.ok_or(IncidentRefusal::UnknownEpisode)? {
            return Ok(Vec::new());
        }
        let EndEpisode { episode, ended_at } = c;
        if let Some(into) = self.merged_into {
            let forwarded = EpisodeEndForwarded {
                episode,
                ended_at,
                into,
            };
            return Ok(vec![forwarded.into()]);
        }
        let last = self.merging.is_none() && self.episodes.running() == [episode.clone()];
        if let Some(resolved) = self.resolves_itself().filter(|_| last) {
            return Ok(vec![resolved]);
        }
        Ok(vec![IncidentEpisodeEnded { episode, ended_at }.into()])
    }

    /// What follows once nothing runs any more.
    pub(super) fn resolves_itself(&self) -> Option<IncidentEvent> {
        let may = self.status.is_open() && self.source != IncidentSource::Manual;
        let resolved = IncidentResolved {
            note: None,
            automatic: true,
            episodes: Vec::new(),
        };
        may.then(|| resolved.into())
    }

    pub(super) fn episode_ended(&mut self, e: &IncidentEpisodeEnded) {
        self.episodes.end(&e.episode);
        if let Some(merging) = &mut self.merging {
            merging.ended.push((e.episode.clone(), e.ended_at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Incident;
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::context::Context;
    use schemas::ids::{CommandId, GroupId, IncidentId};
    use schemas::incident::{IncidentAbsorbed, IncidentMerged, IncidentOpened, IncidentReopened};
    use schemas::time::Timestamp;
    use uuid::Uuid;

    const OTHER: IncidentId = IncidentId(Uuid::from_u128(0xB2));

    fn given(events: Vec<IncidentEvent>) -> AggregateTestExecutor<Incident> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn opened() -> IncidentEvent {
        IncidentOpened::example().into()
    }

    fn absorbed() -> IncidentEvent {
        let mut absorbed = IncidentAbsorbed::example();
        absorbed.episodes[0].group = GroupId(Uuid::from_u128(0x99));
        absorbed.into()
    }

    fn resolved() -> IncidentEvent {
        IncidentResolved {
            note: None,
            automatic: true,
            episodes: vec![],
        }
        .into()
    }

    fn end() -> EndEpisode {
        EndEpisode::example()
    }

    #[test]
    fn the_last_episode_resolves_the_incident() {
        given(vec![opened()])
            .when(end().into())
            .then_expect_events(vec![resolved()]);
        given(vec![opened(), resolved()])
            .when(end().into())
            .then_expect_events(vec![]);
    }

    #[test]
    fn an_absorbed_episode_keeps_it_open() {
        given(vec![opened(), absorbed()])
            .when(end().into())
            .then_expect_events(vec![IncidentEpisodeEnded::example().into()]);
    }

    #[test]
    fn what_people_opened_people_resolve() {
        let manual = IncidentOpened {
            source: IncidentSource::Manual,
            ..IncidentOpened::example()
        };
        given(vec![manual.into()])
            .when(end().into())
            .then_expect_events(vec![IncidentEpisodeEnded::example().into()]);
    }

    #[test]
    fn an_episode_that_ends_after_people_resolved_is_only_recorded() {
        let by_people = IncidentResolved {
            automatic: false,
            ..IncidentResolved::example()
        };
        given(vec![opened(), by_people.into()])
            .when(end().into())
            .then_expect_events(vec![IncidentEpisodeEnded::example().into()]);
    }

    #[test]
    fn a_reopened_incident_resolves_itself_when_its_alerts_end() {
        let by_people = IncidentResolved {
            automatic: false,
            ..IncidentResolved::example()
        };
        let reopened = IncidentReopened::example();
        given(vec![opened(), by_people.into(), reopened.into()])
            .when(end().into())
            .then_expect_events(vec![resolved()]);
    }

    #[test]
    fn a_merged_incident_forwards_the_end_once() {
        let merged = || IncidentEvent::from(IncidentMerged { into: OTHER });
        let forwarded = || IncidentEvent::from(EpisodeEndForwarded::example());
        given(vec![opened(), merged()])
            .when(end().into())
            .then_expect_events(vec![forwarded()]);
        given(vec![opened(), merged(), forwarded()])
            .when(end().into())
            .then_expect_events(vec![]);
    }

    #[test]
    fn an_episode_of_another_incident_is_refused() {
        let mut other = end();
        other.episode.episode = 2;
        given(vec![opened()])
            .when(other.into())
            .then_expect_error(IncidentRefusal::UnknownEpisode);
    }
}
