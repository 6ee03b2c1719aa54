//! Given, when, then.

use super::*;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use schemas::codec::Example;
use schemas::ids::{CommandId, MailId, SubjectId};
use schemas::personal::{Personal, Sealed};
use schemas::tenant::{
    AcceptInvitation, AddMember, ArchiveProject, AskTenantErasure, CallOffTenantErasure,
    ChangeMemberRole, CreateProject, EraseMember, EraseTenant, InitialPasswordReplaced,
    InvitationAccepted, InvitationMailFailed, InvitationMailRequested, InvitationMailed,
    InvitationRevoked, InviteMember, MailFailure, MailInvitation, MemberInvited, MemberRemoved,
    MemberRoleChanged, ProjectArchived, ProjectRestored, ProjectRoleSet, RecordInvitationMail,
    RemoveMember, RenameTenant, ReplaceInitialPassword, RestoreProject, RevokeInvitation,
    SetProjectRole, SubjectErased, TenantErased, TenantErasureAsked, TenantErasureCalledOff,
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

const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);
const DAY_MS: i64 = 86_400_000;

fn at_noon(events: Vec<TenantEvent>) -> AggregateTestExecutor<Tenant> {
    TestFramework::with(Context::decision(NOON, CommandId(Uuid::nil()))).given(events)
}

fn invite(n: u128, days: i64) -> InviteMember {
    InviteMember {
        invitation: InvitationId(Uuid::from_u128(n)),
        expires_at: NOON.plus_millis(days * DAY_MS),
        invited_by: None,
        ..InviteMember::example()
    }
}

fn told(invite: InviteMember) -> TenantEvent {
    MemberInvited {
        invitation: invite.invitation,
        email: invite.email,
        role: invite.role,
        expires_at: invite.expires_at,
        invited_by: invite.invited_by,
    }
    .into()
}

fn invited(n: u128, days: i64) -> TenantEvent {
    told(invite(n, days))
}

fn invite_by(n: u128, user: UserId, role: MemberRole) -> InviteMember {
    InviteMember {
        role,
        invited_by: Some(user),
        ..invite(n, 7)
    }
}

fn accept(n: u128, user: UserId) -> TenantCommand {
    AcceptInvitation {
        invitation: InvitationId(Uuid::from_u128(n)),
        user,
        email: sealed(user),
        name: sealed(user),
    }
    .into()
}

fn revoked(n: u128) -> TenantEvent {
    let invitation = InvitationId(Uuid::from_u128(n));
    InvitationRevoked { invitation }.into()
}

/// Bob was made an owner, and three were invited: one by Ada, an engineer and an owner
/// by him.
fn inviting() -> Vec<TenantEvent> {
    let mut events = registered();
    events.push(added(BOB, MemberRole::Owner));
    events.push(told(invite_by(1, ADA, MemberRole::Engineer)));
    events.push(told(invite_by(2, BOB, MemberRole::Engineer)));
    events.push(told(invite_by(3, BOB, MemberRole::Owner)));
    events
}

#[test]
fn invitations_go_with_whoever_made_them() {
    let removed = TenantEvent::from(MemberRemoved { user: BOB });
    at_noon(inviting())
        .when(RemoveMember { user: BOB }.into())
        .then_expect_events(vec![revoked(2), revoked(3), removed.clone()]);
    let subject = SubjectId(BOB.0);
    let erased = SubjectErased { user: BOB, subject }.into();
    at_noon(inviting())
        .when(EraseMember { user: BOB, subject }.into())
        .then_expect_events(vec![revoked(2), revoked(3), removed.clone(), erased]);
    // The link is good for nothing afterwards.
    at_noon(inviting())
        .and(vec![revoked(2), revoked(3), removed])
        .when(accept(2, BOB))
        .then_expect_error(TenantRefusal::UnknownInvitation(InvitationId(
            Uuid::from_u128(2),
        )));
}

#[test]
fn another_role_keeps_the_invitations_that_it_could_make() {
    let cases = [
        (MemberRole::Admin, vec![revoked(3)]),
        (MemberRole::Engineer, vec![revoked(2), revoked(3)]),
        (MemberRole::Viewer, vec![revoked(2), revoked(3)]),
    ];
    for (to, mut expected) in cases {
        let (user, from) = (BOB, MemberRole::Owner);
        expected.push(MemberRoleChanged { user, from, to }.into());
        at_noon(inviting())
            .when(ChangeMemberRole { user, role: to }.into())
            .then_expect_events(expected);
    }
}

#[test]
fn whoever_may_not_invite_any_more_does_not() {
    let by_bob = |role| at_noon(role).when(invite_by(9, BOB, MemberRole::Viewer).into());
    by_bob(registered()).then_expect_error(TenantRefusal::UnknownMember(BOB));
    let with = |role| [registered(), vec![added(BOB, role)]].concat();
    by_bob(with(MemberRole::Viewer)).then_expect_error(TenantRefusal::MayNotInvite(BOB));
    let made = told(invite_by(9, BOB, MemberRole::Viewer));
    by_bob(with(MemberRole::Admin)).then_expect_events(vec![made]);
    at_noon(with(MemberRole::Admin))
        .when(invite_by(9, BOB, MemberRole::Owner).into())
        .then_expect_error(TenantRefusal::MayNotInvite(BOB));
}

#[test]
fn an_invitation_is_accepted_once_with_its_role() {
    let invitation = InvitationId(Uuid::from_u128(1));
    at_noon(registered())
        .when(invite(1, 7).into())
        .then_expect_events(vec![invited(1, 7)]);
    let joined = vec![
        added(BOB, MemberRole::Engineer),
        InvitationAccepted {
            invitation,
            user: BOB,
        }
        .into(),
    ];
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .when(accept(1, BOB))
        .then_expect_events(joined.clone());
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .and(joined)
        .when(accept(1, UserId(Uuid::from_u128(0xEE))))
        .then_expect_error(TenantRefusal::UnknownInvitation(invitation));
}

#[test]
fn an_invitation_ends_by_itself_by_hand_and_not_for_members() {
    at_noon(registered())
        .and(vec![invited(1, 0)])
        .when(accept(1, BOB))
        .then_expect_error(TenantRefusal::InvitationExpired);
    let invitation = InvitationId(Uuid::from_u128(1));
    let revoked = TenantEvent::from(InvitationRevoked { invitation });
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .when(RevokeInvitation { invitation }.into())
        .then_expect_events(vec![revoked.clone()]);
    at_noon(registered())
        .and(vec![invited(1, 7), revoked])
        .when(accept(1, BOB))
        .then_expect_error(TenantRefusal::UnknownInvitation(invitation));
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .when(accept(1, ADA))
        .then_expect_error(TenantRefusal::AlreadyMember(ADA));
}

const PARTY: InvitationId = InvitationId(Uuid::from_u128(1));

fn mail(n: u128) -> MailId {
    MailId(Uuid::from_u128(n))
}

fn mail_invitation(n: u128) -> TenantCommand {
    MailInvitation {
        invitation: PARTY,
        mail: mail(n),
    }
    .into()
}

/// Asked for so many minutes before noon.
fn requested(n: u128, minutes: i64) -> TenantEvent {
    InvitationMailRequested {
        invitation: PARTY,
        mail: mail(n),
        requested_at: NOON.plus_millis(-60_000 * minutes),
    }
    .into()
}

fn became(n: u128, failure: Option<MailFailure>) -> TenantCommand {
    RecordInvitationMail {
        invitation: PARTY,
        mail: mail(n),
        failure,
    }
    .into()
}

#[test]
fn an_invitation_is_mailed_and_mailed_again_after_a_minute() {
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .when(mail_invitation(1))
        .then_expect_events(vec![requested(1, 0)]);
    // A retry of the same request.
    at_noon(registered())
        .and(vec![invited(1, 7), requested(1, 0)])
        .when(mail_invitation(1))
        .then_expect_events(vec![]);
    at_noon(registered())
        .and(vec![invited(1, 7), requested(1, 0)])
        .when(mail_invitation(2))
        .then_expect_error(TenantRefusal::MailedJustNow);
    at_noon(registered())
        .and(vec![invited(1, 7), requested(1, 1)])
        .when(mail_invitation(2))
        .then_expect_events(vec![requested(2, 0)]);
    at_noon(registered())
        .and(vec![invited(1, 0)])
        .when(mail_invitation(1))
        .then_expect_error(TenantRefusal::InvitationExpired);
    at_noon(registered())
        .when(mail_invitation(1))
        .then_expect_error(TenantRefusal::UnknownInvitation(PARTY));
}

#[test]
fn what_became_of_a_mail_is_recorded_once_and_of_the_newest_only() {
    let (invitation, mail) = (PARTY, mail(1));
    let sent = TenantEvent::from(InvitationMailed { invitation, mail });
    let waiting = vec![invited(1, 7), requested(1, 5)];
    at_noon(registered())
        .and(waiting.clone())
        .when(became(1, None))
        .then_expect_events(vec![sent.clone()]);
    let failure = MailFailure {
        reason: "refused".to_owned(),
        detail: "no such mailbox (550)".to_owned(),
    };
    let failed = InvitationMailFailed {
        invitation,
        mail,
        failure: failure.clone(),
    };
    at_noon(registered())
        .and(waiting.clone())
        .when(became(1, Some(failure)))
        .then_expect_events(vec![failed.into()]);
    let revoked = InvitationRevoked { invitation }.into();
    for later in [sent, requested(2, 1), revoked] {
        at_noon(registered())
            .and(waiting.clone())
            .and(vec![later])
            .when(became(1, None))
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_tenant_sends_a_hundred_mails_a_day() {
    let mails = |minutes: i64| (0..100).map(move |n| requested(n, minutes));
    let today = mails(2).collect::<Vec<_>>();
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .and(today)
        .when(mail_invitation(500))
        .then_expect_error(TenantRefusal::TooManyMails { most: 100 });
    let yesterday = mails(24 * 60).collect::<Vec<_>>();
    at_noon(registered())
        .and(vec![invited(1, 7)])
        .and(yesterday)
        .when(mail_invitation(500))
        .then_expect_events(vec![requested(500, 0)]);
}

#[test]
fn an_invitation_waits_for_thirty_days_at_most() {
    for days in [0, 31] {
        let refused = at_noon(registered()).when(invite(1, days).into());
        assert_eq!(refused.inspect_result().unwrap_err().rule(), "invalid");
    }
}

#[test]
fn expired_invitations_make_room() {
    let mut tenant = Tenant::default();
    for event in [
        registered(),
        vec![invited(1, 1), invited(2, 20), invited(3, 31)],
    ]
    .concat()
    {
        tenant.apply(event);
    }
    let kept: Vec<_> = tenant.invitations.keys().map(|id| id.0.as_u128()).collect();
    assert_eq!(kept, [2, 3]);
}

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
