//! Proof of who somebody is: the password and, where there is one, the second
//! factor, with a growing pause after failures. What is dangerous wants a proof that
//! is fresh, because a session may be somebody else's by now.

use access::principal::Grant;
use schemas::ids::UserId;
use schemas::scope::Scope;
use schemas::time::Timestamp;
use uuid::Uuid;

use super::audit::Happened;
use super::second_factor::{self, By};
use super::secret::Secret;
use super::session::nobody_yet;
use super::vault::logins::Login;
use super::vault::{failures, sessions};
use crate::Gateway;
use crate::error::Error;
use crate::operations::Allowed;
use crate::request::RequestId;

/// How long a proof is fresh.
const FRESH_MS: i64 = 15 * 60_000;

/// What somebody shows.
pub(super) struct Shown {
    pub(super) password: Secret,
    pub(super) code: Option<Secret>,
}

/// What somebody shows it for, as the audit tells it.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) operation: &'static str,
    pub(super) request: &'a RequestId,
    /// Where they are signed in; of others the account's own tenant is told.
    pub(super) scope: Option<&'a Scope>,
}

impl<'a> Purpose<'a> {
    /// To begin a session.
    pub(super) fn session(request: &'a RequestId) -> Self {
        Self {
            operation: "BeginSession",
            request,
            scope: None,
        }
    }
}

/// Checks what was shown for the account `login`, if there is one. `what` is counted
/// whether or not there is; all of it takes as long. A password that somebody else has
/// set is refused: it has to be replaced first.
pub(super) async fn check(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    what: &[u8],
    login: Option<&Login>,
    shown: Shown,
) -> Result<(), Error> {
    shown_is_right(gateway, purpose, what, login, shown).await?;
    match login.and_then(|login| login.initial_until.map(|until| (login, until))) {
        None => Ok(()),
        Some((login, until)) => {
            in_time(gateway, purpose, login, until).await?;
            Err(told(gateway, purpose, login, Error::PasswordChangeRequired).await)
        }
    }
}

/// The same for a password that somebody else has set, while it can be replaced.
pub(super) async fn check_initial(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    what: &[u8],
    login: Option<&Login>,
    shown: Shown,
) -> Result<(), Error> {
    shown_is_right(gateway, purpose, what, login, shown).await?;
    let login = login.ok_or(Error::BadCredentials)?;
    match login.initial_until {
        Some(until) => in_time(gateway, purpose, login, until).await,
        // Else a password could be tried here, and found right, with no trace of it.
        None => Err(told(gateway, purpose, login, Error::PasswordIsOwn).await),
    }
}

/// What was `found` of the rights of somebody who has shown the right password. Where their
/// tenant wants another way in, that is a login that was refused, and its audit is told.
pub(super) async fn admitted<T>(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    login: &Login,
    found: Result<T, Error>,
) -> Result<T, Error> {
    match found {
        Err(error @ Error::SignOnNeeded) => Err(told(gateway, purpose, login, error).await),
        other => other,
    }
}

async fn in_time(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    login: &Login,
    until: Timestamp,
) -> Result<(), Error> {
    match gateway.clock.now() < until {
        true => Ok(()),
        false => Err(told(gateway, purpose, login, Error::InitialPasswordExpired).await),
    }
}

/// Whether it is right, whoever has set it.
async fn shown_is_right(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    what: &[u8],
    login: Option<&Login>,
    shown: Shown,
) -> Result<(), Error> {
    // Until a failure is counted, nobody else guesses.
    let _turn = gateway.passwords.turn(what).await?;
    failures::check(&gateway.db, what, gateway.clock.now()).await?;
    let hash = login.map(|login| login.password_hash.clone());
    let right = gateway.passwords.verify(shown.password, hash).await?;
    let Some(login) = login.filter(|_| right) else {
        return failed(gateway, purpose, what, login, Error::BadCredentials).await;
    };
    match second_factor::check(gateway, login.user, shown.code).await {
        Ok(by) => {
            failures::clear(&gateway.db, what).await?;
            recovered(gateway, purpose, login, by).await
        }
        // The password was right, so that nothing was guessed.
        Err(Error::SecondFactorNeeded) => Err(Error::SecondFactorNeeded),
        Err(error @ Error::WrongCode) => failed(gateway, purpose, what, Some(login), error).await,
        Err(other) => Err(other),
    }
}

/// Tells the audit of the account that one of its recovery codes was used up: whoever holds
/// the others may not be its holder.
async fn recovered(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    login: &Login,
    by: By,
) -> Result<(), Error> {
    if by == By::Itself {
        return Ok(());
    }
    let happened = Happened {
        operation: "UseRecoveryCode",
        target_type: "account",
        target_id: &login.user.to_string(),
        refused: None,
    };
    let home = nobody_yet(login.tenant, login.user).scope();
    let scope = purpose.scope.unwrap_or(&home);
    gateway.tell(scope, purpose.request, happened).await
}

/// Counts a failure, which the account's audit is told of.
async fn failed(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    what: &[u8],
    login: Option<&Login>,
    error: Error,
) -> Result<(), Error> {
    metrics::counter!("gateway_logins_failed_total").increment(1);
    failures::add(&gateway.db, what, gateway.clock.now()).await?;
    Err(match (login, purpose.scope) {
        (Some(login), Some(_)) => told(gateway, purpose, login, error).await,
        (Some(login), None) => {
            told_aside(gateway, purpose, login, &error);
            error
        }
        (None, _) => error,
    })
}

/// Tells the audit of the account without keeping the caller waiting: who is not signed
/// in learns by no delay, and by no failure of the log, that there is such an account.
fn told_aside(gateway: &Gateway, purpose: Purpose<'_>, login: &Login, error: &Error) {
    let (gateway, request, operation) =
        (gateway.clone(), purpose.request.clone(), purpose.operation);
    let (scope, account) = (
        nobody_yet(login.tenant, login.user).scope(),
        login.user.to_string(),
    );
    let rule = error.rule().map(str::to_owned);
    tokio::spawn(async move {
        let happened = Happened {
            operation,
            target_type: "account",
            target_id: &account,
            refused: rule.as_deref(),
        };
        if let Err(error) = gateway.tell(&scope, &request, happened).await {
            metrics::counter!("gateway_refusals_untold_total").increment(1);
            tracing::warn!(%error, "a login that was refused is not in the audit");
        }
    });
}

/// Tells the audit of the account what it was refused for, and returns that.
pub(super) async fn told(
    gateway: &Gateway,
    purpose: Purpose<'_>,
    login: &Login,
    error: Error,
) -> Error {
    let happened = Happened {
        operation: purpose.operation,
        target_type: "account",
        target_id: &login.user.to_string(),
        refused: error.rule(),
    };
    let home = nobody_yet(login.tenant, login.user).scope();
    let scope = purpose.scope.unwrap_or(&home);
    match gateway.tell(scope, purpose.request, happened).await {
        Ok(()) => error,
        Err(untold) => untold,
    }
}

/// What is counted for an account whose holder is signed in.
pub(super) fn counted(user: UserId) -> Vec<u8> {
    user.0.as_bytes().to_vec()
}

/// The session that the caller has; keys have none.
pub fn session_of(allowed: &Allowed) -> Result<Uuid, Error> {
    match allowed.principal().grant() {
        Grant::Member { session, .. } => Ok(*session),
        Grant::Key { .. } => Err(Error::PersonNeeded),
    }
}

/// Refuses a person whose last proof is not fresh. A key is a proof of its own.
pub async fn needed(gateway: &Gateway, allowed: &Allowed) -> Result<(), Error> {
    let Ok(session) = session_of(allowed) else {
        return Ok(());
    };
    match is_fresh(gateway, session).await? {
        true => Ok(()),
        false => Err(Error::ProofNeeded),
    }
}

/// Whether the holder of a session has just proven who they are.
pub(super) async fn is_fresh(gateway: &Gateway, session: Uuid) -> Result<bool, Error> {
    let proven = sessions::proven_at(&gateway.db, session).await?;
    let age = proven.map(|at| gateway.clock.now().millis_since(at));
    Ok(age.is_some_and(|age| age <= FRESH_MS))
}
