//! What an audit record tells of a tenant. Names and addresses of its members are
//! sealed; the record names members by their ids.

use std::collections::BTreeMap;

use schemas::ids::{ProjectId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::{TenantCommand, TenantEvent};

use super::Tenant;
use super::projects::Project;
use crate::audited::{Audited, Changes};

impl Audited for Tenant {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("name", before.name.as_ref(), after.name.as_ref());
        members(&before.members, &after.members, changes);
        projects(&before.projects, &after.projects, changes);
        for id in both(&before.invitations, &after.invitations) {
            let role = |tenant: &Self| tenant.invitations.get(id).map(|asked| asked.role.name());
            changes.field(&format!("invitations.{id}.role"), role(before), role(after));
        }
    }

    fn tell(event: &TenantEvent, changes: &mut Changes) {
        if let TenantEvent::SubjectErased(e) = event {
            changes.said("erased", &e.user);
        }
    }

    fn part(command: &TenantCommand) -> Option<(&'static str, String)> {
        use TenantCommand as C;
        Some(match command {
            C::AddMember(c) => ("member", c.user.to_string()),
            C::ChangeMemberRole(c) => ("member", c.user.to_string()),
            C::RemoveMember(c) => ("member", c.user.to_string()),
            C::CreateProject(c) => ("project", c.project.to_string()),
            C::RenameProject(c) => ("project", c.project.to_string()),
            C::EraseMember(c) => ("member", c.user.to_string()),
            C::SetProjectRole(c) => ("member", c.user.to_string()),
            C::ArchiveProject(c) => ("project", c.project.to_string()),
            C::RestoreProject(c) => ("project", c.project.to_string()),
            C::InviteMember(c) => ("invitation", c.invitation.to_string()),
            C::RevokeInvitation(c) => ("invitation", c.invitation.to_string()),
            C::AcceptInvitation(c) => ("invitation", c.invitation.to_string()),
            C::RegisterTenant(_) | C::RenameTenant(_) => return None,
        })
    }
}

fn members(
    before: &BTreeMap<UserId, MemberRole>,
    after: &BTreeMap<UserId, MemberRole>,
    changes: &mut Changes,
) {
    for user in both(before, after) {
        let role = |members: &BTreeMap<_, MemberRole>| members.get(user).map(|role| role.name());
        changes.field(&format!("members.{user}.role"), role(before), role(after));
    }
}

fn projects(
    before: &BTreeMap<ProjectId, Project>,
    after: &BTreeMap<ProjectId, Project>,
    changes: &mut Changes,
) {
    for id in both(before, after) {
        let (from, to) = (before.get(id), after.get(id));
        let mut field = |name: &str, of: fn(&Project) -> &str| {
            changes.field(&format!("projects.{id}.{name}"), from.map(of), to.map(of));
        };
        field("name", |project| &project.name);
        field("slug", |project| &project.slug);
        let archived = |project: &Project| project.archived;
        let name = format!("projects.{id}.archived");
        changes.field(&name, from.map(archived), to.map(archived));
        let none = BTreeMap::new();
        let roles = |project: Option<&'_ Project>| project.map(|project| project.roles.clone());
        let (from, to) = (roles(from), roles(to));
        let (from, to) = (from.as_ref().unwrap_or(&none), to.as_ref().unwrap_or(&none));
        for user in both(from, to) {
            let role = |roles: &BTreeMap<_, MemberRole>| roles.get(user).map(|role| role.name());
            changes.field(&format!("projects.{id}.roles.{user}"), role(from), role(to));
        }
    }
}

/// The keys whose values differ, in order, each once.
fn both<'a, K: Ord, V: PartialEq>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    let gone = before.keys().filter(|key| !after.contains_key(key));
    let changed = after
        .iter()
        .filter(|(key, value)| before.get(key) != Some(value));
    gone.chain(changed.map(|(key, _)| key))
}
