//! Small filters that say "surely not here": one over trace ids, one over the
//! tokens that a search asks for.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 6;

/// Hash of a trace id.
pub(crate) fn trace_key(trace_id: &[u8; 16]) -> u64 {
    xxh3_64(trace_id)
}

pub(crate) fn service_key(service: &str) -> u64 {
    key(b's', "", service)
}

pub(crate) fn operation_key(operation: &str) -> u64 {
    key(b'o', "", operation)
}

/// Hash of a field of a span, of its resource or of its events, and of what is told of it
/// by a name of [`tags`](super::tags).
pub(crate) fn field_key(name: &str, value: &str) -> u64 {
    key(b'f', name, value)
}

fn key(sort: u8, name: &str, value: &str) -> u64 {
    let seed = xxh3_64_with_seed(name.as_bytes(), sort.into());
    xxh3_64_with_seed(value.as_bytes(), seed)
}

/// The filter's bytes; empty where there are no keys.
pub(crate) fn build(keys: impl ExactSizeIterator<Item = u64>) -> Vec<u8> {
    let mut filter = vec![0u8; (keys.len() * BITS_PER_KEY).div_ceil(8)];
    for key in keys {
        for bit in bits(key, filter.len()) {
            filter[bit / 8] |= 1 << (bit % 8);
        }
    }
    filter
}

pub(crate) fn may_hold(filter: &[u8], key: u64) -> bool {
    !filter.is_empty() && bits(key, filter.len()).all(|bit| filter[bit / 8] & (1 << (bit % 8)) != 0)
}

/// Double hashing over the two halves of the key.
fn bits(key: u64, bytes: usize) -> impl Iterator<Item = usize> {
    let size = bytes as u64 * 8;
    let step = (key >> 32) | 1;
    (0..PROBES).map(move |probe| (key.wrapping_add(probe.wrapping_mul(step)) % size) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_denies_what_it_holds_and_rarely_claims_what_it_does_not() {
        let held: Vec<_> = (0..2000).map(|n| field_key("n", &n.to_string())).collect();
        let filter = build(held.iter().copied());
        assert!(held.iter().all(|key| may_hold(&filter, *key)));
        let others = (0..10_000).map(|n| field_key("m", &n.to_string()));
        let claimed = others.filter(|key| may_hold(&filter, *key)).count();
        assert!(claimed < 300, "{claimed} of 10,000");
    }

    #[test]
    fn an_empty_filter_holds_nothing() {
        assert!(!may_hold(&build([].into_iter()), 1));
    }
}
