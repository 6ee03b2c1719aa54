//! One notification of a group, taken report by report.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use schemas::alert_group::{
    AlertFired, AlertGroupEvent, AlertReport, AlertResolved, AlertsTruncated, EpisodeBegan,
    EpisodeEnded, EpisodeWorsened, ReceiveAlerts, UnseenAlertResolved,
};
use schemas::ids::{AlertId, GroupId, IncidentId};
use schemas::labels;
use schemas::severity::Severity;
use schemas::time::Timestamp;

use super::{AlertGroup, Firing, Phase};
use crate::fields::TITLE_CHARS;

/// How many alerts of one group can fire at a time; more are counted as left out.
const MOST_FIRING: usize = 10_000;

/// What was on its way while the end was told comes within this time: an Alertmanager
/// waits 15 s for each of its peers with what it has decided to send, and tries again for
/// up to 90 s where it is not taken. What comes later and says that the alert fires was decided after the end. That is what Prometheus
/// and Alertmanager do that did not reach each other for some minutes: the alert ends
/// for want of news, and when they do, it fires with the start that it had.
const LATE_MILLIS: i64 = 120_000;

/// A group as it becomes while a notification is taken, and the events so far.
pub(super) struct Notification<'a> {
    state: AlertGroup,
    command: &'a ReceiveAlerts,
    group: GroupId,
    now: Timestamp,
    events: Vec<AlertGroupEvent>,
    /// Of each episode in which an alert resolved, the newest end.
    quiet_since: BTreeMap<i64, Timestamp>,
    left_out: i64,
    /// The newest end that the notification tells of.
    latest_end: Option<Timestamp>,
}

impl<'a> Notification<'a> {
    pub(super) fn of(
        state: &AlertGroup,
        command: &'a ReceiveAlerts,
        group: GroupId,
        now: Timestamp,
    ) -> Self {
        Self {
            state: state.clone(),
            command,
            group,
            now,
            events: Vec::new(),
            quiet_since: BTreeMap::new(),
            left_out: command.truncated.max(0),
            latest_end: None,
        }
    }

    pub(super) fn take(&mut self, report: AlertReport) {
        if !report.firing {
            self.latest_end = self.latest_end.max(Some(self.end_of(&report)));
        }
        let known = self.state.firing.get(&report.fingerprint).cloned();
        match (report.firing, known) {
            (true, known) => self.take_firing(report, known),
            (false, None) => self.resolve_unseen(&report),
            (false, Some(firing)) => self.take_resolved(&report, &firing),
        }
    }

    pub(super) fn finish(mut self) -> Vec<AlertGroupEvent> {
        self.resolve_left_out();
        self.end_quiet_episodes();
        if self.left_out != self.state.truncated {
            let count = self.left_out;
            self.emit(AlertsTruncated { count });
        }
        self.events
    }

    /// A firing that is known, or older than what is known, is no news. A newer
    /// one says that the older is over, although nobody said so.
    fn take_firing(&mut self, mut report: AlertReport, known: Option<Firing>) {
        let over = self
            .state
            .resolved
            .over(&report.fingerprint, report.starts_at);
        if let Some(span) = over {
            if known.is_some() || self.now.millis_since(span.told_at) <= LATE_MILLIS {
                return;
            }
            report.starts_at = span.fires_again_at();
        }
        match known {
            Some(firing) if report.starts_at <= firing.starts_at => {}
            Some(firing) => {
                self.resolve(&report.fingerprint, &firing, report.starts_at);
                self.fire(report);
            }
            None if self.state.firing.len() >= MOST_FIRING => self.left_out += 1,
            None => self.fire(report),
        }
    }

    /// A resolve names the firing by its start. An earlier start means the same
    /// firing if the end lies within it (of two Prometheus servers, Alertmanager
    /// keeps the earlier start); a later start means that a fire was missed.
    fn take_resolved(&mut self, report: &AlertReport, firing: &Firing) {
        let ends_at = self.end_of(report);
        if report.starts_at > firing.starts_at {
            self.resolve(&report.fingerprint, firing, report.starts_at);
            self.resolve_unseen(report);
        } else if report.starts_at == firing.starts_at || ends_at > firing.starts_at {
            self.resolve(&report.fingerprint, firing, ends_at);
        }
    }

    fn resolve_unseen(&mut self, report: &AlertReport) {
        let (starts_at, ends_at) = (report.starts_at, self.end_of(report));
        let over = self.state.resolved.over(&report.fingerprint, starts_at);
        if over.is_some() {
            return;
        }
        let fingerprint = report.fingerprint.clone();
        self.emit(UnseenAlertResolved {
            fingerprint,
            starts_at,
            ends_at,
            told_at: Some(self.now),
        });
    }

    fn resolve(&mut self, fingerprint: &str, firing: &Firing, ends_at: Timestamp) {
        let quiet_since = self.quiet_since.entry(firing.episode).or_insert(ends_at);
        *quiet_since = ends_at.max(*quiet_since);
        self.emit(AlertResolved {
            alert: firing.alert,
            episode: firing.episode,
            incident: IncidentId::of_episode(self.group, firing.episode),
            fingerprint: fingerprint.to_owned(),
            name: firing.name.clone(),
            starts_at: firing.starts_at,
            ends_at,
            told_at: Some(self.now),
        });
    }

    fn fire(&mut self, report: AlertReport) {
        if self.state.phase != Phase::Open {
            self.begin_episode();
        }
        let episode = self.state.episode;
        let incident = IncidentId::of_episode(self.group, episode);
        let severity = severity_of(&report);
        self.emit(AlertFired {
            alert: AlertId::of(self.group, &report.fingerprint, report.starts_at),
            episode,
            incident,
            fingerprint: report.fingerprint,
            name: report.name,
            severity,
            labels: report.labels,
            annotations: report.annotations,
            starts_at: report.starts_at,
            generator_url: report.generator_url,
            receiver: self.command.receiver.clone(),
            group_key: self.command.group_key.clone(),
        });
        if self.state.worst.is_some_and(|worst| severity < worst) {
            self.emit(EpisodeWorsened {
                episode,
                incident,
                severity,
            });
        }
    }

    fn begin_episode(&mut self) {
        let episode = self.state.episode + 1;
        self.emit(EpisodeBegan {
            episode,
            incident: IncidentId::of_episode(self.group, episode),
            group_key: self.command.group_key.clone(),
            title: title(self.command),
            severity: self.command.severity,
        });
    }

    /// The sender left alerts out of the news that all have resolved, or out of
    /// earlier news, in which their end may have been. Firings that began after the
    /// newest end it tells of are not meant: of a pair of senders, one can be late.
    fn resolve_left_out(&mut self) {
        let left_out = self.command.truncated > 0 || self.state.some_left_out;
        let told = self
            .latest_end
            .filter(|_| self.command.group_resolved && left_out);
        let Some(ended_at) = told else { return };
        let meant = self
            .state
            .firing
            .iter()
            .filter(|(_, firing)| firing.starts_at <= ended_at);
        let meant: Vec<_> = meant
            .map(|(key, firing)| (key.clone(), firing.clone()))
            .collect();
        for (fingerprint, firing) in meant {
            self.resolve(&fingerprint, &firing, ended_at);
        }
    }

    /// Only a resolve ends an episode: one that was reopened may be quiet. A closed
    /// one ends too, or its incident would wait for that when it is reopened or merged.
    fn end_quiet_episodes(&mut self) {
        for (episode, ended_at) in std::mem::take(&mut self.quiet_since) {
            if self.state.fires_in(episode) {
                continue;
            }
            self.emit(EpisodeEnded {
                episode,
                incident: IncidentId::of_episode(self.group, episode),
                ended_at,
            });
        }
    }

    fn end_of(&self, report: &AlertReport) -> Timestamp {
        report.ends_at.unwrap_or(self.now).max(report.starts_at)
    }

    fn emit(&mut self, event: impl Into<AlertGroupEvent>) {
        let event = event.into();
        self.state.apply(event.clone());
        self.events.push(event);
    }
}

/// What its label asks for.
pub(super) fn severity_of(report: &AlertReport) -> Severity {
    Severity::of_label(labels::get(&report.labels, "severity"))
}

/// The command's title within the bounds of an incident's; never empty, because a
/// refused incident would be a page that nobody gets.
fn title(command: &ReceiveAlerts) -> String {
    let candidates = [&*command.title, &*command.group_key, "Alerts"];
    let visible = candidates.into_iter().find(|text| !text.trim().is_empty());
    visible
        .unwrap_or_default()
        .chars()
        .take(TITLE_CHARS)
        .collect()
}
