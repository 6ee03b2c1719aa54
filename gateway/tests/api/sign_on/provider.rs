//! A provider that does as it is told, right or wrong. It holds codes to their PKCE
//! challenge and the client to its secret unless told not to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::context::{Clock, random_bytes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(super) const CLIENT: &str = "sre-copilot";
pub(super) const SECRET: &str = "a-client-secret-of-some-length";
const KID: &str = "one";

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Rightly,
    /// With the key of somebody else, under the right name.
    ByAStranger,
    /// With the right key, under a name that nobody knows.
    ByUnknownKey,
    /// `alg: none`
    Not,
    /// HS256 with the client's secret.
    WithTheSecret,
}

/// What it does.
pub(super) struct Manners {
    pub(super) sign: Sign,
    /// Over the claims of ID tokens; null takes one away.
    pub(super) claims: Value,
    /// Over what userinfo answers.
    pub(super) userinfo: Value,
    pub(super) checks_pkce: bool,
    pub(super) gives_refresh_tokens: bool,
    /// Answers 503 to everything.
    pub(super) away: bool,
    /// RFC 9207
    pub(super) promises_iss: bool,
    /// Says of itself that it is this.
    pub(super) issuer: Option<String>,
}

/// A code or a refresh token, and whom it is for.
#[derive(Clone)]
struct Grant {
    person: Value,
    nonce: Option<String>,
    challenge: Option<String>,
}

pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) manners: Mutex<Manners>,
    grants: Mutex<HashMap<String, Grant>>,
    /// Subjects that are removed or disabled.
    gone: Mutex<Vec<String>>,
    /// How many codes and refresh tokens it did not take.
    pub(super) refused: AtomicUsize,
    /// The gateway's time.
    clock: Clock,
}

impl Provider {
    pub(super) async fn start(clock: Clock) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Arc::new(Self {
            issuer,
            manners: Mutex::new(Manners {
                sign: Sign::Rightly,
                claims: json!({}),
                userinfo: json!({}),
                checks_pkce: true,
                gives_refresh_tokens: true,
                away: false,
                promises_iss: false,
                issuer: None,
            }),
            grants: Mutex::default(),
            gone: Mutex::default(),
            refused: AtomicUsize::default(),
            clock,
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(super) fn told(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap());
    }

    /// Somebody has signed in here; the code that the browser takes back.
    pub(super) fn code_for(&self, asked: &HashMap<String, String>, person: &Value) -> String {
        let grant = Grant {
            person: person.clone(),
            nonce: asked.get("nonce").cloned(),
            challenge: asked.get("code_challenge").cloned(),
        };
        self.keep(grant)
    }

    pub(super) fn remove(&self, subject: &str) {
        self.gone.lock().unwrap().push(subject.to_owned());
    }

    /// Nothing that was given is good any more.
    pub(super) fn forget(&self) {
        self.grants.lock().unwrap().clear();
    }

    /// What it tells with, where somebody signs out here.
    pub(super) fn logout_token(&self, how: Sign, claims: &Value) -> String {
        sign(how, claims)
    }

    fn keep(&self, grant: Grant) -> String {
        let text = hex::encode(random_bytes::<16>());
        self.grants.lock().unwrap().insert(text.clone(), grant);
        text
    }

    fn redeem(&self, form: &HashMap<String, String>) -> Option<Grant> {
        let refreshing = form["grant_type"] == "refresh_token";
        let text = &form[if refreshing { "refresh_token" } else { "code" }];
        let grant = self.grants.lock().unwrap().remove(text)?;
        let subject = grant.person["sub"].as_str()?.to_owned();
        if self.gone.lock().unwrap().contains(&subject) {
            return None;
        }
        if refreshing || !self.manners.lock().unwrap().checks_pkce {
            return Some(grant);
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form.get("code_verifier")?));
        (grant.challenge.as_deref() == Some(&challenge)).then_some(grant)
    }

    fn id_token(&self, grant: &Grant, access_token: &str) -> String {
        let manners = self.manners.lock().unwrap();
        let now = self.clock.now().micros() / 1_000_000;
        let hash = Sha256::digest(access_token);
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "auth_time": now,
            "at_hash": URL_SAFE_NO_PAD.encode(&hash[..16]),
        });
        if let Some(nonce) = &grant.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        lay_over(&mut claims, &grant.person);
        lay_over(&mut claims, &manners.claims);
        sign(manners.sign, &claims)
    }
}

fn lay_over(claims: &mut Value, over: &Value) {
    for (name, value) in over.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
}

fn own_key() -> EncodingKey {
    EncodingKey::from_rsa_pem(include_bytes!("keys/provider.pem")).unwrap()
}

fn sign(how: Sign, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(KID.to_owned());
    let key = match how {
        Sign::Rightly => own_key(),
        Sign::ByAStranger => {
            EncodingKey::from_rsa_pem(include_bytes!("keys/stranger.pem")).unwrap()
        }
        Sign::ByUnknownKey => {
            header.kid = Some("another".to_owned());
            own_key()
        }
        Sign::WithTheSecret => {
            header.alg = Algorithm::HS256;
            EncodingKey::from_secret(SECRET.as_bytes())
        }
        Sign::Not => {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
            let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
            return format!("{header}.{claims}.");
        }
    };
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

type It = State<Arc<Provider>>;

async fn discovery(State(it): It) -> Response {
    let manners = it.manners.lock().unwrap();
    if manners.away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let base = &it.issuer;
    Json(json!({
        "issuer": manners.issuer.as_ref().unwrap_or(base),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "authorization_response_iss_parameter_supported": manners.promises_iss,
    }))
    .into_response()
}

async fn jwks(State(it): It) -> Response {
    if it.manners.lock().unwrap().away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let mut key = Jwk::from_encoding_key(&own_key(), Algorithm::RS256).unwrap();
    key.common.key_id = Some(KID.to_owned());
    Json(json!({"keys": [key]})).into_response()
}

async fn token(
    State(it): It,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    if it.manners.lock().unwrap().away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let proof = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    if headers
        .get("authorization")
        .is_none_or(|shown| shown != proof.as_str())
    {
        let error = json!({"error": "invalid_client"});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let Some(grant) = it.redeem(&form) else {
        it.refused.fetch_add(1, Ordering::SeqCst);
        let error = json!({"error": "invalid_grant", "error_description": "no <such> grant"});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let access_token = it.keep(grant.clone());
    let mut answer = json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": 300,
        "id_token": it.id_token(&grant, &access_token),
    });
    if it.manners.lock().unwrap().gives_refresh_tokens {
        let next = Grant {
            nonce: None,
            ..grant
        };
        answer["refresh_token"] = it.keep(next).into();
    }
    Json(answer).into_response()
}

async fn userinfo(State(it): It, headers: HeaderMap, _: Uri) -> Response {
    let shown = headers["authorization"].to_str().unwrap();
    let token = shown.strip_prefix("Bearer ").unwrap();
    let Some(grant) = it.grants.lock().unwrap().get(token).cloned() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let mut told = grant.person;
    lay_over(&mut told, &it.manners.lock().unwrap().userinfo);
    Json(told).into_response()
}
