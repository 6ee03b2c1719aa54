//! Tenants: their projects and members. Names and addresses of people are sealed.

use crate::ids::{ProjectId, SubjectId, UserId};
use crate::messages::{example, messages, record};
use crate::personal::{Personal, Sealed};
use crate::scope::MemberRole;

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
    AddMember { pub user: UserId, pub email: Personal<String>, pub name: Personal<String>, pub role: MemberRole }
    ChangeMemberRole { pub user: UserId, pub role: MemberRole }
    RemoveMember { pub user: UserId }
    /// `signal` is one of [`SIGNALS`]; `stream` a metric's or a service's name, the
    /// beginning of one before a `*`, or empty for the whole signal. `days` none:
    /// what holds without this rule.
    SetTelemetryRetention { pub project: ProjectId, pub signal: String, pub stream: String, pub days: Option<i32> }
    /// Of one project; without it, of all.
    DeleteTelemetry { pub project: Option<ProjectId> }
}

messages! {
    /// What aggregate `Tenant` is asked to do.
    TenantCommand in "identity" {
        RegisterTenant,
        RenameTenant,
        CreateProject,
        RenameProject,
        AddMember,
        ChangeMemberRole,
        RemoveMember,
        SetTelemetryRetention,
        DeleteTelemetry,
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
    MemberAdded { pub user: UserId, pub email: Personal<String>, pub name: Personal<String>, pub role: MemberRole }
    MemberRoleChanged { pub user: UserId, pub from: MemberRole, pub to: MemberRole }
    MemberRemoved { pub user: UserId }
    TelemetryRetentionSet { pub project: ProjectId, pub signal: String, pub stream: String, pub days: Option<i32> }
    /// What had been received by the event's time is to go.
    TelemetryDeleted { pub project: Option<ProjectId> }
}

messages! {
    /// What has happened to a tenant.
    TenantEvent in "identity" {
        TenantRegistered,
        TenantRenamed,
        ProjectCreated,
        ProjectRenamed,
        MemberAdded,
        MemberRoleChanged,
        MemberRemoved,
        TelemetryRetentionSet,
        TelemetryDeleted,
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

    example! {
        RegisterTenant { name: "Acme".to_owned(), project: project(), owner: user(), owner_email: sealed(), owner_name: sealed() }
        RenameTenant { name: "Acme Ltd".to_owned() }
        CreateProject { project: project(), name: "Shop".to_owned(), slug: "shop".to_owned() }
        RenameProject { project: project(), name: "Web shop".to_owned() }
        AddMember { user: user(), email: sealed(), name: sealed(), role: MemberRole::Engineer }
        ChangeMemberRole { user: user(), role: MemberRole::Admin }
        RemoveMember { user: user() }
        SetTelemetryRetention { project: project(), signal: "logs".to_owned(), stream: "debug-*".to_owned(), days: Some(3) }
        DeleteTelemetry { project: Some(project()) }
        TenantRegistered { name: "Acme".to_owned() }
        TenantRenamed { name: "Acme Ltd".to_owned() }
        ProjectCreated { project: project(), name: "Shop".to_owned(), slug: "shop".to_owned() }
        ProjectRenamed { project: project(), name: "Web shop".to_owned() }
        MemberAdded { user: user(), email: sealed(), name: sealed(), role: MemberRole::Owner }
        MemberRoleChanged { user: user(), from: MemberRole::Engineer, to: MemberRole::Admin }
        MemberRemoved { user: user() }
        TelemetryRetentionSet { project: project(), signal: "logs".to_owned(), stream: "debug-*".to_owned(), days: Some(3) }
        TelemetryDeleted { project: Some(project()) }
    }
}
