//! Wrapping secrets. What wraps is one key, or while it is exchanged two: both open,
//! one of them wraps.

use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use parking_lot::RwLock;
use schemas::context::random_bytes;
use schemas::ids::TenantId;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VaultError;

/// Wrapped before keys had ids: any key may have done it.
const NAMELESS: u8 = 1;
/// The key's id follows.
const NAMED: u8 = 2;
const ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
/// A 32-byte data key with its 16-byte tag.
const WRAPPED_KEY_BYTES: usize = 48;

/// The row that a secret lives in, which its ciphertext is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// None for secrets of the platform itself and of people, who may be members
    /// of several tenants.
    pub tenant: Option<TenantId>,
    pub table: &'a str,
    pub row: &'a str,
}

/// Names a key without telling it.
pub type KeyId = [u8; ID_BYTES];

/// One key that wraps others.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(b"sre-copilot master key id v1").chain_update(bytes);
        let mut id = KeyId::default();
        id.copy_from_slice(&digest.finalize()[..ID_BYTES]);
        Self {
            id,
            bytes: Zeroizing::new(bytes),
        }
    }

    pub(super) fn wrap(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let data_key = Zeroizing::new(random_bytes::<32>());
        let aad = place.associated_data();
        let mut wrapped = head(self, &aad, &data_key).ok_or_else(|| place.damaged())?;
        wrapped.extend(seal(&data_key, &aad, secret).ok_or_else(|| place.damaged())?);
        Ok(wrapped)
    }
}

/// The key that wraps all others, as every part of this process holds it. Never stored
/// in the database in clear.
#[derive(Clone)]
pub struct MasterKey(Arc<RwLock<Held>>);

struct Held {
    writing: Key,
    /// Opens what is not wrapped anew yet, or what others wrap anew already.
    other: Option<Key>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let writing = Key::new(bytes);
        Self(Arc::new(RwLock::new(Held {
            writing,
            other: None,
        })))
    }

    pub fn generate() -> Self {
        Self::from_bytes(random_bytes())
    }

    /// Names the key that wraps.
    pub fn id(&self) -> KeyId {
        self.0.read().writing.id
    }

    /// Names every key that opens.
    pub fn ids(&self) -> Vec<KeyId> {
        let held = self.0.read();
        let keys = std::iter::once(&held.writing).chain(&held.other);
        keys.map(|key| key.id).collect()
    }

    pub fn wrap(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.writing().wrap(place, secret)
    }

    pub fn unwrap(
        &self,
        place: Place<'_>,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let aad = place.associated_data();
        let (data_key, secret) = self.data_key(place, &aad, wrapped)?;
        open(&data_key, &aad, secret).ok_or_else(|| place.damaged())
    }

    /// The same secret under the key that wraps now: its data key is wrapped anew, the
    /// rest stays as it was.
    pub(super) fn rewrap(&self, place: Place<'_>, wrapped: &[u8]) -> Result<Vec<u8>, VaultError> {
        let aad = place.associated_data();
        let (data_key, secret) = self.data_key(place, &aad, wrapped)?;
        let mut anew = head(&self.writing(), &aad, &data_key).ok_or_else(|| place.damaged())?;
        anew.extend_from_slice(secret);
        Ok(anew)
    }

    /// What everything begins with that `key` has wrapped.
    pub(super) fn mark(key: &KeyId) -> Vec<u8> {
        [&[NAMED], key.as_slice()].concat()
    }

    fn data_key<'w>(
        &self,
        place: Place<'_>,
        aad: &[u8],
        wrapped: &'w [u8],
    ) -> Result<(Zeroizing<[u8; 32]>, &'w [u8]), VaultError> {
        let damaged = || place.damaged();
        let (version, rest) = wrapped.split_first().ok_or_else(damaged)?;
        let (keys, rest) = match *version {
            NAMELESS => (self.all(), rest),
            NAMED => {
                let (id, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
                (vec![self.key(id).ok_or(VaultError::UnknownKey)?], rest)
            }
            _ => return Err(damaged()),
        };
        let split = rest.split_at_checked(NONCE_BYTES + WRAPPED_KEY_BYTES);
        let (sealed, secret) = split.ok_or_else(damaged)?;
        let opened = keys.iter().find_map(|key| open(&key.bytes, aad, sealed));
        let data_key = opened.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        data_key
            .map(|bytes| (Zeroizing::new(bytes), secret))
            .ok_or_else(damaged)
    }

    fn all(&self) -> Vec<Key> {
        let held = self.0.read();
        std::iter::once(&held.writing)
            .chain(&held.other)
            .cloned()
            .collect()
    }

    pub(super) fn key(&self, id: &KeyId) -> Option<Key> {
        self.all().into_iter().find(|key| key.id == *id)
    }

    pub(super) fn writing(&self) -> Key {
        self.0.read().writing.clone()
    }

    /// Opens with `key` too from now on.
    pub(super) fn learn(&self, key: Key) {
        let mut held = self.0.write();
        if held.writing.id != key.id {
            held.other = Some(key);
        }
    }

    /// Wraps with the key `id`, which it must hold.
    pub(super) fn write_with(&self, id: &KeyId) {
        let held = &mut *self.0.write();
        if let Some(other) = held.other.as_mut().filter(|other| other.id == *id) {
            std::mem::swap(&mut held.writing, other);
        }
    }

    /// Forgets every key but the one that wraps.
    pub(super) fn forget_other(&self) {
        self.0.write().other = None;
    }
}

impl Place<'_> {
    /// The parts behind their lengths, so that no two places share their bytes.
    fn associated_data(&self) -> Vec<u8> {
        let tenant = self.tenant.map(|id| id.to_string()).unwrap_or_default();
        let mut data = Vec::new();
        for part in [tenant.as_str(), self.table, self.row] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }

    fn damaged(&self) -> VaultError {
        VaultError::Damaged(format!("{} row {}", self.table, self.row))
    }
}

/// Which key, and the data key under it.
fn head(key: &Key, aad: &[u8], data_key: &[u8; 32]) -> Option<Vec<u8>> {
    let mut head = MasterKey::mark(&key.id);
    head.extend(seal(&key.bytes, aad, data_key)?);
    Some(head)
}

fn seal(key: &[u8; 32], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = random_bytes();
    let ciphertext = Aes256GcmSiv::new(&(*key).into())
        .encrypt(&Nonce::from(nonce), Payload { msg, aad })
        .ok()?;
    Some([nonce.as_slice(), &ciphertext].concat())
}

fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    Aes256GcmSiv::new(&(*key).into())
        .decrypt(&Nonce::from(*nonce), Payload { msg, aad })
        .ok()
        .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn place(row: &str) -> Place<'_> {
        Place {
            tenant: Some(TenantId(Uuid::from_u128(1))),
            table: "signing_keys",
            row,
        }
    }

    /// As it was wrapped before keys had ids.
    fn nameless(key: &[u8; 32], place: Place<'_>, secret: &[u8]) -> Vec<u8> {
        let (aad, data_key) = (place.associated_data(), [9; 32]);
        let sealed = seal(key, &aad, &data_key).unwrap();
        let secret = seal(&data_key, &aad, secret).unwrap();
        [&[NAMELESS], sealed.as_slice(), &secret].concat()
    }

    #[test]
    fn opens_only_with_its_key_and_in_its_place() {
        let (key, other) = (MasterKey::generate(), MasterKey::generate());
        let wrapped = key.wrap(place("a"), b"secret").unwrap();
        assert_eq!(
            key.unwrap(place("a"), &wrapped).unwrap().as_slice(),
            b"secret"
        );
        assert!(matches!(
            other.unwrap(place("a"), &wrapped),
            Err(VaultError::UnknownKey)
        ));
        assert!(key.unwrap(place("b"), &wrapped).is_err());
        let elsewhere = Place {
            tenant: None,
            ..place("a")
        };
        assert!(key.unwrap(elsewhere, &wrapped).is_err());
    }

    #[test]
    fn what_was_wrapped_before_keys_had_ids_still_opens() {
        let key = MasterKey::from_bytes([7; 32]);
        let wrapped = nameless(&[7; 32], place("a"), b"secret");
        assert_eq!(
            key.unwrap(place("a"), &wrapped).unwrap().as_slice(),
            b"secret"
        );
        let other = nameless(&[8; 32], place("a"), b"secret");
        assert!(key.unwrap(place("a"), &other).is_err());
    }

    #[test]
    fn while_a_key_is_exchanged_both_open_and_afterwards_one() {
        let key = MasterKey::from_bytes([1; 32]);
        let everywhere = key.clone();
        let old = key.wrap(place("a"), b"old").unwrap();
        let ancient = nameless(&[1; 32], place("b"), b"ancient");
        let next = Key::new([2; 32]);
        key.learn(next.clone());
        everywhere.write_with(&next.id);
        let new = everywhere.wrap(place("c"), b"new").unwrap();
        assert!(new.starts_with(&MasterKey::mark(&next.id)));
        for (row, wrapped, text) in [
            ("a", &old, "old"),
            ("b", &ancient, "ancient"),
            ("c", &new, "new"),
        ] {
            let opened = key.unwrap(place(row), wrapped).unwrap();
            assert_eq!(opened.as_slice(), text.as_bytes());
        }
        let anew = key.rewrap(place("b"), &ancient).unwrap();
        key.forget_other();
        assert!(everywhere.unwrap(place("a"), &old).is_err());
        assert_eq!(
            everywhere.unwrap(place("b"), &anew).unwrap().as_slice(),
            b"ancient"
        );
        let alone = MasterKey::from_bytes([1; 32]);
        assert!(alone.unwrap(place("b"), &anew).is_err());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_never_opens(bit in 0_usize..(9 + 12 + 48 + 12 + 6 + 16) * 8) {
            let key = MasterKey::from_bytes([7; 32]);
            let mut wrapped = key.wrap(place("a"), b"secret").unwrap();
            wrapped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(key.unwrap(place("a"), &wrapped).is_err());
        }
    }
}
