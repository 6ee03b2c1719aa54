//! Access tokens: JWTs (RFC 7519) in the profile of RFC 9068 (`typ: at+jwt`),
//! signed with Ed25519 (RFC 8037), good for a quarter of an hour.

mod recent;
mod signing;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Header, Validation};
use parking_lot::RwLock;
use schemas::context::Context;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::scope::{Actor, MemberRole, Scope};
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::denied::Denied;
use crate::principal::{Grant, Principal};
use recent::Recent;
pub use signing::{PublicKey, SigningKey};

/// How long an access token is good, in seconds.
pub const LIFETIME_S: i64 = 15 * 60;
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "sre-copilot";
/// How far another gateway's clock may be ahead, in seconds.
const SKEW_S: i64 = 30;
/// Longer than any token of ours; what is longer is not worth a signature check.
const MAX_BYTES: usize = 2048;

/// What a token says. Times in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub jti: Uuid,
    pub iat: i64,
    /// The same as `iat`, in milliseconds: what a token may do can change twice a second.
    #[serde(default)]
    pub iat_ms: i64,
    pub nbf: i64,
    pub exp: i64,
    pub tenant: TenantId,
    pub project: ProjectId,
    /// In this project.
    pub role: MemberRole,
    /// In the tenant, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_role: Option<MemberRole>,
    /// The refresh family that the token belongs to.
    pub session: Uuid,
}

/// Who a token is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub user: UserId,
    pub tenant: TenantId,
    pub project: ProjectId,
    /// In the project.
    pub role: MemberRole,
    pub tenant_role: MemberRole,
    pub session: Uuid,
}

impl Subject {
    /// What somebody reaches who has just proven to be this subject, before there is
    /// a token: for the lookups that make one.
    pub fn scope(&self) -> Scope {
        Scope::granted(self.tenant, self.project, Actor::User(self.user))
    }

    /// The same place, where `part` of the platform acts for a provider that has
    /// vouched for this subject.
    pub fn scope_of(&self, part: &str) -> Scope {
        Scope::granted(self.tenant, self.project, Actor::system(part))
    }
}

/// Makes tokens with the current key.
pub struct Issuer {
    issuer: String,
    key: SigningKey,
}

/// The token could not be signed: the key does not fit the algorithm.
#[derive(Debug, thiserror::Error)]
#[error("the access token could not be signed: {0}")]
pub struct Unsigned(jsonwebtoken::errors::Error);

impl Issuer {
    /// `issuer` is the public URL of the installation.
    pub fn new(issuer: &str, key: SigningKey) -> Self {
        Self {
            issuer: issuer.to_owned(),
            key,
        }
    }

    /// A token that ends by itself, and not after `until`, when its session is over.
    pub fn issue(
        &self,
        subject: &Subject,
        until: Timestamp,
        context: &Context,
    ) -> Result<String, Unsigned> {
        let now_ms = context.now().micros() / 1_000;
        let now = now_ms / 1_000;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: subject.user,
            jti: context.id(),
            iat: now,
            iat_ms: now_ms,
            nbf: now,
            exp: (now + LIFETIME_S).min(until.micros() / 1_000_000),
            tenant: subject.tenant,
            project: subject.project,
            role: subject.role,
            tenant_role: Some(subject.tenant_role).filter(|role| *role != subject.role),
            session: subject.session,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.key.public().kid().to_owned());
        jsonwebtoken::encode(&header, &claims, self.key.encoding()).map_err(Unsigned)
    }
}

/// Checks tokens against our own public keys; several while keys are exchanged.
pub struct Verifier {
    validation: Validation,
    keys: RwLock<Vec<PublicKey>>,
    recent: Recent<Verified>,
}

/// What a token is once its signature was checked; its times are compared each time.
#[derive(Clone)]
struct Verified {
    principal: Principal,
    nbf: i64,
    exp: i64,
}

impl Verifier {
    pub fn new(issuer: &str, keys: Vec<PublicKey>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Times are compared below, with the platform's clock.
        validation.validate_exp = false;
        Self {
            validation,
            keys: RwLock::new(keys),
            recent: Recent::new(10_000),
        }
    }

    /// Takes another set of keys. Tokens of keys that left are refused at once; while
    /// none left, what was verified stays so, since checking all of it again would be
    /// work that visitors' limits refuse.
    pub fn replace(&self, keys: Vec<PublicKey>) {
        let stays = |old: &PublicKey| keys.iter().any(|new| new.kid() == old.kid());
        let mut known = self.keys.write();
        let all_stay = known.iter().all(stays);
        *known = keys;
        if !all_stay {
            self.recent.clear();
        }
    }

    /// The public keys as a JWK set (RFC 7517).
    pub fn jwks(&self) -> JwkSet {
        JwkSet {
            keys: self.keys.read().iter().map(PublicKey::jwk).collect(),
        }
    }

    /// Who a token is of, if it is ours and good at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, Denied> {
        self.verify_after(token, now, || Ok(()))
    }

    /// The same, with a word of `before` each time that a signature has to be checked,
    /// which costs more than all else about a request.
    pub fn verify_after<E: From<Denied>>(
        &self,
        token: &str,
        now: Timestamp,
        before: impl FnOnce() -> Result<(), E>,
    ) -> Result<Principal, E> {
        let verified = match self.recent.get(token) {
            Some(verified) => verified,
            None => {
                // Held until the token is remembered: a key that leaves takes it along.
                let keys = self.keys.read();
                let verified = Verified::from(self.checked(token, &keys, before)?);
                self.recent.put(token, verified.clone());
                verified
            }
        };
        let now_s = now.micros() / 1_000_000;
        if verified.exp <= now_s {
            return Err(Denied::TokenExpired.into());
        }
        if verified.nbf > now_s + SKEW_S {
            return Err(Denied::InvalidToken.into());
        }
        Ok(verified.principal)
    }

    /// The claims of a token whose signature, type, issuer and audience are right.
    fn checked<E: From<Denied>>(
        &self,
        token: &str,
        keys: &[PublicKey],
        before: impl FnOnce() -> Result<(), E>,
    ) -> Result<Claims, E> {
        if token.len() > MAX_BYTES {
            return Err(Denied::InvalidToken.into());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Denied::InvalidToken)?;
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return Err(Denied::InvalidToken.into());
        }
        let key = keys
            .iter()
            .find(|key| Some(key.kid()) == header.kid.as_deref())
            .ok_or(Denied::InvalidToken)?;
        before()?;
        let decoded = jsonwebtoken::decode::<Claims>(token, key.decoding(), &self.validation);
        let denied = |e: jsonwebtoken::errors::Error| match e.kind() {
            ErrorKind::ExpiredSignature => Denied::TokenExpired,
            _ => Denied::InvalidToken,
        };
        Ok(decoded.map_err(denied)?.claims)
    }
}

impl From<Claims> for Verified {
    fn from(claims: Claims) -> Self {
        let grant = Grant::Member {
            user: claims.sub,
            role: claims.role,
            tenant_role: claims.tenant_role.unwrap_or(claims.role),
            session: claims.session,
            issued_at: Timestamp::from_micros(claims.iat_ms.saturating_mul(1_000)),
        };
        let expires_at = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
        Self {
            principal: Principal::new(claims.tenant, claims.project, grant, Some(expires_at)),
            nbf: claims.nbf,
            exp: claims.exp,
        }
    }
}
