//! Given, when, then.

mod invitations;

use super::*;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use schemas::ids::{CommandId, SubjectId};
use schemas::personal::{Personal, Sealed};
use schemas::tenant::{
    AddMember, ArchiveProject, AskTenantErasure, CallOffTenantErasure, ChangeMemberRole,
    CreateProject, EraseMember, EraseTenant, InitialPasswordReplaced, MemberRemoved,
    ProjectArchived, ProjectRenamed, ProjectRestored, ProjectRoleSet, RemoveMember, RenameProject,
    RenameTenant, ReplaceInitialPassword, RestoreProject, SetProjectRole, SubjectErased,
    TenantErased, TenantErasureAsked, TenantErasureCalledOff,
};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::aggregate::Refuse;

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
        initial_password_until: None,
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

fn named(project: u128, name: &str) -> TenantEvent {
    ProjectCreated {
        project: ProjectId(Uuid::from_u128(project)),
        name: name.to_owned(),
        slug: format!("slug-{project}"),
    }
    .into()
}

fn called(project: u128, name: &str) -> TenantCommand {
    RenameProject {
        project: ProjectId(Uuid::from_u128(project)),
        name: name.to_owned(),
    }
    .into()
}

fn taken(name: &str) -> TenantRefusal {
    TenantRefusal::NameTaken(name.to_owned())
}

#[test]
fn names_of_projects_in_use_are_unique_in_whatever_case() {
    let two = || {
        [
            registered(),
            vec![named(0x52, "BILLING "), named(0x53, "Grün")],
        ]
        .concat()
    };
    given(two())
        .when(create(0x54, "billing"))
        .then_expect_error(taken("Billing"));
    given(two())
        .when(called(0x52, "GRÜN"))
        .then_expect_error(taken("GRÜN"));
    // Its own in another case is not another's.
    let renamed = ProjectRenamed {
        project: ProjectId(Uuid::from_u128(0x53)),
        name: "grün".to_owned(),
    };
    given(two())
        .when(called(0x53, "grün"))
        .then_expect_events(vec![renamed.into()]);
}

#[test]
fn a_project_comes_back_once_its_name_is_free() {
    let project = ProjectId(Uuid::from_u128(0x52));
    let restore = || TenantCommand::from(RestoreProject { project });
    let archived = TenantEvent::from(ProjectArchived { project });
    let held = [named(0x52, "Billing"), archived, named(0x53, "billing")];
    let held = || [registered(), held.to_vec()].concat();
    given(held())
        .when(restore())
        .then_expect_error(taken("Billing"));
    let other = ProjectRenamed {
        project,
        name: "Billing of old".to_owned(),
    };
    given(with(held(), vec![other.into()]))
        .when(restore())
        .then_expect_events(vec![ProjectRestored { project }.into()]);
}

/// As logs from before have them.
#[test]
fn names_that_are_equal_already_stay() {
    let equal = || [registered(), vec![named(0x52, "Shop"), named(0x53, "Shop")]].concat();
    given(equal())
        .when(called(0x52, "Shop"))
        .then_expect_events(vec![]);
    given(equal())
        .when(called(0x52, "shop"))
        .then_expect_error(taken("shop"));
    let project = ProjectId(Uuid::from_u128(0x52));
    let name = "Other".to_owned();
    given(equal())
        .when(called(0x52, "Other"))
        .then_expect_events(vec![ProjectRenamed { project, name }.into()]);
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

const DAY_MS: i64 = 86_400_000;

#[test]
fn one_project_is_never_archived() {
    let archive = || TenantCommand::from(ArchiveProject { project: SHOP });
    given(registered())
        .when(archive())
        .then_expect_error(TenantRefusal::LastProject);
    let second = given(registered()).when(create(0x52, "billing"));
    let second = second.inspect_result().unwrap();
    let archived = TenantEvent::from(ProjectArchived { project: SHOP });
    given(registered())
        .and(second.clone())
        .when(archive())
        .then_expect_events(vec![archived.clone()]);
    given(registered())
        .and(second.clone())
        .and(vec![archived.clone()])
        .when(archive())
        .then_expect_events(vec![]);
    given(registered())
        .and(second)
        .and(vec![archived])
        .when(RestoreProject { project: SHOP }.into())
        .then_expect_events(vec![ProjectRestored { project: SHOP }.into()]);
}

fn role_in_shop(user: UserId, role: Option<MemberRole>) -> SetProjectRole {
    SetProjectRole {
        project: SHOP,
        user,
        role,
    }
}

fn role_set(user: UserId, role: Option<MemberRole>) -> TenantEvent {
    ProjectRoleSet {
        project: SHOP,
        user,
        role,
    }
    .into()
}

#[test]
fn a_project_may_see_a_member_differently_but_not_an_owner() {
    let bob = || vec![added(BOB, MemberRole::Viewer)];
    let admin = Some(MemberRole::Admin);
    given(registered())
        .and(bob())
        .when(role_in_shop(BOB, admin).into())
        .then_expect_events(vec![role_set(BOB, admin)]);
    given(registered())
        .when(role_in_shop(ADA, admin).into())
        .then_expect_error(TenantRefusal::OwnerEverywhere);
    given(registered())
        .and(bob())
        .when(role_in_shop(BOB, Some(MemberRole::Owner)).into())
        .then_expect_error(TenantRefusal::NoProjectOwner);
}

#[test]
fn who_leaves_leaves_every_role_behind() {
    let admin = Some(MemberRole::Admin);
    given(registered())
        .and(vec![added(BOB, MemberRole::Viewer), role_set(BOB, admin)])
        .when(RemoveMember { user: BOB }.into())
        .then_expect_events(vec![
            role_set(BOB, None),
            MemberRemoved { user: BOB }.into(),
        ]);
}

#[test]
fn erasing_takes_a_member_out_and_one_who_left_too() {
    let subject = SubjectId(BOB.0);
    let erase = || TenantCommand::from(EraseMember { user: BOB, subject });
    let erased = || TenantEvent::from(SubjectErased { user: BOB, subject });
    given(registered())
        .and(vec![added(BOB, MemberRole::Viewer)])
        .when(erase())
        .then_expect_events(vec![MemberRemoved { user: BOB }.into(), erased()]);
    given(registered())
        .when(erase())
        .then_expect_events(vec![erased()]);
    let ada = EraseMember {
        user: ADA,
        subject: SubjectId(ADA.0),
    };
    given(registered())
        .when(ada.into())
        .then_expect_error(TenantRefusal::LastOwner);
}

fn due() -> Timestamp {
    Timestamp::default().plus_millis(7 * DAY_MS)
}

fn asked_erasure() -> TenantEvent {
    TenantErasureAsked { due_at: due() }.into()
}

fn called_off() -> TenantEvent {
    TenantErasureCalledOff {
        due_at: due(),
        reason: None,
    }
    .into()
}

fn ask_erasure(name: &str, due_at: Timestamp) -> TenantCommand {
    let name = name.to_owned();
    AskTenantErasure { name, due_at }.into()
}

fn with(mut events: Vec<TenantEvent>, more: Vec<TenantEvent>) -> Vec<TenantEvent> {
    events.extend(more);
    events
}

#[test]
fn an_erasure_is_asked_for_by_name_once_and_within_a_year() {
    given(registered())
        .when(ask_erasure("Acme", due()))
        .then_expect_events(vec![asked_erasure()]);
    for name in ["acme", "Acme ", ""] {
        given(registered())
            .when(ask_erasure(name, due()))
            .then_expect_error(TenantRefusal::OtherName);
    }
    given(with(registered(), vec![asked_erasure()]))
        .when(ask_erasure("Acme", due().plus_millis(1)))
        .then_expect_error(TenantRefusal::ErasureAsked(due()));
    for due_at in [-1, 367 * DAY_MS].map(|ms| Timestamp::default().plus_millis(ms)) {
        let refused = given(registered())
            .when(ask_erasure("Acme", due_at))
            .inspect_result();
        assert_eq!(refused.unwrap_err().rule(), "invalid");
    }
}

#[test]
fn an_erasure_is_called_off_while_it_is_asked_for() {
    let call_off = || TenantCommand::from(CallOffTenantErasure { reason: None });
    given(registered())
        .when(call_off())
        .then_expect_error(TenantRefusal::NoErasure);
    given(with(registered(), vec![asked_erasure()]))
        .when(call_off())
        .then_expect_events(vec![called_off()]);
    given(with(registered(), vec![asked_erasure(), called_off()]))
        .when(ask_erasure("Acme", due()))
        .then_expect_events(vec![asked_erasure()]);
}

#[test]
fn a_tenant_is_erased_when_its_time_is_due_and_nothing_happens_to_it_afterwards() {
    let erase = |due_at| TenantCommand::from(EraseTenant { due_at });
    let given_at = |now, events| {
        let context = Context::decision(now, CommandId(Uuid::nil()));
        TestFramework::<Tenant>::with(context).given(events)
    };
    let asked = || with(registered(), vec![asked_erasure()]);
    given_at(due().plus_millis(-1), asked())
        .when(erase(due()))
        .then_expect_error(TenantRefusal::ErasureNotDue(due()));
    given_at(due(), asked())
        .when(erase(due()))
        .then_expect_events(vec![TenantErased { due_at: due() }.into()]);
    // What was called off, and asked for another time.
    given_at(due(), with(asked(), vec![called_off()]))
        .when(erase(due()))
        .then_expect_error(TenantRefusal::NoErasure);
    given_at(due(), asked())
        .when(erase(due().plus_millis(-1)))
        .then_expect_error(TenantRefusal::NoErasure);
    let erased = || with(asked(), vec![TenantErased { due_at: due() }.into()]);
    let nothing = [
        erase(due()),
        register("Acme"),
        ask_erasure("Acme", due()),
        RemoveMember { user: ADA }.into(),
        create(7, "billing"),
    ];
    for command in nothing {
        given_at(due(), erased())
            .when(command)
            .then_expect_error(TenantRefusal::NotFound);
    }
}

#[test]
fn an_initial_password_is_replaced_once_and_forgotten_with_the_member() {
    let add = AddMember {
        user: BOB,
        email: sealed(BOB),
        name: sealed(BOB),
        role: MemberRole::Viewer,
        initial_password_until: Some(Timestamp::from_micros(7)),
    };
    let replace = || TenantCommand::from(ReplaceInitialPassword { user: BOB });
    let replaced = || TenantEvent::from(InitialPasswordReplaced { user: BOB });
    let initial = || {
        let mut events = registered();
        events.push(
            MemberAdded {
                user: BOB,
                email: sealed(BOB),
                name: sealed(BOB),
                role: MemberRole::Viewer,
                initial_password_until: Some(Timestamp::from_micros(7)),
            }
            .into(),
        );
        events
    };
    let made = initial().split_off(registered().len());
    given(registered())
        .when(add.into())
        .then_expect_events(made);
    given(initial())
        .when(replace())
        .then_expect_events(vec![replaced()]);
    let after = |event| [initial(), vec![event]].concat();
    given(after(replaced()))
        .when(replace())
        .then_expect_events(vec![]);
    // Whoever comes again with a password of their own has nothing to replace.
    let again = [
        after(MemberRemoved { user: BOB }.into()),
        vec![added(BOB, MemberRole::Viewer)],
    ];
    given(again.concat())
        .when(replace())
        .then_expect_events(vec![]);
    given(registered())
        .when(replace())
        .then_expect_error(TenantRefusal::UnknownMember(BOB));
}
