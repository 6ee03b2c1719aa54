//! Somebody as their provider describes them.

use chrono::{DateTime, Utc};
use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims, UserInfoClaims};
use schemas::names;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::strength::Strength;

const MAX_NAME: usize = 100;
/// Longer lists are cut; nobody maps that many.
const MAX_GROUPS: usize = 2_000;

/// All claims besides the standard ones: among them the groups, wherever they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Claims(Map<String, Value>);

impl AdditionalClaims for Claims {}

/// An address, and whether the provider says that it is the person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Email {
    pub(super) address: String,
    pub(super) verified: bool,
}

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) subject: String,
    pub(super) email: Option<Email>,
    pub(super) name: Option<String>,
    /// None where nothing was said of groups.
    pub(super) groups: Option<Vec<String>>,
    /// When they last showed the provider who they are.
    pub(super) shown_at: Option<DateTime<Utc>>,
    /// By what.
    pub(super) strength: Strength,
    /// Their session at the provider, where it names it.
    pub(super) session: Option<String>,
}

impl Person {
    pub(super) fn of_token(claims: &IdTokenClaims<Claims, CoreGenderClaim>, groups: &str) -> Self {
        let address = claims.email().map(|email| email.to_string());
        let name = claims.name().and_then(|name| name.get(None));
        let login = claims.preferred_username().map(|name| name.to_string());
        Self {
            subject: claims.subject().to_string(),
            email: email(address, claims.email_verified()),
            name: named(name.map(|name| name.to_string()), login),
            groups: groups_in(&claims.additional_claims().0, groups),
            shown_at: claims.auth_time(),
            strength: Strength::of_token(claims),
            session: session_in(&claims.additional_claims().0),
        }
    }

    /// Takes from the userinfo answer what the token did not say.
    pub(super) fn complete(&mut self, info: &UserInfoClaims<Claims, CoreGenderClaim>, at: &str) {
        if self.email.is_none() {
            let address = info.email().map(|email| email.to_string());
            self.email = email(address, info.email_verified());
        }
        if self.groups.is_none() {
            self.groups = groups_in(&info.additional_claims().0, at);
        }
        if self.name.is_none() {
            let name = info.name().and_then(|name| name.get(None));
            let login = info.preferred_username().map(|name| name.to_string());
            self.name = named(name.map(|name| name.to_string()), login);
        }
    }

    /// What to call them: their name, or the beginning of their address.
    pub(super) fn display_name(&self, address: &str) -> String {
        let local = address.split('@').next().unwrap_or(address);
        let name = self.name.as_deref().unwrap_or(local);
        name.chars().take(MAX_NAME).collect()
    }
}

fn email(address: Option<String>, verified: Option<bool>) -> Option<Email> {
    let address = address.filter(|address| address.contains('@'))?;
    Some(Email {
        address: address.trim().to_owned(),
        verified: verified.unwrap_or(false),
    })
}

/// The first that somebody can see, as names here are.
fn named(name: Option<String>, login: Option<String>) -> Option<String> {
    let visible = |text: String| {
        let seen = names::seen(&text).trim().to_owned();
        (!seen.is_empty()).then_some(seen)
    };
    name.and_then(visible).or_else(|| login.and_then(visible))
}

/// `sid` of OpenID Connect Front- and Back-Channel Logout 1.0.
fn session_in(claims: &Map<String, Value>) -> Option<String> {
    claims.get("sid")?.as_str().map(str::to_owned)
}

/// The groups under the claim `name`: one of that very name, or one that the name's dots
/// lead to (`realm_access.roles`). A single group may come as a text.
fn groups_in(claims: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let found = claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    })?;
    match found {
        Value::String(group) => Some(vec![group.clone()]),
        Value::Array(all) => {
            let words = all.iter().filter_map(Value::as_str);
            Some(words.take(MAX_GROUPS).map(str::to_owned).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_found_where_providers_put_them() {
        let claims = json!({
            "groups": ["/platform", "sre", 7], "roles": "admin", "https://acme.example/groups": ["a"],
            "realm_access": {"roles": ["viewer"]}, "other": {"deep": true},
        });
        let claims = claims.as_object().unwrap();
        let found = |name: &str| groups_in(claims, name);
        assert_eq!(found("groups").unwrap(), ["/platform", "sre"]);
        assert_eq!(found("roles").unwrap(), ["admin"]);
        assert_eq!(found("https://acme.example/groups").unwrap(), ["a"]);
        assert_eq!(found("realm_access.roles").unwrap(), ["viewer"]);
        for nothing in [
            "missing",
            "other.deep",
            "realm_access.nothing",
            "realm_access",
            "",
        ] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_name_is_what_it_looks_like() {
        let of = |name: &str| named(Some(name.to_owned()), Some("ada".to_owned())).unwrap();
        assert_eq!(of(" Ada Byron "), "Ada Byron");
        assert_eq!(of("\u{202e}Ada\n Byron\0"), "Ada Byron");
        assert_eq!(of("\u{200b} \r\n"), "ada");
    }

    #[test]
    fn an_address_is_unverified_unless_said() {
        let of = |verified| {
            email(Some("ada@example.com".to_owned()), verified)
                .unwrap()
                .verified
        };
        assert!(of(Some(true)) && !of(Some(false)) && !of(None));
        assert_eq!(email(Some("no address".to_owned()), Some(true)), None);
    }
}
