//! Projects: slugs that are unique in the tenant, names that are among those in use, the
//! archive, and roles that hold in one project only.

use std::collections::BTreeMap;

use schemas::ids::{ProjectId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::{
    ArchiveProject, CreateProject, ProjectArchived, ProjectCreated, ProjectRenamed,
    ProjectRestored, ProjectRoleSet, RenameProject, RestoreProject, SetProjectRole, TenantEvent,
};
use serde::{Deserialize, Serialize};

use super::{Decision, NAME_CHARS, Tenant, TenantRefusal, room};
use crate::fields;

const PROJECTS: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) archived: bool,
    /// Members whose role here is not the one in the tenant.
    pub(super) roles: BTreeMap<UserId, MemberRole>,
}

impl Project {
    pub(super) fn new(name: String, slug: String) -> Self {
        Self {
            name,
            slug,
            archived: false,
            roles: BTreeMap::new(),
        }
    }

    pub(super) fn set_role(&mut self, user: UserId, role: Option<MemberRole>) {
        match role {
            Some(role) => self.roles.insert(user, role),
            None => self.roles.remove(&user),
        };
    }
}

impl Tenant {
    pub(super) fn create_project(&self, c: CreateProject) -> Decision {
        if let Some(known) = self.projects.get(&c.project) {
            let same = known.name == c.name && known.slug == c.slug;
            return same
                .then(Vec::new)
                .ok_or(TenantRefusal::ProjectExists(c.project));
        }
        fields::name("name", &c.name, NAME_CHARS)?;
        fields::slug("slug", &c.slug)?;
        self.name_is_free(&c.name, c.project)?;
        if self.projects.values().any(|known| known.slug == c.slug) {
            return Err(TenantRefusal::SlugTaken(c.slug));
        }
        room("projects", self.projects.len(), PROJECTS)?;
        let CreateProject {
            project,
            name,
            slug,
        } = c;
        Ok(vec![
            ProjectCreated {
                project,
                name,
                slug,
            }
            .into(),
        ])
    }

    pub(super) fn rename_project(&self, c: RenameProject) -> Decision {
        let RenameProject { project, name } = c;
        let known = self.project(project)?;
        fields::name("name", &name, NAME_CHARS)?;
        if known.name == name {
            return Ok(Vec::new());
        }
        self.name_is_free(&name, project)?;
        Ok(vec![ProjectRenamed { project, name }.into()])
    }

    pub(super) fn archive_project(&self, c: &ArchiveProject) -> Decision {
        let project = c.project;
        if self.project(project)?.archived {
            return Ok(Vec::new());
        }
        let mut others = self.projects.iter().filter(|(id, _)| **id != project);
        if others.all(|(_, other)| other.archived) {
            return Err(TenantRefusal::LastProject);
        }
        Ok(vec![ProjectArchived { project }.into()])
    }

    pub(super) fn restore_project(&self, c: &RestoreProject) -> Decision {
        let project = c.project;
        let known = self.project(project)?;
        if !known.archived {
            return Ok(Vec::new());
        }
        self.name_is_free(&known.name, project)?;
        Ok(vec![ProjectRestored { project }.into()])
    }

    pub(super) fn set_project_role(&self, c: &SetProjectRole) -> Decision {
        let (project, user, role) = (c.project, c.user, c.role);
        let known = self.project(project)?;
        if known.archived {
            return Err(TenantRefusal::ProjectArchived);
        }
        if self.role_of(user)? == MemberRole::Owner && role.is_some() {
            return Err(TenantRefusal::OwnerEverywhere);
        }
        if role == Some(MemberRole::Owner) {
            return Err(TenantRefusal::NoProjectOwner);
        }
        if known.roles.get(&user).copied() == role {
            return Ok(Vec::new());
        }
        Ok(vec![
            ProjectRoleSet {
                project,
                user,
                role,
            }
            .into(),
        ])
    }

    /// Ends every role that `user` has in a single project.
    pub(super) fn without_project_roles(&self, user: UserId) -> Vec<TenantEvent> {
        let held = self.projects.iter();
        let held = held.filter(|(_, project)| project.roles.contains_key(&user));
        held.map(|(project, _)| {
            ProjectRoleSet {
                project: *project,
                user,
                role: None,
            }
            .into()
        })
        .collect()
    }

    pub(super) fn change_project(&mut self, id: ProjectId, change: impl FnOnce(&mut Project)) {
        if let Some(project) = self.projects.get_mut(&id) {
            change(project);
        }
    }

    /// People know projects by their names, and nobody knows which of two of one name is
    /// meant. Tenants of before this rule may have some: they stay as they are.
    fn name_is_free(&self, name: &str, own: ProjectId) -> Result<(), TenantRefusal> {
        let others = self.projects.iter().filter(|(id, _)| **id != own);
        let mut in_use = others.filter(|(_, other)| !other.archived);
        match in_use.any(|(_, other)| is_same_name(&other.name, name)) {
            true => Err(TenantRefusal::NameTaken(name.to_owned())),
            false => Ok(()),
        }
    }

    fn project(&self, id: ProjectId) -> Result<&Project, TenantRefusal> {
        let known = self.projects.get(&id);
        known.ok_or(TenantRefusal::UnknownProject(id))
    }
}

/// In whatever case.
fn is_same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
