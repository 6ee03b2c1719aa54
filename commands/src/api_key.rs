//! An API key as facts for the keyring: created once, ended at a time, revoked once.

mod audited;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::api_key::{
    ApiKeyChanged, ApiKeyCommand, ApiKeyCreated, ApiKeyEndSet, ApiKeyEvent, ApiKeyRevoked,
    ChangeApiKey, CreateApiKey, EndApiKey, RevokeApiKey,
};
use schemas::context::Context;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::fields::{self, InvalidField};

const NAME_CHARS: usize = 200;
const PREFIX_CHARS: usize = 32;
const REASON_CHARS: usize = 1_000;
const HASH_CHARS: usize = 64;
const SCOPES: [&str; 8] = [
    "ingest",
    "ingest:metrics",
    "ingest:logs",
    "ingest:traces",
    "ingest:webhooks",
    "read",
    "write",
    "admin",
];

/// The key whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    created: Option<Facts>,
    expires_at: Option<Timestamp>,
    revoked: bool,
}

/// What a retry of the creation is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    name: String,
    hash: String,
    scopes: Vec<String>,
}

/// Why an API key refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    #[error("there is no such API key")]
    NotFound,
    #[error("the API key exists already, with other values")]
    AlreadyCreated,
    #[error("the API key was revoked")]
    Revoked,
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for ApiKeyRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyCreated => "already_created",
            Self::Revoked => "key_revoked",
            Self::Invalid(_) => fields::RULE,
        }
    }
}

type Decision = Result<Vec<ApiKeyEvent>, ApiKeyRefusal>;

impl ApiKey {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: ApiKeyCommand, context: &Context) -> Decision {
        match (&self.created, command) {
            (None, ApiKeyCommand::CreateApiKey(c)) => create(c, context),
            (Some(facts), ApiKeyCommand::CreateApiKey(c)) => again(facts, &c),
            (None, _) => Err(ApiKeyRefusal::NotFound),
            (Some(facts), ApiKeyCommand::ChangeApiKey(c)) => self.change(facts, c),
            (Some(_), ApiKeyCommand::EndApiKey(c)) => self.end(&c, context),
            (Some(_), ApiKeyCommand::RevokeApiKey(c)) => self.revoke(c),
        }
    }

    fn end(&self, c: &EndApiKey, context: &Context) -> Decision {
        if self.revoked {
            return Err(ApiKeyRefusal::Revoked);
        }
        if c.expires_at < context.now() {
            return Err(fields::invalid("expires_at", "lies in the past").into());
        }
        match self.expires_at {
            Some(held) if held <= c.expires_at => Ok(Vec::new()),
            _ => Ok(vec![
                ApiKeyEndSet {
                    expires_at: c.expires_at,
                }
                .into(),
            ]),
        }
    }

    fn change(&self, facts: &Facts, c: ChangeApiKey) -> Decision {
        if self.revoked {
            return Err(ApiKeyRefusal::Revoked);
        }
        let name = c.name.unwrap_or_else(|| facts.name.clone());
        let scopes = c.scopes.unwrap_or_else(|| facts.scopes.clone());
        fields::text("name", &name, NAME_CHARS)?;
        check_scopes(&scopes)?;
        if name == facts.name && scopes == facts.scopes {
            return Ok(Vec::new());
        }
        Ok(vec![ApiKeyChanged { name, scopes }.into()])
    }

    fn revoke(&self, c: RevokeApiKey) -> Decision {
        fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
        if self.revoked {
            return Ok(Vec::new());
        }
        Ok(vec![ApiKeyRevoked { reason: c.reason }.into()])
    }
}

impl Aggregate for ApiKey {
    const TYPE: &'static str = "api_key";
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Error = ApiKeyRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: ApiKeyCommand,
        context: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), ApiKeyRefusal> {
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ApiKeyEvent) {
        match event {
            ApiKeyEvent::ApiKeyCreated(e) => {
                let (name, hash, scopes) = (e.name, e.hash, e.scopes);
                self.expires_at = e.expires_at;
                self.created = Some(Facts { name, hash, scopes });
            }
            ApiKeyEvent::ApiKeyRevoked(_) => self.revoked = true,
            ApiKeyEvent::ApiKeyEndSet(e) => self.expires_at = Some(e.expires_at),
            ApiKeyEvent::ApiKeyChanged(e) => {
                if let Some(facts) = &mut self.created {
                    facts.name = e.name;
                    facts.scopes = e.scopes;
                }
            }
        }
    }
}

impl Hosted for ApiKey {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityKeys;
    const REACH: Reach = Reach::Project;
}

fn create(c: CreateApiKey, context: &Context) -> Decision {
    fields::text("name", &c.name, NAME_CHARS)?;
    fields::text("prefix", &c.prefix, PREFIX_CHARS)?;
    check_hash(&c.hash)?;
    check_scopes(&c.scopes)?;
    if c.expires_at.is_some_and(|at| at <= context.now()) {
        return Err(fields::invalid("expires_at", "is not in the future").into());
    }
    let created = ApiKeyCreated {
        name: c.name,
        project: c.project,
        hash: c.hash,
        prefix: c.prefix,
        scopes: c.scopes,
        expires_at: c.expires_at,
        service_account: c.service_account,
    };
    Ok(vec![created.into()])
}

/// Creating again with the same values is a retry and changes nothing.
fn again(facts: &Facts, c: &CreateApiKey) -> Decision {
    let same = facts.name == c.name && facts.hash == c.hash && facts.scopes == c.scopes;
    same.then(Vec::new).ok_or(ApiKeyRefusal::AlreadyCreated)
}

fn check_hash(hash: &str) -> Result<(), InvalidField> {
    let hex = hash.len() == HASH_CHARS && hash.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then_some(())
        .ok_or_else(|| fields::invalid("hash", "must be the SHA-256 of the key in hex"))
}

fn check_scopes(scopes: &[String]) -> Result<(), InvalidField> {
    let known = scopes.iter().all(|scope| SCOPES.contains(&scope.as_str()));
    if known && !scopes.is_empty() && scopes.len() <= SCOPES.len() {
        return Ok(());
    }
    let names = SCOPES.join(", ");
    let problem = format!("must name one or more of {names}");
    Err(fields::invalid("scopes", &problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn given(events: Vec<ApiKeyEvent>) -> AggregateTestExecutor<ApiKey> {
        let context = Context::decision(NOON, CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn created() -> ApiKeyEvent {
        ApiKeyCreated::example().into()
    }

    #[test]
    fn is_created_once() {
        let create = CreateApiKey::example();
        given(vec![])
            .when(create.clone().into())
            .then_expect_events(vec![created()]);
        given(vec![created()])
            .when(create.clone().into())
            .then_expect_events(vec![]);
        let other = CreateApiKey {
            hash: "11".repeat(32),
            ..create
        };
        given(vec![created()])
            .when(other.into())
            .then_expect_error(ApiKeyRefusal::AlreadyCreated);
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let wrong = [
            (
                "scopes",
                CreateApiKey {
                    scopes: vec!["root".to_owned()],
                    ..CreateApiKey::example()
                },
            ),
            (
                "hash",
                CreateApiKey {
                    hash: "srec_secret".to_owned(),
                    ..CreateApiKey::example()
                },
            ),
            (
                "expires_at",
                CreateApiKey {
                    expires_at: Some(NOON),
                    ..CreateApiKey::example()
                },
            ),
        ];
        for (field, command) in wrong {
            let refused = given(vec![]).when(command.into()).inspect_result();
            let detail = refused.unwrap_err().to_string();
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
        }
    }

    #[test]
    fn is_revoked_once() {
        let revoke = || ApiKeyCommand::from(RevokeApiKey::example());
        let revoked = || ApiKeyEvent::from(ApiKeyRevoked::example());
        given(vec![])
            .when(revoke())
            .then_expect_error(ApiKeyRefusal::NotFound);
        given(vec![created()])
            .when(revoke())
            .then_expect_events(vec![revoked()]);
        given(vec![created(), revoked()])
            .when(revoke())
            .then_expect_events(vec![]);
    }

    #[test]
    fn it_is_changed_while_it_is_good() {
        let change = |name: Option<&str>, scopes: Option<&[&str]>| {
            ApiKeyCommand::from(ChangeApiKey {
                name: name.map(str::to_owned),
                scopes: scopes.map(|all| all.iter().map(|&scope| scope.to_owned()).collect()),
            })
        };
        let changed = |name: &str, scope: &str| {
            ApiKeyEvent::from(ApiKeyChanged {
                name: name.to_owned(),
                scopes: vec![scope.to_owned()],
            })
        };
        given(vec![created()])
            .when(change(Some("agent"), None))
            .then_expect_events(vec![changed("agent", "ingest")]);
        given(vec![created(), changed("agent", "ingest")])
            .when(change(None, Some(&["read"])))
            .then_expect_events(vec![changed("agent", "read")]);
        given(vec![created(), changed("agent", "read")])
            .when(change(Some("agent"), Some(&["read"])))
            .then_expect_events(vec![]);
        for scopes in [&[][..], &["root"]] {
            let refused = given(vec![created()]).when(change(None, Some(scopes)));
            let refused = refused.inspect_result().unwrap_err();
            assert!(refused.to_string().contains("`scopes`"), "{refused}");
        }
        given(vec![created(), ApiKeyRevoked::example().into()])
            .when(change(Some("agent"), None))
            .then_expect_error(ApiKeyRefusal::Revoked);
        given(vec![])
            .when(change(Some("agent"), None))
            .then_expect_error(ApiKeyRefusal::NotFound);
    }

    #[test]
    fn its_end_is_moved_forward_and_never_back() {
        let end = |days: i64| {
            let expires_at = NOON.plus_millis(days * 86_400_000);
            ApiKeyCommand::from(EndApiKey { expires_at })
        };
        let set = |days: i64| {
            let expires_at = NOON.plus_millis(days * 86_400_000);
            ApiKeyEvent::from(ApiKeyEndSet { expires_at })
        };
        given(vec![created()])
            .when(end(1))
            .then_expect_events(vec![set(1)]);
        given(vec![created(), set(1)])
            .when(end(2))
            .then_expect_events(vec![]);
        given(vec![created(), ApiKeyRevoked::example().into()])
            .when(end(1))
            .then_expect_error(ApiKeyRefusal::Revoked);
        let past = given(vec![created()]).when(end(-1)).inspect_result();
        assert!(past.unwrap_err().to_string().contains("`expires_at`"));
    }
}
