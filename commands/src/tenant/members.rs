//! Members: who belongs to the tenant, as what. One owner always stays.

use schemas::ids::UserId;
use schemas::scope::MemberRole;
use schemas::tenant::{
    AddMember, ChangeMemberRole, EraseMember, InitialPasswordReplaced, MemberAdded, MemberRemoved,
    MemberRoleChanged, SubjectErased,
};

use super::{Decision, Tenant, TenantRefusal, room};

const MEMBERS: usize = 10_000;

impl Tenant {
    pub(super) fn add_member(&self, c: AddMember) -> Decision {
        if let Some(role) = self.members.get(&c.user) {
            let same = *role == c.role;
            return same
                .then(Vec::new)
                .ok_or(TenantRefusal::AlreadyMember(c.user));
        }
        room("members", self.members.len(), MEMBERS)?;
        let AddMember {
            user,
            email,
            name,
            role,
            initial_password_until,
        } = c;
        Ok(vec![
            MemberAdded {
                user,
                email,
                name,
                role,
                initial_password_until,
            }
            .into(),
        ])
    }

    /// Once is enough: a retry changes nothing.
    pub(super) fn replace_initial_password(&self, user: UserId) -> Decision {
        self.role_of(user)?;
        let initial = self.initial_passwords.contains_key(&user);
        let replaced = initial.then(|| InitialPasswordReplaced { user }.into());
        Ok(replaced.into_iter().collect())
    }

    /// A new owner is one everywhere, so what they were in single projects ends. Invitations
    /// that they could not make any more go.
    pub(super) fn change_role(&self, c: &ChangeMemberRole) -> Decision {
        let from = self.role_of(c.user)?;
        if from == c.role {
            return Ok(Vec::new());
        }
        self.keeps_an_owner_without(c.user)?;
        let (user, to) = (c.user, c.role);
        let mut events = match to {
            MemberRole::Owner => self.without_project_roles(user),
            _ => self.without_invitations_of(user, Some(to)),
        };
        events.push(MemberRoleChanged { user, from, to }.into());
        Ok(events)
    }

    pub(super) fn remove_member(&self, user: UserId) -> Decision {
        self.role_of(user)?;
        self.keeps_an_owner_without(user)?;
        let mut events = self.without_project_roles(user);
        events.extend(self.without_invitations_of(user, None));
        events.push(MemberRemoved { user }.into());
        Ok(events)
    }

    /// A person can be erased who has left; one who has not, leaves with it.
    pub(super) fn erase_member(&self, c: &EraseMember) -> Decision {
        let mut events = match self.members.contains_key(&c.user) {
            true => self.remove_member(c.user)?,
            false => Vec::new(),
        };
        let (user, subject) = (c.user, c.subject);
        events.push(SubjectErased { user, subject }.into());
        Ok(events)
    }

    pub(super) fn role_of(&self, user: UserId) -> Result<MemberRole, TenantRefusal> {
        let role = self.members.get(&user).copied();
        role.ok_or(TenantRefusal::UnknownMember(user))
    }

    fn keeps_an_owner_without(&self, user: UserId) -> Result<(), TenantRefusal> {
        let mut others = self.members.iter().filter(|(id, _)| **id != user);
        let kept = others.any(|(_, role)| *role == MemberRole::Owner);
        kept.then_some(()).ok_or(TenantRefusal::LastOwner)
    }
}
