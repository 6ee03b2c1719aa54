//! Numbers over time: lines folded where they lie, and PromQL over what they become.

use std::sync::Arc;

use logql::EvalError;
use logql::ast::Metric;
use logql::metric::{self, Folds, Grid, Leaf, Leaves};
use logql::narrow::narrow;
use projections::telemetry::logs::{self, Query, Record, Scanned, Sized};
use promql::budget::{NoMemory, Share};
use promql::{Answer, Engine, Limits, Options, QueryError, Value};
use schemas::scope::Scope;

use super::record::{self, Show};
use super::{Failure, too_much};
use crate::Gateway;

/// Series of one answer.
pub(super) const MOST_SERIES: usize = 500;
/// Of the leaves exactly what was folded for a step stands at it.
const LOOKBACK_MS: i64 = 1;

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::TooMuch(why) => too_much(why),
            error @ EvalError::Pipeline { .. } => Self::Bad(error.to_string()),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Unavailable(why) => Self::Busy(why),
            QueryError::Timeout(_) => too_much(error.to_string()),
            QueryError::Parse(_) | QueryError::BadData(_) | QueryError::Execution(_) => {
                Self::Bad(error.to_string())
            }
        }
    }
}

impl From<NoMemory> for Failure {
    fn from(error: NoMemory) -> Self {
        match error {
            NoMemory::Alone(_) => too_much(error.to_string()),
            NoMemory::WithOthers(_) => Self::Busy(error.to_string()),
        }
    }
}

/// What is held for an answer until it is sent.
pub(super) type Held = Arc<Share>;

/// At one moment where the grid has no step; with what was read for it.
pub(super) async fn evaluate(
    gateway: &Gateway,
    scope: &Scope,
    metric: &Metric,
    grid: Grid,
) -> Result<(Answer, Scanned, Held), Failure> {
    let plan = metric::plan(metric, grid).map_err(Failure::Bad)?;
    let share = gateway.config.share();
    let (mut leaves, mut scanned) = (Leaves::of(share.clone()), Scanned::default());
    for leaf in plan.leaves {
        let series = folded(gateway, scope, Arc::new(leaf), &mut scanned).await?;
        leaves.push(series).await?;
    }
    let engine = Engine {
        limits: Limits::default(),
    };
    let options = Options {
        lookback_ms: LOOKBACK_MS,
        timeout: None,
    };
    let start_ms = grid.start_ns.div_euclid(1_000_000);
    let step_ms = grid.step_ns / 1_000_000;
    let answer = match step_ms {
        0 => {
            engine
                .instant(&leaves, &plan.promql, start_ms, options)
                .await?
        }
        step_ms => {
            let steps = i64::try_from(grid.count.saturating_sub(1)).unwrap_or(i64::MAX);
            let range = (
                start_ms,
                start_ms.saturating_add(step_ms.saturating_mul(steps)),
            );
            engine
                .range(&leaves, &plan.promql, range, step_ms, options)
                .await?
        }
    };
    let series = match &answer.value {
        Value::Scalar(..) | Value::Text(..) => 1,
        Value::Vector(_, found) => found.len(),
        Value::Matrix(found) => found.len(),
    };
    match series <= MOST_SERIES {
        true => Ok((answer, scanned, share)),
        false => Err(too_much(format!(
            "maximum of series ({MOST_SERIES}) reached for a single query"
        ))),
    }
}

async fn folded(
    gateway: &Gateway,
    scope: &Scope,
    leaf: Arc<Leaf>,
    scanned: &mut Scanned,
) -> Result<Vec<metric::Series>, Failure> {
    let (from_ns, to_ns) = leaf.times();
    let query = Query {
        filter: record::filter(&narrow(leaf.log()))?,
        from_ns,
        to_ns,
    };
    let told = match leaf.needs_no_text() {
        true => from_sizes(gateway, scope, &query, &leaf, scanned).await?,
        false => None,
    };
    let folds = match told {
        Some(folds) => folds,
        None => from_records(gateway, scope, &query, &leaf, scanned).await?,
    };
    Ok(leaf.finish(folds)?)
}

/// What was folded until something went wrong.
#[derive(Default)]
struct Total {
    folds: Folds,
    failed: Option<EvalError>,
}

impl Total {
    /// Whether more is wanted.
    fn take(&mut self, found: Result<Folds, EvalError>) -> bool {
        match found.and_then(|folds| self.folds.join(folds)) {
            Ok(()) => {}
            Err(error) => self.failed = Some(error),
        }
        self.failed.is_none()
    }

    fn done(self) -> Result<Folds, Failure> {
        match self.failed {
            Some(error) => Err(error.into()),
            None => Ok(self.folds),
        }
    }
}

/// None where some stream does not tell the series of its lines.
async fn from_sizes(
    gateway: &Gateway,
    scope: &Scope,
    query: &Query,
    leaf: &Arc<Leaf>,
    scanned: &mut Scanned,
) -> Result<Option<Folds>, Failure> {
    let (mut total, mut is_told) = (Total::default(), true);
    let take = |found: Result<Option<Folds>, EvalError>| match found.transpose() {
        Some(found) => total.take(found),
        None => {
            is_told = false;
            false
        }
    };
    let work = leaf.clone();
    let work = move |found| of_sizes(&work, found);
    *scanned += logs::sizes(&gateway.db, scope, query, work, take).await?;
    match is_told {
        true => total.done().map(Some),
        false => Ok(None),
    }
}

async fn from_records(
    gateway: &Gateway,
    scope: &Scope,
    query: &Query,
    leaf: &Arc<Leaf>,
    scanned: &mut Scanned,
) -> Result<Folds, Failure> {
    let mut total = Total::default();
    let take = |found: Result<Folds, EvalError>| total.take(found);
    let work = leaf.clone();
    let work = move |found| of_records(&work, found);
    *scanned += logs::walk(&gateway.db, scope, query, work, take).await?;
    total.done()
}

fn of_sizes(leaf: &Leaf, found: Vec<Sized>) -> Result<Option<Folds>, EvalError> {
    let mut folds = Folds::default();
    for sized in found {
        let labels = record::with_level(record::stream_labels(&sized.stream), sized.level);
        if !leaf.is_told_by(&labels) {
            return Ok(None);
        }
        let mut fold = leaf.fold();
        for (time_ns, bytes) in sized.records {
            leaf.tally(&mut fold, time_ns, bytes.into());
        }
        folds.add(leaf.labels(&labels), fold)?;
    }
    Ok(Some(folds))
}

fn of_records(leaf: &Leaf, found: Vec<Record>) -> Result<Folds, EvalError> {
    let mut folds = Folds::default();
    for record in found {
        leaf.line(&mut folds, record::line(record, Show::Named))?;
    }
    Ok(folds)
}
