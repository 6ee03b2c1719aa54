//! Access tokens of this installation: the signing keys lie in the vault and are
//! exchanged once a month, with an overlap in which both are known.

use std::time::Duration;

use access::principal::Principal;
use access::token::{Issuer, SigningKey, Subject, Verifier};
use parking_lot::RwLock;
use projections::Db;
use projections::vault::MasterKey;
use schemas::context::{Clock, Context};
use schemas::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::auth::vault::signing_keys::{self, Stored};
use crate::error::Error;

const DAY_MS: i64 = 86_400_000;
/// A key signs for a month, and is known for a day after that.
const SIGNS_FOR_MS: i64 = 30 * DAY_MS;
const KNOWN_FOR_MS: i64 = 31 * DAY_MS;
/// A new key signs only when every gateway has had time to learn it.
const LEARN_MS: i64 = 120_000;
const RELOAD_EVERY: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Makes and checks tokens, once the keys are loaded.
pub struct Tokens {
    url: String,
    verifier: Verifier,
    issuer: RwLock<Option<Issuer>>,
}

impl Tokens {
    /// `url` is the public URL: issuer of every token.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            verifier: Verifier::new(url, Vec::new()),
            issuer: RwLock::new(None),
        }
    }

    /// Whether the keys are loaded.
    pub fn ready(&self) -> bool {
        self.issuer.read().is_some()
    }

    /// `before` is asked each time that a signature has to be checked.
    pub fn verify(
        &self,
        token: &str,
        now: Timestamp,
        before: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Principal, Error> {
        if !self.ready() {
            return Err(Error::Unavailable("sessions cannot be checked yet".into()));
        }
        self.verifier.verify_after(token, now, before)
    }

    pub fn issue(
        &self,
        subject: &Subject,
        until: Timestamp,
        context: &Context,
    ) -> Result<String, Error> {
        let issuer = self.issuer.read();
        let issuer = issuer
            .as_ref()
            .ok_or_else(|| Error::Unavailable("sessions cannot be made yet".into()))?;
        let token = issuer.issue(subject, until, context);
        let token = token.map_err(|e| Error::Internal(e.to_string()))?;
        // Known from now on: its holder asks for no check of a signature here, which a
        // flood from the same address would have used up.
        self.verifier
            .verify(&token, context.now())
            .map_err(|e| Error::Internal(format!("a token of ours is refused: {e}")))?;
        Ok(token)
    }

    /// The public keys (RFC 7517), for others who check our tokens.
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!(self.verifier.jwks())
    }

    /// Loads the keys, makes the first one, and exchanges it when its month is over.
    pub async fn keep(&self, db: &Db, master: &MasterKey, clock: &Clock, stop: CancellationToken) {
        loop {
            let pause = match self.load(db, master, clock.now()).await {
                Ok(()) => RELOAD_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "signing keys cannot be loaded");
                    RETRY_AFTER
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One round of [`Tokens::keep`].
    pub async fn load(&self, db: &Db, master: &MasterKey, now: Timestamp) -> Result<(), Error> {
        let mut keys = signing_keys::known(db, master, now).await?;
        let fresh = |key: &Stored| now.millis_since(key.created_at) < SIGNS_FOR_MS;
        if !keys.iter().any(fresh) {
            let key = SigningKey::generate().map_err(|e| Error::Internal(e.to_string()))?;
            signing_keys::add(db, master, &key, now, now.plus_millis(KNOWN_FOR_MS)).await?;
            keys = signing_keys::known(db, master, now).await?;
        }
        let public = keys.iter().map(|stored| stored.key.public().clone());
        self.verifier.replace(public.collect());
        let signer = signer(&keys, now).map(|stored| stored.key.clone());
        *self.issuer.write() = signer.map(|key| Issuer::new(&self.url, key));
        Ok(())
    }
}

/// The newest key that everybody has learned, or the oldest where all are new.
fn signer(keys: &[Stored], now: Timestamp) -> Option<&Stored> {
    let learned = |key: &&Stored| now.millis_since(key.created_at) >= LEARN_MS;
    let newest = keys.iter().filter(learned).max_by_key(|key| key.created_at);
    newest.or_else(|| keys.iter().min_by_key(|key| key.created_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8, created_ms: i64) -> Stored {
        Stored {
            key: SigningKey::from_seed([n; 32]).unwrap(),
            created_at: Timestamp::from_micros(created_ms * 1000),
        }
    }

    #[test]
    fn a_new_key_waits_until_it_is_known_everywhere() {
        let keys = [key(1, 0), key(2, 1_000_000)];
        let at = |ms: i64| Timestamp::from_micros(ms * 1000);
        let kid = |now| signer(&keys, now).unwrap().key.public().kid().to_owned();
        assert_eq!(kid(at(1_000_001)), keys[0].key.public().kid());
        assert_eq!(kid(at(1_000_000 + LEARN_MS)), keys[1].key.public().kid());
    }

    #[test]
    fn the_first_key_signs_at_once() {
        let keys = [key(1, 5)];
        assert!(signer(&keys, Timestamp::from_micros(5_000)).is_some());
    }
}
