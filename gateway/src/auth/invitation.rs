//! The link of an invitation. Its token is the invitation's name and a MAC over it,
//! so that nothing secret is kept anywhere: the link can be shown again, and is good
//! for nothing once the invitation is over.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use projections::invitations::{self, Invitation};
use projections::projects;
use projections::vault::mails;
use schemas::context::Context;
use schemas::ids::{InvitationId, ProjectId, SubjectId, TenantId, UserId};
use schemas::scope::Scope;
use schemas::tenant::{RevokeInvitation, TenantCommand};
use schemas::topic::Topic;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::Keys;
use super::session::nobody_yet;
use crate::Gateway;
use crate::dispatch::Command;
use crate::error::Error;
use crate::request::Question;

/// Tells people and scanners what the text is.
const PREFIX: &str = "srei_";
const MAC_BYTES: usize = 24;
/// Invitations that are looked at between two looks into the list.
const PAGE: u32 = 200;

/// Which invitation a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub tenant: TenantId,
    pub invitation: InvitationId,
}

/// An invitation that waits, as its token finds it.
pub struct Found {
    pub named: Named,
    /// Where whoever accepts it begins.
    pub project: ProjectId,
    pub tenant_name: String,
    pub invitation: Invitation,
}

/// Where the console takes it. What follows `#` is not sent to any server.
pub fn link(gateway: &Gateway, named: Named) -> Result<String, Error> {
    let origin = gateway.config.public_url.origin();
    Ok(format!("{origin}/join#{}", token(gateway.keys()?, named)))
}

/// The invitation of a token, or 404 for what is none, was answered or revoked.
pub async fn find(gateway: &Gateway, token: &str) -> Result<Found, Error> {
    let named = parse(gateway.keys()?, token).ok_or(Error::NotFound)?;
    let scope = nobody_yet(named.tenant, UserId(Uuid::nil())).scope();
    let people = gateway.people();
    let found = invitations::get(&gateway.db, &people, &scope, named.invitation).await?;
    let invitation = found.ok_or(Error::NotFound)?;
    if invitation.expires_at <= gateway.clock.now().datetime() {
        let detail = "the invitation has expired: ask for another one";
        return Err(Error::refused_here("invitation_expired", detail));
    }
    let tenant = projects::tenant(&gateway.db, &scope).await?;
    let project = projects::first(&gateway.db, &scope).await?;
    Ok(Found {
        named,
        project: ProjectId(project.ok_or(Error::NotFound)?.id),
        tenant_name: tenant.ok_or(Error::NotFound)?.name,
        invitation,
    })
}

/// Who joins by it with a new account. It makes one, however often it is tried.
pub fn newcomer(invitation: InvitationId) -> UserId {
    UserId(Uuid::new_v5(&invitation.0, b"user"))
}

/// The invitation is over: its address need not be read any more, nor its link be sent.
pub async fn forget(gateway: &Gateway, invitation: InvitationId) -> Result<(), Error> {
    let withdrawn = mails::withdraw(&gateway.db, invitation).await;
    withdrawn.map_err(|e| Error::Internal(e.to_string()))?;
    gateway.forget_subject(SubjectId(invitation.0)).await
}

/// Revokes what waits for the address, so that somebody who has come in, or was taken out,
/// has no second way: all of it, or what is older than `newest`, which took its place.
/// Returns by how much the tenant's version has risen with it.
pub async fn withdraw(
    gateway: &Gateway,
    scope: &Scope,
    question: &Question,
    email: &str,
    newest: Option<&Invitation>,
) -> Result<i64, Error> {
    let waiting = waiting_for(gateway, scope, email).await?;
    let mut events = 0;
    for held in &waiting {
        if newest.is_none_or(|new| older(held, new)) {
            events += revoke(gateway, scope, question, InvitationId(held.id)).await?;
        }
    }
    Ok(events)
}

/// `question` after `events` of its own, which are none of those that `If-Match` is about.
pub fn after(question: &Question, events: i64) -> Question {
    Question {
        expected_version: question.expected_version.map(|version| version + events),
        ..question.clone()
    }
}

/// What waits for the address.
pub async fn waiting_for(
    gateway: &Gateway,
    scope: &Scope,
    email: &str,
) -> Result<Vec<Invitation>, Error> {
    let (keys, people) = (gateway.keys()?, gateway.people());
    let address = keys.email(email);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = invitations::list(&gateway.db, &people, scope, after, PAGE).await?;
        let items = page.items.into_iter();
        found.extend(items.filter(|held| keys.email(&held.email) == address));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn older(held: &Invitation, new: &Invitation) -> bool {
    (held.created_at, held.id) < (new.created_at, new.id)
}

/// One of them, for `question`, which may revoke several. Returns how many events that was.
pub async fn revoke(
    gateway: &Gateway,
    scope: &Scope,
    question: &Question,
    invitation: InvitationId,
) -> Result<i64, Error> {
    // One request, but a command an invitation, and none of them is what `If-Match` is about.
    let question = Question {
        route: format!("{} {invitation}", question.route),
        expected_version: None,
        ..question.clone()
    };
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let message = TenantCommand::from(RevokeInvitation { invitation });
    let (topic, tenant) = (Topic::IdentityCommands, scope.tenant());
    let events = match gateway.send(&command, topic, tenant, message).await {
        Ok(settled) => {
            gateway.shown(&settled, &["invitations"]).await?;
            i64::try_from(settled.positions.len()).unwrap_or(i64::MAX)
        }
        // It was answered or revoked meanwhile, or the tenant holds it no longer.
        Err(Error::Refused(refusal)) if refusal.rule == "not_found" => 0,
        Err(error) => return Err(error),
    };
    forget(gateway, invitation).await?;
    Ok(events)
}

fn token(keys: &Keys, named: Named) -> String {
    let (tenant, id) = (named.tenant.0, named.invitation.0);
    let mac = keys.invitation(tenant.as_bytes(), id.as_bytes());
    let bytes = [&tenant.as_bytes()[..], id.as_bytes(), &mac[..MAC_BYTES]].concat();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn parse(keys: &Keys, token: &str) -> Option<Named> {
    let bytes = URL_SAFE_NO_PAD
        .decode(token.trim().strip_prefix(PREFIX)?)
        .ok()?;
    let (tenant, rest) = bytes.split_at_checked(16)?;
    let (id, mac) = rest.split_at_checked(16)?;
    let good = keys.invitation(tenant, id);
    if !bool::from(good[..MAC_BYTES].ct_eq(mac)) {
        return None;
    }
    Some(Named {
        tenant: TenantId(Uuid::from_slice(tenant).ok()?),
        invitation: InvitationId(Uuid::from_slice(id).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_invitation_and_cannot_be_made_up() {
        let keys = Keys::derive(&[1; 32]);
        let other = Keys::derive(&[2; 32]);
        let named = |n: u128| Named {
            tenant: TenantId(Uuid::from_u128(1)),
            invitation: InvitationId(Uuid::from_u128(n)),
        };
        let text = token(&keys, named(7));
        assert_eq!(parse(&keys, &text), Some(named(7)));
        assert_eq!(parse(&other, &text), None);
        // The head of one and the MAC of another.
        let mixed = format!("{}{}", &text[..48], &token(&keys, named(8))[48..]);
        assert_eq!(parse(&keys, &mixed), None);
        for wrong in [
            "",
            "srei_",
            "srei_AAAA",
            &text[5..],
            &text[..text.len() - 2],
        ] {
            assert_eq!(parse(&keys, wrong), None, "{wrong}");
        }
    }
}
