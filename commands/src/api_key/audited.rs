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
        let ends = |key: &Self| key.created.as_ref().map(|_| key.expires_at);
        changes.field("expires_at", ends(before), ends(after));
        changes.field("revoked", Some(before.revoked), Some(after.revoked));
    }

    fn tell(event: &ApiKeyEvent, changes: &mut Changes) {
        match event {
            ApiKeyEvent::ApiKeyCreated(e) => {
                changes.said("prefix", &e.prefix);
                changes.said("project", &e.project);
            }
            ApiKeyEvent::ApiKeyEndSet(e) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::Aggregate;
    use schemas::api_key::{ApiKeyCreated, ApiKeyEndSet};
    use schemas::codec::Example;
    use schemas::time::Timestamp;
    use serde_json::{Value, json};

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn created(expires_at: Option<Timestamp>) -> ApiKeyEvent {
        ApiKeyCreated {
            expires_at,
            ..ApiKeyCreated::example()
        }
        .into()
    }

    /// What is told of `event` after `history`.
    fn told(history: Vec<ApiKeyEvent>, event: ApiKeyEvent, mut changes: Changes) -> Value {
        let mut before = ApiKey::default();
        history.into_iter().for_each(|event| before.apply(event));
        let mut after = before.clone();
        after.apply(event.clone());
        ApiKey::compare(&before, &after, &mut changes);
        ApiKey::tell(&event, &mut changes);
        serde_json::from_str(&changes.finish().unwrap()).unwrap()
    }

    #[test]
    fn an_end_is_told_with_the_end_that_it_takes_the_place_of() {
        let end = ApiKeyEvent::from(ApiKeyEndSet {
            expires_at: NOON,
            successor: None,
        });
        for held in [None, Some(NOON.plus_millis(1))] {
            let told = told(vec![created(held)], end.clone(), Changes::default());
            let expected = json!({"before": {"expires_at": held}, "after": {"expires_at": NOON}});
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_new_key_has_its_end_and_no_before() {
        for end in [None, Some(NOON)] {
            let told = told(Vec::new(), created(end), Changes::created());
            assert_eq!(told["before"], Value::Null);
            assert_eq!(told["after"]["expires_at"], json!(end));
        }
    }
}
