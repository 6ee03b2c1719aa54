//! Who acts, for which tenant and project, and how far that reaches.

use std::fmt;
use std::str::FromStr;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, ProjectId, TenantId, UserId};

/// What a member of a tenant may do, from most to least.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AvroSchema,
)]
#[serde(rename_all = "snake_case")]
#[avro(namespace = "srecopilot")]
pub enum MemberRole {
    Owner,
    Admin,
    Engineer,
    Viewer,
}

impl MemberRole {
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Engineer, Self::Viewer];

    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Engineer => "engineer",
            Self::Viewer => "viewer",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Who did it. Text form: `user:<id>`, `api_key:<id>`, `system:<worker>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    User(UserId),
    ApiKey(ApiKeyId),
    System(String),
}

impl Actor {
    /// A part of the platform that acts by itself.
    pub fn system(worker: &str) -> Self {
        Self::System(worker.to_owned())
    }

    /// `user`, `api_key` or `system`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::ApiKey(_) => "api_key",
            Self::System(_) => "system",
        }
    }

    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(*id),
            _ => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::System(worker) => write!(f, "system:{worker}"),
        }
    }
}

/// The text is not an actor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an actor (expected user:<id>, api_key:<id> or system:<name>)")]
pub struct NotAnActor(String);

impl FromStr for Actor {
    type Err = NotAnActor;

    fn from_str(text: &str) -> Result<Self, NotAnActor> {
        let wrong = || NotAnActor(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "user" => rest.parse().map(Self::User).map_err(|_| wrong()),
            "api_key" => rest.parse().map(Self::ApiKey).map_err(|_| wrong()),
            "system" => Ok(Self::System(rest.to_owned())),
            _ => Err(wrong()),
        }
    }
}

/// The tenant and project that a credential reaches, and who holds it.
///
/// Built by [`Scope::granted`] from a verified JWT or API key (crate `access`) or
/// from the header of a log record (`Envelope::scope`), and nowhere else; every
/// query takes it first. A test holds the list of callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    tenant: TenantId,
    project: ProjectId,
    actor: Actor,
}

impl Scope {
    /// To be called only with values that a verified credential carries.
    pub fn granted(tenant: TenantId, project: ProjectId, actor: Actor) -> Self {
        Self {
            tenant,
            project,
            actor,
        }
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn project(&self) -> ProjectId {
        self.project
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}
