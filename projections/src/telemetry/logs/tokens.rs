//! Words as searches know them: runs of letters and digits, in lower case. Every
//! byte beyond ASCII counts as a letter, so that words of all languages are found;
//! only ASCII changes its case.

/// Lower-cased byte of a token; 0 where the byte separates tokens.
const CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() || byte >= 0x80 {
            class[at] = byte.to_ascii_lowercase();
        }
        at += 1;
    }
    class
};

const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01B3;

pub(super) fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] != 0
}

/// Calls `take` with the hash of every token, repeats included.
pub(super) fn hash_each(text: &[u8], mut take: impl FnMut(u64)) {
    let mut hash = BASIS;
    for byte in text {
        match CLASS[*byte as usize] {
            0 if hash == BASIS => {}
            0 => {
                take(finished(hash));
                hash = BASIS;
            }
            lower => hash = (hash ^ u64::from(lower)).wrapping_mul(PRIME),
        }
    }
    if hash != BASIS {
        take(finished(hash));
    }
}

/// Hashes of the tokens that surely stand whole in every text that has `phrase`
/// somewhere: those at its ends may continue there.
pub(super) fn hashes_inside(phrase: &str) -> Vec<u64> {
    let bytes = phrase.as_bytes();
    let begin = bytes.iter().position(|byte| !is_token_byte(*byte));
    let end = bytes.iter().rposition(|byte| !is_token_byte(*byte));
    match (begin, end) {
        (Some(begin), Some(end)) => hashes(&bytes[begin..=end]),
        _ => Vec::new(),
    }
}

pub(super) fn hashes(text: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    hash_each(text, |hash| found.push(hash));
    found
}

/// FNV's low bits are good, its high ones less so; filters use both.
fn finished(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_between_any_marks() {
        let words = hashes("GET /cart/42?user=Ünal done.".as_bytes());
        assert_eq!(words.len(), 6);
        let one = |word: &str| hashes(word.as_bytes())[0];
        for word in ["get", "CART", "42", "User", "Ünal", "done"] {
            assert!(words.contains(&one(word)), "{word}");
        }
        assert!(!words.contains(&one("don")));
    }

    #[test]
    fn the_ends_of_a_phrase_may_continue() {
        assert_eq!(hashes_inside("out of mem"), hashes(b"of"));
        assert_eq!(hashes_inside("[out of mem]"), hashes(b"out of mem"));
        assert!(hashes_inside("memory").is_empty());
    }
}
