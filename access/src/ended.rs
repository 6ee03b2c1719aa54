//! What access tokens are no longer good for, although their time is not over: a
//! session that was ended, a member whose role has changed or who has left, a
//! project that was archived. Tokens made later are good again.

use std::collections::HashMap;

use parking_lot::RwLock;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::denied::Denied;
use crate::principal::{Grant, Principal};
use crate::token::LIFETIME_S;

/// Something that tokens carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct End(Uuid);

impl End {
    pub fn session(session: Uuid) -> Self {
        Self(session)
    }

    pub fn member(tenant: TenantId, user: UserId) -> Self {
        Self(Uuid::new_v5(&tenant.0, user.0.as_bytes()))
    }

    /// All members' tokens of a tenant. Not its id: an erased tenant is named nowhere.
    pub fn tenant(tenant: TenantId) -> Self {
        Self(Uuid::new_v5(&tenant.0, b"tenant"))
    }

    pub fn project(project: ProjectId) -> Self {
        Self(project.0)
    }

    /// As it is stored.
    pub fn of_id(id: Uuid) -> Self {
        Self(id)
    }

    pub fn id(self) -> Uuid {
        self.0
    }
}

/// When each of them ended. As large as what ended within a token's life.
#[derive(Debug, Default)]
pub struct Ended(RwLock<HashMap<End, Timestamp>>);

impl Ended {
    /// Whether this is news.
    pub fn note(&self, end: End, at: Timestamp) -> bool {
        let mut ended = self.0.write();
        let known = ended.get(&end).copied();
        if known.is_some_and(|known| known >= at) {
            return false;
        }
        ended.insert(end, at);
        true
    }

    /// When it last ended.
    pub fn at(&self, end: End) -> Option<Timestamp> {
        self.0.read().get(&end).copied()
    }

    /// Refuses a token that was made before one of the things it carries ended.
    pub fn check(&self, principal: &Principal) -> Result<(), Denied> {
        let Grant::Member {
            user,
            session,
            issued_at,
            ..
        } = principal.grant()
        else {
            return Ok(());
        };
        let ended = self.0.read();
        if ended.is_empty() {
            return Ok(());
        }
        let scope = principal.scope();
        let carried = [
            End::session(*session),
            End::member(scope.tenant(), *user),
            End::project(scope.project()),
            End::tenant(scope.tenant()),
        ];
        let over = |end: &End| ended.get(end).is_some_and(|at| *issued_at <= *at);
        match carried.iter().any(over) {
            true => Err(Denied::SessionEnded),
            false => Ok(()),
        }
    }

    /// Forgets what no token can carry any more.
    pub fn forget(&self, now: Timestamp) {
        let oldest = now.plus_millis(-LIFETIME_S * 1_000);
        self.0.write().retain(|_, at| *at > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::scope::MemberRole;

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn principal(issued_at: Timestamp) -> Principal {
        let grant = Grant::Member {
            user: UserId(Uuid::from_u128(3)),
            role: MemberRole::Viewer,
            tenant_role: MemberRole::Viewer,
            session: Uuid::from_u128(4),
            issued_at,
        };
        let (tenant, project) = (TenantId(Uuid::from_u128(1)), ProjectId(Uuid::from_u128(2)));
        Principal::new(tenant, project, grant, None)
    }

    #[test]
    fn a_token_ends_with_what_it_carries_and_a_later_one_does_not() {
        let carried = [
            End::session(Uuid::from_u128(4)),
            End::member(TenantId(Uuid::from_u128(1)), UserId(Uuid::from_u128(3))),
            End::project(ProjectId(Uuid::from_u128(2))),
            End::tenant(TenantId(Uuid::from_u128(1))),
        ];
        for end in carried {
            let ended = Ended::default();
            assert_eq!(ended.check(&principal(NOON)), Ok(()));
            assert!(ended.note(end, NOON) && !ended.note(end, NOON));
            assert_eq!(ended.check(&principal(NOON)), Err(Denied::SessionEnded));
            assert_eq!(ended.check(&principal(NOON.plus_millis(1))), Ok(()));
        }
    }

    #[test]
    fn what_ended_elsewhere_ends_nothing_here() {
        let ended = Ended::default();
        ended.note(End::session(Uuid::from_u128(9)), NOON);
        ended.note(
            End::member(TenantId(Uuid::from_u128(8)), UserId(Uuid::from_u128(3))),
            NOON,
        );
        assert_eq!(ended.check(&principal(NOON)), Ok(()));
    }

    #[test]
    fn it_is_forgotten_when_every_token_has_expired() {
        let ended = Ended::default();
        ended.note(End::session(Uuid::from_u128(4)), NOON);
        ended.forget(NOON.plus_millis(LIFETIME_S * 1_000 - 1));
        assert!(ended.check(&principal(NOON)).is_err());
        ended.forget(NOON.plus_millis(LIFETIME_S * 1_000));
        assert_eq!(ended.0.read().len(), 0);
    }
}
