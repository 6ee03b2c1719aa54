//! Lines that pass the stages of a query.

use std::sync::Arc;
use std::time::Duration;

use logql::ast::LogExpr;
use logql::narrow::narrow;
use logql::{Line, Pipeline};
use projections::telemetry::logs::{self, Query, Scanned};
use promql::budget::Share;
use schemas::scope::Scope;
use tokio::time::Instant;

use super::record::{self, Show};
use super::{Failure, too_much};
use crate::Gateway;

/// Records of the first page where stages decide; later ones doubled.
const FIRST_PAGE: usize = 2_000;
const LARGEST_PAGE: usize = 32_000;
const MOST_LOOKED_AT: usize = 500_000;
const MOST_TIME: Duration = Duration::from_secs(30);

/// Which lines, and how many.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) log: &'a LogExpr,
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
    pub(super) forward: bool,
    pub(super) limit: usize,
    /// How far apart lines are at least, whatever their streams; 0 wants all.
    pub(super) interval_ns: u64,
}

impl Wanted<'_> {
    fn is_due(&self, last: Option<&Line>, line: &Line) -> bool {
        last.is_none_or(|last| line.time_ns.abs_diff(last.time_ns) >= self.interval_ns)
    }
}

/// Lines as the stages leave them, and what was read for them.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) lines: Vec<Line>,
    pub(super) scanned: Scanned,
    /// What they take of the memory of all queries, until it is dropped.
    pub(super) held: Vec<Arc<Share>>,
}

/// The first lines that pass.
pub(super) async fn find(
    gateway: &Gateway,
    scope: &Scope,
    wanted: &Wanted<'_>,
) -> Result<Passed, Failure> {
    let narrowed = narrow(wanted.log);
    let query = Query {
        filter: record::filter(&narrowed)?,
        from_ns: wanted.from_ns,
        to_ns: wanted.to_ns,
    };
    let pipeline = Pipeline::of(wanted.log).map_err(Failure::Bad)?;
    let mut page = match narrowed.whole && wanted.interval_ns == 0 {
        true => wanted.limit,
        false => FIRST_PAGE,
    };
    let begun = Instant::now();
    let (mut found, mut after, mut looked_at) = (Vec::new(), None, 0);
    let mut scanned = Scanned::default();
    // What was looked at is held with its page; of that, what passed, to the end.
    let mut held = Vec::new();
    loop {
        let mut passed = 0;
        let more = match wanted.forward {
            true => logs::search_oldest(&gateway.db, scope, &query, after, page).await?,
            false => logs::search(&gateway.db, scope, &query, after, page).await?,
        };
        looked_at += more.records.len();
        scanned += more.scanned;
        for record in more.records {
            let bytes = record.bytes();
            let mut line = record::line(record, Show::Everything);
            let is_room = found.len() < wanted.limit;
            if is_room && pipeline.run(&mut line) && wanted.is_due(found.last(), &line) {
                found.push(line);
                passed += bytes;
            }
        }
        more.held.keep(passed);
        held.push(more.held);
        after = more.next;
        if after.is_none() || found.len() >= wanted.limit {
            return Ok(Passed {
                lines: found,
                scanned,
                held,
            });
        }
        if looked_at >= MOST_LOOKED_AT {
            let why = format!(
                "the query looked at more than {MOST_LOOKED_AT} lines for {} that pass; narrow it by labels, text or time",
                wanted.limit
            );
            return Err(too_much(why));
        }
        if begun.elapsed() > MOST_TIME {
            let why = format!(
                "the query took more than {} s; narrow it by labels, text or time",
                MOST_TIME.as_secs()
            );
            return Err(too_much(why));
        }
        page = (page * 2).clamp(FIRST_PAGE, LARGEST_PAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_due_an_interval_after_the_last_in_either_direction() {
        let log = LogExpr::default();
        let mut wanted = Wanted {
            log: &log,
            from_ns: 0,
            to_ns: 100,
            forward: true,
            limit: 10,
            interval_ns: 10,
        };
        let at = |time_ns: i64| Line {
            time_ns,
            ..Line::default()
        };
        let last = at(50);
        for (time_ns, is_due) in [
            (50, false),
            (59, false),
            (60, true),
            (41, false),
            (40, true),
        ] {
            assert_eq!(
                wanted.is_due(Some(&last), &at(time_ns)),
                is_due,
                "{time_ns}"
            );
        }
        assert!(wanted.is_due(None, &at(50)));
        wanted.interval_ns = 0;
        assert!(wanted.is_due(Some(&last), &at(50)));
    }
}
