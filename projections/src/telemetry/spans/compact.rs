//! Level 0, in the order of arrival, becomes segments of one hour in the order of
//! traces; small ones become larger ones. Trace ids are random, so that a part of
//! their range is a part of the work: what is in memory at once is bounded.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use sqlx::PgConnection;

use super::fold::opened;
use super::segment::{Blooms, Segment, Written, write};
use super::table::{Row, Table};
use super::{SIGNAL, day_of};
use crate::telemetry::aside::aside;
use crate::telemetry::bytes::Damaged;
use crate::telemetry::classes::Classes;
use crate::telemetry::compaction::{Compact, CompactError, Level0, Level1, Target};

/// Spans in a segment, about; a trace is not split ...
const SEGMENT_SPANS: usize = 50_000;
/// ... unless it is so long: who sends everything under one id would have a segment that
/// takes more memory to read than there is.
const MOST_SPANS: usize = 4 * SEGMENT_SPANS;
/// Compressed bytes that are unpacked at once, about.
const SLICE_BYTES: usize = 8 << 20;
const HOUR_NS: i64 = 3_600_000_000_000;

/// What spans do in compaction.
#[derive(Debug)]
pub(crate) struct SpansCompact;

#[async_trait]
impl Compact for SpansCompact {
    fn signal(&self) -> &'static str {
        SIGNAL
    }

    async fn compact(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level0>,
    ) -> Result<(), CompactError> {
        let rows = rows.into_iter().map(|row| row.data).collect();
        rewrite_apart(tx, target, rows, |data| Ok(opened(data)?.1)).await
    }

    async fn merge(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level1>,
    ) -> Result<(), CompactError> {
        let rows = rows.into_iter().map(|row| row.data).collect();
        rewrite_apart(tx, target, rows, |data| Segment::open(data)).await
    }
}

type Open = for<'a> fn(&'a [u8]) -> Result<Segment<'a>, Damaged>;

/// Slice by slice, away from the threads that serve others.
async fn rewrite_apart(
    tx: &mut PgConnection,
    target: Target,
    mut rows: Vec<Vec<u8>>,
    open: Open,
) -> Result<(), CompactError> {
    let bytes: usize = rows.iter().map(Vec::len).sum();
    let slices = (bytes / SLICE_BYTES).clamp(1, 65_536);
    let mut parts = BTreeMap::new();
    for slice in 0..slices {
        let from = slice * 65_536 / slices;
        let until = (slice + 1) * 65_536 / slices;
        let classes = target.classes.clone();
        let rewritten = aside(move || {
            let segments = rewrite(&rows, open, from..until, &classes)?;
            Ok::<_, Damaged>((rows, segments))
        });
        let (given_back, segments) = rewritten.await??;
        rows = given_back;
        insert(tx, &target, segments, &mut parts).await?;
    }
    Ok(())
}

/// How long spans are kept, in days, and the hour that they began in.
type ClassHour = (i16, i64);

/// Segments, with class and hour of their spans, of the traces whose ids begin with
/// what is in `slice`. Rows come in the order of the log.
fn rewrite(
    rows: &[Vec<u8>],
    open: Open,
    slice: Range<usize>,
    classes: &Classes,
) -> Result<Vec<(ClassHour, Written)>, Damaged> {
    let mut all = Table::default();
    for data in rows {
        let segment = open(data)?;
        let traces = segment.traces()?;
        let inside = |id: &[u8; 16]| slice.contains(&usize::from(prefix(id)));
        let mut rows = traces.iter().filter(|(id, _)| inside(id));
        // They lie together.
        let Some((_, first)) = rows.next() else {
            continue;
        };
        let last = rows.next_back().map_or(first, |(_, rows)| rows);
        all.absorb(&segment.table(first.start..last.end)?);
    }
    let services = all.resources.iter();
    let of_resource: Vec<i16> = services
        .map(|resource| classes.of(all.texts.get(resource.service)))
        .collect();
    let mut hours = BTreeMap::<(i16, i64), Vec<Row>>::new();
    for row in std::mem::take(&mut all.rows) {
        let hour = row.start_ns.div_euclid(HOUR_NS);
        let class = of_resource[row.resource as usize];
        hours.entry((class, hour)).or_default().push(row);
    }
    let mut segments = Vec::new();
    for (hour, rows) in hours {
        all.rows = rows;
        all.arrange();
        let mut rest = std::mem::take(&mut all.rows);
        while !rest.is_empty() {
            let next = rest.split_off(end_of_segment(&rest));
            all.rows = std::mem::replace(&mut rest, next);
            segments.push((hour, write(&all, Blooms::With)));
        }
    }
    Ok(segments)
}

fn prefix(id: &[u8; 16]) -> u16 {
    u16::from_be_bytes([id[0], id[1]])
}

/// After the trace that fills a segment, or within one that fills several.
fn end_of_segment(rows: &[Row]) -> usize {
    let mut end = rows.len().min(SEGMENT_SPANS);
    let most = rows.len().min(MOST_SPANS);
    while end < most && rows[end].trace_id == rows[end - 1].trace_id {
        end += 1;
    }
    end
}

async fn insert(
    tx: &mut PgConnection,
    target: &Target,
    segments: Vec<((i16, i64), Written)>,
    parts: &mut BTreeMap<i64, i32>,
) -> Result<(), CompactError> {
    for ((class, hour), written) in segments {
        let part = parts.entry(hour).or_insert(0);
        sqlx::query(
            "INSERT INTO spans_l1 (tenant_id, project_id, partition, class, tier,
                 from_offset, to_offset, day, window_start, part, min_time, max_time, items,
                 trace_bloom, token_bloom, data, rules)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        )
        .bind(target.place.tenant.0)
        .bind(target.place.project.0)
        .bind(target.place.partition)
        .bind(class)
        .bind(target.tier)
        .bind(target.from_offset)
        .bind(target.to_offset)
        .bind(day_of(hour.saturating_mul(HOUR_NS)))
        .bind(hour.saturating_mul(3_600))
        .bind(*part)
        .bind(written.min_start_ns)
        .bind(written.max_start_ns)
        .bind(i32::try_from(written.spans).unwrap_or(i32::MAX))
        .bind(written.trace_bloom)
        .bind(written.token_bloom)
        .bind(written.data)
        .bind(target.classes.version)
        .execute(&mut *tx)
        .await?;
        *part += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::spans::samples;
    use crate::telemetry::spans::span::Span;

    const OPEN: Open = |data| Segment::open(data);

    fn kept_alike() -> Classes {
        Classes::new(SIGNAL, Vec::new())
    }

    fn all(segments: &[((i16, i64), Written)]) -> Vec<Span> {
        let mut spans = Vec::new();
        for (_, written) in segments {
            let segment = Segment::open(&written.data).expect("opens");
            spans.extend(segment.whole().expect("reads").spans());
        }
        spans
    }

    #[test]
    fn slices_together_hold_everything_once_and_in_order() {
        let mut table = samples::table(300);
        table.arrange();
        let expected: Vec<_> = table.spans().collect();
        let mut halves = [table.clone(), table];
        halves[0].rows.retain(|row| row.span_id[0] < 128);
        halves[1].rows.retain(|row| row.span_id[0] >= 100);
        let rows: Vec<_> = halves
            .iter()
            .map(|half| write(half, Blooms::With).data)
            .collect();
        let whole = rewrite(&rows, OPEN, 0..65_536, &kept_alike()).expect("rewrites");
        assert_eq!(all(&whole), expected);
        let mut sliced = Vec::new();
        for from in (0..65_536).step_by(8_192) {
            let of_slice = rewrite(&rows, OPEN, from..from + 8_192, &kept_alike());
            sliced.extend(all(&of_slice.expect("rewrites")));
        }
        assert_eq!(sliced, expected);
    }

    #[test]
    fn a_trace_is_not_split() {
        let mut table = samples::table(3);
        table.arrange();
        let mut rows = Vec::new();
        for _ in 0..SEGMENT_SPANS / 20 {
            rows.extend(table.rows.iter().cloned());
        }
        let end = end_of_segment(&rows[..rows.len() - 5]);
        assert!(end >= SEGMENT_SPANS && rows[end - 1].trace_id != rows[end].trace_id);
        assert_eq!(end_of_segment(&rows[..10]), 10);
        let endless = vec![rows[0].clone(); MOST_SPANS + 7];
        assert_eq!(end_of_segment(&endless), MOST_SPANS);
        assert_eq!(end_of_segment(&endless[..MOST_SPANS - 1]), MOST_SPANS - 1);
    }
}
