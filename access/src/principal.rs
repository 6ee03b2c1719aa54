//! A caller whose credential was verified.

use schemas::ids::{ApiKeyId, ProjectId, TenantId, UserId};
use schemas::scope::{Actor, MemberRole, Scope};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::permissions::{Action, KeyScope};

/// What the credential grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// A person, by session or access token. `session` is the refresh family.
    Member {
        user: UserId,
        /// In the project of the token.
        role: MemberRole,
        tenant_role: MemberRole,
        session: Uuid,
        /// When the token was made.
        issued_at: Timestamp,
    },
    Key {
        id: ApiKeyId,
        scopes: Vec<KeyScope>,
    },
}

/// A verified caller: the scope it reaches and what it may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    scope: Scope,
    grant: Grant,
    /// When the credential ends by itself.
    expires_at: Option<Timestamp>,
}

impl Principal {
    /// To be called by the verifier and the keyring only, like `Scope::granted`.
    pub(crate) fn new(
        tenant: TenantId,
        project: ProjectId,
        grant: Grant,
        expires_at: Option<Timestamp>,
    ) -> Self {
        let actor = match &grant {
            Grant::Member { user, .. } => Actor::User(*user),
            Grant::Key { id, .. } => Actor::ApiKey(*id),
        };
        Self {
            scope: Scope::granted(tenant, project, actor),
            grant,
            expires_at,
        }
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same caller in another project of the tenant, for what was allowed because
    /// it reaches over all of them.
    pub fn scope_in(&self, project: ProjectId) -> Scope {
        Scope::granted(self.scope.tenant(), project, self.scope.actor().clone())
    }

    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The person, where the caller is one.
    pub fn user(&self) -> Option<UserId> {
        self.scope.actor().user()
    }

    /// The key, where the caller presented one.
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match &self.grant {
            Grant::Key { id, .. } => Some(*id),
            Grant::Member { .. } => None,
        }
    }

    /// Whether the caller may do `action`: by the role in the tenant where it reaches over
    /// all projects.
    pub fn may(&self, action: Action) -> bool {
        match &self.grant {
            Grant::Member { tenant_role, .. } if action.is_of_the_tenant() => {
                action.allows(*tenant_role)
            }
            Grant::Member { role, .. } => action.allows(*role),
            Grant::Key { scopes, .. } => scopes.iter().any(|scope| scope.allows(action)),
        }
    }
}
