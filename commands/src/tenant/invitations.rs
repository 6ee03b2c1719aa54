//! Invitations: an address is asked in with a role, once, until a day.

use schemas::ids::{InvitationId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::{
    AcceptInvitation, AddMember, InvitationAccepted, InvitationRevoked, InviteMember,
    MemberInvited, RevokeInvitation, TenantEvent,
};
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::mails::Mail;
use super::{Decision, Tenant, TenantRefusal, room};
use crate::fields;

/// That wait for an answer at one time.
const INVITATIONS: usize = 1_000;
/// The longest that one waits.
const LONGEST_MS: i64 = 30 * 86_400_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Invitation {
    pub(super) role: MemberRole,
    pub(super) expires_at: Timestamp,
    /// Whom it goes with. None for those of programs, and of before this was told.
    #[serde(default)]
    pub(super) invited_by: Option<UserId>,
    /// The newest.
    #[serde(default)]
    pub(super) mail: Option<Mail>,
}

impl Tenant {
    pub(super) fn invite(&self, c: InviteMember, now: Timestamp) -> Decision {
        if let Some(known) = self.invitations.get(&c.invitation) {
            let same = known.role == c.role;
            return same.then(Vec::new).ok_or(TenantRefusal::InvitationExists);
        }
        if c.expires_at <= now || c.expires_at > now.plus_millis(LONGEST_MS) {
            return Err(fields::invalid("expires_at", "must lie within the next 30 days").into());
        }
        if let Some(user) = c.invited_by
            && !may_invite(self.role_of(user)?, c.role)
        {
            return Err(TenantRefusal::MayNotInvite(user));
        }
        let waiting = self.invitations.values().filter(|i| i.expires_at > now);
        room("open invitations", waiting.count(), INVITATIONS)?;
        let InviteMember {
            invitation,
            email,
            role,
            expires_at,
            invited_by,
        } = c;
        Ok(vec![
            MemberInvited {
                invitation,
                email,
                role,
                expires_at,
                invited_by,
            }
            .into(),
        ])
    }

    pub(super) fn revoke_invitation(&self, c: &RevokeInvitation) -> Decision {
        let invitation = c.invitation;
        self.invitation(invitation)?;
        Ok(vec![InvitationRevoked { invitation }.into()])
    }

    /// One answer: what comes after finds no invitation.
    pub(super) fn accept(&self, c: AcceptInvitation, now: Timestamp) -> Decision {
        let AcceptInvitation {
            invitation,
            user,
            email,
            name,
        } = c;
        let known = self.invitation(invitation)?;
        if known.expires_at <= now {
            return Err(TenantRefusal::InvitationExpired);
        }
        if self.members.contains_key(&user) {
            return Err(TenantRefusal::AlreadyMember(user));
        }
        let mut events = self.add_member(AddMember {
            user,
            email,
            name,
            role: known.role,
            initial_password_until: None,
        })?;
        events.push(InvitationAccepted { invitation, user }.into());
        Ok(events)
    }

    /// Takes one in and drops those that must have expired: none waits longer than
    /// [`LONGEST_MS`], so one that ends that much earlier than a new one is over.
    pub(super) fn remember(&mut self, e: &MemberInvited) {
        self.invitations
            .retain(|_, held| e.expires_at.millis_since(held.expires_at) < LONGEST_MS);
        let invitation = Invitation {
            role: e.role,
            expires_at: e.expires_at,
            invited_by: e.invited_by,
            mail: None,
        };
        self.invitations.insert(e.invitation, invitation);
    }

    /// Revokes what `user` could not ask for as what they are from now on; None where
    /// they are no member. Else they would come back by a link of their own.
    pub(super) fn without_invitations_of(
        &self,
        user: UserId,
        to: Option<MemberRole>,
    ) -> Vec<TenantEvent> {
        let may = |role| to.is_some_and(|to| may_invite(to, role));
        let held = self.invitations.iter();
        let held = held.filter(|(_, held)| held.invited_by == Some(user) && !may(held.role));
        held.map(|(id, _)| InvitationRevoked { invitation: *id }.into())
            .collect()
    }

    pub(super) fn invitation(&self, id: InvitationId) -> Result<&Invitation, TenantRefusal> {
        let known = self.invitations.get(&id);
        known.ok_or(TenantRefusal::UnknownInvitation(id))
    }
}

/// Members are invited by admins and owners, owners by owners.
fn may_invite(inviter: MemberRole, role: MemberRole) -> bool {
    match inviter {
        MemberRole::Owner => true,
        MemberRole::Admin => role != MemberRole::Owner,
        MemberRole::Engineer | MemberRole::Viewer => false,
    }
}
