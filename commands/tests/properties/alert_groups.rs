//! A group has one open episode at most, and every firing is told of once.

use std::collections::{BTreeMap, BTreeSet};

use commands::alert_group::AlertGroup;
use proptest::prelude::*;
use schemas::alert_group::{
    AlertGroupCommand, AlertGroupEvent, AlertReport, CloseEpisode, ReceiveAlerts, ReopenEpisode,
};
use schemas::codec::Example;
use schemas::context::Context;
use schemas::ids::{AlertId, CommandId};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::Life;

const GROUP: u128 = 0xA1;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute * 60_000_000)
}

fn report((fingerprint, (since, lasts)): (String, (i64, Option<i64>))) -> AlertReport {
    AlertReport {
        fingerprint,
        firing: lasts.is_none(),
        starts_at: at(since),
        ends_at: lasts.map(|minutes| at(since + minutes)),
        ..ReceiveAlerts::example().alerts.remove(0)
    }
}

/// A notification names each fingerprint once, as Alertmanager's do.
fn receive() -> impl Strategy<Value = AlertGroupCommand> {
    let span = (0..10i64, prop::option::of(1..6i64));
    prop::collection::btree_map("[a-c]", span, 0..4).prop_map(|alerts| {
        ReceiveAlerts {
            alerts: alerts.into_iter().map(report).collect(),
            ..ReceiveAlerts::example()
        }
        .into()
    })
}

fn command() -> impl Strategy<Value = AlertGroupCommand> {
    prop_oneof![
        6 => receive(),
        1 => (1..4i64).prop_map(|episode| CloseEpisode { episode }.into()),
        1 => (1..4i64).prop_map(|episode| ReopenEpisode { episode }.into()),
    ]
}

/// What the events say, told apart from the aggregate's own fold.
#[derive(Default)]
struct Seen {
    episode: i64,
    open: bool,
    closed: bool,
    ended: BTreeSet<i64>,
    /// Every firing that was ever told of, with whether it goes on.
    firings: BTreeMap<AlertId, (i64, bool)>,
}

impl Seen {
    fn take(&mut self, event: &AlertGroupEvent) {
        use AlertGroupEvent as E;
        match event {
            E::EpisodeBegan(e) => {
                assert!(!self.open, "two open episodes");
                assert_eq!(e.episode, self.episode + 1);
                (self.episode, self.open, self.closed) = (e.episode, true, false);
            }
            E::AlertFired(e) => {
                assert!(self.open && e.episode == self.episode);
                let before = self.firings.insert(e.alert, (e.episode, true));
                assert_eq!(before, None, "a firing was told of twice");
            }
            E::AlertResolved(e) => {
                let before = self.firings.insert(e.alert, (e.episode, false));
                assert_eq!(before, Some((e.episode, true)));
                assert!(e.ends_at >= e.starts_at);
            }
            E::EpisodeEnded(e) => {
                assert!(self.ended.insert(e.episode), "an episode ended twice");
                assert_eq!(self.firing_in(e.episode), 0);
                if e.episode == self.episode {
                    (self.open, self.closed) = (false, false);
                }
            }
            E::EpisodeClosed(e) => {
                assert!(self.open && e.episode == self.episode);
                (self.open, self.closed) = (false, true);
            }
            E::EpisodeReopened(e) => {
                assert!(self.closed && !self.open && e.episode == self.episode);
                assert!(self.firing_in(e.episode) > 0, "nothing would end it");
                (self.open, self.closed) = (true, false);
            }
            E::UnseenAlertResolved(_) | E::AlertsTruncated(_) | E::EpisodeWorsened(_) => {}
        }
    }

    fn firing_in(&self, episode: i64) -> usize {
        let firings = self.firings.values();
        firings.filter(|firing| **firing == (episode, true)).count()
    }

    fn firing(&self) -> usize {
        self.firings
            .values()
            .filter(|(_, goes_on)| *goes_on)
            .count()
    }
}

proptest! {
    #[test]
    fn episodes_and_firings_add_up(commands in prop::collection::vec((0..3i64, command()), 0..60)) {
        let mut now = 0;
        let mut group = Life::<AlertGroup>::new();
        let mut seen = Seen::default();
        for (minutes, command) in commands {
            now += minutes;
            let context = Context::decision(at(now), CommandId(Uuid::nil()));
            let context = context.about(Uuid::from_u128(GROUP));
            let decided = group.decide(|state| state.decide(command.clone(), &context));
            for event in decided.unwrap_or_default() {
                seen.take(&event);
            }
            prop_assert_eq!(group.state.firing(), seen.firing());
            prop_assert!(!seen.open || seen.firing_in(seen.episode) > 0, "an open episode is quiet");
            let again = group.state.decide(command, &context);
            prop_assert_eq!(again.unwrap_or_default(), vec![]);
        }
        group.assert_replay();
    }
}
