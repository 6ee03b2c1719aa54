//! A filter over the tokens of a segment that says "surely not here".

/// Sixteen bits a token and eight probes: about one false claim in 1,700, which is as
/// many segments as twenty million lines have.
const BITS_PER_TOKEN: usize = 16;
/// Probes of filters as they are written now, and as they were before, with ten bits a
/// token. The numbers are on disk.
pub(super) const PROBES: i16 = 8;
pub(super) const FIRST_PROBES: i16 = 6;

/// Distinct hashes, as they are found.
pub(super) struct Tokens {
    /// Open addressing; 0 is a free place.
    places: Vec<u64>,
    held: usize,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self {
            places: vec![0; 4096],
            held: 0,
        }
    }

    pub(super) fn add(&mut self, hash: u64) {
        let hash = hash.max(1);
        if self.put(hash) && self.held * 2 > self.places.len() {
            let doubled = vec![0; self.places.len() * 2];
            let before = std::mem::replace(&mut self.places, doubled);
            self.held = 0;
            for hash in before.into_iter().filter(|hash| *hash != 0) {
                self.put(hash);
            }
        }
    }

    fn put(&mut self, hash: u64) -> bool {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.places[at] {
                0 => break,
                held if held == hash => return false,
                _ => at = (at + 1) & mask,
            }
        }
        self.places[at] = hash;
        self.held += 1;
        true
    }

    /// The filter's bytes; empty where there are no tokens.
    pub(super) fn filter(&self) -> Vec<u8> {
        let mut filter = vec![0u8; (self.held * BITS_PER_TOKEN).div_ceil(8)];
        for hash in self.places.iter().filter(|hash| **hash != 0) {
            for bit in bits(*hash, filter.len(), PROBES) {
                filter[bit / 8] |= 1 << (bit % 8);
            }
        }
        filter
    }
}

/// False where a token is surely not there; `probes` as the filter was written with.
pub(super) fn may_hold(filter: &[u8], probes: i16, hash: u64) -> bool {
    let hash = hash.max(1);
    !filter.is_empty()
        && bits(hash, filter.len(), probes).all(|bit| filter[bit / 8] & (1 << (bit % 8)) != 0)
}

/// Double hashing: the n-th probe is bit `(first + n * step) % size`. Small enough
/// that SQL's `bigint` can do it too.
fn bits(hash: u64, bytes: usize, probes: i16) -> impl Iterator<Item = usize> {
    let size = bytes as i64 * 8;
    let (first, step) = halves(hash);
    let (mut next, step) = (first % size, step % size);
    (0..probes).map(move |_| {
        let bit = next;
        next += step;
        if next >= size {
            next -= size;
        }
        bit as usize
    })
}

fn halves(hash: u64) -> (i64, i64) {
    (
        i64::from((hash >> 32) as u32),
        i64::from(hash as u32 & 0x7FFF_FFFF | 1),
    )
}

/// The same question as further conditions in SQL, of the bytes of `data` from
/// `bloom_at` on, where there are any: each probe reads one byte, and most segments are
/// out after one or two.
pub(super) fn sql(hash: u64) -> String {
    let (first, step) = halves(hash.max(1));
    let probe = |probe: i16| {
        let bit = first + i64::from(probe) * step;
        let bit = format!("({bit}::bigint % (s.bloom_bytes::bigint * 8))::int");
        format!(
            " AND (s.bloom_probes <= {probe}
                   OR get_byte(substring(s.data FROM s.bloom_at + {bit} / 8 + 1 FOR 1), 0)
                      & (1 << ({bit} % 8)) <> 0)"
        )
    };
    (0..PROBES.max(FIRST_PROBES)).map(probe).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::hashes;
    use super::*;

    #[test]
    fn it_never_denies_what_it_holds_and_rarely_claims_what_it_does_not() {
        let hash = |n: u32| hashes(format!("token{n}").as_bytes())[0];
        let mut tokens = Tokens::new();
        for n in (0..20_000).chain(0..20_000) {
            tokens.add(hash(n));
        }
        let filter = tokens.filter();
        assert_eq!(filter.len(), 20_000 * 16 / 8);
        assert!((0..20_000).all(|n| may_hold(&filter, PROBES, hash(n))));
        let claimed = (20_000..220_000)
            .filter(|n| may_hold(&filter, PROBES, hash(*n)))
            .count();
        assert!(claimed < 240, "{claimed} of 200,000");
    }

    #[test]
    fn an_empty_filter_holds_nothing() {
        assert!(!may_hold(&Tokens::new().filter(), PROBES, 1));
    }
}
