//! Tenants: their projects and members. Names and addresses of people are sealed.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{InvitationId, MailId, ProjectId, SubjectId, UserId};
use crate::messages::{example, messages, record};
use crate::personal::{Personal, Sealed};
use crate::scope::MemberRole;
use crate::time::Timestamp;

/// Why a mail was given up. No text of a mail server, which may hold an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.identity")]
pub struct MailFailure {
    /// `refused`, `unreachable`, `deferred`, `not_admitted`, `not_sendable`, `too_old` or
    /// `gone`
    pub reason: String,
    /// For people, with the server's code.
    pub detail: String,
}

record! { "srecopilot.identity",
    /// Creates the tenant that is the record's key, with its first project and owner.
    RegisterTenant {
        pub name: String,
        pub project: ProjectId,
        pub owner: UserId,
        pub owner_email: Personal<String>,
        pub owner_name: Personal<String>,
    }
    RenameTenant { pub name: String }
    CreateProject { pub project: ProjectId, pub name: String, pub slug: String }
    RenameProject { pub project: ProjectId, pub name: String }
    AddMember {
        pub user: UserId,
        pub email: Personal<String>,
        pub name: Personal<String>,
        pub role: MemberRole,
        /// Where somebody else has set the account's first password: how long it is good,
        /// and for nothing but to be replaced.
        #[serde(default)]
        pub initial_password_until: Option<Timestamp>,
    }
    /// The member has replaced the password that somebody else had set.
    ReplaceInitialPassword { pub user: UserId }
    ChangeMemberRole { pub user: UserId, pub role: MemberRole }
    RemoveMember { pub user: UserId }
    /// Asks the holder of an address in. The link's secret follows from the id.
    InviteMember {
        pub invitation: InvitationId,
        pub email: Personal<String>,
        pub role: MemberRole,
        pub expires_at: Timestamp,
        /// The member who asks; it goes with them. None where a program does.
        #[serde(default)]
        pub invited_by: Option<UserId>,
    }
    RevokeInvitation { pub invitation: InvitationId }
    AcceptInvitation {
        pub invitation: InvitationId,
        pub user: UserId,
        pub email: Personal<String>,
        pub name: Personal<String>,
    }
    /// Sends the link of an invitation to its address. The letter waits in the vault.
    MailInvitation { pub invitation: InvitationId, pub mail: MailId }
    /// What became of a mail: without `failure` it was sent.
    RecordInvitationMail { pub invitation: InvitationId, pub mail: MailId, pub failure: Option<MailFailure> }
    /// A role in one project that differs from the one in the tenant; None ends it.
    SetProjectRole { pub project: ProjectId, pub user: UserId, pub role: Option<MemberRole> }
    ArchiveProject { pub project: ProjectId }
    RestoreProject { pub project: ProjectId }
    /// Makes a person unreadable who is, or was, a member.
    EraseMember { pub user: UserId, pub subject: SubjectId }
    /// `signal` is one of [`SIGNALS`]; `stream` a metric's or a service's name, the
    /// beginning of one before a `*`, or empty for the whole signal. `days` none:
    /// what holds without this rule.
    SetTelemetryRetention { pub project: ProjectId, pub signal: String, pub stream: String, pub days: Option<i32> }
    /// Of one project; without it, of all.
    DeleteTelemetry { pub project: Option<ProjectId> }
    /// Asks for the end of the tenant and of all that is known of it. `name` is the
    /// tenant's, as whoever asks has typed it.
    AskTenantErasure { pub name: String, pub due_at: Timestamp }
    CallOffTenantErasure { pub reason: Option<String> }
    /// Carries out what was asked for that time, which is over.
    EraseTenant { pub due_at: Timestamp }
}

messages! {
    /// What aggregate `Tenant` is asked to do.
    TenantCommand in "identity" {
        RegisterTenant,
        RenameTenant,
        CreateProject,
        RenameProject,
        AddMember,
        ReplaceInitialPassword,
        ChangeMemberRole,
        RemoveMember,
        InviteMember,
        RevokeInvitation,
        AcceptInvitation,
        MailInvitation,
        RecordInvitationMail,
        SetProjectRole,
        ArchiveProject,
        RestoreProject,
        EraseMember,
        SetTelemetryRetention,
        DeleteTelemetry,
        AskTenantErasure,
        CallOffTenantErasure,
        EraseTenant,
    }
}

/// What telemetry is kept apart: samples as they came and by 5 minutes and hours,
/// log records, and spans.
pub const SIGNALS: [&str; 5] = ["metrics", "metrics_5m", "metrics_1h", "logs", "traces"];

/// Days that telemetry can be kept.
pub const RETENTION_DAYS: [i32; 7] = [1, 3, 7, 15, 30, 90, 400];

record! { "srecopilot.identity",
    TenantRegistered { pub name: String }
    TenantRenamed { pub name: String }
    ProjectCreated { pub project: ProjectId, pub name: String, pub slug: String }
    ProjectRenamed { pub project: ProjectId, pub name: String }
    MemberAdded {
        pub user: UserId,
        pub email: Personal<String>,
        pub name: Personal<String>,
        pub role: MemberRole,
        #[serde(default)]
        pub initial_password_until: Option<Timestamp>,
    }
    InitialPasswordReplaced { pub user: UserId }
    MemberRoleChanged { pub user: UserId, pub from: MemberRole, pub to: MemberRole }
    MemberRemoved { pub user: UserId }
    MemberInvited {
        pub invitation: InvitationId,
        pub email: Personal<String>,
        pub role: MemberRole,
        pub expires_at: Timestamp,
        #[serde(default)]
        pub invited_by: Option<UserId>,
    }
    InvitationRevoked { pub invitation: InvitationId }
    InvitationAccepted { pub invitation: InvitationId, pub user: UserId }
    /// The newest mail of an invitation is the one that counts.
    InvitationMailRequested { pub invitation: InvitationId, pub mail: MailId, pub requested_at: Timestamp }
    /// A mail server has taken it.
    InvitationMailed { pub invitation: InvitationId, pub mail: MailId }
    /// It was given up.
    InvitationMailFailed { pub invitation: InvitationId, pub mail: MailId, pub failure: MailFailure }
    ProjectRoleSet { pub project: ProjectId, pub user: UserId, pub role: Option<MemberRole> }
    ProjectArchived { pub project: ProjectId }
    ProjectRestored { pub project: ProjectId }
    /// The subject's key is gone; folds show the placeholder from here on.
    SubjectErased { pub user: UserId, pub subject: SubjectId }
    TelemetryRetentionSet { pub project: ProjectId, pub signal: String, pub stream: String, pub days: Option<i32> }
    /// What had been received by the event's time is to go.
    TelemetryDeleted { pub project: Option<ProjectId> }
    /// The tenant ends at `due_at` unless an owner calls it off before.
    TenantErasureAsked { pub due_at: Timestamp }
    TenantErasureCalledOff { pub due_at: Timestamp, pub reason: Option<String> }
    /// The last that happens to a tenant: no fold takes anything of it from here on,
    /// nor what came before.
    TenantErased { pub due_at: Timestamp }
}

messages! {
    /// What has happened to a tenant.
    TenantEvent in "identity" {
        TenantRegistered,
        TenantRenamed,
        ProjectCreated,
        ProjectRenamed,
        MemberAdded,
        InitialPasswordReplaced,
        MemberRoleChanged,
        MemberRemoved,
        MemberInvited,
        InvitationRevoked,
        InvitationAccepted,
        InvitationMailRequested,
        InvitationMailed,
        InvitationMailFailed,
        ProjectRoleSet,
        ProjectArchived,
        ProjectRestored,
        SubjectErased,
        TelemetryRetentionSet,
        TelemetryDeleted,
        TenantErasureAsked,
        TenantErasureCalledOff,
        TenantErased,
    }
}

/// The committed examples; the sealed values open with no key that exists.
mod examples {
    use super::*;
    use uuid::Uuid;

    fn project() -> ProjectId {
        ProjectId(Uuid::from_u128(0xF6))
    }

    fn user() -> UserId {
        UserId(Uuid::from_u128(0xC3))
    }

    fn sealed() -> Personal<String> {
        Personal::from_sealed(Sealed {
            subject: SubjectId(user().0),
            nonce: vec![7; 12],
            ciphertext: vec![9; 24],
        })
    }

    fn invitation() -> InvitationId {
        InvitationId(Uuid::from_u128(0xE7))
    }

    fn invited() -> Personal<String> {
        Personal::from_sealed(Sealed {
            subject: SubjectId(invitation().0),
            nonce: vec![7; 12],
            ciphertext: vec![9; 24],
        })
    }

    fn expiry() -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }

    fn mail() -> MailId {
        MailId(Uuid::from_u128(0xAA))
    }

    fn failure() -> MailFailure {
        MailFailure {
            reason: "refused".to_owned(),
            detail: "the mail server refuses the address or the mail (550 5.1.1)".to_owned(),
        }
    }

    example! {
        RegisterTenant { name: "Acme".to_owned(), project: project(), owner: user(), owner_email: sealed(), owner_name: sealed() }
        RenameTenant { name: "Acme Ltd".to_owned() }
        CreateProject { project: project(), name: "Shop".to_owned(), slug: "shop".to_owned() }
        RenameProject { project: project(), name: "Web shop".to_owned() }
        AddMember { user: user(), email: sealed(), name: sealed(), role: MemberRole::Engineer, initial_password_until: Some(expiry()) }
        ReplaceInitialPassword { user: user() }
        ChangeMemberRole { user: user(), role: MemberRole::Admin }
        RemoveMember { user: user() }
        SetTelemetryRetention { project: project(), signal: "logs".to_owned(), stream: "debug-*".to_owned(), days: Some(3) }
        DeleteTelemetry { project: Some(project()) }
        TenantRegistered { name: "Acme".to_owned() }
        TenantRenamed { name: "Acme Ltd".to_owned() }
        ProjectCreated { project: project(), name: "Shop".to_owned(), slug: "shop".to_owned() }
        ProjectRenamed { project: project(), name: "Web shop".to_owned() }
        MemberAdded { user: user(), email: sealed(), name: sealed(), role: MemberRole::Owner, initial_password_until: Some(expiry()) }
        InitialPasswordReplaced { user: user() }
        MemberRoleChanged { user: user(), from: MemberRole::Engineer, to: MemberRole::Admin }
        MemberRemoved { user: user() }
        InviteMember { invitation: invitation(), email: invited(), role: MemberRole::Engineer, expires_at: expiry(), invited_by: Some(user()) }
        RevokeInvitation { invitation: invitation() }
        AcceptInvitation { invitation: invitation(), user: user(), email: sealed(), name: sealed() }
        MailInvitation { invitation: invitation(), mail: mail() }
        RecordInvitationMail { invitation: invitation(), mail: mail(), failure: Some(failure()) }
        SetProjectRole { project: project(), user: user(), role: Some(MemberRole::Admin) }
        ArchiveProject { project: project() }
        RestoreProject { project: project() }
        EraseMember { user: user(), subject: SubjectId(user().0) }
        MemberInvited { invitation: invitation(), email: invited(), role: MemberRole::Engineer, expires_at: expiry(), invited_by: Some(user()) }
        InvitationRevoked { invitation: invitation() }
        InvitationAccepted { invitation: invitation(), user: user() }
        InvitationMailRequested { invitation: invitation(), mail: mail(), requested_at: expiry() }
        InvitationMailed { invitation: invitation(), mail: mail() }
        InvitationMailFailed { invitation: invitation(), mail: mail(), failure: failure() }
        ProjectRoleSet { project: project(), user: user(), role: Some(MemberRole::Admin) }
        ProjectArchived { project: project() }
        ProjectRestored { project: project() }
        SubjectErased { user: user(), subject: SubjectId(user().0) }
        TelemetryRetentionSet { project: project(), signal: "logs".to_owned(), stream: "debug-*".to_owned(), days: Some(3) }
        TelemetryDeleted { project: Some(project()) }
        AskTenantErasure { name: "Acme".to_owned(), due_at: expiry() }
        CallOffTenantErasure { reason: Some("asked by mistake".to_owned()) }
        EraseTenant { due_at: expiry() }
        TenantErasureAsked { due_at: expiry() }
        TenantErasureCalledOff { due_at: expiry(), reason: Some("asked by mistake".to_owned()) }
        TenantErased { due_at: expiry() }
    }
}
