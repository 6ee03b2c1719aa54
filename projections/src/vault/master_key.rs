//! Wrapping secrets.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use schemas::context::random_bytes;
use schemas::ids::TenantId;
use zeroize::Zeroizing;

use super::VaultError;

const VERSION: u8 = 1;
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

/// The key that wraps all others. Never stored in the database.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn generate() -> Self {
        Self::from_bytes(random_bytes())
    }

    /// For deriving keys of other kinds (HMAC) from the master key.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn wrap(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let aad = place.associated_data();
        let data_key = Zeroizing::new(random_bytes::<32>());
        let mut wrapped = vec![VERSION];
        wrapped.extend(seal(&self.0, &aad, data_key.as_slice()).ok_or_else(|| place.damaged())?);
        wrapped.extend(seal(&data_key, &aad, secret).ok_or_else(|| place.damaged())?);
        Ok(wrapped)
    }

    pub fn unwrap(
        &self,
        place: Place<'_>,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.opened(place, wrapped).ok_or_else(|| place.damaged())
    }

    fn opened(&self, place: Place<'_>, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let aad = place.associated_data();
        let (version, rest) = wrapped.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (key, secret) = rest.split_at_checked(NONCE_BYTES + WRAPPED_KEY_BYTES)?;
        let data_key = open(&self.0, &aad, key)?;
        let data_key = Zeroizing::new(<[u8; 32]>::try_from(data_key.as_slice()).ok()?);
        open(&data_key, &aad, secret)
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

    #[test]
    fn opens_only_with_its_key_and_in_its_place() {
        let (key, other) = (MasterKey::generate(), MasterKey::generate());
        let wrapped = key.wrap(place("a"), b"secret").unwrap();
        assert_eq!(
            key.unwrap(place("a"), &wrapped).unwrap().as_slice(),
            b"secret"
        );
        assert!(other.unwrap(place("a"), &wrapped).is_err());
        assert!(key.unwrap(place("b"), &wrapped).is_err());
        let elsewhere = Place {
            tenant: None,
            ..place("a")
        };
        assert!(key.unwrap(elsewhere, &wrapped).is_err());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_never_opens(bit in 0_usize..(1 + 12 + 48 + 12 + 6 + 16) * 8) {
            let key = MasterKey::from_bytes([7; 32]);
            let mut wrapped = key.wrap(place("a"), b"secret").unwrap();
            wrapped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(key.unwrap(place("a"), &wrapped).is_err());
        }
    }
}
