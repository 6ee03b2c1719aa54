//! A tenant: its projects with their slugs, its members with their roles, who is asked
//! to join, and its end.

mod erasure;
mod invitations;
mod mails;
mod members;
mod projects;
mod refusal;
mod telemetry;
#[cfg(test)]
mod tests;

mod audited;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::ids::{InvitationId, ProjectId, UserId};
use schemas::scope::MemberRole;
use schemas::tenant::{
    MemberAdded, ProjectCreated, RegisterTenant, TenantCommand, TenantEvent, TenantRegistered,
    TenantRenamed,
};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach};
use crate::fields;
use invitations::Invitation;
use mails::Mails;
use projects::Project;
pub use refusal::TenantRefusal;
use telemetry::Retention;

const NAME_CHARS: usize = 200;

/// Name and slug of the project that every tenant begins with.
const FIRST_PROJECT: &str = "default";

/// The tenant whose id is the record's key. It exists once it has a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    name: Option<String>,
    projects: BTreeMap<ProjectId, Project>,
    members: BTreeMap<UserId, MemberRole>,
    /// Members whose password somebody else has set, and how long it is good.
    #[serde(default)]
    initial_passwords: BTreeMap<UserId, Timestamp>,
    /// Those that wait for an answer; expired ones are dropped as others come.
    invitations: BTreeMap<InvitationId, Invitation>,
    /// Of the last day.
    #[serde(default)]
    mails: Mails,
    retention: Retention,
    /// When it ends, where that was asked for.
    erasure: Option<Timestamp>,
    erased: bool,
}

type Decision = Result<Vec<TenantEvent>, TenantRefusal>;

impl Tenant {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: TenantCommand, context: &Context) -> Decision {
        if self.erased {
            return Err(TenantRefusal::NotFound);
        }
        if let TenantCommand::RegisterTenant(c) = command {
            return self.register(c);
        }
        let name = self.name.as_ref().ok_or(TenantRefusal::NotFound)?;
        match command {
            TenantCommand::RegisterTenant(c) => self.register(c),
            TenantCommand::RenameTenant(c) => rename(name, c.name),
            TenantCommand::CreateProject(c) => self.create_project(c),
            TenantCommand::RenameProject(c) => self.rename_project(c),
            TenantCommand::ArchiveProject(c) => self.archive_project(&c),
            TenantCommand::RestoreProject(c) => self.restore_project(&c),
            TenantCommand::SetProjectRole(c) => self.set_project_role(&c),
            TenantCommand::AddMember(c) => self.add_member(c),
            TenantCommand::ReplaceInitialPassword(c) => self.replace_initial_password(c.user),
            TenantCommand::ChangeMemberRole(c) => self.change_role(&c),
            TenantCommand::RemoveMember(c) => self.remove_member(c.user),
            TenantCommand::EraseMember(c) => self.erase_member(&c),
            TenantCommand::InviteMember(c) => self.invite(c, context.now()),
            TenantCommand::RevokeInvitation(c) => self.revoke_invitation(&c),
            TenantCommand::AcceptInvitation(c) => self.accept(c, context.now()),
            TenantCommand::MailInvitation(c) => self.mail(c, context.now()),
            TenantCommand::RecordInvitationMail(c) => Ok(self.record_mail(c)),
            TenantCommand::SetTelemetryRetention(c) => self.set_retention(c),
            TenantCommand::DeleteTelemetry(c) => self.delete_telemetry(&c),
            TenantCommand::AskTenantErasure(c) => self.ask_erasure(c, name, context.now()),
            TenantCommand::CallOffTenantErasure(c) => self.call_off_erasure(c),
            TenantCommand::EraseTenant(c) => self.erase(&c, context.now()),
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
        fields::name("tenant_name", &c.name, NAME_CHARS)?;
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
            initial_password_until: None,
        };
        Ok(vec![
            TenantRegistered { name: c.name }.into(),
            project.into(),
            owner.into(),
        ])
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
        context: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), TenantRefusal> {
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::TenantRegistered(e) => self.name = Some(e.name),
            TenantEvent::TenantRenamed(e) => self.name = Some(e.name),
            TenantEvent::ProjectCreated(e) => {
                let project = Project::new(e.name, e.slug);
                self.projects.insert(e.project, project);
            }
            TenantEvent::ProjectRenamed(e) => self.change_project(e.project, |p| p.name = e.name),
            TenantEvent::ProjectArchived(e) => {
                self.change_project(e.project, |p| p.archived = true)
            }
            TenantEvent::ProjectRestored(e) => {
                self.change_project(e.project, |p| p.archived = false);
            }
            TenantEvent::ProjectRoleSet(e) => {
                self.change_project(e.project, |p| p.set_role(e.user, e.role));
            }
            TenantEvent::MemberAdded(e) => {
                self.members.insert(e.user, e.role);
                if let Some(until) = e.initial_password_until {
                    self.initial_passwords.insert(e.user, until);
                }
            }
            TenantEvent::InitialPasswordReplaced(e) => {
                self.initial_passwords.remove(&e.user);
            }
            TenantEvent::MemberRoleChanged(e) => {
                self.members.insert(e.user, e.to);
            }
            TenantEvent::MemberRemoved(e) => {
                self.members.remove(&e.user);
                self.initial_passwords.remove(&e.user);
            }
            TenantEvent::MemberInvited(e) => self.remember(&e),
            TenantEvent::InvitationRevoked(e) => {
                self.invitations.remove(&e.invitation);
            }
            TenantEvent::InvitationAccepted(e) => {
                self.invitations.remove(&e.invitation);
            }
            TenantEvent::InvitationMailRequested(e) => self.mail_requested(&e),
            TenantEvent::InvitationMailed(e) => self.mail_settled(e.invitation, e.mail),
            TenantEvent::InvitationMailFailed(e) => self.mail_settled(e.invitation, e.mail),
            // The tenant holds no name of a person.
            TenantEvent::SubjectErased(_) => {}
            TenantEvent::TelemetryRetentionSet(e) => self.retention.apply(e),
            TenantEvent::TelemetryDeleted(_) => {}
            TenantEvent::TenantErasureAsked(e) => self.erasure = Some(e.due_at),
            TenantEvent::TenantErasureCalledOff(_) => self.erasure = None,
            TenantEvent::TenantErased(_) => {
                *self = Self {
                    erased: true,
                    ..Self::default()
                };
            }
        }
    }
}

impl Hosted for Tenant {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityEvents;
    const REACH: Reach = Reach::Tenant;

    fn held_bytes(&self) -> usize {
        let roles: usize = self.projects.values().map(|one| one.roles.len()).sum();
        self.projects.len() * size_of::<(ProjectId, Project)>()
            + (self.members.len() + roles) * size_of::<(UserId, MemberRole)>()
            + self.invitations.len() * size_of::<(InvitationId, Invitation)>()
    }
}

fn rename(from: &str, name: String) -> Decision {
    fields::name("name", &name, NAME_CHARS)?;
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
