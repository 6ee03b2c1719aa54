//! Keys of the gateway's own HMACs, derived from the vault's root, each for one use
//! (HMAC-SHA256 as key derivation, NIST SP 800-108 in counter mode with one block).

use access::token::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Error;

type Key = Zeroizing<[u8; 32]>;

/// One key a purpose.
pub struct Keys {
    email: Key,
    cursor: Key,
    api_key: Key,
    audit: Key,
    invitation: Key,
    identity: Key,
    request: Key,
}

impl Keys {
    pub fn derive(root: &[u8; 32]) -> Self {
        let key = |purpose: &str| Zeroizing::new(mac(root, &[purpose.as_bytes()]));
        Self {
            email: key("sre-copilot login address v1"),
            cursor: key("sre-copilot cursor v1"),
            api_key: key("sre-copilot api key v1"),
            audit: key("sre-copilot audit seal v1"),
            invitation: key("sre-copilot invitation v1"),
            identity: key("sre-copilot identity v1"),
            request: key("sre-copilot request v1"),
        }
    }

    /// By what an address is found. Upper and lower case are one address.
    pub fn email(&self, address: &str) -> [u8; 32] {
        mac(&self.email, &[address.trim().to_lowercase().as_bytes()])
    }

    /// Signs a cursor for one tenant, project and list.
    pub fn cursor(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.cursor, parts)
    }

    /// Signs the seals of the audit chains; the same on every gateway.
    pub fn audit(&self) -> Result<SigningKey, Error> {
        SigningKey::from_seed(*self.audit).map_err(|e| Error::Internal(e.to_string()))
    }

    /// What makes the link of an invitation one that nobody else can make.
    pub fn invitation(&self, tenant: &[u8], id: &[u8]) -> [u8; 32] {
        mac(&self.invitation, &[tenant, id])
    }

    /// By what somebody at a provider is found: tenant, issuer and subject.
    pub fn identity(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.identity, parts)
    }

    /// How the log tells a tenant's request from others. Without the key nobody can try what
    /// it may have said: its hash stays when a person is erased.
    pub fn request(&self, tenant: &[u8], hash: &str) -> String {
        hex::encode(&mac(&self.request, &[tenant, hash.as_bytes()])[..16])
    }

    /// What the text of an API key is made of, if a retry must make the same one.
    pub fn api_key(&self, command: &[u8]) -> Key {
        Zeroizing::new(mac(&self.api_key, &[command]))
    }
}

/// Parts are taken with their lengths, so that no two lists of parts meet.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_however_it_is_typed_and_only_with_the_key() {
        let keys = Keys::derive(&[1; 32]);
        let other = Keys::derive(&[2; 32]);
        assert_eq!(
            keys.email(" Ada@Example.com"),
            keys.email("ada@example.com")
        );
        assert_ne!(keys.email("ada@example.com"), keys.email("bob@example.com"));
        assert_ne!(
            keys.email("ada@example.com"),
            other.email("ada@example.com")
        );
    }

    #[test]
    fn a_request_is_told_from_others_by_who_has_the_key_and_within_its_tenant() {
        let (keys, other) = (Keys::derive(&[1; 32]), Keys::derive(&[2; 32]));
        let told = keys.request(b"a", "hash");
        assert_eq!(told, keys.request(b"a", "hash"));
        for another in [
            keys.request(b"a", "other"),
            keys.request(b"b", "hash"),
            other.request(b"a", "hash"),
        ] {
            assert_ne!(told, another);
        }
    }

    #[test]
    fn parts_do_not_run_together() {
        let keys = Keys::derive(&[1; 32]);
        assert_ne!(keys.cursor(&[b"ab", b"c"]), keys.cursor(&[b"a", b"bc"]));
    }
}
