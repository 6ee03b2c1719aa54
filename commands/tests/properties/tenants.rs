//! A tenant keeps an owner, and its slugs and the names of its projects stay apart.

use std::collections::{BTreeMap, BTreeSet};

use commands::tenant::{Tenant, TenantRefusal};
use proptest::prelude::*;
use schemas::ids::{ProjectId, SubjectId, UserId};
use schemas::personal::{Personal, Sealed};
use schemas::scope::MemberRole;
use schemas::tenant::{
    AddMember, ArchiveProject, AskTenantErasure, CallOffTenantErasure, ChangeMemberRole,
    CreateProject, EraseMember, EraseTenant, RegisterTenant, RemoveMember, RenameProject,
    RestoreProject, TenantCommand, TenantEvent,
};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::{Life, context};

fn sealed() -> Personal<String> {
    Personal::from_sealed(Sealed {
        subject: SubjectId(Uuid::nil()),
        nonce: vec![1; 12],
        ciphertext: vec![2; 20],
    })
}

fn user() -> impl Strategy<Value = UserId> {
    (0..4u128).prop_map(|n| UserId(Uuid::from_u128(n)))
}

fn role() -> impl Strategy<Value = MemberRole> {
    proptest::sample::select(&MemberRole::ALL[..])
}

fn register(owner: UserId) -> TenantCommand {
    RegisterTenant {
        name: "Acme".to_owned(),
        project: ProjectId(Uuid::from_u128(100)),
        owner,
        owner_email: sealed(),
        owner_name: sealed(),
    }
    .into()
}

fn add((user, role): (UserId, MemberRole)) -> TenantCommand {
    AddMember {
        user,
        email: sealed(),
        name: sealed(),
        role,
        initial_password_until: None,
    }
    .into()
}

fn create((project, slug, name): (u128, String, String)) -> TenantCommand {
    CreateProject {
        project: ProjectId(Uuid::from_u128(project)),
        name,
        slug,
    }
    .into()
}

fn rename((project, name): (ProjectId, String)) -> TenantCommand {
    RenameProject { project, name }.into()
}

fn erase(user: UserId) -> TenantCommand {
    let subject = SubjectId(user.0);
    EraseMember { user, subject }.into()
}

/// One of those that [`create`] makes, or the first.
fn project() -> impl Strategy<Value = ProjectId> {
    let ids = prop_oneof![0..5u128, Just(100)];
    ids.prop_map(|n| ProjectId(Uuid::from_u128(n)))
}

/// Around the time of the decisions, so that some are due and some are not.
fn due() -> impl Strategy<Value = Timestamp> {
    (-2..3i64).prop_map(|n| context(0).now().plus_millis(n))
}

fn command() -> impl Strategy<Value = TenantCommand> {
    let name = proptest::sample::select(&["Acme", "Acme", "Other"][..]);
    prop_oneof![
        (name, due()).prop_map(|(name, due_at)| {
            let name = name.to_owned();
            AskTenantErasure { name, due_at }.into()
        }),
        Just(CallOffTenantErasure { reason: None }.into()),
        due().prop_map(|due_at| EraseTenant { due_at }.into()),
        user().prop_map(register),
        (user(), role()).prop_map(add),
        (user(), role()).prop_map(|(user, role)| ChangeMemberRole { user, role }.into()),
        user().prop_map(|user| RemoveMember { user }.into()),
        user().prop_map(erase),
        (0..5u128, "[ab]{1,2}", "[AaBbCc]").prop_map(create),
        (project(), "[AaBbCc]").prop_map(rename),
        project().prop_map(|project| ArchiveProject { project }.into()),
        project().prop_map(|project| RestoreProject { project }.into()),
    ]
}

/// What the events say, told apart from the aggregate's own fold.
#[derive(Default)]
struct Seen {
    roles: BTreeMap<UserId, MemberRole>,
    slugs: BTreeSet<String>,
    in_use: BTreeSet<ProjectId>,
    names: BTreeMap<ProjectId, String>,
    due: Option<Timestamp>,
    erased: bool,
}

impl Seen {
    fn take(&mut self, event: &TenantEvent) {
        assert!(!self.erased, "{event:?} after the tenant was erased");
        match event {
            TenantEvent::TenantErasureAsked(e) => {
                assert_eq!(self.due.replace(e.due_at), None, "asked for twice");
            }
            TenantEvent::TenantErasureCalledOff(e) => {
                assert_eq!(self.due.take(), Some(e.due_at));
            }
            TenantEvent::TenantErased(e) => {
                assert_eq!(self.due, Some(e.due_at), "erased without being asked for");
                assert!(e.due_at <= context(0).now(), "erased before it was due");
                self.erased = true;
            }
            TenantEvent::ProjectCreated(e) => {
                assert!(self.slugs.insert(e.slug.clone()), "slug {} twice", e.slug);
                self.in_use.insert(e.project);
                self.names.insert(e.project, e.name.to_lowercase());
            }
            TenantEvent::ProjectRenamed(e) => {
                self.names.insert(e.project, e.name.to_lowercase());
            }
            TenantEvent::ProjectArchived(e) => assert!(self.in_use.remove(&e.project)),
            TenantEvent::ProjectRestored(e) => assert!(self.in_use.insert(e.project)),
            TenantEvent::MemberAdded(e) => {
                let before = self.roles.insert(e.user, e.role);
                assert_eq!(before, None, "a member was added twice");
            }
            TenantEvent::MemberRoleChanged(e) => {
                assert_eq!(self.roles.insert(e.user, e.to), Some(e.from));
            }
            TenantEvent::MemberRemoved(e) => {
                assert!(self.roles.remove(&e.user).is_some());
            }
            TenantEvent::TenantRegistered(_)
            | TenantEvent::TenantRenamed(_)
            | TenantEvent::ProjectRoleSet(_)
            | TenantEvent::MemberInvited(_)
            | TenantEvent::InvitationRevoked(_)
            | TenantEvent::InvitationAccepted(_)
            | TenantEvent::InvitationMailRequested(_)
            | TenantEvent::InvitationMailed(_)
            | TenantEvent::InvitationMailFailed(_)
            | TenantEvent::TelemetryRetentionSet(_)
            | TenantEvent::TelemetryDeleted(_)
            | TenantEvent::InitialPasswordReplaced(_)
            | TenantEvent::SubjectErased(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn an_owner_stays_and_slugs_are_unique(commands in prop::collection::vec(command(), 0..60)) {
        let mut tenant = Life::<Tenant>::new();
        let (mut seen, context) = (Seen::default(), context(0));
        for command in commands {
            let decided = tenant.decide(|state| state.decide(command.clone(), &context));
            match decided {
                Ok(events) => events.iter().for_each(|event| seen.take(event)),
                Err(refused) => prop_assert!(
                    refused != TenantRefusal::LastOwner || !seen.roles.is_empty()
                ),
            }
            let registered = !tenant.events.is_empty();
            let owned = seen.roles.values().any(|role| *role == MemberRole::Owner);
            prop_assert_eq!(owned, registered);
            prop_assert_eq!(!seen.in_use.is_empty(), registered);
            let names = seen.in_use.iter().map(|project| &seen.names[project]);
            let names: BTreeSet<_> = names.collect();
            prop_assert_eq!(names.len(), seen.in_use.len(), "two of one name");
        }
        tenant.assert_replay();
    }
}
