//! Whether to believe a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6),
//! and whose sessions it then is about.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use schemas::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::provider::Provider;
use super::verify::{UNKNOWN_KEY, algorithms, spelled};

/// The member of `events` that makes it a logout token and no other.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far the provider's clock may be from ours.
pub(super) const CLOCKS_MS: i64 = 60_000;
/// A provider tells at once; what is older was held back by somebody.
const LONGEST_MS: i64 = 10 * 60_000;

/// Who is signed out at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedOut {
    pub(super) whose: Whose,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Everything that the person has open.
    Person { subject: String },
    /// One session at the provider; the person too, where it says who that is.
    Session { id: String, subject: Option<String> },
}

/// The rule that a token was refused by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the logout token is not good: {0}")]
pub(super) struct Disbelieved(pub(super) &'static str);

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    #[serde(default)]
    exp: Option<i64>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    events: Map<String, Value>,
    #[serde(default)]
    nonce: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// As for ID tokens: for us and nobody else.
    fn is_only(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Several(all) => all.len() == 1 && all[0] == client,
        }
    }
}

impl Provider<'_> {
    /// What `token` says, if everything about it is right.
    pub(super) fn signed_out(&self, token: &str, now: Timestamp) -> Result<SignedOut, Disbelieved> {
        let claims = self.signed(token)?;
        if claims.iss != self.settings().issuer {
            return Err(Disbelieved("logout_token_issuer"));
        }
        if !claims.aud.is_only(&self.settings().client_id) {
            return Err(Disbelieved("logout_token_audience"));
        }
        judge(claims, now)
    }

    /// The claims, if one of the provider's keys has signed them.
    fn signed(&self, token: &str) -> Result<Claims, Disbelieved> {
        let header = decode_header(token).map_err(|_| Disbelieved("logout_token_algorithm"))?;
        let taken = algorithms(self.metadata()).into_iter();
        let taken: Vec<Algorithm> = taken.filter_map(|alg| spelled(alg).parse().ok()).collect();
        if !taken.contains(&header.alg) {
            return Err(Disbelieved("logout_token_algorithm"));
        }
        let mut validation = Validation::new(header.alg);
        // Times are compared with the gateway's own clock, the audience with the client.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let keys = self.keys(header.kid.as_deref());
        if keys.is_empty() {
            return Err(Disbelieved(UNKNOWN_KEY));
        }
        let mut signed = keys
            .iter()
            .filter_map(|key| decode::<Value>(token, key, &validation).ok());
        let claims = signed.next().ok_or(Disbelieved("logout_token_signature"))?;
        serde_json::from_value(claims.claims).map_err(|_| Disbelieved("logout_token_malformed"))
    }

    /// The provider's keys by that name; all of them where a token names none.
    fn keys(&self, kid: Option<&str>) -> Vec<DecodingKey> {
        let known = self.metadata().jwks().keys().iter();
        let known = known.filter_map(|key| serde_json::to_value(key).ok());
        let known = known.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let named = known.filter(|key| kid.is_none() || key.common.key_id.as_deref() == kid);
        named
            .filter_map(|key| DecodingKey::from_jwk(&key).ok())
            .collect()
    }
}

/// What the claims say, where they are those of a logout that has just happened.
fn judge(claims: Claims, now: Timestamp) -> Result<SignedOut, Disbelieved> {
    let time = |seconds: i64| Timestamp::from_micros(0).plus_millis(seconds.saturating_mul(1_000));
    let at = time(claims.iat);
    let age_ms = now.millis_since(at);
    let over = claims
        .exp
        .is_some_and(|exp| now.millis_since(time(exp)) > CLOCKS_MS);
    if over || !(-CLOCKS_MS..=LONGEST_MS).contains(&age_ms) {
        return Err(Disbelieved("logout_token_expired"));
    }
    // An ID token has none of these, or has this: neither is ever taken for the other.
    if !claims.events.get(EVENT).is_some_and(Value::is_object) || claims.nonce.is_some() {
        return Err(Disbelieved("logout_token_event"));
    }
    let whose = match (claims.sid, claims.sub) {
        (Some(id), subject) => Whose::Session { id, subject },
        (None, Some(subject)) => Whose::Person { subject },
        (None, None) => return Err(Disbelieved("logout_token_subject")),
    };
    Ok(SignedOut { whose, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW_S: i64 = 1_800_000_000;

    fn judged(change: impl FnOnce(&mut Value)) -> Result<SignedOut, Disbelieved> {
        let mut claims = json!({
            "iss": "https://login.example.com", "aud": "sre-copilot", "iat": NOW_S,
            "exp": NOW_S + 120, "jti": "1", "sub": "ada", "events": {EVENT: {}},
        });
        change(&mut claims);
        let claims = serde_json::from_value(claims).unwrap();
        judge(claims, Timestamp::from_micros(NOW_S * 1_000_000))
    }

    #[test]
    fn it_is_about_a_session_a_person_or_both() {
        let subject = "ada".to_owned();
        let whose = judged(|_| {}).unwrap().whose;
        assert_eq!(whose, Whose::Person { subject });
        let both = judged(|claims| claims["sid"] = json!("s1")).unwrap().whose;
        let (id, subject) = ("s1".to_owned(), Some("ada".to_owned()));
        assert_eq!(both, Whose::Session { id, subject });
        let nobody = judged(|claims| claims["sub"] = Value::Null);
        assert_eq!(nobody, Err(Disbelieved("logout_token_subject")));
    }

    #[test]
    fn it_is_of_now_and_no_id_token() {
        type Change = fn(&mut Value);
        for (rule, change) in [
            (
                "logout_token_expired",
                (|c| c["iat"] = json!(NOW_S - 601)) as Change,
            ),
            ("logout_token_expired", |c| c["iat"] = json!(NOW_S + 61)),
            ("logout_token_expired", |c| c["exp"] = json!(NOW_S - 61)),
            ("logout_token_event", |c| c["events"] = json!({})),
            ("logout_token_event", |c| {
                c["events"] = json!({EVENT: "yes"})
            }),
            ("logout_token_event", |c| c["nonce"] = json!("n")),
        ] {
            assert_eq!(judged(change), Err(Disbelieved(rule)));
        }
        assert!(judged(|claims| claims["exp"] = Value::Null).is_ok());
    }

    #[test]
    fn it_is_for_us_alone() {
        let audience = |value: Value| serde_json::from_value::<Audience>(value).unwrap();
        assert!(audience(json!("us")).is_only("us") && audience(json!(["us"])).is_only("us"));
        assert!(!audience(json!(["us", "them"])).is_only("us"));
        assert!(!audience(json!([])).is_only("us"));
    }
}
