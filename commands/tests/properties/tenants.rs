//! A tenant keeps an owner, and its slugs stay apart.

use std::collections::{BTreeMap, BTreeSet};

use commands::tenant::{Tenant, TenantRefusal};
use proptest::prelude::*;
use schemas::context::Context;
use schemas::ids::{CommandId, ProjectId, SubjectId, UserId};
use schemas::personal::{Personal, Sealed};
use schemas::scope::MemberRole;
use schemas::tenant::{
    AddMember, ChangeMemberRole, CreateProject, RegisterTenant, RemoveMember, TenantCommand,
    TenantEvent,
};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::Life;

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
    }
    .into()
}

fn create((project, slug): (u128, String)) -> TenantCommand {
    CreateProject {
        project: ProjectId(Uuid::from_u128(project)),
        name: "A project".to_owned(),
        slug,
    }
    .into()
}

fn command() -> impl Strategy<Value = TenantCommand> {
    prop_oneof![
        user().prop_map(register),
        (user(), role()).prop_map(add),
        (user(), role()).prop_map(|(user, role)| ChangeMemberRole { user, role }.into()),
        user().prop_map(|user| RemoveMember { user }.into()),
        (0..5u128, "[ab]{1,2}").prop_map(create),
    ]
}

/// What the events say, told apart from the aggregate's own fold.
#[derive(Default)]
struct Seen {
    roles: BTreeMap<UserId, MemberRole>,
    slugs: BTreeSet<String>,
}

impl Seen {
    fn take(&mut self, event: &TenantEvent) {
        match event {
            TenantEvent::ProjectCreated(e) => {
                assert!(self.slugs.insert(e.slug.clone()), "slug {} twice", e.slug);
            }
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
            // Nothing that these properties speak of.
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn an_owner_stays_and_slugs_are_unique(commands in prop::collection::vec(command(), 0..60)) {
        let mut tenant = Life::<Tenant>::new();
        let mut seen = Seen::default();
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
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
        }
        tenant.assert_replay();
    }
}
