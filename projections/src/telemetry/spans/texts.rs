//! Each distinct text once, numbered in the order of its first appearance.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64;

/// Number of the empty text.
pub(crate) const EMPTY: u32 = 0;

#[derive(Debug, Clone)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<usize>,
    known: HashMap<u64, u32, BuildHasherDefault<AlreadyHashed>>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            bytes: String::new(),
            ends: Vec::new(),
            known: HashMap::default(),
        };
        texts.intern("");
        texts
    }
}

impl Texts {
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        let mut hash = xxh3_64(text.as_bytes());
        // Two texts with one hash stand in neighbouring places.
        while let Some(&id) = self.known.get(&hash) {
            if self.get(id) == text {
                return id;
            }
            hash = hash.wrapping_add(1);
        }
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        self.known.insert(hash, id);
        id
    }

    /// The number of a text that is there.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let mut hash = xxh3_64(text.as_bytes());
        while let Some(&id) = self.known.get(&hash) {
            if self.get(id) == text {
                return Some(id);
            }
            hash = hash.wrapping_add(1);
        }
        None
    }

    /// The text with this number; empty where there is none.
    pub(crate) fn get(&self, id: u32) -> &str {
        let at = id as usize;
        let end = self.ends.get(at).copied().unwrap_or(0);
        let begin = match at {
            0 => 0,
            _ => self.ends.get(at - 1).copied().unwrap_or(end),
        };
        &self.bytes[begin.min(end)..end]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// In memory, about.
    pub(crate) fn held(&self) -> usize {
        self.bytes.len() + self.ends.len() * 4 * size_of::<usize>()
    }
}

/// The keys are hashes: hashing them again would only cost.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_text_has_one_number(texts in proptest::collection::vec(".{0,6}", 0..80)) {
            let mut known = Texts::default();
            let ids: Vec<_> = texts.iter().map(|text| known.intern(text)).collect();
            for (text, id) in texts.iter().zip(&ids) {
                prop_assert_eq!(known.get(*id), text);
                prop_assert_eq!(known.intern(text), *id);
                prop_assert_eq!(known.find(text), Some(*id));
            }
        }
    }

    #[test]
    fn the_empty_text_has_its_number_from_the_start() {
        assert_eq!(Texts::default().intern(""), EMPTY);
        assert_eq!(Texts::default().get(77), "");
        assert_eq!(Texts::default().find("absent"), None);
    }
}
