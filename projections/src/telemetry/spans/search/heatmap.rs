//! How many spans of which duration began when, for the heatmap: counts by stretch of
//! time and by step of duration.

use std::collections::BTreeMap;

use protocols::spans::SpanStatus;
use schemas::scope::Scope;

use super::super::segment::Segment;
use super::Filter;
use super::matching::Asked;
use super::walk::{Walked, walk};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;

/// Where steps of duration begin, in nanoseconds: three to a decade, so that each is
/// about as long as the others on a logarithmic axis and people can read them.
const BOUNDS_NS: [i64; 32] = {
    let mut bounds = [0; 32];
    let mut decade = 1_000;
    let mut at = 1;
    while at < 32 {
        bounds[at] = match at % 3 {
            1 => decade,
            2 => 2 * decade,
            _ => 5 * decade,
        };
        if at.is_multiple_of(3) {
            decade *= 10;
        }
        at += 1;
    }
    bounds
};

/// Spans of one stretch of time and one step of duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    pub count: u64,
    pub errors: u64,
}

/// By the beginning of the stretch and of the step, both in nanoseconds; those without
/// spans are left out.
type Cells = BTreeMap<(i64, i64), Cell>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heatmap {
    pub cells: Cells,
    /// Whether everything was looked at, not only the newest.
    pub complete: bool,
}

/// Where a step of duration that begins here ends; None for the last one.
pub fn end_of_step(begin_ns: i64) -> Option<i64> {
    BOUNDS_NS.into_iter().find(|bound| *bound > begin_ns)
}

fn step_of(duration_ns: i64) -> i64 {
    let at = BOUNDS_NS.partition_point(|bound| *bound <= duration_ns.max(0));
    BOUNDS_NS[at.saturating_sub(1)]
}

/// Spans as asked for; stretches begin at multiples of `stretch_ns`, which is positive.
pub async fn heatmap(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    stretch_ns: i64,
) -> Result<Heatmap, QueryError> {
    let walked = walk(db, scope, filter, move |segment, filter, cells| {
        take(segment, filter, stretch_ns, cells)
    });
    let Walked { found, complete } = walked.await?;
    Ok(Heatmap {
        cells: found,
        complete,
    })
}

fn take(
    segment: &Segment<'_>,
    filter: &Filter,
    stretch_ns: i64,
    cells: &mut Cells,
) -> Result<(), Damaged> {
    let core = segment.core()?;
    let asked = Asked::read(segment, &core, filter)?;
    for row in (0..core.starts.len()).filter(|row| asked.is(*row)) {
        let begin = core.starts[row]
            .div_euclid(stretch_ns)
            .saturating_mul(stretch_ns);
        let key = (begin, step_of(core.durations[row]));
        let cell = cells.entry(key).or_default();
        cell.count += 1;
        cell.errors += u64::from(core.kinds[row].1 == SpanStatus::Error);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_duration_are_three_to_a_decade() {
        assert_eq!(
            &BOUNDS_NS[..7],
            &[0, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000]
        );
        assert!(BOUNDS_NS.is_sorted());
        for (duration, begin) in [(-5, 0), (0, 0), (999, 0), (1_000, 1_000), (4_999, 2_000)] {
            assert_eq!(step_of(duration), begin);
        }
        assert_eq!(step_of(i64::MAX), BOUNDS_NS[31]);
        assert_eq!(end_of_step(2_000_000), Some(5_000_000));
        assert_eq!(end_of_step(BOUNDS_NS[31]), None);
    }
}
