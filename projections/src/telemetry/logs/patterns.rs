//! Templates of the newest bodies of a query: what differs from line to line is
//! masked, and lines of one shape are counted together (after Drain: He et al.,
//! "Drain: An Online Log Parsing Approach with Fixed Depth Tree", 2017).

mod mine;

use chrono::{DateTime, Utc};
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matching::matching;
use super::scan::{LogsError, Order, Query, Scan, Wanted, blocking};
use super::segment::Column;
use crate::db::Db;
use mine::Miner;

/// Bodies that are looked at.
const SAMPLE: usize = 50_000;

/// Lines of one shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogPattern)]
pub struct LinePattern {
    /// `<num>`, `<hex>`, `<uuid>`, `<ip>`, `<time>` and `<*>` stand for what differs.
    pub pattern: String,
    pub count: u64,
    /// That of most of the lines.
    pub level: String,
    /// One of the lines.
    pub sample: String,
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
}

/// The shapes of a sample of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogPatterns)]
pub struct Patterns {
    /// Most frequent first.
    pub items: Vec<LinePattern>,
    /// Lines that were looked at, the newest first.
    pub sampled: u64,
    /// Whether these were all.
    pub complete: bool,
}

/// A shape and how many of its lines each stretch of time has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternOverTime {
    pub line: LinePattern,
    /// Beginnings of stretches in nanoseconds since 1970, those without lines left out.
    pub counts: Vec<(i64, u64)>,
}

/// The `limit` most frequent shapes.
pub async fn patterns(
    db: &Db,
    scope: &Scope,
    query: &Query,
    limit: usize,
) -> Result<Patterns, LogsError> {
    let (miner, at_end) = mined(db, scope, query, Miner::default()).await?;
    let sampled = miner.lines();
    let found = miner.finish(limit);
    Ok(Patterns {
        items: found.into_iter().map(|found| found.line).collect(),
        sampled: sampled as u64,
        complete: sampled < SAMPLE && at_end,
    })
}

/// The same in stretches of time, which begin at multiples of `step_ns`.
pub async fn over_time(
    db: &Db,
    scope: &Scope,
    query: &Query,
    limit: usize,
    step_ns: i64,
) -> Result<Vec<PatternOverTime>, LogsError> {
    let (miner, _) = mined(db, scope, query, Miner::stepping(step_ns)).await?;
    Ok(miner.finish(limit))
}

/// Also whether nothing was left.
async fn mined(
    db: &Db,
    scope: &Scope,
    query: &Query,
    mut miner: Miner,
) -> Result<(Miner, bool), LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let wanted = Wanted::Columns(
        vec![Column::Level, Column::BodyLength, Column::Body],
        Vec::new(),
    );
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    while scan.next_time().is_some() && miner.lines() < SAMPLE {
        let pieces = scan.next(&wanted).await?;
        let filter = scan.filter();
        miner = blocking(move || {
            for piece in pieces {
                let rows = matching(&piece.segment, &filter, from_ns, to_ns)?;
                if rows.is_empty() {
                    continue;
                }
                let (times, bodies) = (piece.segment.times()?, piece.segment.bodies()?);
                let levels = piece.segment.levels()?;
                for row in rows.iter().rev().map(|row| row as usize) {
                    if miner.lines() < SAMPLE {
                        miner.add(bodies.str(row), levels[row], times[row]);
                    }
                }
            }
            Ok(miner)
        })
        .await?;
    }
    Ok((miner, scan.next_time().is_none()))
}
