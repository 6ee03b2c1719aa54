//! Proof of who somebody is: the password and, where there is one, the second
//! factor, with a growing pause after failures. What is dangerous wants a proof that
//! is fresh, because a session may be somebody else's by now.

use access::principal::Grant;
use schemas::ids::UserId;
use uuid::Uuid;

use super::audit::Happened;
use super::second_factor;
use super::secret::Secret;
use super::session::nobody_yet;
use super::vault::logins::Login;
use super::vault::{failures, sessions};
use crate::Gateway;
use crate::error::Error;
use crate::operations::Allowed;

/// How long a proof is fresh.
const FRESH_MS: i64 = 15 * 60_000;

/// What somebody shows.
pub(super) struct Shown {
    pub(super) password: Secret,
    pub(super) code: Option<Secret>,
}

/// Checks what was shown for the account `login`, if there is one. `what` is counted
/// whether or not there is; all of it takes as long.
pub(super) async fn check(
    gateway: &Gateway,
    what: &[u8],
    login: Option<&Login>,
    shown: Shown,
) -> Result<(), Error> {
    let now = gateway.clock.now();
    failures::check(&gateway.db, what, now).await?;
    let hash = login.map(|login| login.password_hash.clone());
    let right = gateway.passwords.verify(shown.password, hash).await?;
    let Some(login) = login.filter(|_| right) else {
        return failed(gateway, what, login, Error::BadCredentials).await;
    };
    match second_factor::check(gateway, login.user, shown.code).await {
        Ok(()) => failures::clear(&gateway.db, what).await,
        // The password was right, so that nothing was guessed.
        Err(Error::SecondFactorNeeded) => Err(Error::SecondFactorNeeded),
        Err(error @ Error::WrongCode) => failed(gateway, what, Some(login), error).await,
        Err(other) => Err(other),
    }
}

/// Counts a failure, and tells the audit of the account that it was tried at.
async fn failed(
    gateway: &Gateway,
    what: &[u8],
    login: Option<&Login>,
    error: Error,
) -> Result<(), Error> {
    metrics::counter!("gateway_logins_failed_total").increment(1);
    failures::add(&gateway.db, what, gateway.clock.now()).await?;
    if let Some(login) = login {
        let happened = Happened {
            operation: "BeginSession",
            target_type: "account",
            target_id: &login.user.to_string(),
            refused: Some(match error {
                Error::WrongCode => "wrong_code",
                _ => "bad_credentials",
            }),
        };
        let scope = nobody_yet(login.tenant, login.user).scope();
        gateway.tell(&scope, happened).await?;
    }
    Err(error)
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
    let proven = sessions::proven_at(&gateway.db, session).await?;
    let age = proven.map(|at| gateway.clock.now().millis_since(at));
    match age {
        Some(age) if age <= FRESH_MS => Ok(()),
        _ => Err(Error::ProofNeeded),
    }
}
