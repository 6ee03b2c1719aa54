//! Invitations, their mails, and what becomes of both.

use schemas::codec::Example;
use schemas::ids::MailId;
use schemas::tenant::{
    AcceptInvitation, InvitationAccepted, InvitationMailFailed, InvitationMailRequested,
    InvitationMailed, InvitationRevoked, InviteMember, MailFailure, MailInvitation, MemberInvited,
    MemberRoleChanged, RecordInvitationMail, RevokeInvitation,
};

use super::*;

const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

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
