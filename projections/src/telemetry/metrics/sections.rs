//! Sections of level 0 read together: in each the series are in the order of their
//! ordinals, here they come in the order of their ids.

use std::sync::Arc;

use promql::source::Samples;

use super::merge;
use super::segment::{Names, Segment};
use crate::telemetry::bytes::Damaged;

/// Sections that are in the order of the log.
#[derive(Debug, Default)]
pub(super) struct Sections {
    sections: Vec<Segment>,
    shares: Vec<Share>,
}

/// What a section has of a series.
#[derive(Debug, Clone, Copy)]
struct Share {
    id: u128,
    section: u32,
    at: u32,
}

impl Sections {
    /// Each with the ids of its day's series, by ordinal.
    pub(super) fn open(data: Vec<(Vec<u8>, Arc<Vec<u128>>)>) -> Result<Self, Damaged> {
        let mut all = Self::default();
        for (section, (data, ids)) in (0..).zip(data) {
            let segment = Segment::open(&data)?;
            let Names::Ordinals(ordinals) = segment.names() else {
                return Err(Damaged("a section that names no ordinals"));
            };
            all.shares.reserve(ordinals.len());
            for (at, ordinal) in (0..).zip(ordinals) {
                let id = ids.get(*ordinal as usize).copied();
                let id = id.ok_or(Damaged("a section names a series that is not stored"))?;
                all.shares.push(Share { id, section, at });
            }
            all.sections.push(segment);
        }
        // Stable: of one series they stay in the order of the log.
        all.shares.sort_by_key(|share| share.id);
        Ok(all)
    }

    /// Calls `take` with the id and all samples of each series.
    pub(super) fn each(&self, mut take: impl FnMut(u128, &Samples)) -> Result<(), Damaged> {
        let mut samples = Samples::default();
        for shares in self.shares.chunk_by(|a, b| a.id == b.id) {
            let pieces = shares
                .iter()
                .map(|share| (&self.sections[share.section as usize], share.at as usize));
            merge::read(pieces, &mut samples)?;
            take(shares[0].id, &samples);
        }
        Ok(())
    }
}
