//! What an audit record tells of a tenant. Names and addresses of its members are
//! sealed; the record names members by their ids.

use std::collections::BTreeMap;

use schemas::ids::{ProjectId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::{TenantCommand, TenantEvent};
use schemas::time::Timestamp;

use super::invitations::Invitation;
use super::{Project, Tenant};
use crate::audited::{Audited, Changes};

impl Audited for Tenant {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("name", before.name.as_ref(), after.name.as_ref());
        members(&before.members, &after.members, changes);
        let (from, to) = (&before.initial_passwords, &after.initial_passwords);
        for user in both(from, to) {
            let until =
                |held: &BTreeMap<_, Timestamp>| held.get(user).map(|at| at.datetime().to_rfc3339());
            let field = format!("members.{user}.initial_password_until");
            changes.field(&field, until(from), until(to));
        }
        projects(&before.projects, &after.projects, changes);
        for id in both(&before.invitations, &after.invitations) {
            let role = |tenant: &Self| {
                tenant
                    .invitations
                    .get(id)
                    .map(|i: &Invitation| i.role.name())
            };
            changes.field(&format!("invitations.{id}.role"), role(before), role(after));
        }
        let due = |tenant: &Self| tenant.erasure.map(|at| at.datetime().to_rfc3339());
        changes.field("erasure.due_at", due(before), due(after));
        if before.retention != after.retention {
            let (from, to) = (before.retention.rules(), after.retention.rules());
            for rule in both(&from, &to) {
                let days = |rules: &BTreeMap<String, i32>| rules.get(rule).copied();
                changes.field(&format!("retention.{rule}"), days(&from), days(&to));
            }
        }
    }

    fn tell(event: &TenantEvent, changes: &mut Changes) {
        match event {
            TenantEvent::SubjectErased(e) => changes.said("erased", &e.user),
            TenantEvent::TelemetryDeleted(e) => changes.said("telemetry_deleted", &e.project),
            TenantEvent::TenantErasureCalledOff(e) => {
                if let Some(reason) = &e.reason {
                    changes.said("reason", reason);
                }
            }
            TenantEvent::InvitationMailRequested(e) => changes.said("mail_requested", &e.mail),
            _ => {}
        }
    }

    fn part(command: &TenantCommand) -> Option<(&'static str, String)> {
        use TenantCommand as C;
        Some(match command {
            C::AddMember(c) => ("member", c.user.to_string()),
            C::ReplaceInitialPassword(c) => ("member", c.user.to_string()),
            C::ChangeMemberRole(c) => ("member", c.user.to_string()),
            C::RemoveMember(c) => ("member", c.user.to_string()),
            C::CreateProject(c) => ("project", c.project.to_string()),
            C::RenameProject(c) => ("project", c.project.to_string()),
            C::ArchiveProject(c) => ("project", c.project.to_string()),
            C::RestoreProject(c) => ("project", c.project.to_string()),
            C::SetTelemetryRetention(c) => ("project", c.project.to_string()),
            C::SetProjectRole(c) => ("member", c.user.to_string()),
            C::EraseMember(c) => ("member", c.user.to_string()),
            C::InviteMember(c) => ("invitation", c.invitation.to_string()),
            C::RevokeInvitation(c) => ("invitation", c.invitation.to_string()),
            C::AcceptInvitation(c) => ("invitation", c.invitation.to_string()),
            C::MailInvitation(c) => ("invitation", c.invitation.to_string()),
            _ => return None,
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
        changes.field(
            &format!("projects.{id}.archived"),
            from.map(archived),
            to.map(archived),
        );
        let none = BTreeMap::new();
        let roles =
            |project: Option<&'_ Project>| project.map_or(none.clone(), |p| p.roles.clone());
        let (from, to) = (roles(from), roles(to));
        for user in both(&from, &to) {
            let role = |roles: &BTreeMap<_, MemberRole>| roles.get(user).map(|role| role.name());
            changes.field(
                &format!("projects.{id}.roles.{user}"),
                role(&from),
                role(&to),
            );
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
