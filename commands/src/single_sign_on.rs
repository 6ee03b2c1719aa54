//! By which provider a tenant's members sign in, and what its groups are here.

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::scope::MemberRole;
use schemas::single_sign_on::{
    SetSingleSignOn, SignOnSettings, SingleSignOnCommand, SingleSignOnEvent, SingleSignOnRemoved,
    SingleSignOnSet,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const ISSUER_CHARS: usize = 500;
const CLIENT_ID_CHARS: usize = 300;
const WORD_CHARS: usize = 200;
const SCOPES: usize = 20;
const GROUPS: usize = 200;
const DOMAINS: usize = 100;
const STRENGTHS: usize = 20;
const REASON_CHARS: usize = 1_000;
/// Without it a provider gives no ID token.
const OPENID: &str = "openid";

/// The single sign-on whose id is the record's key; none before it was set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SingleSignOn {
    settings: Option<SignOnSettings>,
}

/// Why single sign-on refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SingleSignOnRefusal {
    #[error("there is no single sign-on in this tenant")]
    NotFound,
    #[error("nobody could come in: neither a group nor everybody gets a role")]
    NobodyComesIn,
    #[error(
        "anybody at the provider could join: name the e-mail domains of your people, or give a role to groups only"
    )]
    AnybodyComesIn,
    #[error("group `{0}` has two roles")]
    TwoRoles(String),
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for SingleSignOnRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NobodyComesIn => "nobody_comes_in",
            Self::AnybodyComesIn => "anybody_comes_in",
            Self::TwoRoles(_) => "two_roles",
            Self::Invalid(_) => fields::RULE,
        }
    }
}

type Decision = Result<Vec<SingleSignOnEvent>, SingleSignOnRefusal>;

impl SingleSignOn {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: SingleSignOnCommand) -> Decision {
        match command {
            SingleSignOnCommand::SetSingleSignOn(c) => self.set(c),
            SingleSignOnCommand::RemoveSingleSignOn(c) => {
                fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
                match self.settings {
                    Some(_) => Ok(vec![SingleSignOnRemoved { reason: c.reason }.into()]),
                    None => Err(SingleSignOnRefusal::NotFound),
                }
            }
        }
    }

    fn set(&self, c: SetSingleSignOn) -> Decision {
        let settings = c.settings;
        check_provider(&settings)?;
        check_people(&settings)?;
        match self.settings.as_ref() == Some(&settings) {
            true => Ok(Vec::new()),
            false => Ok(vec![SingleSignOnSet { settings }.into()]),
        }
    }
}

impl Aggregate for SingleSignOn {
    const TYPE: &'static str = "single_sign_on";
    type Command = SingleSignOnCommand;
    type Event = SingleSignOnEvent;
    type Error = SingleSignOnRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: SingleSignOnCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), SingleSignOnRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SingleSignOnEvent) {
        self.settings = match event {
            SingleSignOnEvent::SingleSignOnSet(e) => Some(e.settings),
            SingleSignOnEvent::SingleSignOnRemoved(_) => None,
        };
    }
}

impl Audited for SingleSignOn {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        let (from, to) = (before.settings.as_ref(), after.settings.as_ref());
        macro_rules! told {
            ($($field:ident),+) => {$(
                changes.field(stringify!($field), from.map(|s| &s.$field), to.map(|s| &s.$field));
            )+};
        }
        told!(issuer, client_id, scopes, groups_claim, group_roles);
        told!(default_role, email_domains, just_in_time, password_login);
        told!(acr_values, amr_values);
        // Of the secret only that it is another one; its name says nothing of it.
        let secret = |settings: &SignOnSettings| settings.client_secret;
        if from.and_then(secret) != to.and_then(secret) {
            let masked = |settings: &SignOnSettings| secret(settings).map(|_| "(masked)");
            let replaced = to.and_then(masked).map(|_| "(masked, replaced)");
            changes.field("client_secret", from.and_then(masked), replaced);
        }
    }

    fn tell(event: &SingleSignOnEvent, changes: &mut Changes) {
        if let SingleSignOnEvent::SingleSignOnRemoved(e) = event
            && let Some(reason) = &e.reason
        {
            changes.said("reason", reason);
        }
    }
}

impl Hosted for SingleSignOn {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityEvents;
    const REACH: Reach = Reach::Tenant;
}

fn check_provider(settings: &SignOnSettings) -> Result<(), InvalidField> {
    fields::text("issuer", &settings.issuer, ISSUER_CHARS)?;
    if !settings.issuer.starts_with("https://") && !settings.issuer.starts_with("http://") {
        return Err(fields::invalid("issuer", "must begin with https://"));
    }
    fields::text("client_id", &settings.client_id, CLIENT_ID_CHARS)?;
    fields::text("groups_claim", &settings.groups_claim, WORD_CHARS)?;
    plain_words("scopes", &settings.scopes, SCOPES)?;
    plain_words("acr_values", &settings.acr_values, STRENGTHS)?;
    plain_words("amr_values", &settings.amr_values, STRENGTHS)?;
    match settings.scopes.iter().any(|scope| scope == OPENID) {
        true => Ok(()),
        false => Err(fields::invalid("scopes", "must contain `openid`")),
    }
}

fn check_people(settings: &SignOnSettings) -> Result<(), SingleSignOnRefusal> {
    let groups: Vec<_> = settings
        .group_roles
        .iter()
        .map(|r| r.group.clone())
        .collect();
    words("group_roles", &groups, GROUPS)?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = groups.iter().find(|group| !seen.insert(*group)) {
        return Err(SingleSignOnRefusal::TwoRoles(twice.clone()));
    }
    words("email_domains", &settings.email_domains, DOMAINS)?;
    if !settings
        .email_domains
        .iter()
        .all(|domain| is_domain(domain))
    {
        let problem = "must be domains in lower case, such as `example.com`";
        return Err(fields::invalid("email_domains", problem).into());
    }
    match settings.default_role {
        Some(MemberRole::Owner) => {
            let problem = "must not be owner: name a group whose members are owners";
            Err(fields::invalid("default_role", problem).into())
        }
        None if groups.is_empty() => Err(SingleSignOnRefusal::NobodyComesIn),
        Some(_) if settings.just_in_time && settings.email_domains.is_empty() => {
            Err(SingleSignOnRefusal::AnybodyComesIn)
        }
        _ => Ok(()),
    }
}

/// Words that are sent or compared as they are, where blanks lie between them.
fn plain_words(field: &'static str, all: &[String], most: usize) -> Result<(), InvalidField> {
    words(field, all, most)?;
    match all.iter().any(|word| word.contains(char::is_whitespace)) {
        true => Err(fields::invalid(field, "must be words without blanks")),
        false => Ok(()),
    }
}

fn words(field: &'static str, words: &[String], most: usize) -> Result<(), InvalidField> {
    if words.len() > most {
        return Err(fields::invalid(field, &format!("has more than {most}")));
    }
    words
        .iter()
        .try_for_each(|word| fields::text(field, word, WORD_CHARS))
}

fn is_domain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label = |label: &str| !label.is_empty() && label.chars().all(plain);
    text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::{CommandId, SignOnSecretId};
    use schemas::single_sign_on::{GroupRole, RemoveSingleSignOn};
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(events: Vec<SingleSignOnEvent>) -> AggregateTestExecutor<SingleSignOn> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn set(change: impl FnOnce(&mut SignOnSettings)) -> SingleSignOnCommand {
        let mut command = SetSingleSignOn::example();
        change(&mut command.settings);
        command.into()
    }

    #[test]
    fn is_set_as_a_whole_where_it_changes_and_removed() {
        let is = || SingleSignOnEvent::from(SingleSignOnSet::example());
        let remove = || SingleSignOnCommand::from(RemoveSingleSignOn::example());
        let removed = || SingleSignOnEvent::from(SingleSignOnRemoved::example());
        given(vec![])
            .when(set(|_| {}))
            .then_expect_events(vec![is()]);
        given(vec![is()])
            .when(set(|_| {}))
            .then_expect_events(vec![]);
        given(vec![is()])
            .when(remove())
            .then_expect_events(vec![removed()]);
        given(vec![is(), removed()])
            .when(remove())
            .then_expect_error(SingleSignOnRefusal::NotFound);
    }

    #[test]
    fn somebody_comes_in_but_not_anybody() {
        let role = |group: &str, role| GroupRole {
            group: group.to_owned(),
            role,
        };
        let refused = |change: fn(&mut SignOnSettings)| {
            given(vec![])
                .when(set(change))
                .inspect_result()
                .unwrap_err()
        };
        let nobody = refused(|s| (s.default_role, s.group_roles) = (None, Vec::new()));
        assert_eq!(nobody, SingleSignOnRefusal::NobodyComesIn);
        let anybody = refused(|s| s.email_domains = Vec::new());
        assert_eq!(anybody, SingleSignOnRefusal::AnybodyComesIn);
        let twice = set(|s| {
            s.group_roles = vec![
                role("ops", MemberRole::Viewer),
                role("ops", MemberRole::Admin),
            ];
        });
        given(vec![])
            .when(twice)
            .then_expect_error(SingleSignOnRefusal::TwoRoles("ops".to_owned()));
        // Who is in no group stays outside, so no domain is needed.
        let groups_only = set(|s| (s.default_role, s.email_domains) = (None, Vec::new()));
        assert_eq!(
            given(vec![])
                .when(groups_only)
                .inspect_result()
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        for (field, change) in [
            (
                "issuer",
                (|s| s.issuer = "ldap://x".to_owned()) as fn(&mut SignOnSettings),
            ),
            ("client_id", |s| s.client_id = " ".to_owned()),
            ("scopes", |s| s.scopes = vec!["email".to_owned()]),
            ("scopes", |s| s.scopes.push("a b".to_owned())),
            ("groups_claim", |s| s.groups_claim = String::new()),
            ("acr_values", |s| s.acr_values = vec!["a b".to_owned()]),
            ("acr_values", |s| s.acr_values = vec!["a".to_owned(); 21]),
            ("amr_values", |s| s.amr_values = vec![String::new()]),
            ("email_domains", |s| {
                s.email_domains = vec!["Example.com".to_owned()]
            }),
            ("email_domains", |s| {
                s.email_domains = vec!["example".to_owned()]
            }),
            ("default_role", |s| s.default_role = Some(MemberRole::Owner)),
        ] {
            let refused = given(vec![]).when(set(change)).inspect_result();
            let detail = refused.unwrap_err().to_string();
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
        }
    }

    #[test]
    fn the_audit_says_that_the_secret_is_another_and_not_which() {
        let state = |secret: u128| {
            let mut settings = SetSingleSignOn::example().settings;
            settings.client_secret = Some(SignOnSecretId(Uuid::from_u128(secret)));
            SingleSignOn {
                settings: Some(settings),
            }
        };
        let mut changes = Changes::default();
        SingleSignOn::compare(&state(1), &state(2), &mut changes);
        let told = changes.finish().unwrap();
        let expected = r#"{"before":{"client_secret":"(masked)"},"after":{"client_secret":"(masked, replaced)"}}"#;
        assert_eq!(told, expected);
    }
}
