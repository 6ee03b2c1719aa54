//! Lines that pass the stages of a query.

use std::time::Duration;

use logql::ast::LogExpr;
use logql::narrow::narrow;
use logql::{Line, Pipeline};
use projections::telemetry::logs::{self, Query};
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
}

/// The first lines that pass, as the stages leave them.
pub(super) async fn find(
    gateway: &Gateway,
    scope: &Scope,
    wanted: &Wanted<'_>,
) -> Result<Vec<Line>, Failure> {
    let narrowed = narrow(wanted.log);
    let query = Query {
        filter: record::filter(&narrowed)?,
        from_ns: wanted.from_ns,
        to_ns: wanted.to_ns,
    };
    let pipeline = Pipeline::of(wanted.log).map_err(Failure::Bad)?;
    let mut page = match narrowed.whole {
        true => wanted.limit,
        false => FIRST_PAGE,
    };
    let begun = Instant::now();
    let (mut found, mut after, mut looked_at) = (Vec::new(), None, 0);
    loop {
        let more = match wanted.forward {
            true => logs::search_oldest(&gateway.db, scope, &query, after, page).await?,
            false => logs::search(&gateway.db, scope, &query, after, page).await?,
        };
        looked_at += more.records.len();
        for record in more.records {
            let mut line = record::line(record, Show::Everything);
            if found.len() < wanted.limit && pipeline.run(&mut line) {
                found.push(line);
            }
        }
        after = more.next;
        if after.is_none() || found.len() >= wanted.limit {
            return Ok(found);
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
