//! When items arrived. One that came more than half a minute after its own time keeps
//! its arrival in the segment that holds it, in a sparse column; of all others their
//! own time stands for it. A span's own time is its end.

use super::bytes::{Damaged, Reader};

/// What arrives later than this after its own time is late.
pub(crate) const LATE_NS: i64 = 30_000_000_000;

/// By how much an item was late; 0 where it was not.
pub(crate) fn late_ns(own_ns: i64, received_ns: i64) -> i64 {
    let late_ns = received_ns.saturating_sub(own_ns);
    if late_ns > LATE_NS { late_ns } else { 0 }
}

/// Whether an item had arrived by `as_of_ns`.
pub(crate) fn was_known(own_ns: i64, late_ns: i64, as_of_ns: i64) -> bool {
    own_ns.saturating_add(late_ns) <= as_of_ns
}

/// A column of rows: rows since the one before, and by how much each was late.
pub(crate) fn read_late(column: &[u8]) -> Result<Vec<(usize, i64)>, Damaged> {
    let mut bytes = Reader::new(column);
    let (mut found, mut at) = (Vec::new(), 0usize);
    while !bytes.is_empty() {
        at = at.saturating_add(bytes.size()?);
        found.push((at, bytes.varint()? as i64));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_minute_is_not_late_and_what_is_late_is_known_when_it_arrives() {
        assert_eq!(late_ns(5, 5 + LATE_NS), 0);
        assert_eq!(late_ns(5, 3), 0);
        let late = late_ns(5, 6 + LATE_NS);
        assert_eq!(late, LATE_NS + 1);
        assert!(was_known(5, late, 6 + LATE_NS) && !was_known(5, late, 5 + LATE_NS));
        assert!(was_known(5, 0, 5) && !was_known(5, 0, 4));
    }
}
