//! Keeps an incident and its episodes in step: an episode that begins opens its
//! incident, one that gets worse makes it worse, one that ends ends in it, and what
//! people decide about the incident reaches the groups.

use eventlog::{NewRecord, Record};
use schemas::alert_group::{AlertGroupCommand, AlertGroupEvent, CloseEpisode, ReopenEpisode};
use schemas::codec::CodecError;
use schemas::ids::{GroupId, IncidentId};
use schemas::incident::{
    EndEpisode, EpisodeRef, IncidentCommand, IncidentEvent, IncidentSource, OpenIncident,
    RaiseIncidentSeverity,
};
use schemas::severity::Severity;
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::incident_record::IncidentRecord;
use crate::runtime::reactor::{Reactor, Verdict};

pub struct EpisodeFollower;

impl Reactor for EpisodeFollower {
    fn name(&self) -> &'static str {
        "episode_follower"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IncidentEvents]
    }

    fn react(&self, record: &Record) -> Verdict {
        let event = IncidentRecord::read(record)?;
        let cause = Cause::of(self.name(), record)?;
        match event {
            IncidentRecord::AlertGroup(event) => of_group(&cause, event),
            IncidentRecord::Incident(event) => Ok(of_incident(&cause, event)?),
            IncidentRecord::IncidentNumbers(_) => Ok(Vec::new()),
        }
    }
}

/// What the group decided reaches the episode's incident.
fn of_group(cause: &Cause, event: AlertGroupEvent) -> Verdict {
    let group: GroupId = cause.subject()?;
    let command = match event {
        AlertGroupEvent::EpisodeBegan(began) => cause.command::<IncidentCommand>(
            Topic::IncidentCommands,
            began.incident,
            "open",
            OpenIncident {
                title: began.title,
                description: None,
                severity: began.severity,
                source: IncidentSource::Alertmanager,
                episode: Some(EpisodeRef {
                    group,
                    episode: began.episode,
                }),
                group_key: Some(began.group_key),
            },
        ),
        AlertGroupEvent::EpisodeEnded(ended) => cause.command::<IncidentCommand>(
            Topic::IncidentCommands,
            ended.incident,
            "end",
            EndEpisode {
                episode: EpisodeRef {
                    group,
                    episode: ended.episode,
                },
                ended_at: ended.ended_at,
            },
        ),
        AlertGroupEvent::EpisodeWorsened(worse) => raise(cause, worse.incident, worse.severity),
        _ => return Ok(Vec::new()),
    };
    Ok(vec![command?])
}

fn raise(cause: &Cause, incident: IncidentId, severity: Severity) -> Result<NewRecord, CodecError> {
    cause.command::<IncidentCommand>(
        Topic::IncidentCommands,
        incident,
        "raise",
        RaiseIncidentSeverity { severity },
    )
}

/// What people decided reaches every group that has an episode in the incident.
fn of_incident(cause: &Cause, event: IncidentEvent) -> Result<Vec<NewRecord>, CodecError> {
    match event {
        IncidentEvent::IncidentResolved(resolved) if !resolved.automatic => {
            to_groups(cause, resolved.episodes, |episode| {
                CloseEpisode { episode }.into()
            })
        }
        IncidentEvent::IncidentReopened(reopened) => {
            to_groups(cause, reopened.episodes, |episode| {
                ReopenEpisode { episode }.into()
            })
        }
        IncidentEvent::EpisodeEndForwarded(forwarded) => {
            let end = EndEpisode {
                episode: forwarded.episode,
                ended_at: forwarded.ended_at,
            };
            let command = cause.command::<IncidentCommand>(
                Topic::IncidentCommands,
                forwarded.into,
                "forward",
                end,
            );
            Ok(vec![command?])
        }
        IncidentEvent::IncidentSeverityForwarded(forwarded) => {
            Ok(vec![raise(cause, forwarded.into, forwarded.severity)?])
        }
        _ => Ok(Vec::new()),
    }
}

fn to_groups(
    cause: &Cause,
    episodes: Vec<EpisodeRef>,
    message: impl Fn(i64) -> AlertGroupCommand,
) -> Result<Vec<NewRecord>, CodecError> {
    let command = |EpisodeRef { group, episode }| {
        let step = format!("{group}:{episode}");
        cause.command::<AlertGroupCommand>(Topic::IncidentCommands, group, &step, message(episode))
    };
    episodes.into_iter().map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given;
    use schemas::alert_group::{AlertFired, EpisodeBegan, EpisodeEnded, EpisodeWorsened};
    use schemas::codec::Example;
    use schemas::incident::{
        EpisodeEndForwarded, IncidentReopened, IncidentResolved, IncidentSeverityForwarded,
    };
    use schemas::messages::MessageSet;
    use uuid::Uuid;

    fn reaction<M: MessageSet>(event: impl Into<M>) -> Vec<NewRecord> {
        let record = given::record::<M>(Topic::IncidentEvents, given::SUBJECT, event);
        EpisodeFollower.react(&record).unwrap()
    }

    fn to_incident(commands: &[NewRecord]) -> (IncidentId, IncidentCommand) {
        let [command] = commands else {
            panic!("one command, not {}", commands.len())
        };
        let (topic, key, message) = given::sent(command);
        assert_eq!(topic, Topic::IncidentCommands);
        (key.parse().unwrap(), message)
    }

    fn this_episode() -> EpisodeRef {
        EpisodeRef {
            group: GroupId(given::SUBJECT),
            episode: 1,
        }
    }

    #[test]
    fn an_episode_that_begins_opens_the_incident_it_names() {
        let began = EpisodeBegan::example();
        let (incident, command) = to_incident(&reaction::<AlertGroupEvent>(began.clone()));
        assert_eq!(incident, began.incident);
        let opened = OpenIncident {
            title: began.title,
            description: None,
            severity: began.severity,
            source: IncidentSource::Alertmanager,
            episode: Some(this_episode()),
            group_key: Some(began.group_key),
        };
        assert_eq!(command, opened.into());
    }

    #[test]
    fn an_episode_that_ends_ends_in_its_incident() {
        let ended = EpisodeEnded::example();
        let (incident, command) = to_incident(&reaction::<AlertGroupEvent>(ended.clone()));
        assert_eq!(incident, ended.incident);
        let end = EndEpisode {
            episode: this_episode(),
            ended_at: ended.ended_at,
        };
        assert_eq!(command, end.into());
    }

    #[test]
    fn an_end_is_forwarded_to_the_incident_that_absorbed_the_episode() {
        let EpisodeEndForwarded {
            episode,
            ended_at,
            into,
        } = Example::example();
        let forwarded = EpisodeEndForwarded {
            episode: episode.clone(),
            ended_at,
            into,
        };
        let sent = to_incident(&reaction::<IncidentEvent>(forwarded));
        assert_eq!(sent, (into, EndEpisode { episode, ended_at }.into()));
    }

    #[test]
    fn what_gets_worse_raises_the_incident_that_stands_for_it() {
        let worse = EpisodeWorsened::example();
        let raised = |severity| IncidentCommand::from(RaiseIncidentSeverity { severity });
        let sent = to_incident(&reaction::<AlertGroupEvent>(worse.clone()));
        assert_eq!(sent, (worse.incident, raised(worse.severity)));
        let forwarded = IncidentSeverityForwarded::example();
        let sent = to_incident(&reaction::<IncidentEvent>(forwarded.clone()));
        assert_eq!(sent, (forwarded.into, raised(forwarded.severity)));
    }

    fn two_episodes() -> Vec<EpisodeRef> {
        let group = |n| GroupId(Uuid::from_u128(n));
        vec![
            EpisodeRef {
                group: group(1),
                episode: 4,
            },
            EpisodeRef {
                group: group(2),
                episode: 1,
            },
        ]
    }

    fn groups(commands: &[NewRecord]) -> Vec<(String, AlertGroupCommand)> {
        let sent = commands.iter().map(given::sent);
        sent.map(|(_, key, message)| (key, message)).collect()
    }

    #[test]
    fn people_who_resolve_close_every_episode() {
        let resolved = IncidentResolved {
            note: None,
            automatic: false,
            episodes: two_episodes(),
        };
        let commands = reaction::<IncidentEvent>(resolved);
        let expected: Vec<(String, AlertGroupCommand)> = two_episodes()
            .into_iter()
            .map(|e| {
                (
                    e.group.to_string(),
                    CloseEpisode { episode: e.episode }.into(),
                )
            })
            .collect();
        assert_eq!(groups(&commands), expected);
        let ids: Vec<_> = commands
            .iter()
            .map(|c| given::stored(c.clone()).envelope().unwrap().id)
            .collect();
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn an_automatic_resolve_tells_nobody_what_the_groups_said_themselves() {
        let resolved = IncidentResolved {
            note: None,
            automatic: true,
            episodes: two_episodes(),
        };
        assert_eq!(reaction::<IncidentEvent>(resolved), Vec::new());
    }

    #[test]
    fn a_reopened_incident_reopens_its_episodes() {
        let reopened = IncidentReopened {
            note: None,
            episodes: two_episodes(),
        };
        let commands = groups(&reaction::<IncidentEvent>(reopened));
        assert_eq!(commands[0].1, ReopenEpisode { episode: 4 }.into());
        assert_eq!(commands.len(), 2);
    }

    #[test]
    fn an_alert_within_an_episode_asks_for_nothing() {
        assert_eq!(
            reaction::<AlertGroupEvent>(AlertFired::example()),
            Vec::new()
        );
    }
}
