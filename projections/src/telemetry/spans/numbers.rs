//! Maps whose keys are numbers of our own: nobody chooses them to collide, and
//! hashing them must not cost more than what is looked up.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<Numbers>>;

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Multiplies; the upper half of a product is well mixed, tables look at both ends.
#[derive(Debug, Default)]
pub(crate) struct Numbers(u64);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(ODD);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    #[test]
    fn neighbouring_numbers_lie_apart_at_both_ends() {
        let build = BuildHasherDefault::<Numbers>::default();
        let hashes: Vec<u64> = (0..4096u32).map(|n| build.hash_one(n)).collect();
        let low: HashSet<_> = hashes.iter().map(|hash| hash & 0xFFF).collect();
        let high: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
        assert!(
            low.len() > 2_000 && high.len() == 128,
            "{} {}",
            low.len(),
            high.len()
        );
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), 4096);
    }
}
