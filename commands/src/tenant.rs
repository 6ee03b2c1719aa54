//! A tenant: its projects with their slugs, its members with their roles.

mod audited;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::ids::{ProjectId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::{
    AddMember, ChangeMemberRole, CreateProject, MemberAdded, MemberRemoved, MemberRoleChanged,
    ProjectCreated, ProjectRenamed, RegisterTenant, RemoveMember, RenameProject, TenantCommand,
    TenantEvent, TenantRegistered, TenantRenamed,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::fields::{self, InvalidField};

const NAME_CHARS: usize = 200;
const PROJECTS: usize = 1_000;
const MEMBERS: usize = 10_000;

/// Name and slug of the project that every tenant begins with.
const FIRST_PROJECT: &str = "default";

/// The tenant whose id is the record's key. It exists once it has a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    name: Option<String>,
    projects: BTreeMap<ProjectId, Project>,
    members: BTreeMap<UserId, MemberRole>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Project {
    name: String,
    slug: String,
}

/// Why a tenant refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantRefusal {
    #[error("there is no such tenant")]
    NotFound,
    #[error("the tenant is registered already, with other values")]
    AlreadyRegistered,
    #[error("there is no project {0} in this tenant")]
    UnknownProject(ProjectId),
    #[error("project {0} exists already, with other values")]
    ProjectExists(ProjectId),
    #[error("the slug `{0}` belongs to another project of this tenant")]
    SlugTaken(String),
    #[error("user {0} is not a member of this tenant")]
    UnknownMember(UserId),
    #[error("user {0} is a member already, with another role")]
    AlreadyMember(UserId),
    #[error("a tenant keeps at least one owner")]
    LastOwner,
    #[error("a tenant has at most {most} {things}")]
    TooMany { things: &'static str, most: usize },
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for TenantRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound | Self::UnknownProject(_) | Self::UnknownMember(_) => "not_found",
            Self::AlreadyRegistered => "already_registered",
            Self::ProjectExists(_) => "project_exists",
            Self::SlugTaken(_) => "slug_taken",
            Self::AlreadyMember(_) => "already_member",
            Self::LastOwner => "last_owner",
            Self::TooMany { .. } => "limit_reached",
            Self::Invalid(_) => fields::RULE,
        }
    }
}

type Decision = Result<Vec<TenantEvent>, TenantRefusal>;

impl Tenant {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: TenantCommand) -> Decision {
        if let TenantCommand::RegisterTenant(c) = command {
            return self.register(c);
        }
        let name = self.name.as_ref().ok_or(TenantRefusal::NotFound)?;
        match command {
            TenantCommand::RegisterTenant(c) => self.register(c),
            TenantCommand::RenameTenant(c) => rename(name, c.name),
            TenantCommand::CreateProject(c) => self.create_project(c),
            TenantCommand::RenameProject(c) => self.rename_project(c),
            TenantCommand::AddMember(c) => self.add_member(c),
            TenantCommand::ChangeMemberRole(c) => self.change_role(&c),
            TenantCommand::RemoveMember(c) => self.remove_member(&c),
        }
    }

    /// Registering again with the same values is a retry and changes nothing.
    fn register(&self, c: RegisterTenant) -> Decision {
        if self.name.is_some() {
            let same = self.name.as_ref() == Some(&c.name)
                && self.projects.contains_key(&c.project)
                && self.members.contains_key(&c.owner);
            return same.then(Vec::new).ok_or(TenantRefusal::AlreadyRegistered);
        }
        fields::text("tenant_name", &c.name, NAME_CHARS)?;
        let project = ProjectCreated {
            project: c.project,
            name: FIRST_PROJECT.to_owned(),
            slug: FIRST_PROJECT.to_owned(),
        };
        let owner = MemberAdded {
            user: c.owner,
            email: c.owner_email,
            name: c.owner_name,
            role: MemberRole::Owner,
        };
        Ok(vec![
            TenantRegistered { name: c.name }.into(),
            project.into(),
            owner.into(),
        ])
    }

    fn create_project(&self, c: CreateProject) -> Decision {
        if let Some(known) = self.projects.get(&c.project) {
            let same = known.name == c.name && known.slug == c.slug;
            return same
                .then(Vec::new)
                .ok_or(TenantRefusal::ProjectExists(c.project));
        }
        fields::text("name", &c.name, NAME_CHARS)?;
        fields::slug("slug", &c.slug)?;
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

    fn rename_project(&self, c: RenameProject) -> Decision {
        let RenameProject { project, name } = c;
        let known = self.projects.get(&project);
        let known = known.ok_or(TenantRefusal::UnknownProject(project))?;
        fields::text("name", &name, NAME_CHARS)?;
        if known.name == name {
            return Ok(Vec::new());
        }
        Ok(vec![ProjectRenamed { project, name }.into()])
    }

    fn add_member(&self, c: AddMember) -> Decision {
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
        } = c;
        Ok(vec![
            MemberAdded {
                user,
                email,
                name,
                role,
            }
            .into(),
        ])
    }

    fn change_role(&self, c: &ChangeMemberRole) -> Decision {
        let from = self.role_of(c.user)?;
        if from == c.role {
            return Ok(Vec::new());
        }
        self.keeps_an_owner_without(c.user)?;
        let (user, to) = (c.user, c.role);
        Ok(vec![MemberRoleChanged { user, from, to }.into()])
    }

    fn remove_member(&self, c: &RemoveMember) -> Decision {
        self.role_of(c.user)?;
        self.keeps_an_owner_without(c.user)?;
        Ok(vec![MemberRemoved { user: c.user }.into()])
    }

    fn role_of(&self, user: UserId) -> Result<MemberRole, TenantRefusal> {
        let role = self.members.get(&user).copied();
        role.ok_or(TenantRefusal::UnknownMember(user))
    }

    fn keeps_an_owner_without(&self, user: UserId) -> Result<(), TenantRefusal> {
        let mut others = self.members.iter().filter(|(id, _)| **id != user);
        let kept = others.any(|(_, role)| *role == MemberRole::Owner);
        kept.then_some(()).ok_or(TenantRefusal::LastOwner)
    }
}

impl Aggregate for Tenant {
    const TYPE: &'static str = "tenant";
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Error = TenantRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: TenantCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), TenantRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::TenantRegistered(e) => self.name = Some(e.name),
            TenantEvent::TenantRenamed(e) => self.name = Some(e.name),
            TenantEvent::ProjectCreated(e) => {
                let (name, slug) = (e.name, e.slug);
                self.projects.insert(e.project, Project { name, slug });
            }
            TenantEvent::ProjectRenamed(e) => {
                if let Some(project) = self.projects.get_mut(&e.project) {
                    project.name = e.name;
                }
            }
            TenantEvent::MemberAdded(e) => {
                self.members.insert(e.user, e.role);
            }
            TenantEvent::MemberRoleChanged(e) => {
                self.members.insert(e.user, e.to);
            }
            TenantEvent::MemberRemoved(e) => {
                self.members.remove(&e.user);
            }
        }
    }
}

impl Hosted for Tenant {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityEvents;
    const REACH: Reach = Reach::Tenant;
}

fn rename(from: &str, name: String) -> Decision {
    fields::text("name", &name, NAME_CHARS)?;
    if from == name {
        return Ok(Vec::new());
    }
    Ok(vec![TenantRenamed { name }.into()])
}

fn room(things: &'static str, held: usize, most: usize) -> Result<(), TenantRefusal> {
    if held < most {
        return Ok(());
    }
    Err(TenantRefusal::TooMany { things, most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::ids::{CommandId, SubjectId};
    use schemas::personal::{Personal, Sealed};
    use schemas::tenant::RenameTenant;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(0xADA));
    const BOB: UserId = UserId(Uuid::from_u128(0xB0B));
    const SHOP: ProjectId = ProjectId(Uuid::from_u128(0x51));

    fn sealed(user: UserId) -> Personal<String> {
        Personal::from_sealed(Sealed {
            subject: SubjectId(user.0),
            nonce: vec![1; 12],
            ciphertext: vec![2; 20],
        })
    }

    fn register(name: &str) -> TenantCommand {
        RegisterTenant {
            name: name.to_owned(),
            project: SHOP,
            owner: ADA,
            owner_email: sealed(ADA),
            owner_name: sealed(ADA),
        }
        .into()
    }

    fn added(user: UserId, role: MemberRole) -> TenantEvent {
        MemberAdded {
            user,
            email: sealed(user),
            name: sealed(user),
            role,
        }
        .into()
    }

    fn registered() -> Vec<TenantEvent> {
        let project = ProjectCreated {
            project: SHOP,
            name: "default".to_owned(),
            slug: "default".to_owned(),
        };
        vec![
            TenantRegistered {
                name: "Acme".to_owned(),
            }
            .into(),
            project.into(),
            added(ADA, MemberRole::Owner),
        ]
    }

    fn given(events: Vec<TenantEvent>) -> AggregateTestExecutor<Tenant> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn create(project: u128, slug: &str) -> TenantCommand {
        CreateProject {
            project: ProjectId(Uuid::from_u128(project)),
            name: "Billing".to_owned(),
            slug: slug.to_owned(),
        }
        .into()
    }

    #[test]
    fn registers_once_with_a_project_and_an_owner() {
        given(vec![])
            .when(register("Acme"))
            .then_expect_events(registered());
        given(registered())
            .when(register("Acme"))
            .then_expect_events(vec![]);
        given(registered())
            .when(register("Other"))
            .then_expect_error(TenantRefusal::AlreadyRegistered);
    }

    #[test]
    fn an_unregistered_tenant_is_not_found() {
        let rename = RenameTenant {
            name: "Acme".to_owned(),
        };
        given(vec![])
            .when(rename.into())
            .then_expect_error(TenantRefusal::NotFound);
    }

    #[test]
    fn slugs_are_unique_and_valid() {
        given(registered())
            .when(create(0x52, "default"))
            .then_expect_error(TenantRefusal::SlugTaken("default".to_owned()));
        let refused = given(registered())
            .when(create(0x52, "No Slug"))
            .inspect_result();
        assert_eq!(refused.unwrap_err().rule(), "invalid");
    }

    #[test]
    fn creating_a_project_again_changes_nothing() {
        let created = given(registered()).when(create(0x52, "billing"));
        let created = created.inspect_result().unwrap();
        assert_eq!(created.len(), 1);
        given(registered())
            .and(created)
            .when(create(0x52, "billing"))
            .then_expect_events(vec![]);
    }

    #[test]
    fn the_last_owner_stays() {
        given(registered())
            .when(RemoveMember { user: ADA }.into())
            .then_expect_error(TenantRefusal::LastOwner);
        let demote = ChangeMemberRole {
            user: ADA,
            role: MemberRole::Viewer,
        };
        given(registered())
            .and(vec![added(BOB, MemberRole::Admin)])
            .when(demote.into())
            .then_expect_error(TenantRefusal::LastOwner);
    }

    #[test]
    fn of_two_owners_one_can_go() {
        given(registered())
            .and(vec![added(BOB, MemberRole::Owner)])
            .when(RemoveMember { user: ADA }.into())
            .then_expect_events(vec![MemberRemoved { user: ADA }.into()]);
    }

    #[test]
    fn a_role_that_is_held_already_changes_nothing() {
        let same = ChangeMemberRole {
            user: ADA,
            role: MemberRole::Owner,
        };
        given(registered())
            .when(same.into())
            .then_expect_events(vec![]);
    }
}
