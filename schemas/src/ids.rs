//! Typed identifiers. All are UUIDs: version 7 where the platform invents one,
//! version 5 where equal inputs must meet in one place.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use apache_avro::schema::{Name, NamespaceRef, RecordField, Schema};
use apache_avro::serde::AvroSchemaComponent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Defines one identifier type; they differ in name only, so that the compiler
/// refuses an incident id where a project id is due.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl AvroSchemaComponent for $name {
            fn get_schema_in_ctxt(named: &mut HashSet<Name>, namespace: NamespaceRef<'_>) -> Schema {
                Uuid::get_schema_in_ctxt(named, namespace)
            }

            fn get_record_fields_in_ctxt(
                _: &mut HashSet<Name>,
                _: NamespaceRef<'_>,
            ) -> Option<Vec<RecordField>> {
                None
            }
        }
    };
}

id!(/// A customer: owns projects, members and everything below them.
    TenantId);
id!(/// A project of a tenant: the unit that data is kept apart by.
    ProjectId);
id!(/// A person with an account.
    UserId);
id!(/// The person whose key seals a personal value; equal to the user id for accounts.
    SubjectId);
id!(/// A request to join a tenant that waits for its answer.
    InvitationId);
id!(/// A mail, from when it is asked for until it is sent or given up.
    MailId);
id!(/// An API key (the id, never the secret).
    ApiKeyId);
id!(/// A program that acts in a project with keys of its own.
    ServiceAccountId);
id!(/// An incident.
    IncidentId);
id!(/// A group of alerts that share one episode: `UUIDv5(project, group key)`.
    GroupId);
id!(/// One firing of one alert: `UUIDv5(group, fingerprint + start time)`.
    AlertId);
id!(/// A comment on an incident.
    CommentId);
id!(/// A named view of an explorer: `UUIDv5(project, page + name)`.
    SavedViewId);
id!(/// The single sign-on of a tenant: `UUIDv5(tenant, "single sign-on")`.
    SignOnId);
id!(/// The secret of a client at a provider, in the vault.
    SignOnSecretId);
id!(/// A monitoring server of a project: `UUIDv5(project, name)` of its first name, or a
    /// random one where another server had that name first.
    MonitoringIntegrationId);
id!(/// A secret that the platform shows to somebody's server (the id, never the secret).
    CredentialId);
id!(/// A command; the same command sent twice has the same id.
    CommandId);
id!(/// One event log, created once and never reused.
    LogId);

impl GroupId {
    /// The group that every sender of `group_key` in `project` meets in.
    pub fn of(project: ProjectId, group_key: &str) -> Self {
        Self(Uuid::new_v5(&project.0, group_key.as_bytes()))
    }
}

impl IncidentId {
    /// The incident of a group's episode, whichever worker opens it first.
    pub fn of_episode(group: GroupId, episode: i64) -> Self {
        Self(Uuid::new_v5(
            &group.0,
            format!("episode:{episode}").as_bytes(),
        ))
    }
}

impl AlertId {
    /// One firing is named by what fires and since when.
    pub fn of(group: GroupId, fingerprint: &str, starts_at: crate::time::Timestamp) -> Self {
        let name = format!("alert:{fingerprint}:{}", starts_at.micros());
        Self(Uuid::new_v5(&group.0, name.as_bytes()))
    }
}

impl SavedViewId {
    /// Views of one page are told apart by their names.
    pub fn of(project: ProjectId, page: &str, name: &str) -> Self {
        Self(Uuid::new_v5(
            &project.0,
            format!("view:{page}:{name}").as_bytes(),
        ))
    }
}

impl MonitoringIntegrationId {
    /// The id that `name` gives, in whatever case. Two names that give one id are the same.
    pub fn of(project: ProjectId, name: &str) -> Self {
        let name = format!("monitoring:{}", name.trim().to_lowercase());
        Self(Uuid::new_v5(&project.0, name.as_bytes()))
    }
}

impl ServiceAccountId {
    /// What `name` gives, in whatever case: not the id of an account, but that of its name.
    pub fn named(project: ProjectId, name: &str) -> Uuid {
        let name = format!("service account:{}", name.trim().to_lowercase());
        Uuid::new_v5(&project.0, name.as_bytes())
    }
}

impl CredentialId {
    /// The credential that `command` names, so that a retry names the same one.
    pub fn of(command: CommandId) -> Self {
        Self(Uuid::new_v5(&command.0, b"credential"))
    }
}

impl CommandId {
    /// The id of a request that carries an `Idempotency-Key`, so that a retry is
    /// the same command. `route` is the method and the concrete path.
    pub fn of_request(tenant: TenantId, actor: &str, route: &str, key: &str) -> Self {
        let name = format!("{actor}\n{route}\n{key}");
        Self(Uuid::new_v5(&tenant.0, name.as_bytes()))
    }

    /// The id of the command that `worker` derives from `event` at `step`.
    pub fn of_worker(event: Uuid, worker: &str, step: &str) -> Self {
        Self(Uuid::new_v5(&event, format!("{worker}\n{step}").as_bytes()))
    }
}
