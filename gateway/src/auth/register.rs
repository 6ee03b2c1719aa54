//! `POST /api/v1/auth/register`: a new tenant with its first project and owner.
//!
//! The password stays in the vault: a login row is reserved, the command is sent
//! without it, and the row becomes active with the outcome. What a crash leaves
//! behind, the sweeper settles.

use access::token::Subject;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use projections::vault::SubjectKeys;
use schemas::context::Context;
use schemas::ids::{ProjectId, SubjectId, TenantId, UserId};
use schemas::names;
use schemas::personal::{Personal, SubjectKey};
use schemas::scope::MemberRole;
use schemas::tenant::{RegisterTenant, TenantCommand};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::password_policy;
use super::secret::Secret;
use super::session::{self, Proven, Session, User};
use super::vault::logins::{self, NewLogin, Reserved};
use crate::Gateway;
use crate::client::Client;
use crate::config::Registration;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::request::Asked;

const MAX_EMAIL: usize = 254;
const MAX_NAME: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// 8 to 256 characters, and none of the common ones.
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    #[schema(example = "Acme")]
    pub tenant_name: String,
}

/// Make a tenant
///
/// Creates the tenant, its project `default` and its owner, and begins a session.
#[utoipa::path(post, path = "/api/v1/auth/register", operation_id = "register", tag = "auth",
    request_body = Register,
    responses((status = 201, body = Session), (status = 202, body = Pending),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
pub async fn register(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    asked: Asked<Register>,
) -> Result<Response, Error> {
    admitted(&gateway).await?;
    let Asked { body, question } = asked;
    let mut wrong = account_problems(&body.email, &body.password, &body.name);
    wrong.extend(name_problem("tenant_name", &body.tenant_name));
    refuse_if(wrong)?;
    let context = Context::ambient(&gateway.clock);
    let subject = founder(&gateway, &body, &question, &context)?;
    let command = Command::new(&subject.scope(), &question, &context);
    let (email, name) = (body.email.trim().to_owned(), body.name.trim().to_owned());
    let account = Account {
        email: &email,
        name: &name,
        password: body.password,
        initial_until: None,
    };
    let sealed = reserve(&gateway, &subject, account, &command).await?;
    let message = TenantCommand::from(RegisterTenant {
        name: body.tenant_name.trim().to_owned(),
        project: subject.project,
        owner: subject.user,
        owner_email: sealed.email,
        owner_name: sealed.name,
    });
    let topic = Topic::IdentityCommands;
    let sent = gateway.send(&command, topic, subject.tenant, message).await;
    let settled = settle_login(&gateway, &command, sent).await?;
    gateway.shown(&settled, &["members", "projects"]).await?;
    let user = User {
        id: subject.user.0,
        email,
        name,
    };
    let proven = Proven {
        subject,
        user,
        context,
    };
    let from = (&client, &headers, &question.request);
    session::open(&gateway, StatusCode::CREATED, proven, from).await
}

/// An account to be made.
pub struct Account<'a> {
    pub email: &'a str,
    pub name: &'a str,
    pub password: Secret,
    /// Where somebody else sets it: until when it can be replaced.
    pub initial_until: Option<Timestamp>,
}

/// The person's values as the log may hold them.
pub struct SealedAccount {
    pub email: Personal<String>,
    pub name: Personal<String>,
}

/// Reserves the address for `subject` and seals what the command carries.
pub async fn reserve(
    gateway: &Gateway,
    subject: &Subject,
    account: Account<'_>,
    command: &Command,
) -> Result<SealedAccount, Error> {
    let now = gateway.clock.now();
    let login = NewLogin {
        user: subject.user,
        tenant: subject.tenant,
        project: subject.project,
        email_hmac: gateway.keys()?.email(account.email),
        password_hash: gateway.passwords.hash(account.password.clone()).await?,
        initial_until: account.initial_until,
        command: command.id(),
    };
    if let Reserved::Before { password_hash } = logins::reserve(&gateway.db, &login, now).await? {
        // A retry proves that it is the same person; an Idempotency-Key is no secret.
        let hash = Some(password_hash);
        if !gateway.passwords.verify(account.password, hash).await? {
            return Err(Error::EmailTaken);
        }
    }
    let person = SubjectId(subject.user.0);
    let mut connection = gateway.db.writer().acquire().await?;
    let key = SubjectKeys::new(gateway.master.clone())
        .create(&mut connection, person, now)
        .await
        .map_err(|e| Error::Internal(e.to_string()))?;
    Ok(SealedAccount {
        email: seal(person, &key, account.email)?,
        name: seal(person, &key, account.name)?,
    })
}

/// Activates or releases the login, as the outcome says; one that is not known yet
/// is left to the sweeper.
pub async fn settle_login<T>(
    gateway: &Gateway,
    command: &Command,
    outcome: Result<T, Error>,
) -> Result<T, Error> {
    match &outcome {
        Ok(_) => logins::activate(&gateway.db, command.id()).await?,
        Err(Error::NotYet(_)) => {}
        Err(_) => logins::release(&gateway.db, command.id()).await?,
    }
    outcome
}

/// What is wrong with an account's fields.
pub fn account_problems(email: &str, password: &str, name: &str) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    wrong.extend(address_problem(email));
    wrong.extend(password_policy::problem(
        "password",
        password,
        &[email, name],
    ));
    wrong.extend(name_problem("name", name));
    wrong
}

pub fn address_problem(email: &str) -> Option<FieldError> {
    let address = email.trim();
    let wrong = FieldError::quoting("email", address, "is no e-mail address");
    let unseen = names::problem(address).map(|problem| FieldError::new("email", problem));
    (!is_address(address)).then_some(wrong).or(unseen)
}

pub fn refuse_if(wrong: Vec<FieldError>) -> Result<(), Error> {
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(wrong)),
    }
}

fn name_problem(field: &str, name: &str) -> Option<FieldError> {
    let name = name.trim();
    let unseen = || names::problem(name).map(|message| FieldError::new(field, message));
    FieldError::of_length(field, name, &(1..=MAX_NAME)).or_else(unseen)
}

/// One `@` with something on both sides: whether an address works, only mail shows.
fn is_address(text: &str) -> bool {
    let parts: Vec<_> = text.split('@').collect();
    let plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    plain
        && text.len() <= MAX_EMAIL
        && matches!(parts[..], [a, b] if !a.is_empty() && !b.is_empty())
}

async fn admitted(gateway: &Gateway) -> Result<(), Error> {
    match gateway.config.registration {
        Registration::Open => Ok(()),
        Registration::First if !logins::any(&gateway.db).await? => Ok(()),
        Registration::First | Registration::Closed => Err(Error::RegistrationClosed),
    }
}

/// Who the new owner will be. With an idempotency key a retry is the same person.
fn founder(
    gateway: &Gateway,
    body: &Register,
    question: &crate::request::Question,
    context: &Context,
) -> Result<Subject, Error> {
    let address = gateway.keys()?.email(&body.email);
    let seed = question
        .idempotency_key
        .as_ref()
        .map(|key| Uuid::new_v5(&Uuid::NAMESPACE_OID, &[key.as_bytes(), &address].concat()));
    let id = |name: &str| match seed {
        Some(seed) => Uuid::new_v5(&seed, name.as_bytes()),
        None => context.id(),
    };
    Ok(Subject {
        user: UserId(id("user")),
        tenant: TenantId(id("tenant")),
        project: ProjectId(id("project")),
        role: MemberRole::Owner,
        tenant_role: MemberRole::Owner,
        session: context.id(),
    })
}

pub fn seal(person: SubjectId, key: &SubjectKey, value: &str) -> Result<Personal<String>, Error> {
    Personal::seal(person, key, &value.to_owned()).map_err(|e| Error::Internal(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(email: &str, password: &str, name: &str) -> Vec<String> {
        let wrong = account_problems(email, password, name);
        wrong.into_iter().map(|field| field.field).collect()
    }

    #[test]
    fn names_every_field_that_is_wrong() {
        assert!(fields("ada@example.com", "a horse and a staple", "Ada").is_empty());
        assert_eq!(fields("ada", "short", " "), ["email", "password", "name"]);
        for address in ["@b", "a@", "a@b@c", "a b@c", ""] {
            let password = "a horse and a staple";
            assert_eq!(fields(address, password, "Ada"), ["email"], "{address}");
        }
    }
}
