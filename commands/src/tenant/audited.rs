//! What an audit record tells of a tenant. Names and addresses of its members are
//! sealed; the record names members by their ids.

use std::collections::BTreeMap;

use schemas::ids::{ProjectId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::TenantCommand;

use super::{Project, Tenant};
use crate::audited::{Audited, Changes};

impl Audited for Tenant {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("name", before.name.as_ref(), after.name.as_ref());
        members(&before.members, &after.members, changes);
        projects(&before.projects, &after.projects, changes);
    }

    fn part(command: &TenantCommand) -> Option<(&'static str, String)> {
        use TenantCommand as C;
        Some(match command {
            C::AddMember(c) => ("member", c.user.to_string()),
            C::ChangeMemberRole(c) => ("member", c.user.to_string()),
            C::RemoveMember(c) => ("member", c.user.to_string()),
            C::CreateProject(c) => ("project", c.project.to_string()),
            C::RenameProject(c) => ("project", c.project.to_string()),
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
