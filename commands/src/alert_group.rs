//! A group of alerts: which fire, and the episodes that become incidents.
//!
//! One firing is a fingerprint with the time since when it fires; hearing of it
//! twice, out of order or from a second Alertmanager changes nothing. The first
//! firing while no episode is open begins the next one; the episode ends when its
//! last firing alert resolves, or is closed when people resolve its incident; a
//! closed one ends with its last alert too.

mod memory;
mod notification;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::alert_group::{
    AlertGroupCommand, AlertGroupEvent, AlertReport, EpisodeClosed, EpisodeReopened, ReceiveAlerts,
};
use schemas::context::Context;
use schemas::ids::{AlertId, GroupId};
use schemas::severity::Severity;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use memory::{Resolved, Span};
use notification::Notification;

type Decision = Result<Vec<AlertGroupEvent>, AlertGroupRefusal>;

/// The group whose id is the record's key: `UUIDv5(project, group key)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertGroup {
    /// The newest episode; 0 before the first.
    episode: i64,
    phase: Phase,
    /// How bad the worst alert of the newest episode is.
    worst: Option<Severity>,
    /// By fingerprint; also alerts of closed episodes that still fire.
    firing: BTreeMap<String, Firing>,
    resolved: Resolved,
    /// How many alerts the last notification left out.
    truncated: i64,
    /// Whether alerts were left out of any notification since something fires: of
    /// those that fire here, some may have resolved without a word.
    some_left_out: bool,
}

/// What became of the newest episode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Open,
    /// People resolved its incident while alerts fire; they can reopen it.
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
        c.severity = self.severity_of_news(&alerts).unwrap_or(c.severity);
        let group = GroupId(context.subject());
        let mut notification = Notification::of(self, &c, group, context.now());
        for report in alerts {
            notification.take(report);
        }
        notification.finish()
    }

    /// How bad the alerts are that join those which fire already, of an episode that
    /// people closed for instance: those do not make the next one worse.
    fn severity_of_news(&self, alerts: &[AlertReport]) -> Option<Severity> {
        if self.firing.is_empty() {
            return None;
        }
        let firing = alerts.iter().filter(|report| report.firing);
        firing
            .filter(|report| !self.firing.contains_key(&report.fingerprint))
            .map(notification::severity_of)
            .min()
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
                self.worst = Some(e.severity);
            }
            E::AlertFired(e) => {
                if self.firing.is_empty() {
                    self.some_left_out = self.truncated > 0;
                }
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
                let span = Span::new(e.starts_at, e.ends_at, e.told_at);
                self.resolved.remember(e.fingerprint, span);
            }
            E::UnseenAlertResolved(e) => {
                let span = Span::new(e.starts_at, e.ends_at, e.told_at);
                self.resolved.remember(e.fingerprint, span);
            }
            // An older episode, which people closed, ends without the newest.
            E::EpisodeEnded(e) if e.episode < self.episode => {}
            E::EpisodeEnded(_) => self.phase = Phase::Ended,
            E::EpisodeClosed(_) => self.phase = Phase::Closed,
            E::EpisodeReopened(_) => self.phase = Phase::Open,
            E::AlertsTruncated(e) => {
                self.truncated = e.count;
                self.some_left_out |= e.count > 0;
            }
            E::EpisodeWorsened(e) => self.worst = Some(e.severity),
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

    fn held_bytes(&self) -> usize {
        let firing = self.firing.iter();
        let texts = firing.map(|(fingerprint, firing)| fingerprint.len() + firing.name.len());
        let rows = self.firing.len() * size_of::<(String, Firing)>();
        rows + texts.sum::<usize>() + self.resolved.bytes()
    }
}

#[cfg(test)]
mod tests;
