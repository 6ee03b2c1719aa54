//! An API key as facts for the keyring: created once, ended at a time, revoked once.

mod audited;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::api_key::{
    ApiKeyChanged, ApiKeyCommand, ApiKeyCreated, ApiKeyEndSet, ApiKeyEvent, ApiKeyRevoked,
    ChangeApiKey, CreateApiKey, EndApiKey, RevokeApiKey,
};
use schemas::context::Context;
use schemas::ids::ApiKeyId;
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
    rotated: bool,
    /// None also where it was rotated before successors were named.
    successor: Option<ApiKeyId>,
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
    #[error("the API key has expired")]
    Expired,
    #[error("the API key was rotated: rotate the one that took its place")]
    Rotated,
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for ApiKeyRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyCreated => "already_created",
            Self::Revoked => "key_revoked",
            Self::Expired => "key_expired",
            Self::Rotated => "key_rotated",
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

    /// A key is rotated once, whoever else asks at the same moment: what is over is not
    /// brought back, and a second successor would be a key that nobody looks after.
    fn end(&self, c: &EndApiKey, context: &Context) -> Decision {
        // The same rotation again, which may not have got as far as its successor.
        if c.successor.is_some() && c.successor == self.successor {
            return Ok(Vec::new());
        }
        let now = context.now();
        if self.revoked {
            return Err(ApiKeyRefusal::Revoked);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(ApiKeyRefusal::Expired);
        }
        if self.rotated {
            return Err(ApiKeyRefusal::Rotated);
        }
        // An end that passed while the command was on its way is now.
        let asked = c.expires_at.max(now);
        let ended = ApiKeyEndSet {
            expires_at: self.expires_at.map_or(asked, |held| held.min(asked)),
            successor: c.successor,
        };
        Ok(vec![ended.into()])
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
            ApiKeyEvent::ApiKeyEndSet(e) => {
                self.expires_at = Some(e.expires_at);
                self.rotated = true;
                self.successor = e.successor;
            }
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

    /// In days from noon.
    fn end(days: i64, successor: Option<u128>) -> EndApiKey {
        EndApiKey {
            expires_at: NOON.plus_millis(days * 86_400_000),
            successor: successor.map(|n| ApiKeyId(Uuid::from_u128(n))),
        }
    }

    fn set(days: i64, successor: Option<u128>) -> ApiKeyEvent {
        let EndApiKey {
            expires_at,
            successor,
        } = end(days, successor);
        let set = ApiKeyEndSet {
            expires_at,
            successor,
        };
        set.into()
    }

    fn created_until(expires_at: Option<Timestamp>) -> ApiKeyEvent {
        ApiKeyCreated {
            expires_at,
            ..ApiKeyCreated::example()
        }
        .into()
    }

    #[test]
    fn it_is_rotated_once() {
        given(vec![created()])
            .when(end(1, Some(1)).into())
            .then_expect_events(vec![set(1, Some(1))]);
        let rotated = || vec![created(), set(1, Some(1))];
        // Told again of its successor, whatever the end is now said to be.
        given(rotated())
            .when(end(2, Some(1)).into())
            .then_expect_events(vec![]);
        for other in [Some(2), None] {
            given(rotated())
                .when(end(1, other).into())
                .then_expect_error(ApiKeyRefusal::Rotated);
        }
        // One that was rotated before successors were named has one all the same.
        for successor in [Some(2), None] {
            given(vec![created(), set(1, None)])
                .when(end(1, successor).into())
                .then_expect_error(ApiKeyRefusal::Rotated);
        }
    }

    #[test]
    fn what_is_over_is_not_rotated() {
        given(vec![])
            .when(end(1, Some(1)).into())
            .then_expect_error(ApiKeyRefusal::NotFound);
        given(vec![created(), ApiKeyRevoked::example().into()])
            .when(end(1, Some(1)).into())
            .then_expect_error(ApiKeyRefusal::Revoked);
        given(vec![created_until(Some(NOON))])
            .when(end(1, Some(1)).into())
            .then_expect_error(ApiKeyRefusal::Expired);
        given(vec![created(), set(0, Some(1))])
            .when(end(1, Some(2)).into())
            .then_expect_error(ApiKeyRefusal::Expired);
    }

    #[test]
    fn its_end_is_moved_forward_and_never_back() {
        let soon = NOON.plus_millis(86_400_000);
        given(vec![created_until(None)])
            .when(end(2, Some(1)).into())
            .then_expect_events(vec![set(2, Some(1))]);
        // It ends when it was to end, and was rotated nevertheless.
        given(vec![created_until(Some(soon))])
            .when(end(2, Some(1)).into())
            .then_expect_events(vec![set(1, Some(1))]);
        // At once, also where the clock went on meanwhile.
        for days in [0, -1] {
            given(vec![created()])
                .when(end(days, Some(1)).into())
                .then_expect_events(vec![set(0, Some(1))]);
        }
    }
}
