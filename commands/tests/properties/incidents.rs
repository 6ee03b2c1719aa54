//! An incident moves only as its table says, and resolves itself only when all
//! its episodes have ended.

use std::collections::BTreeSet;

use commands::incident::Incident;
use proptest::prelude::*;
use schemas::codec::Example;
use schemas::ids::{GroupId, IncidentId};
use schemas::incident::transitions::{self, Step};
use schemas::incident::{
    AbsorbIncident, AcknowledgeIncident, CancelMerge, CompleteMerge, EndEpisode, EpisodeRef,
    IncidentCommand, IncidentEvent, IncidentSource, IncidentStatus, InvestigateIncident,
    LearnIncident, MitigateIncident, OpenIncident, ReopenIncident, RequestMerge, ResolveIncident,
};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::{Life, context};

const OWN: u128 = 5;

fn incident() -> impl Strategy<Value = IncidentId> {
    (3..8u128).prop_map(|n| IncidentId(Uuid::from_u128(n)))
}

fn episode() -> impl Strategy<Value = EpisodeRef> {
    (0..4u128).prop_map(|n| EpisodeRef {
        group: GroupId(Uuid::from_u128(n)),
        episode: 1,
    })
}

fn open((manual, episode): (bool, EpisodeRef)) -> IncidentCommand {
    let source = match manual {
        true => IncidentSource::Manual,
        false => IncidentSource::Alertmanager,
    };
    OpenIncident {
        source,
        episode: Some(episode),
        ..OpenIncident::example()
    }
    .into()
}

fn step() -> impl Strategy<Value = IncidentCommand> {
    let note = None::<String>;
    prop_oneof![
        Just(AcknowledgeIncident { note: note.clone() }.into()),
        Just(InvestigateIncident { note: note.clone() }.into()),
        Just(MitigateIncident { note: note.clone() }.into()),
        Just(ResolveIncident { note: note.clone() }.into()),
        Just(LearnIncident { note: note.clone() }.into()),
        Just(ReopenIncident { note }.into()),
    ]
}

fn merge() -> impl Strategy<Value = IncidentCommand> {
    let reason = || "the target is resolved".to_owned();
    let episodes = prop::collection::vec(episode(), 0..3);
    prop_oneof![
        incident().prop_map(|into| RequestMerge { into }.into()),
        incident().prop_map(|into| CompleteMerge { into }.into()),
        incident().prop_map(move |into| {
            let reason = reason();
            CancelMerge { into, reason }.into()
        }),
        (incident(), episodes)
            .prop_map(|(source, episodes)| AbsorbIncident { source, episodes }.into()),
    ]
}

fn command() -> impl Strategy<Value = IncidentCommand> {
    let ended_at = Timestamp::from_micros(1_790_000_000_000_000);
    prop_oneof![
        1 => (any::<bool>(), episode()).prop_map(open),
        4 => step(),
        2 => merge(),
        3 => episode().prop_map(move |episode| EndEpisode { episode, ended_at }.into()),
    ]
}

/// What the events say, told apart from the aggregate's own fold.
#[derive(Default)]
struct Seen {
    status: Option<IncidentStatus>,
    manual: bool,
    merging: bool,
    episodes: BTreeSet<EpisodeRef>,
    running: BTreeSet<EpisodeRef>,
}

impl Seen {
    fn take(&mut self, event: &IncidentEvent, command: &IncidentCommand) {
        use IncidentEvent as E;
        match event {
            E::IncidentOpened(e) => {
                assert_eq!(self.status, None, "opened twice");
                self.status = Some(IncidentStatus::Detected);
                self.manual = e.source == IncidentSource::Manual;
                self.hold(e.episode.iter());
            }
            E::IncidentAcknowledged(_) => self.step(Step::Acknowledge),
            E::IncidentInvestigated(_) => self.step(Step::Investigate),
            E::IncidentMitigated(_) => self.step(Step::Mitigate),
            E::IncidentLearned(_) => self.step(Step::Learn),
            E::IncidentReopened(_) => self.step(Step::Reopen),
            E::IncidentResolved(e) if e.automatic => self.resolved_itself(command),
            E::IncidentResolved(_) => self.step(Step::Resolve),
            E::MergeRequested(e) => {
                assert!(!self.merging && e.into < IncidentId(Uuid::from_u128(OWN)));
                assert!(self.status.is_some_and(IncidentStatus::is_open));
                self.merging = true;
            }
            E::MergeCancelled(_) => self.merging = false,
            E::IncidentMerged(_) => {
                assert!(self.merging);
                self.merging = false;
                self.status = Some(IncidentStatus::Merged);
            }
            E::IncidentAbsorbed(e) => {
                assert!(!self.merging && self.status.is_some_and(IncidentStatus::is_open));
                self.hold(e.episodes.iter());
            }
            E::IncidentEpisodeEnded(e) => assert!(self.running.remove(&e.episode)),
            E::EpisodeEndForwarded(e) => {
                assert_eq!(self.status, Some(IncidentStatus::Merged));
                self.running.remove(&e.episode);
            }
            _ => {}
        }
    }

    fn step(&mut self, step: Step) {
        let from = self.status.expect("only an opened incident moves");
        assert!(!self.merging && transitions::allowed(from).contains(&step));
        self.status = Some(step.target());
    }

    fn resolved_itself(&mut self, command: &IncidentCommand) {
        if let IncidentCommand::EndEpisode(c) = command {
            assert!(self.running.remove(&c.episode));
        }
        assert!(self.running.is_empty() && !self.manual && !self.merging);
        self.step(Step::Resolve);
    }

    fn hold<'a>(&mut self, episodes: impl Iterator<Item = &'a EpisodeRef>) {
        for episode in episodes {
            if self.episodes.insert(episode.clone()) {
                self.running.insert(episode.clone());
            }
        }
    }

    /// Whether people can resolve it: always, until it is over or being merged.
    fn resolvable(&self) -> bool {
        self.status.is_some_and(IncidentStatus::is_open) && !self.merging
    }
}

proptest! {
    #[test]
    fn only_the_table_moves_it(commands in prop::collection::vec(command(), 0..60)) {
        let context = context(OWN);
        let mut incident = Life::<Incident>::new();
        let mut seen = Seen::default();
        for command in commands {
            let decided = incident.decide(|state| state.decide(command.clone(), &context));
            for event in decided.unwrap_or_default() {
                seen.take(&event, &command);
            }
            prop_assert_eq!(incident.state.status(), seen.status);
            let resolve = IncidentCommand::from(ResolveIncident { note: None });
            let resolve = incident.state.decide(resolve, &context);
            prop_assert_eq!(resolve.is_ok(), seen.resolvable());
        }
        incident.assert_replay();
    }

    #[test]
    fn a_refused_step_names_what_is_allowed(commands in prop::collection::vec(step(), 1..30)) {
        use commands::aggregate::Refuse;
        let context = context(OWN);
        let mut incident = Life::<Incident>::new();
        let open = IncidentCommand::from(OpenIncident::example());
        incident.decide(|state| state.decide(open.clone(), &context)).unwrap();
        for command in commands {
            let before = incident.state.status().unwrap();
            let decided = incident.decide(|state| state.decide(command.clone(), &context));
            if let Err(refused) = decided {
                prop_assert_eq!(refused.rule(), "illegal_transition");
                prop_assert_eq!(refused.allowed_next(), transitions::allowed_next(before));
            }
        }
    }
}
