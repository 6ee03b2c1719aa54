//! A group of alerts: which fire, and the episodes that become incidents.
//!
//! One firing is a fingerprint with the time since when it fires; hearing of it
//! twice, out of order or from a second Alertmanager changes nothing. The first
//! firing while no episode is open begins the next one; the episode ends when its
//! last firing alert resolves, or is closed when people resolve its incident.

mod memory;
mod notification;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::alert_group::{
    AlertGroupCommand, AlertGroupEvent, EpisodeClosed, EpisodeReopened, ReceiveAlerts,
};
use schemas::context::Context;
use schemas::ids::{AlertId, GroupId};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use memory::Resolved;
use notification::Notification;

type Decision = Result<Vec<AlertGroupEvent>, AlertGroupRefusal>;

/// The group whose id is the record's key: `UUIDv5(project, group key)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertGroup {
    /// The newest episode; 0 before the first.
    episode: i64,
    phase: Phase,
    /// By fingerprint; also alerts of closed episodes that still fire.
    firing: BTreeMap<String, Firing>,
    resolved: Resolved,
    /// How many alerts the last notification left out.
    truncated: i64,
}

/// What became of the newest episode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Open,
    /// People resolved its incident while alerts fired; they can reopen it.
    Closed,
    /// Its last alert resolved. This is final.
    #[default]
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Firing {
    alert: AlertId,
    name: String,
    starts_at: Timestamp,
    episode: i64,
}

/// Why a group refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertGroupRefusal {
    #[error("the group has had no episode {0}")]
    UnknownEpisode(i64),
}

impl Refuse for AlertGroupRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::UnknownEpisode(_) => "not_found",
        }
    }
}

impl AlertGroup {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: AlertGroupCommand, context: &Context) -> Decision {
        match command {
            AlertGroupCommand::ReceiveAlerts(c) => Ok(self.receive(c, context)),
            AlertGroupCommand::CloseEpisode(c) => self.close(c.episode),
            AlertGroupCommand::ReopenEpisode(c) => self.reopen(c.episode),
        }
    }

    /// How many alerts fire.
    pub fn firing(&self) -> usize {
        self.firing.len()
    }

    fn receive(&self, mut c: ReceiveAlerts, context: &Context) -> Vec<AlertGroupEvent> {
        let alerts = std::mem::take(&mut c.alerts);
        let group = GroupId(context.subject());
        let mut notification = Notification::of(self, &c, group, context.now());
        for report in alerts {
            notification.take(report);
        }
        notification.finish()
    }

    /// An episode that is over already, or an older one, stays as it is.
    fn close(&self, episode: i64) -> Decision {
        self.knows(episode)?;
        if episode != self.episode || self.phase != Phase::Open {
            return Ok(Vec::new());
        }
        Ok(vec![EpisodeClosed { episode }.into()])
    }

    /// Only where alerts still fire in it. Otherwise nothing would ever end it,
    /// and the next firing begins an episode, and so an incident, of its own.
    fn reopen(&self, episode: i64) -> Decision {
        self.knows(episode)?;
        let newest = episode == self.episode && self.phase == Phase::Closed;
        if !newest || !self.fires_in(episode) {
            return Ok(Vec::new());
        }
        Ok(vec![EpisodeReopened { episode }.into()])
    }

    fn knows(&self, episode: i64) -> Result<(), AlertGroupRefusal> {
        let known = (1..=self.episode).contains(&episode);
        known
            .then_some(())
            .ok_or(AlertGroupRefusal::UnknownEpisode(episode))
    }

    fn fires_in(&self, episode: i64) -> bool {
        self.firing.values().any(|firing| firing.episode == episode)
    }
}

impl Aggregate for AlertGroup {
    const TYPE: &'static str = "alert_group";
    type Command = AlertGroupCommand;
    type Event = AlertGroupEvent;
    type Error = AlertGroupRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: AlertGroupCommand,
        context: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), AlertGroupRefusal> {
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AlertGroupEvent) {
        use AlertGroupEvent as E;
        match event {
            E::EpisodeBegan(e) => {
                self.episode = e.episode;
                self.phase = Phase::Open;
            }
            E::AlertFired(e) => {
                let firing = Firing {
                    alert: e.alert,
                    name: e.name,
                    starts_at: e.starts_at,
                    episode: e.episode,
                };
                self.firing.insert(e.fingerprint, firing);
            }
            E::AlertResolved(e) => {
                self.firing.remove(&e.fingerprint);
                self.resolved
                    .remember(e.fingerprint, e.starts_at, e.ends_at);
            }
            E::UnseenAlertResolved(e) => {
                self.resolved
                    .remember(e.fingerprint, e.starts_at, e.ends_at);
            }
            E::EpisodeEnded(_) => self.phase = Phase::Ended,
            E::EpisodeClosed(_) => self.phase = Phase::Closed,
            E::EpisodeReopened(_) => self.phase = Phase::Open,
            E::AlertsTruncated(e) => self.truncated = e.count,
        }
    }
}

impl Audited for AlertGroup {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("episode", Some(before.episode), Some(after.episode));
        changes.field("phase", Some(before.phase), Some(after.phase));
        changes.field("firing", Some(before.firing()), Some(after.firing()));
    }
}

impl Hosted for AlertGroup {
    const COMMANDS: Topic = Topic::IncidentCommands;
    const EVENTS: Topic = Topic::IncidentEvents;
    const REACH: Reach = Reach::Project;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::alert_group::{
        AlertFired, AlertReport, AlertResolved, AlertsTruncated, CloseEpisode, EpisodeBegan,
        EpisodeEnded, ReopenEpisode, UnseenAlertResolved,
    };
    use schemas::codec::Example;
    use schemas::ids::{CommandId, IncidentId};
    use uuid::Uuid;

    const GROUP: GroupId = GroupId(Uuid::from_u128(0xA1));

    fn given(events: Vec<AlertGroupEvent>) -> AggregateTestExecutor<AlertGroup> {
        let context = Context::decision(at(60), CommandId(Uuid::nil()));
        TestFramework::with(context.about(GROUP.0)).given(events)
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_micros(1_793_500_860_000_000 + minute * 60_000_000)
    }

    fn report(fingerprint: &str, since: i64, until: Option<i64>) -> AlertReport {
        AlertReport {
            fingerprint: fingerprint.to_owned(),
            firing: until.is_none(),
            starts_at: at(since),
            ends_at: until.map(at),
            ..ReceiveAlerts::example().alerts.remove(0)
        }
    }

    fn receive(alerts: Vec<AlertReport>) -> AlertGroupCommand {
        ReceiveAlerts {
            alerts,
            ..ReceiveAlerts::example()
        }
        .into()
    }

    fn began(episode: i64) -> AlertGroupEvent {
        EpisodeBegan {
            episode,
            incident: IncidentId::of_episode(GROUP, episode),
            ..EpisodeBegan::example()
        }
        .into()
    }

    fn fired(fingerprint: &str, since: i64, episode: i64) -> AlertGroupEvent {
        AlertFired {
            alert: AlertId::of(GROUP, fingerprint, at(since)),
            episode,
            incident: IncidentId::of_episode(GROUP, episode),
            fingerprint: fingerprint.to_owned(),
            starts_at: at(since),
            ..AlertFired::example()
        }
        .into()
    }

    fn resolved(fingerprint: &str, since: i64, until: i64, episode: i64) -> AlertGroupEvent {
        AlertResolved {
            alert: AlertId::of(GROUP, fingerprint, at(since)),
            episode,
            incident: IncidentId::of_episode(GROUP, episode),
            fingerprint: fingerprint.to_owned(),
            starts_at: at(since),
            ends_at: at(until),
            ..AlertResolved::example()
        }
        .into()
    }

    fn unseen(fingerprint: &str, since: i64, until: i64) -> AlertGroupEvent {
        UnseenAlertResolved {
            fingerprint: fingerprint.to_owned(),
            starts_at: at(since),
            ends_at: at(until),
        }
        .into()
    }

    fn ended(episode: i64, minute: i64) -> AlertGroupEvent {
        EpisodeEnded {
            episode,
            incident: IncidentId::of_episode(GROUP, episode),
            ended_at: at(minute),
        }
        .into()
    }

    fn closed(episode: i64) -> AlertGroupEvent {
        EpisodeClosed { episode }.into()
    }

    #[test]
    fn the_first_firing_begins_an_episode_that_the_others_join() {
        given(vec![])
            .when(receive(vec![report("a", 0, None), report("b", 1, None)]))
            .then_expect_events(vec![began(1), fired("a", 0, 1), fired("b", 1, 1)]);
        given(vec![began(1), fired("a", 0, 1)])
            .when(receive(vec![report("a", 0, None), report("b", 1, None)]))
            .then_expect_events(vec![fired("b", 1, 1)]);
    }

    #[test]
    fn the_episode_ends_with_its_last_alert() {
        let two = || vec![began(1), fired("a", 0, 1), fired("b", 1, 1)];
        given(two())
            .when(receive(vec![report("a", 0, Some(5))]))
            .then_expect_events(vec![resolved("a", 0, 5, 1)]);
        given(two())
            .when(receive(vec![
                report("a", 0, Some(5)),
                report("b", 1, Some(4)),
            ]))
            .then_expect_events(vec![
                resolved("a", 0, 5, 1),
                resolved("b", 1, 4, 1),
                ended(1, 5),
            ]);
    }

    #[test]
    fn the_same_notification_again_changes_nothing() {
        let over = vec![
            began(1),
            fired("a", 0, 1),
            resolved("a", 0, 5, 1),
            ended(1, 5),
        ];
        given(over.clone())
            .when(receive(vec![report("a", 0, Some(5))]))
            .then_expect_events(vec![]);
        given(over)
            .when(receive(vec![report("a", 0, None)]))
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_resolve_before_its_fire_opens_nothing() {
        given(vec![])
            .when(receive(vec![report("a", 0, Some(5))]))
            .then_expect_events(vec![unseen("a", 0, 5)]);
        given(vec![unseen("a", 0, 5)])
            .when(receive(vec![report("a", 0, None)]))
            .then_expect_events(vec![]);
        given(vec![unseen("a", 0, 5)])
            .when(receive(vec![report("a", 6, None)]))
            .then_expect_events(vec![began(1), fired("a", 6, 1)]);
    }

    #[test]
    fn firing_again_resolves_the_older_firing_within_the_episode() {
        given(vec![began(1), fired("a", 0, 1)])
            .when(receive(vec![report("a", 7, None)]))
            .then_expect_events(vec![resolved("a", 0, 7, 1), fired("a", 7, 1)]);
    }

    #[test]
    fn a_resolve_of_an_earlier_firing_leaves_the_present_one() {
        given(vec![began(1), fired("a", 7, 1)])
            .when(receive(vec![report("a", 0, Some(5))]))
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_resolve_that_covers_the_present_firing_resolves_it() {
        // Of a pair of Prometheus servers, Alertmanager keeps the earlier start.
        given(vec![began(1), fired("a", 7, 1)])
            .when(receive(vec![report("a", 0, Some(9))]))
            .then_expect_events(vec![resolved("a", 7, 9, 1), ended(1, 9)]);
    }

    #[test]
    fn a_resolve_of_a_later_firing_resolves_the_present_one_too() {
        given(vec![began(1), fired("a", 0, 1)])
            .when(receive(vec![report("a", 7, Some(9))]))
            .then_expect_events(vec![resolved("a", 0, 7, 1), unseen("a", 7, 9), ended(1, 7)]);
    }

    #[test]
    fn an_alert_that_fires_after_the_end_begins_the_next_episode() {
        given(vec![
            began(1),
            fired("a", 0, 1),
            resolved("a", 0, 5, 1),
            ended(1, 5),
        ])
        .when(receive(vec![report("a", 6, None)]))
        .then_expect_events(vec![began(2), fired("a", 6, 2)]);
    }

    #[test]
    fn a_closed_episode_is_not_reopened_by_what_fires_already() {
        let close = || AlertGroupCommand::from(CloseEpisode { episode: 1 });
        let open = vec![began(1), fired("a", 0, 1)];
        given(open.clone())
            .when(close())
            .then_expect_events(vec![closed(1)]);
        let shut = || given(open.clone()).and(vec![closed(1)]);
        shut().when(close()).then_expect_events(vec![]);
        shut()
            .when(receive(vec![report("a", 0, None)]))
            .then_expect_events(vec![]);
        shut()
            .when(receive(vec![report("b", 3, None)]))
            .then_expect_events(vec![began(2), fired("b", 3, 2)]);
        shut()
            .when(receive(vec![report("a", 0, Some(4))]))
            .then_expect_events(vec![resolved("a", 0, 4, 1)]);
    }

    #[test]
    fn a_closed_episode_reopens_while_alerts_fire_in_it() {
        let reopen = || AlertGroupCommand::from(ReopenEpisode { episode: 1 });
        let reopened = AlertGroupEvent::from(EpisodeReopened { episode: 1 });
        let shut = || given(vec![began(1), fired("a", 0, 1), closed(1)]);
        shut()
            .when(reopen())
            .then_expect_events(vec![reopened.clone()]);
        shut()
            .and(vec![reopened])
            .when(receive(vec![report("a", 0, Some(4))]))
            .then_expect_events(vec![resolved("a", 0, 4, 1), ended(1, 4)]);
        shut()
            .and(vec![resolved("a", 0, 4, 1)])
            .when(reopen())
            .then_expect_events(vec![]);
        shut()
            .and(vec![began(2), fired("b", 3, 2)])
            .when(reopen())
            .then_expect_events(vec![]);
    }

    #[test]
    fn an_episode_that_never_was_is_not_found() {
        given(vec![])
            .when(CloseEpisode { episode: 1 }.into())
            .then_expect_error(AlertGroupRefusal::UnknownEpisode(1));
    }

    #[test]
    fn alerts_that_were_left_out_are_reported_once() {
        let notice = |truncated| {
            AlertGroupCommand::from(ReceiveAlerts {
                alerts: vec![],
                truncated,
                ..ReceiveAlerts::example()
            })
        };
        let truncated = |count| AlertGroupEvent::from(AlertsTruncated { count });
        given(vec![])
            .when(notice(3))
            .then_expect_events(vec![truncated(3)]);
        given(vec![truncated(3)])
            .when(notice(3))
            .then_expect_events(vec![]);
        given(vec![truncated(3)])
            .when(notice(0))
            .then_expect_events(vec![truncated(0)]);
        given(vec![truncated(3), truncated(0)])
            .when(notice(0))
            .then_expect_events(vec![]);
    }

    #[test]
    fn a_resolved_group_resolves_what_the_sender_left_out() {
        let resolved_group = |truncated| {
            AlertGroupCommand::from(ReceiveAlerts {
                alerts: vec![report("a", 0, Some(5))],
                truncated,
                group_resolved: true,
                ..ReceiveAlerts::example()
            })
        };
        let truncated = || AlertGroupEvent::from(AlertsTruncated { count: 1 });
        given(vec![began(1), fired("a", 0, 1), fired("b", 1, 1)])
            .when(resolved_group(1))
            .then_expect_events(vec![
                resolved("a", 0, 5, 1),
                resolved("b", 1, 5, 1),
                ended(1, 5),
                truncated(),
            ]);
        // What began since is not meant, and without omissions all is said.
        given(vec![began(1), fired("a", 0, 1), fired("c", 6, 1)])
            .when(resolved_group(1))
            .then_expect_events(vec![resolved("a", 0, 5, 1), truncated()]);
        given(vec![began(1), fired("a", 0, 1), fired("b", 1, 1)])
            .when(resolved_group(0))
            .then_expect_events(vec![resolved("a", 0, 5, 1)]);
    }

    #[test]
    fn an_episode_always_has_a_title_that_an_incident_takes() {
        for (given_title, expected) in [("  ", 31), (&*"x".repeat(999), 300)] {
            let command = ReceiveAlerts {
                title: given_title.to_owned(),
                alerts: vec![report("a", 0, None)],
                ..ReceiveAlerts::example()
            };
            let events = given(vec![]).when(command.into()).inspect_result().unwrap();
            let AlertGroupEvent::EpisodeBegan(began) = &events[0] else {
                panic!("the first event is {:?}", events[0]);
            };
            assert_eq!(began.title.chars().count(), expected);
        }
    }
}
