//! Time-based one-time passwords (RFC 6238) as every authenticator app makes them:
//! SHA-1, six digits, thirty seconds.

use hmac::{Hmac, KeyInit, Mac};
use schemas::time::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 160 bits, as RFC 4226 recommends.
pub(super) const SECRET_BYTES: usize = 20;
const STEP_S: i64 = 30;
const DIGITS: usize = 6;
/// A clock may be one step off to either side.
const DRIFT: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) type Secret = Zeroizing<[u8; SECRET_BYTES]>;

/// The step that `code` is right for now, if it is later than `last`: a code is good
/// once, so that one that was overheard is good for nothing.
pub(super) fn step_of(secret: &Secret, code: &str, now: Timestamp, last: i64) -> Option<i64> {
    let current = now.micros() / 1_000_000 / STEP_S;
    let steps = current - DRIFT..=current + DRIFT;
    // All are compared, so that the time taken tells nothing.
    steps.fold(None, |found, step| {
        let same: bool = digits(secret, step)
            .as_bytes()
            .ct_eq(code.as_bytes())
            .into();
        match same && step > last {
            true => Some(step),
            false => found,
        }
    })
}

/// The secret as people type it.
pub(super) fn base32(secret: &Secret) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES * 8 / 5));
    // Twenty bytes are four times five, so nothing is left over.
    for five in secret.chunks_exact(5) {
        let bits = five
            .iter()
            .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            text.push(char::from(BASE32[(bits >> (place * 5) & 31) as usize]));
        }
    }
    text
}

fn digits(secret: &Secret, step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(&secret[..]).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes([
        digest[at] & 127,
        digest[at + 1],
        digest[at + 2],
        digest[at + 3],
    ]);
    format!("{:0DIGITS$}", word % 10u32.pow(DIGITS as u32))
}

#[cfg(test)]
fn code_at(secret: &Secret, now: Timestamp) -> String {
    digits(secret, now.micros() / 1_000_000 / STEP_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Zeroizing::new(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// RFC 6238 appendix B, the last six of eight digits.
    #[test]
    fn the_vectors_of_the_rfc() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in vectors {
            assert_eq!(code_at(&secret(), at(seconds)), code);
            assert_eq!(step_of(&secret(), code, at(seconds), 0), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_its_neighbours_and_once() {
        let code = code_at(&secret(), at(900));
        for (seconds, good) in [(869, false), (870, true), (959, true), (960, false)] {
            let found = step_of(&secret(), &code, at(seconds), 0);
            assert_eq!(found.is_some(), good, "{seconds}");
        }
        assert_eq!(step_of(&secret(), &code, at(900), 30), None);
        for wrong in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(step_of(&secret(), wrong, at(900), 0), None);
        }
    }

    /// RFC 4648 spells "12345678901234567890" so.
    #[test]
    fn base32_is_that_of_the_rfc() {
        assert_eq!(*base32(&secret()), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
