//! Password hashes: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), on
//! a bounded number of threads so that a flood of logins cannot take the machine.

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use schemas::context::random_bytes;
use tokio::sync::{OwnedMutexGuard, Semaphore};

use super::secret::Secret;
use super::turns::Turns;
use crate::error::Error;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many hashes are computed at once, and how many requests wait for that.
const AT_ONCE: usize = 2;
const WAITING: usize = 64;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Checked for unknown users, so that they cost what known ones cost.
    dummy: Arc<str>,
    turns: Turns,
}

impl Passwords {
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            dummy: hash(b"nobody has this password")?.into(),
            turns: Turns::default(),
        })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: Secret) -> Result<String, Error> {
        self.work(move || hash(password.as_bytes())).await?
    }

    /// Whether the password is the one of `hash`; takes as long where there is none.
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.to_string());
        let matches = self
            .work(move || verify(password.as_bytes(), &hash))
            .await?;
        Ok(matches && known)
    }

    /// A turn to guess at `what`, an account or none, which no other guess shares.
    pub(super) async fn turn(&self, what: &[u8]) -> Result<OwnedMutexGuard<()>, Error> {
        self.turns.take(what).await.ok_or_else(shed)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _queued = self.waiting.try_acquire().map_err(|_| shed())?;
        let running = self.running.clone().acquire_owned().await;
        let running = running.map_err(|_| busy())?;
        let job = tokio::task::spawn_blocking(move || {
            let done = job();
            drop(running);
            done
        });
        job.await.map_err(|e| Error::Internal(e.to_string()))
    }
}

fn busy() -> Error {
    Error::Unavailable("too many logins at once".to_owned())
}

fn shed() -> Error {
    metrics::counter!("gateway_logins_shed_total").increment(1);
    busy()
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8]) -> Result<String, Error> {
    let salt: [u8; 16] = random_bytes();
    let hash: Result<PasswordHash, _> = argon2()?.hash_password_with_salt(password, &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|e| Error::Internal(e.to_string()))
}

/// The parameters are those that the hash names, so that old hashes stay good.
fn verify(password: &[u8], hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let right = passwords.verify(secret("correct horse"), Some(hash.clone()));
        assert!(right.await.unwrap());
        assert!(
            !passwords
                .verify(secret("Correct horse"), Some(hash))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("nobody has this password"), None)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn more_than_can_wait_are_sent_away() {
        let passwords = Passwords::new().unwrap();
        let _all = passwords
            .waiting
            .clone()
            .acquire_many_owned(WAITING as u32)
            .await
            .unwrap();
        let refused = passwords.verify(secret("x"), None).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))));
    }
}
