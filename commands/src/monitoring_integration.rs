//! A monitoring server of a project. Its first name is its id, so that two who add one at
//! the same moment do not both; a name that it gets later is looked for by the gateway.
//! Whoever sends its credential somewhere else must know the credential.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::monitoring_integration::{
    ChangeMonitoringIntegration, CredentialNamed, MonitoringCredentialSet,
    MonitoringIntegrationChanged, MonitoringIntegrationCommand, MonitoringIntegrationEvent,
    MonitoringIntegrationRegistered, MonitoringIntegrationRemoved, MonitoringIntegrationRenamed,
    RegisterMonitoringIntegration, RemoveMonitoringIntegration, RenameMonitoringIntegration,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const KINDS: [&str; 5] = ["prometheus", "alertmanager", "grafana", "loki", "otlp"];
const CREDENTIAL_KINDS: [&str; 3] = ["basic", "bearer", "headers"];
const NAME_CHARS: usize = 100;
const URL_CHARS: usize = 2_000;
const CERTIFICATE_CHARS: usize = 64_000;
const REASON_CHARS: usize = 1_000;

/// The server whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitoringIntegration {
    /// None before it was registered and after it was removed.
    known: Option<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    name: String,
    kind: String,
    url: String,
    ca_certificate: Option<String>,
    credential: Option<CredentialNamed>,
}

/// Why a monitoring server refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MonitoringIntegrationRefusal {
    #[error("there is no such integration")]
    NotFound,
    #[error("the project has an integration of this name already")]
    NameTaken,
    #[error(
        "the address is another server's: give the credential again, or say that there is none"
    )]
    CredentialNeeded,
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for MonitoringIntegrationRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NameTaken => "name_taken",
            Self::CredentialNeeded => "credential_needed",
            Self::Invalid(_) => fields::RULE,
        }
    }
}

type Decision = Result<Vec<MonitoringIntegrationEvent>, MonitoringIntegrationRefusal>;

impl MonitoringIntegration {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: MonitoringIntegrationCommand) -> Decision {
        use MonitoringIntegrationCommand as Command;
        match (&self.known, command) {
            (None, Command::RegisterMonitoringIntegration(c)) => register(c),
            (Some(_), Command::RegisterMonitoringIntegration(_)) => {
                Err(MonitoringIntegrationRefusal::NameTaken)
            }
            (Some(known), Command::ChangeMonitoringIntegration(c)) => known.change(c),
            (Some(known), Command::RenameMonitoringIntegration(c)) => known.rename(c),
            (Some(_), Command::RemoveMonitoringIntegration(c)) => remove(c),
            (None, _) => Err(MonitoringIntegrationRefusal::NotFound),
        }
    }
}

impl Known {
    fn change(&self, c: ChangeMonitoringIntegration) -> Decision {
        check(
            &c.kind,
            &c.url,
            c.ca_certificate.as_deref(),
            c.credential.as_ref(),
        )?;
        if self.credential.is_some() && !c.sets_credential && server(&self.url) != server(&c.url) {
            return Err(MonitoringIntegrationRefusal::CredentialNeeded);
        }
        let mut events = Vec::new();
        if (&self.kind, &self.url, &self.ca_certificate) != (&c.kind, &c.url, &c.ca_certificate) {
            let changed = MonitoringIntegrationChanged {
                kind: c.kind,
                url: c.url,
                ca_certificate: c.ca_certificate,
            };
            events.push(changed.into());
        }
        if c.sets_credential && self.credential != c.credential {
            let credential = c.credential;
            events.push(MonitoringCredentialSet { credential }.into());
        }
        Ok(events)
    }

    fn rename(&self, c: RenameMonitoringIntegration) -> Decision {
        fields::name("name", &c.name, NAME_CHARS)?;
        if self.name == c.name {
            return Ok(Vec::new());
        }
        Ok(vec![MonitoringIntegrationRenamed { name: c.name }.into()])
    }
}

fn register(c: RegisterMonitoringIntegration) -> Decision {
    fields::name("name", &c.name, NAME_CHARS)?;
    check(
        &c.kind,
        &c.url,
        c.ca_certificate.as_deref(),
        c.credential.as_ref(),
    )?;
    let registered = MonitoringIntegrationRegistered {
        project: c.project,
        name: c.name,
        kind: c.kind,
        url: c.url,
        ca_certificate: c.ca_certificate,
    };
    let mut events = vec![registered.into()];
    if let Some(credential) = c.credential {
        let credential = Some(credential);
        events.push(MonitoringCredentialSet { credential }.into());
    }
    Ok(events)
}

fn remove(c: RemoveMonitoringIntegration) -> Decision {
    fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
    Ok(vec![
        MonitoringIntegrationRemoved { reason: c.reason }.into(),
    ])
}

fn check(
    kind: &str,
    url: &str,
    ca_certificate: Option<&str>,
    credential: Option<&CredentialNamed>,
) -> Result<(), InvalidField> {
    if !KINDS.contains(&kind) {
        let problem = "must be prometheus, alertmanager, grafana, loki or otlp";
        return Err(fields::invalid("kind", problem));
    }
    fields::text("url", url, URL_CHARS)?;
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err(fields::invalid("url", "must be an http or https address"));
    }
    // What could hold a secret must not get into the log.
    if url.contains(['@', '?', '#']) {
        let problem = "must say where the server is and nothing else";
        return Err(fields::invalid("url", problem));
    }
    fields::optional("ca_certificate", ca_certificate, CERTIFICATE_CHARS)?;
    match credential {
        Some(named) if !CREDENTIAL_KINDS.contains(&named.kind.as_str()) => {
            let problem = "must be basic, bearer or headers";
            Err(fields::invalid("credential", problem))
        }
        _ => Ok(()),
    }
}

/// Scheme, host and port: who is shown the credential.
fn server(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let end = url[begin..].find('/').map_or(url.len(), |at| begin + at);
    &url[..end]
}

impl Aggregate for MonitoringIntegration {
    const TYPE: &'static str = "monitoring_integration";
    type Command = MonitoringIntegrationCommand;
    type Event = MonitoringIntegrationEvent;
    type Error = MonitoringIntegrationRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: MonitoringIntegrationCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), MonitoringIntegrationRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MonitoringIntegrationEvent) {
        use MonitoringIntegrationEvent as Event;
        match (event, &mut self.known) {
            (Event::MonitoringIntegrationRegistered(e), known) => {
                *known = Some(Known {
                    name: e.name,
                    kind: e.kind,
                    url: e.url,
                    ca_certificate: e.ca_certificate,
                    credential: None,
                });
            }
            (Event::MonitoringIntegrationChanged(e), Some(known)) => {
                known.kind = e.kind;
                known.url = e.url;
                known.ca_certificate = e.ca_certificate;
            }
            (Event::MonitoringCredentialSet(e), Some(known)) => known.credential = e.credential,
            (Event::MonitoringIntegrationRenamed(e), Some(known)) => known.name = e.name,
            (Event::MonitoringIntegrationRemoved(_), known) => *known = None,
            (_, None) => {}
        }
    }
}

impl Audited for MonitoringIntegration {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        let (from, to) = (before.known.as_ref(), after.known.as_ref());
        let mut field = |name: &str, of: fn(&Known) -> Option<String>| {
            changes.field(name, from.and_then(of), to.and_then(of));
        };
        field("name", |known| Some(known.name.clone()));
        field("kind", |known| Some(known.kind.clone()));
        field("url", |known| Some(known.url.clone()));
        field("ca_certificate", |known| known.ca_certificate.clone());
        // Which one it is may be known; what it is, nobody is told.
        field("credential", |known| {
            let named = known.credential.as_ref()?;
            Some(format!("{} *** ({})", named.kind, named.id))
        });
    }

    fn tell(event: &MonitoringIntegrationEvent, changes: &mut Changes) {
        if let MonitoringIntegrationEvent::MonitoringIntegrationRemoved(e) = event {
            changes.said("removed", &true);
            if let Some(reason) = &e.reason {
                changes.said("reason", reason);
            }
        }
    }
}

impl Hosted for MonitoringIntegration {
    const COMMANDS: Topic = Topic::MonitoringCommands;
    const EVENTS: Topic = Topic::MonitoringEvents;
    const REACH: Reach = Reach::Project;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::{CommandId, CredentialId};
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(
        events: Vec<MonitoringIntegrationEvent>,
    ) -> AggregateTestExecutor<MonitoringIntegration> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn register() -> RegisterMonitoringIntegration {
        RegisterMonitoringIntegration::example()
    }

    fn registered() -> Vec<MonitoringIntegrationEvent> {
        vec![
            MonitoringIntegrationRegistered::example().into(),
            MonitoringCredentialSet::example().into(),
        ]
    }

    fn removed() -> MonitoringIntegrationEvent {
        MonitoringIntegrationRemoved::example().into()
    }

    /// What asks for nothing new.
    fn unchanged() -> ChangeMonitoringIntegration {
        ChangeMonitoringIntegration {
            url: register().url,
            sets_credential: false,
            credential: None,
            ..ChangeMonitoringIntegration::example()
        }
    }

    #[test]
    fn a_name_is_given_once_until_it_is_free_again() {
        given(vec![])
            .when(register().into())
            .then_expect_events(registered());
        given(registered())
            .when(register().into())
            .then_expect_error(MonitoringIntegrationRefusal::NameTaken);
        let remove = || RemoveMonitoringIntegration::example().into();
        given(registered())
            .when(remove())
            .then_expect_events(vec![removed()]);
        let over = || [registered(), vec![removed()]].concat();
        given(over())
            .when(remove())
            .then_expect_error(MonitoringIntegrationRefusal::NotFound);
        given(over())
            .when(register().into())
            .then_expect_events(registered());
    }

    #[test]
    fn a_server_is_renamed_and_stays_what_it_is() {
        let rename = RenameMonitoringIntegration::example;
        let renamed: MonitoringIntegrationEvent = MonitoringIntegrationRenamed::example().into();
        given(registered())
            .when(rename().into())
            .then_expect_events(vec![renamed.clone()]);
        let with = || [registered(), vec![renamed.clone()]].concat();
        given(with())
            .when(rename().into())
            .then_expect_events(vec![]);
        // Its key is still its first name's, which nobody registers a second time.
        given(with())
            .when(register().into())
            .then_expect_error(MonitoringIntegrationRefusal::NameTaken);
        given(with())
            .when(unchanged().into())
            .then_expect_events(vec![]);
        given(vec![])
            .when(rename().into())
            .then_expect_error(MonitoringIntegrationRefusal::NotFound);
        let blank = RenameMonitoringIntegration {
            name: " ".to_owned(),
        };
        let refused = given(registered()).when(blank.into()).inspect_result();
        assert!(refused.unwrap_err().to_string().contains("`name`"));
    }

    #[test]
    fn only_what_is_new_becomes_an_event() {
        given(registered())
            .when(unchanged().into())
            .then_expect_events(vec![]);
        let path = ChangeMonitoringIntegration {
            url: format!("{}/prometheus", register().url),
            ..unchanged()
        };
        let changed = MonitoringIntegrationChanged {
            url: path.url.clone(),
            ..MonitoringIntegrationChanged::example()
        };
        given(registered())
            .when(path.into())
            .then_expect_events(vec![changed.into()]);
        let none = ChangeMonitoringIntegration {
            sets_credential: true,
            ..unchanged()
        };
        given(registered())
            .when(none.into())
            .then_expect_events(vec![MonitoringCredentialSet { credential: None }.into()]);
        given(vec![])
            .when(unchanged().into())
            .then_expect_error(MonitoringIntegrationRefusal::NotFound);
    }

    #[test]
    fn a_credential_is_not_sent_to_another_server_by_who_does_not_know_it() {
        for url in [
            "http://prometheus.shop:9091",
            "https://prometheus.shop:9090",
            "http://prometheus.shop.evil.example:9090",
            "http://evil.example/prometheus.shop:9090",
        ] {
            let moved = ChangeMonitoringIntegration {
                url: url.to_owned(),
                ..unchanged()
            };
            given(registered())
                .when(moved.clone().into())
                .then_expect_error(MonitoringIntegrationRefusal::CredentialNeeded);
            let with = ChangeMonitoringIntegration {
                sets_credential: true,
                credential: Some(CredentialNamed {
                    id: CredentialId(Uuid::from_u128(7)),
                    kind: "bearer".to_owned(),
                }),
                ..moved.clone()
            };
            let accepted = given(registered()).when(with.into()).inspect_result();
            assert_eq!(accepted.unwrap().len(), 2, "{url}");
            // Without a credential there is nothing to lose.
            let open = MonitoringIntegrationRegistered::example().into();
            let accepted = given(vec![open]).when(moved.into()).inspect_result();
            assert_eq!(accepted.unwrap().len(), 1, "{url}");
        }
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        type Spoil = fn(&mut RegisterMonitoringIntegration);
        let wrong: [(&str, Spoil); 6] = [
            ("name", |c| c.name = " ".to_owned()),
            ("kind", |c| c.kind = "nagios".to_owned()),
            ("url", |c| c.url = "ftp://a".to_owned()),
            ("url", |c| c.url = "http://ada:secret@a".to_owned()),
            ("url", |c| c.url = "http://a?token=secret".to_owned()),
            ("ca_certificate", |c| {
                c.ca_certificate = Some("x".repeat(CERTIFICATE_CHARS + 1));
            }),
        ];
        for (field, change) in wrong {
            let mut command = register();
            change(&mut command);
            let refused = given(vec![]).when(command.into()).inspect_result();
            let detail = refused.unwrap_err().to_string();
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
            assert!(!detail.contains("secret"), "{detail}");
        }
    }

    #[test]
    fn the_audit_tells_which_credential_and_not_what_it_is() {
        let mut after = MonitoringIntegration::default();
        registered()
            .into_iter()
            .for_each(|event| after.apply(event));
        let mut changes = Changes::created();
        MonitoringIntegration::compare(&MonitoringIntegration::default(), &after, &mut changes);
        let told = changes.finish().unwrap();
        assert!(
            told.contains("\"credential\":\"basic *** (00000000-"),
            "{told}"
        );
    }
}
