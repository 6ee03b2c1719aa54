//! Series that were folded, as PromQL's evaluation reads them.

use async_trait::async_trait;
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
}

impl Leaves {
    pub fn push(&mut self, series: Vec<Series>) {
        self.leaves.push(series);
    }
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
