//! Signatures over plain text (Ed25519, RFC 8032), for what is checked outside of this
//! program's reach: seals of the audit chain.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::token::SigningKey;

/// The key does not sign.
#[derive(Debug, thiserror::Error)]
#[error("the text could not be signed: {0}")]
pub struct Unsigned(jsonwebtoken::errors::Error);

/// The public key as a base64url point, by which [`verify`] knows it.
pub fn public_key(key: &SigningKey) -> String {
    let jwk = serde_json::to_value(key.public().jwk()).unwrap_or_default();
    jwk["x"].as_str().unwrap_or_default().to_owned()
}

/// The signature in base64url.
pub fn sign(key: &SigningKey, text: &str) -> Result<String, Unsigned> {
    jsonwebtoken::crypto::sign(text.as_bytes(), key.encoding(), Algorithm::EdDSA).map_err(Unsigned)
}

/// Whether `signature` is `key`'s over `text`; what is no key or no signature is not.
pub fn verify(key: &str, text: &str, signature: &str) -> bool {
    let point = URL_SAFE_NO_PAD.decode(key);
    if point.is_ok_and(|point| point.len() != 32) {
        return false;
    }
    let Ok(key) = DecodingKey::from_ed_components(key) else {
        return false;
    };
    jsonwebtoken::crypto::verify(signature, text.as_bytes(), &key, Algorithm::EdDSA)
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_over_one_text() {
        let (key, other) = (
            SigningKey::from_seed([1; 32]),
            SigningKey::from_seed([2; 32]),
        );
        let (key, other) = (key.unwrap(), other.unwrap());
        let signature = sign(&key, "text").unwrap();
        assert!(verify(&public_key(&key), "text", &signature));
        assert!(!verify(&public_key(&key), "next", &signature));
        assert!(!verify(&public_key(&other), "text", &signature));
        assert!(!verify("", "text", &signature) && !verify(&public_key(&key), "text", ""));
    }
}
