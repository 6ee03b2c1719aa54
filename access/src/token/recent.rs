//! Tokens that were verified lately, so that a signature is checked once a token
//! and not once a request.

use std::collections::HashMap;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};

/// A bounded map in two generations: when the young one is full it becomes the old
/// one, and the old one is forgotten.
pub(super) struct Recent<V> {
    limit: usize,
    generations: RwLock<Generations<V>>,
}

type Hash = [u8; 32];

struct Generations<V> {
    young: HashMap<Hash, V>,
    old: HashMap<Hash, V>,
}

impl<V: Clone> Recent<V> {
    /// Holds at most twice `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            generations: RwLock::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
            }),
        }
    }

    pub(super) fn get(&self, token: &str) -> Option<V> {
        let hash = hash(token);
        let generations = self.generations.read();
        let found = generations
            .young
            .get(&hash)
            .or_else(|| generations.old.get(&hash));
        found.cloned()
    }

    pub(super) fn put(&self, token: &str, value: V) {
        let mut generations = self.generations.write();
        if generations.young.len() >= self.limit {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(hash(token), value);
    }

    pub(super) fn clear(&self) {
        let mut generations = self.generations.write();
        generations.young.clear();
        generations.old.clear();
    }
}

/// Tokens are kept by hash: a memory dump should not hand out sessions.
fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_holds_more_than_two_generations() {
        let recent = Recent::new(10);
        for n in 0..100 {
            recent.put(&n.to_string(), n);
        }
        let held = (0..100).filter(|n| recent.get(&n.to_string()).is_some());
        assert!((10..=20).contains(&held.count()));
        assert_eq!(recent.get("99"), Some(99));
    }
}
