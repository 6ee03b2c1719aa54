//! Where evaluation gets its series from.

use crate::budget::Share;
use async_trait::async_trait;
pub use protocols::metrics::{Labels, MetricKind, NativeHistogram};
use std::sync::Arc;

/// How a label is compared. Expressions are anchored at both ends; a label that a
/// series lacks has the empty value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

/// One comparison of a selector, `__name__` included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    pub name: String,
    pub comparison: Comparison,
    pub value: String,
}

/// Which series, and which of their samples: `from_ms < time <= to_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub matchers: Vec<Matcher>,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// Samples of one series in order of time, each time once. Stale markers are kept.
/// Floats and histograms are apart; an instant has one or the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    pub times: Vec<i64>,
    pub values: Vec<f64>,
    pub histograms: Vec<(i64, NativeHistogram)>,
}

impl Samples {
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty() && self.histograms.is_empty()
    }
}

/// Why the source has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A limit on series, samples or bytes: 422.
    #[error("{0}")]
    TooMuch(String),
    /// What is asked for is not kept, or no longer: 422.
    #[error("{0}")]
    NotKept(String),
    /// The store is away or too slow: 503.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Failed(String),
}

/// A store of series, already narrowed to one project.
#[async_trait]
pub trait SeriesSource: Send + Sync {
    /// Finds the series and fetches their samples, still encoded.
    async fn select(&self, selection: &Selection) -> Result<Box<dyn SeriesSet>, SourceError>;

    /// What the query that asks holds of the memory of all: what is fetched for it is taken
    /// from there, and so is what it is evaluated in.
    fn share(&self) -> Arc<Share> {
        Arc::default()
    }
}

/// What was found, decoded one series after the other, each series once, in any
/// order. Runs on a blocking thread.
pub trait SeriesSet: Send {
    /// Fills `samples` (cleared first) with the next series; None at the end.
    fn next(&mut self, samples: &mut Samples) -> Result<Option<Labels>, SourceError>;

    /// The same into labels that are there already, so that a fold over many series
    /// allocates nothing for each; false at the end.
    fn next_into(
        &mut self,
        labels: &mut Labels,
        samples: &mut Samples,
    ) -> Result<bool, SourceError> {
        let next = self.next(samples)?;
        let found = next.is_some();
        *labels = next.unwrap_or_default();
        Ok(found)
    }

    /// Gives away up to `parts` shares of what remains, to be decoded at the same time
    /// by other threads; the rest stays here. A set that cannot share gives nothing.
    fn split(&mut self, parts: usize) -> Vec<Box<dyn SeriesSet>> {
        let _ = parts;
        Vec::new()
    }
}

/// Series that fit one of the selectors, or all where there is none, with samples in
/// `from_ms ..= to_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    pub selectors: Vec<Vec<Matcher>>,
    pub from_ms: i64,
    pub to_ms: i64,
    pub limit: usize,
}

/// What is known of a metric family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
}

/// A measured value with what it was measured on.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    pub labels: Labels,
    pub value: f64,
    pub time_ms: i64,
}

/// What the Prometheus API asks of the metrics of one project besides samples.
#[async_trait]
pub trait MetricStore: SeriesSource {
    async fn series(&self, which: &Which) -> Result<Vec<Labels>, SourceError>;
    /// In order.
    async fn label_names(&self, which: &Which) -> Result<Vec<String>, SourceError>;
    /// In order.
    async fn label_values(&self, name: &str, which: &Which) -> Result<Vec<String>, SourceError>;
    /// Of one family, or of all; in order of names.
    async fn metadata(
        &self,
        family: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Family>, SourceError>;
    /// By series, in order of time.
    async fn exemplars(&self, which: &Which) -> Result<Vec<(Labels, Vec<Exemplar>)>, SourceError>;
}
