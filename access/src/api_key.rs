//! The text of an API key: `srec_`, 30 base62 characters drawn at random (178 bits)
//! and 6 base62 characters of CRC-32C over what stands before them, so that a
//! mistyped key is refused without a lookup and secret scanners know a real one.

use schemas::context::random_bytes;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What each key begins with.
pub const PREFIX: &str = "srec_";
const RANDOM_CHARS: usize = 30;
const CHECK_CHARS: usize = 6;
/// How much of a key is kept in clear, for people to recognise it by.
const SHOWN_CHARS: usize = PREFIX.len() + 4;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SHA-256 of the whole key text. The key has too much entropy to be guessed from
/// it, so no slow hash is needed.
pub type KeyHash = [u8; 32];

/// A key as it is shown once.
pub struct NewKey {
    pub text: Zeroizing<String>,
    pub prefix: String,
    pub hash: KeyHash,
}

/// A new key, by the random numbers of the system.
pub fn generate() -> NewKey {
    from_bytes(|| random_bytes::<1>()[0])
}

/// The key that follows from a secret seed, so that a retried request makes the
/// same one. `seed` must be as random as a key and be used for one key only.
pub fn derive(seed: &[u8; 32]) -> NewKey {
    let mut block = Sha256::digest(seed);
    let mut at = 0;
    from_bytes(|| {
        if at == block.len() {
            // Hashing the seed with what came before never shows the seed.
            block = Sha256::digest([&seed[..], &block[..]].concat());
            at = 0;
        }
        at += 1;
        block[at - 1]
    })
}

fn from_bytes(mut next: impl FnMut() -> u8) -> NewKey {
    let mut text = Zeroizing::new(String::with_capacity(
        PREFIX.len() + RANDOM_CHARS + CHECK_CHARS,
    ));
    text.push_str(PREFIX);
    while text.len() < PREFIX.len() + RANDOM_CHARS {
        let drawn = next();
        // 248 = 4 x 62: what lies above would make some characters likelier.
        if drawn < 248 {
            text.push(char::from(ALPHABET[usize::from(drawn % 62)]));
        }
    }
    let check = check_of(&text);
    text.push_str(&check);
    NewKey {
        prefix: text[..SHOWN_CHARS].to_owned(),
        hash: hash(&text),
        text,
    }
}

/// Whether `text` has the form and the checksum of a key.
pub fn well_formed(text: &str) -> bool {
    if text.len() != PREFIX.len() + RANDOM_CHARS + CHECK_CHARS || !text.is_ascii() {
        return false;
    }
    let (body, check) = text.split_at(PREFIX.len() + RANDOM_CHARS);
    body.starts_with(PREFIX) && check_of(body) == check
}

pub fn hash(text: &str) -> KeyHash {
    Sha256::digest(text.as_bytes()).into()
}

fn check_of(body: &str) -> String {
    let mut rest = crc32c::crc32c(body.as_bytes());
    let mut digits = [0; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_new_key_is_well_formed_and_recognisable() {
        let key = generate();
        assert!(well_formed(&key.text));
        assert!(key.text.starts_with(&key.prefix));
        assert_eq!(key.hash, hash(&key.text));
        assert_ne!(*generate().text, *key.text);
    }

    #[test]
    fn a_seed_makes_one_key() {
        let (first, again, other) = (derive(&[1; 32]), derive(&[1; 32]), derive(&[2; 32]));
        assert!(well_formed(&first.text));
        assert_eq!(*first.text, *again.text);
        assert_ne!(*first.text, *other.text);
    }

    proptest! {
        #[test]
        fn one_changed_character_is_noticed(at in 5usize..41, to in 0usize..62) {
            let mut bytes = generate().text.as_bytes().to_vec();
            prop_assume!(bytes[at] != ALPHABET[to]);
            bytes[at] = ALPHABET[to];
            prop_assert!(!well_formed(std::str::from_utf8(&bytes).unwrap()));
        }

        #[test]
        fn any_text_is_judged_without_panic(text in "\\PC{0,60}") {
            prop_assert!(!well_formed(&text));
        }
    }
}
