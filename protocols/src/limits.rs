//! What any format's labels must keep to. Decoders hold these, so that ingest and the
//! projection leave out the same series.

use std::cmp::Ordering;

/// Labels of one series, its name included.
pub const MAX_LABELS: usize = 128;
/// Bytes of a label's name.
pub const MAX_LABEL_NAME_BYTES: usize = 1_024;
/// Bytes of a label's value.
pub const MAX_LABEL_VALUE_BYTES: usize = 16 * 1_024;
/// Buckets of one native histogram.
pub const MAX_BUCKETS: usize = 65_536;

const TWICE: &str = "has a label twice";

/// The largest of what was seen of one series, and what no series may have.
#[derive(Debug, Clone, Copy, Default)]
pub struct LabelLimits<'a> {
    labels: usize,
    name_bytes: usize,
    value_bytes: usize,
    unnamed: bool,
    twice: bool,
    unsorted: bool,
    /// The name seen last: senders write them sorted.
    last: &'a [u8],
}

impl<'a> LabelLimits<'a> {
    #[inline]
    pub fn see(&mut self, name: &'a [u8], value: &'a [u8]) {
        self.labels += 1;
        self.name_bytes = self.name_bytes.max(name.len());
        self.value_bytes = self.value_bytes.max(value.len());
        self.unnamed |= name.is_empty();
        // Most begin with a later letter than the one before.
        if name.first() <= self.last.first() {
            match name.cmp(self.last) {
                Ordering::Less => self.unsorted = true,
                Ordering::Equal => self.twice = true,
                Ordering::Greater => {}
            }
        }
        self.last = name;
    }

    /// What is wrong where a name may come again after others; `names` are those seen.
    pub fn problem_of<'n>(&self, names: impl Iterator<Item = &'n [u8]>) -> Option<String> {
        self.problem().or_else(|| {
            let twice = self.unsorted && any_twice(names);
            twice.then(|| TWICE.to_owned())
        })
    }

    /// What is wrong, to follow the series' name.
    pub fn problem(&self) -> Option<String> {
        if self.unnamed {
            return Some("has a label without a name".to_owned());
        }
        if self.twice {
            return Some(TWICE.to_owned());
        }
        let checks = [
            (self.labels, MAX_LABELS, "labels"),
            (
                self.name_bytes,
                MAX_LABEL_NAME_BYTES,
                "bytes in a label's name",
            ),
            (
                self.value_bytes,
                MAX_LABEL_VALUE_BYTES,
                "bytes in a label's value",
            ),
        ];
        let over = checks.into_iter().find(|(seen, limit, _)| seen > limit);
        over.map(|(seen, limit, what)| format!("has {seen} {what}, the limit is {limit}"))
    }
}

fn any_twice<'n>(names: impl Iterator<Item = &'n [u8]>) -> bool {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}
