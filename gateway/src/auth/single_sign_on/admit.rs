//! Who somebody at the provider is here, and what they may do from now on.
//!
//! People are known by issuer and subject. An account that is there already is linked
//! by its holder, who is signed in with it; or by itself where the provider says that
//! its verified address is of one of the tenant's domains, for members who are no
//! owners: whoever sets the provider could say so of anybody. All others become members
//! by signing in, where the tenant wants that.

use std::sync::Arc;

use access::ended::End;
use access::token::Subject;
use projections::vault::SubjectKeys;
use projections::{members, projects};
use schemas::context::Context;
use schemas::ids::{ProjectId, SubjectId, TenantId, UserId};
use schemas::scope::MemberRole;
use schemas::single_sign_on::SignOnSettings;
use schemas::tenant::{AddMember, ChangeMemberRole, TenantCommand};
use schemas::topic::Topic;

use super::person::{Email, Person};
use super::roles::{self, Step, is_of_domain, role_for};
use super::{ACTOR, Refused};
use crate::Gateway;
use crate::auth::audit::Happened;
use crate::auth::register::{address_problem, seal};
use crate::auth::session::{nobody_yet, role_of};
use crate::auth::vault::logins;
use crate::auth::vault::sign_on_identities::{self as identities, Identity};
use crate::dispatch::Command;
use crate::error::Error;
use crate::outcomes::Settled;
use crate::request::{Question, RequestId};

pub(super) fn identity(
    gateway: &Gateway,
    tenant: TenantId,
    issuer: &str,
    subject: &str,
) -> Result<Identity, Error> {
    let parts = [tenant.0.as_bytes(), issuer.as_bytes(), subject.as_bytes()];
    Ok(Identity {
        tenant,
        issuer: issuer.to_owned(),
        subject: gateway.keys()?.identity(&parts),
    })
}

/// Lets somebody in, as whom they are here.
pub(super) async fn admit(
    gateway: &Gateway,
    settings: &SignOnSettings,
    identity: &Identity,
    person: &Person,
    (link, request): (Option<UserId>, &RequestId),
) -> Result<UserId, Refused> {
    allowed_domain(settings, person.email.as_ref())?;
    let known = identities::find(&gateway.db, identity).await?;
    let user = match (known, link) {
        (Some(user), Some(own)) if user != own => return Err(Refused::LinkedToAnother),
        (Some(user), _) => user,
        (None, Some(own)) => linked(gateway, identity, own, request).await?,
        (None, None) => match own_account(gateway, settings, identity, person).await? {
            Some(user) => linked(gateway, identity, user, request).await?,
            None => UserId(Context::ambient(&gateway.clock).id()),
        },
    };
    let at = place(gateway, identity.tenant, user).await?;
    match held_by(gateway, &at).await? {
        Some(held) => follow(gateway, settings, person, (&at, held), request).await,
        None => become_member(gateway, settings, identity, person, (&at, request)).await,
    }
}

/// The same as at a login, for a session that goes on.
pub(super) async fn follow_groups(
    gateway: &Gateway,
    settings: &SignOnSettings,
    person: &Person,
    (tenant, user): (TenantId, UserId),
    request: &RequestId,
) -> Result<(), Refused> {
    allowed_domain(settings, person.email.as_ref())?;
    let at = place(gateway, tenant, user).await?;
    let held = held_by(gateway, &at).await?.ok_or(Refused::NotAMember)?;
    follow(gateway, settings, person, (&at, held), request).await?;
    Ok(())
}

/// Where the tenant names its domains, only their verified addresses come in.
fn allowed_domain(settings: &SignOnSettings, email: Option<&Email>) -> Result<(), Refused> {
    if settings.email_domains.is_empty() {
        return Ok(());
    }
    match email {
        None => Err(Refused::NoEmail),
        Some(email) if email.verified && is_of_domain(settings, &email.address) => Ok(()),
        Some(_) => Err(Refused::DomainNotAllowed),
    }
}

/// The member whose account has the person's address, if it may be linked without them.
async fn own_account(
    gateway: &Gateway,
    settings: &SignOnSettings,
    identity: &Identity,
    person: &Person,
) -> Result<Option<UserId>, Refused> {
    let Some(email) = &person.email else {
        return Ok(None);
    };
    let address = gateway.keys()?.email(&email.address);
    let Some(login) = logins::find(&gateway.db, &address).await? else {
        return Ok(None);
    };
    let at = nobody_yet(identity.tenant, login.user);
    let Some(held) = held_by(gateway, &at).await? else {
        return Ok(None);
    };
    let proven = email.verified && is_of_domain(settings, &email.address);
    let linked = identities::is_linked(&gateway.db, identity, login.user).await?;
    match proven && held != MemberRole::Owner && !linked {
        true => Ok(Some(login.user)),
        false => Err(Refused::LinkFirst),
    }
}

async fn linked(
    gateway: &Gateway,
    identity: &Identity,
    user: UserId,
    request: &RequestId,
) -> Result<UserId, Refused> {
    let now = gateway.clock.now();
    let linked = identities::link(&gateway.db, identity, user, now).await?;
    if linked != user {
        return Err(Refused::LinkedToAnother);
    }
    let happened = Happened {
        operation: "LinkIdentity",
        target_type: "account",
        target_id: &user.to_string(),
        refused: None,
    };
    let scope = nobody_yet(identity.tenant, user).scope_of(ACTOR);
    gateway.tell(&scope, request, happened).await?;
    tracing::info!(tenant = %identity.tenant, %user, identity = identity.fingerprint(), "an identity was linked");
    Ok(user)
}

async fn held_by(gateway: &Gateway, at: &Subject) -> Result<Option<MemberRole>, Refused> {
    // Read models that are built again know nobody yet: a member would be out for that, or
    // become somebody new.
    let was_shown = gateway.people_are_shown();
    let held = seen(gateway, at).await?;
    if was_shown || held.is_some() {
        return Ok(held);
    }
    gateway.wait_for_people().await?;
    seen(gateway, at).await
}

async fn seen(gateway: &Gateway, at: &Subject) -> Result<Option<MemberRole>, Refused> {
    let people = gateway.people();
    let member = members::get(&gateway.db, &people, &at.scope(), at.user).await;
    let member = member.map_err(Error::from)?;
    Ok(member.as_ref().map(role_of).transpose()?)
}

/// The tenant's first project, which what is told of the tenant is told in.
async fn place(gateway: &Gateway, tenant: TenantId, user: UserId) -> Result<Subject, Refused> {
    let mut at = nobody_yet(tenant, user);
    // The same: each tenant has one.
    let was_shown = gateway.people_are_shown();
    let mut first = first_project(gateway, &at).await?;
    if first.is_none() && !was_shown {
        gateway.wait_for_people().await?;
        first = first_project(gateway, &at).await?;
    }
    at.project = first.ok_or(Error::NotFound)?;
    Ok(at)
}

async fn first_project(gateway: &Gateway, at: &Subject) -> Result<Option<ProjectId>, Error> {
    let first = projects::first(&gateway.db, &at.scope()).await?;
    Ok(first.map(|first| ProjectId(first.id)))
}

/// Gives a member the role that their groups have.
async fn follow(
    gateway: &Gateway,
    settings: &SignOnSettings,
    person: &Person,
    (at, held): (&Subject, MemberRole),
    request: &RequestId,
) -> Result<UserId, Refused> {
    let groups = person.groups.as_deref().unwrap_or_default();
    let role = match roles::step(settings, held, role_for(settings, groups)) {
        Step::Keep => return Ok(at.user),
        Step::NoRole => return Err(Refused::NoRole),
        Step::Change(role) => role,
    };
    let user = at.user;
    match send(gateway, at, request, ChangeMemberRole { user, role }).await {
        Ok(settled) => {
            let changed = End::member(at.tenant, user);
            gateway.end_by(changed, &settled).await?;
            Ok(user)
        }
        // The tenant keeps its last owner, whatever the groups say.
        Err(Error::Refused(refusal)) if refusal.rule == "last_owner" => {
            tracing::warn!(tenant = %at.tenant, %user, "the last owner stays, although no group says so");
            Ok(user)
        }
        Err(error) => Err(error.into()),
    }
}

async fn become_member(
    gateway: &Gateway,
    settings: &SignOnSettings,
    identity: &Identity,
    person: &Person,
    (at, request): (&Subject, &RequestId),
) -> Result<UserId, Refused> {
    if !settings.just_in_time {
        return Err(Refused::NotAMember);
    }
    let groups = person.groups.as_deref().unwrap_or_default();
    let role = role_for(settings, groups).ok_or(Refused::NoRole)?;
    let email = person.email.as_ref().ok_or(Refused::NoEmail)?;
    if address_problem(&email.address).is_some() {
        return Err(Refused::NoEmail);
    }
    // Two logins at the same moment are one person.
    let now = gateway.clock.now();
    let user = identities::link(&gateway.db, identity, at.user, now).await?;
    let at = Subject { user, ..at.clone() };
    let name = person.display_name(&email.address);
    let message = sealed_member(gateway, user, role, (&email.address, &name)).await?;
    match send(gateway, &at, request, message).await {
        Ok(_) => Ok(user),
        // The other login was faster, maybe with another role; the next one follows it.
        Err(Error::Refused(refusal)) if refusal.rule == "already_member" => Ok(user),
        Err(error) => Err(error.into()),
    }
}

/// A key of this membership's own, so that whoever was erased and comes again is new.
async fn sealed_member(
    gateway: &Gateway,
    user: UserId,
    role: MemberRole,
    (address, name): (&str, &str),
) -> Result<AddMember, Refused> {
    let person = SubjectId(Context::ambient(&gateway.clock).id());
    let now = gateway.clock.now();
    let mut vault = gateway.db.writer().acquire().await.map_err(Error::from)?;
    let key = SubjectKeys::new(gateway.master.clone())
        .create(&mut vault, person, now)
        .await
        .map_err(|e| Error::Internal(e.to_string()))?;
    Ok(AddMember {
        user,
        email: seal(person, &key, address)?,
        name: seal(person, &key, name)?,
        role,
        initial_password_until: None,
    })
}

/// The platform acts, on the provider's word.
async fn send(
    gateway: &Gateway,
    at: &Subject,
    request: &RequestId,
    message: impl Into<TenantCommand>,
) -> Result<Arc<Settled>, Error> {
    let question = Question::without_body("sign-on", request);
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(&at.scope_of(ACTOR), &question, &context);
    let message: TenantCommand = message.into();
    let topic = Topic::IdentityCommands;
    let settled = gateway.send(&command, topic, at.tenant, message).await?;
    gateway.shown(&settled, &["members"]).await?;
    Ok(settled)
}
