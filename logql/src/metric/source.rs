//! Series that were folded, as PromQL's evaluation reads them.

use std::sync::Arc;

use async_trait::async_trait;
use promql::budget::{NoMemory, Share, labels_bytes};
use promql::source::{Labels, Samples, Selection, SeriesSet, SeriesSource, SourceError};

use super::Grid;
use super::fold::Series;

const NAME: &str = "__name__";

/// How the text of a plan names a leaf.
pub(super) fn name(leaf: usize) -> String {
    format!("leaf:{leaf}")
}

/// The leaves of a plan, folded.
#[derive(Debug, Default)]
pub struct Leaves {
    leaves: Vec<Vec<Series>>,
    share: Arc<Share>,
}

impl Leaves {
    /// For a query that holds this of the memory of all.
    pub fn of(share: Arc<Share>) -> Self {
        let leaves = Vec::new();
        Self { leaves, share }
    }

    pub async fn push(&mut self, series: Vec<Series>) -> Result<(), NoMemory> {
        let bytes = series.iter().map(bytes).sum::<usize>();
        self.share.take(COPIES * bytes).await?;
        self.leaves.push(series);
        Ok(())
    }
}

/// A leaf is here, and once more with whoever selects it.
const COPIES: usize = 2;

fn bytes(series: &Series) -> usize {
    labels_bytes(&series.labels) + size_of_val(series.values.as_slice())
}

#[async_trait]
impl SeriesSource for Leaves {
    async fn select(&self, selection: &Selection) -> Result<Box<dyn SeriesSet>, SourceError> {
        let named = |at: &usize| {
            let wanted = name(*at);
            let mut matchers = selection.matchers.iter();
            matchers.any(|matcher| matcher.name == NAME && matcher.value == wanted)
        };
        let found = (0..self.leaves.len()).find(named);
        let found = found.and_then(|at| self.leaves.get(at));
        let found = found.ok_or_else(|| SourceError::Failed("no such leaf".to_owned()))?;
        Ok(Box::new(Rest {
            series: found.clone().into_iter(),
        }))
    }

    fn share(&self) -> Arc<Share> {
        self.share.clone()
    }
}

struct Rest {
    series: std::vec::IntoIter<Series>,
}

impl SeriesSet for Rest {
    fn next(&mut self, samples: &mut Samples) -> Result<Option<Labels>, SourceError> {
        samples.clear();
        let Some(series) = self.series.next() else {
            return Ok(None);
        };
        for (step, value) in &series.values {
            samples.times.push(milliseconds(series.grid, *step));
            samples.values.push(*value);
        }
        Ok(Some(series.labels))
    }
}

/// Steps are whole milliseconds apart, whatever the start is.
fn milliseconds(grid: Grid, step: usize) -> i64 {
    let steps = i64::try_from(step).unwrap_or(i64::MAX);
    let step_ms = grid.step_ns / 1_000_000;
    (grid.start_ns.div_euclid(1_000_000)).saturating_add(step_ms.saturating_mul(steps))
}
