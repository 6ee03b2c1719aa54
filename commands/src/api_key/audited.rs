//! What an audit record tells of an API key: never the key, nor its hash.

use schemas::api_key::ApiKeyEvent;

use super::{ApiKey, Facts};
use crate::audited::{Audited, Changes};

impl Audited for ApiKey {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        let (from, to) = (before.created.as_ref(), after.created.as_ref());
        let name = |facts: &Facts| facts.name.clone();
        changes.field("name", from.map(name), to.map(name));
        let scopes = |facts: &Facts| facts.scopes.clone();
        changes.field("scopes", from.map(scopes), to.map(scopes));
        changes.field("revoked", Some(before.revoked), Some(after.revoked));
    }

    fn tell(event: &ApiKeyEvent, changes: &mut Changes) {
        match event {
            ApiKeyEvent::ApiKeyCreated(e) => {
                changes.said("prefix", &e.prefix);
                changes.said("project", &e.project);
                changes.said("expires_at", &e.expires_at);
            }
            ApiKeyEvent::ApiKeyEndSet(e) => {
                changes.said("expires_at", &e.expires_at);
                if let Some(successor) = &e.successor {
                    changes.said("successor", successor);
                }
            }
            ApiKeyEvent::ApiKeyChanged(_) => {}
            ApiKeyEvent::ApiKeyRevoked(e) => {
                if let Some(reason) = &e.reason {
                    changes.said("reason", reason);
                }
            }
        }
    }
}
