//! Personal values, sealed with a key of the person they are about.
//!
//! AES-256-GCM-SIV (RFC 8452) with the subject id as associated data. The key
//! lives in `vault.subject_keys`; deleting it erases the value from every copy of
//! the log at once, and readers show [`ERASED`] instead.

use std::marker::PhantomData;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use apache_avro::AvroSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::context;
use crate::ids::SubjectId;

/// What a reader shows for a value whose key is gone.
pub const ERASED: &str = "erased";

/// The key that seals one person's values.
#[derive(Clone)]
pub struct SubjectKey(Zeroizing<[u8; 32]>);

impl SubjectKey {
    pub fn generate() -> Self {
        Self(Zeroizing::new(context::random_bytes()))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

/// The bytes of a [`Personal`] value as Avro keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot")]
pub struct Sealed {
    pub subject: SubjectId,
    #[avro(with)]
    #[serde(with = "apache_avro::serde::bytes")]
    pub nonce: Vec<u8>,
    #[avro(with)]
    #[serde(with = "apache_avro::serde::bytes")]
    pub ciphertext: Vec<u8>,
}

/// A value of type `T` about one person; unreadable without that person's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T> {
    sealed: Sealed,
    #[serde(skip)]
    of: PhantomData<T>,
}

/// Why a sealed value could not be made or read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    #[error("the value could not be serialised: {0}")]
    Unserialisable(String),
    #[error("the value does not open with this subject's key")]
    WrongKey,
}

impl<T: Serialize + DeserializeOwned> Personal<T> {
    pub fn seal(subject: SubjectId, key: &SubjectKey, value: &T) -> Result<Self, SealError> {
        let plain = Zeroizing::new(
            serde_json::to_vec(value).map_err(|e| SealError::Unserialisable(e.to_string()))?,
        );
        let nonce: [u8; 12] = context::random_bytes();
        let ciphertext = cipher(key)
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: &plain,
                    aad: subject.0.as_bytes(),
                },
            )
            .map_err(|_| SealError::WrongKey)?;
        let sealed = Sealed {
            subject,
            nonce: nonce.to_vec(),
            ciphertext,
        };
        Ok(Self {
            sealed,
            of: PhantomData,
        })
    }

    pub fn open(&self, key: &SubjectKey) -> Result<T, SealError> {
        let nonce: [u8; 12] = self
            .sealed
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| SealError::WrongKey)?;
        let aad = self.sealed.subject.0;
        let payload = Payload {
            msg: &self.sealed.ciphertext,
            aad: aad.as_bytes(),
        };
        let plain = cipher(key)
            .decrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError::WrongKey)?;
        serde_json::from_slice(&plain).map_err(|e| SealError::Unserialisable(e.to_string()))
    }
}

impl<T> Personal<T> {
    /// The person the value is about.
    pub fn subject(&self) -> SubjectId {
        self.sealed.subject
    }

    /// A value with fixed bytes, for the committed examples of message types.
    pub fn from_sealed(sealed: Sealed) -> Self {
        Self {
            sealed,
            of: PhantomData,
        }
    }
}

impl<T> apache_avro::serde::AvroSchemaComponent for Personal<T> {
    fn get_schema_in_ctxt(
        named: &mut std::collections::HashSet<apache_avro::schema::Name>,
        namespace: apache_avro::schema::NamespaceRef<'_>,
    ) -> apache_avro::Schema {
        Sealed::get_schema_in_ctxt(named, namespace)
    }

    fn get_record_fields_in_ctxt(
        named: &mut std::collections::HashSet<apache_avro::schema::Name>,
        namespace: apache_avro::schema::NamespaceRef<'_>,
    ) -> Option<Vec<apache_avro::schema::RecordField>> {
        Sealed::get_record_fields_in_ctxt(named, namespace)
    }
}

fn cipher(key: &SubjectKey) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&(*key.0).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn opens_with_its_own_key_only() {
        let (key, other) = (SubjectKey::generate(), SubjectKey::generate());
        let subject = SubjectId(Uuid::from_u128(7));
        let sealed = Personal::seal(subject, &key, &"ada@example.com".to_owned()).unwrap();
        assert_eq!(sealed.open(&key).unwrap(), "ada@example.com");
        assert_eq!(sealed.open(&other), Err(SealError::WrongKey));
    }

    #[test]
    fn does_not_open_under_another_subject() {
        let key = SubjectKey::generate();
        let mut sealed =
            Personal::seal(SubjectId(Uuid::from_u128(7)), &key, &"Ada".to_owned()).unwrap();
        sealed.sealed.subject = SubjectId(Uuid::from_u128(8));
        assert_eq!(sealed.open(&key), Err(SealError::WrongKey));
    }
}
