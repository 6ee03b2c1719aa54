//! Ed25519 keys of access tokens.

use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use schemas::context::random_bytes;
use zeroize::Zeroizing;

/// The fixed head of an Ed25519 private key in PKCS#8 (RFC 8410 section 7); the 32
/// bytes of the seed follow it.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A private key: 32 secret bytes and what follows from them.
#[derive(Clone)]
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    encoding: EncodingKey,
    public: PublicKey,
}

/// A public key, named by the thumbprint of its JWK (RFC 7638).
#[derive(Clone)]
pub struct PublicKey {
    kid: String,
    jwk: Jwk,
    decoding: DecodingKey,
}

/// The bytes are not a key.
#[derive(Debug, thiserror::Error)]
#[error("not an Ed25519 key: {0}")]
pub struct NotAKey(#[from] jsonwebtoken::errors::Error);

impl SigningKey {
    pub fn generate() -> Result<Self, NotAKey> {
        Self::from_seed(random_bytes())
    }

    pub fn from_seed(seed: [u8; 32]) -> Result<Self, NotAKey> {
        let seed = Zeroizing::new(seed);
        let der = Zeroizing::new([&PKCS8_HEAD[..], &seed[..]].concat());
        let encoding = EncodingKey::from_ed_der(&der);
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let public = PublicKey::from_jwk(jwk)?;
        Ok(Self {
            seed,
            encoding,
            public,
        })
    }

    /// What the vault keeps, wrapped.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }
}

impl PublicKey {
    /// From the JWK that [`PublicKey::jwk`] gave.
    pub fn from_jwk(mut jwk: Jwk) -> Result<Self, NotAKey> {
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            decoding: DecodingKey::from_jwk(&jwk)?,
            kid,
            jwk,
        })
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn jwk(&self) -> Jwk {
        self.jwk.clone()
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}
