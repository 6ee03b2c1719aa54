//! Settles what a crash left between a row of the vault and its command, and removes
//! tokens that have expired.

use std::time::Duration;

use access::token::Subject;
use projections::outcomes;
use projections::vault::credentials::{self, Pending};
use schemas::ids::{CommandId, ProjectId, TenantId, UserId};
use schemas::scope::MemberRole;
use schemas::time::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::vault::logins::{self, PendingLogin};
use super::vault::{
    ends, failures, held_names, refresh_tokens, sessions, sign_on_attempts, sign_on_sessions,
    tickets,
};
use crate::Gateway;
use crate::error::Error;

const EVERY: Duration = Duration::from_secs(10);
/// Requests settle their own logins; these are the ones that did not.
const LEFT_OVER_MS: i64 = 15_000;
/// Commands and refusals are found for a day; what is unknown then was never sent.
const NEVER_SENT_MS: i64 = 86_400_000;

/// Sweeps until `stop`. Trouble with Postgres only delays it.
pub async fn run(gateway: &Gateway, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = sweep(gateway).await {
            tracing::debug!(%error, "the sweeper tries again later");
        }
    }
}

/// One round.
pub async fn sweep(gateway: &Gateway) -> Result<(), Error> {
    let now = gateway.clock.now();
    for login in logins::pending(&gateway.db, now.plus_millis(-LEFT_OVER_MS)).await? {
        settle(gateway, &login).await?;
    }
    for credential in credentials::pending(&gateway.db, now.plus_millis(-LEFT_OVER_MS)).await? {
        settle_credential(gateway, &credential).await?;
    }
    refresh_tokens::sweep(&gateway.db, now).await?;
    sessions::sweep(&gateway.db, now).await?;
    ends::sweep(&gateway.db, now).await?;
    failures::sweep(&gateway.db, now).await?;
    tickets::sweep(&gateway.db, now).await?;
    held_names::sweep(&gateway.db, now).await?;
    sign_on_attempts::sweep(&gateway.db, now).await?;
    sign_on_sessions::sweep(&gateway.db, now).await?;
    Ok(())
}

async fn settle(gateway: &Gateway, login: &PendingLogin) -> Result<(), Error> {
    let (of, command) = ((login.tenant, login.project), login.command);
    match became(gateway, of, login.user, command, login.created_at).await? {
        Became::Accepted => logins::activate(&gateway.db, command).await,
        Became::Nothing => logins::release(&gateway.db, command).await,
        Became::Unknown => Ok(()),
    }
}

async fn settle_credential(gateway: &Gateway, pending: &Pending) -> Result<(), Error> {
    let (of, command) = ((pending.tenant, pending.project), pending.command);
    let nobody = UserId(Uuid::nil());
    match became(gateway, of, nobody, command, pending.created_at).await? {
        Became::Accepted => credentials::activate(&gateway.db, command).await?,
        Became::Nothing => credentials::release(&gateway.db, command).await?,
        Became::Unknown => {}
    }
    Ok(())
}

/// What became of a command that a row of the vault waits for.
enum Became {
    Accepted,
    /// It was refused, or never sent.
    Nothing,
    Unknown,
}

async fn became(
    gateway: &Gateway,
    (tenant, project): (TenantId, ProjectId),
    user: UserId,
    command: CommandId,
    since: Timestamp,
) -> Result<Became, Error> {
    let scope = Subject {
        user,
        tenant,
        project,
        role: MemberRole::Viewer,
        tenant_role: MemberRole::Viewer,
        session: Uuid::nil(),
    }
    .scope();
    let outcome = outcomes::get(&gateway.db, &scope, command).await?;
    let age = gateway.clock.now().millis_since(since);
    Ok(match outcome {
        Some(outcome) if outcome.refusal.is_none() => Became::Accepted,
        Some(_) => Became::Nothing,
        None if age > NEVER_SENT_MS => Became::Nothing,
        None => Became::Unknown,
    })
}
