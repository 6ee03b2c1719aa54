//! Who did it, by name. Names are joined when a page is read, so that a new
//! name, or an erased one, shows everywhere at once.

use std::collections::HashMap;

use schemas::scope::{Actor, Scope};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::QueryError;

/// A member, also one who has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    pub id: Uuid,
    pub name: String,
}

/// Who did something: a person, an API key or a part of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActorShown {
    /// `user`, `api_key`, `system`
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// The names of the actors on one page, by their text form (`user:<id>`).
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    pub(crate) async fn load(
        tx: &mut PgConnection,
        scope: &Scope,
        actors: impl Iterator<Item = String>,
    ) -> Result<Self, QueryError> {
        let mut actors: Vec<String> = actors.collect();
        actors.sort_unstable();
        actors.dedup();
        let (users, keys) = (ids(&actors, "user:"), ids(&actors, "api_key:"));
        if users.is_empty() && keys.is_empty() {
            return Ok(Self::default());
        }
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT 'user:' || user_id, name FROM members WHERE tenant_id = $1 AND user_id = ANY ($2)
             UNION ALL
             SELECT 'api_key:' || id, name FROM api_keys WHERE tenant_id = $1 AND id = ANY ($3)",
        )
        .bind(scope.tenant().0)
        .bind(users)
        .bind(keys)
        .fetch_all(tx)
        .await?;
        Ok(Self(found.into_iter().collect()))
    }

    /// The person behind an actor; None where it is no person. Without a known
    /// name, the id stands for it.
    pub(crate) fn person(&self, actor: &str) -> Option<Person> {
        let id = Uuid::parse_str(actor.strip_prefix("user:")?).ok()?;
        Some(Person {
            id,
            name: self.0.get(actor).cloned().unwrap_or_else(|| id.to_string()),
        })
    }

    /// Any actor; without a known name, its id stands for it.
    pub(crate) fn actor(&self, text: &str) -> ActorShown {
        let (kind, id) = match text.parse() {
            Ok(Actor::User(id)) => ("user", id.to_string()),
            Ok(Actor::ApiKey(id)) => ("api_key", id.to_string()),
            Ok(Actor::System(worker)) => ("system", worker),
            Err(_) => ("system", text.to_owned()),
        };
        ActorShown {
            kind: kind.to_owned(),
            name: self.0.get(text).cloned().unwrap_or_else(|| id.clone()),
            id,
        }
    }
}

fn ids(actors: &[String], prefix: &str) -> Vec<Uuid> {
    actors
        .iter()
        .filter_map(|actor| Uuid::parse_str(actor.strip_prefix(prefix)?).ok())
        .collect()
}
