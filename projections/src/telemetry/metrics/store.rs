//! The metrics of a project as promql reads them: labels from an index in memory,
//! samples from both levels in one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use promql::budget::{Budget, Share};
use promql::source::{
    Exemplar, Family, Matcher, MetricStore, Selection, SeriesSet, SeriesSource, SourceError, Which,
};
use protocols::metrics::{Labels, MetricKind};
use schemas::scope::Scope;
use sqlx::PgConnection;

use super::SIGNAL;
use super::cache::{Indexed, Indexes};
use super::exemplars::{self, Measured};
use super::fetch::fetch;
use super::index::DayIndex;
use super::matching::Compiled;
use super::registry::day_of;
use super::segments::{Owner, Segments};
use super::selected::{Selected, untold};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;
use crate::telemetry::snapshot;

/// What one query may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub series: usize,
    /// Of segments, compressed.
    pub bytes: usize,
    /// Each statement.
    pub time: Duration,
    /// Of all projects' label indexes together.
    pub index_bytes: usize,
    /// Of all projects' opened segments together.
    pub segment_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 500_000,
            bytes: 512 << 20,
            time: Duration::from_secs(20),
            index_bytes: 512 << 20,
            segment_bytes: 256 << 20,
        }
    }
}

/// The metrics of every project, each to be asked through its own [`Store`].
#[derive(Debug, Clone)]
pub struct Stores {
    db: Db,
    limits: Limits,
    indexes: Arc<Indexes>,
    segments: Arc<Segments>,
    /// None where queries may hold any memory.
    budget: Option<Arc<Budget>>,
}

impl Stores {
    pub fn new(db: Db, limits: Limits) -> Self {
        Self {
            db,
            limits,
            indexes: Arc::new(Indexes::new(limits.index_bytes)),
            segments: Arc::new(Segments::new(limits.segment_bytes)),
            budget: None,
        }
    }

    /// Queries hold no more than this together.
    pub fn within(self, budget: Arc<Budget>) -> Self {
        let budget = Some(budget);
        Self { budget, ..self }
    }

    /// For one query.
    pub fn of(&self, scope: &Scope) -> Store {
        Store {
            stores: self.clone(),
            scope: scope.clone(),
            as_of_ms: None,
            share: self.budget.as_ref().map(Budget::share).unwrap_or_default(),
        }
    }
}

/// The metrics of one project.
#[derive(Debug)]
pub struct Store {
    stores: Stores,
    scope: Scope,
    as_of_ms: Option<i64>,
    share: Arc<Share>,
}

impl From<QueryError> for SourceUnavailable {
    fn from(error: QueryError) -> Self {
        Self(match error {
            QueryError::Unavailable(why) => SourceError::Unavailable(why),
            QueryError::Failed(why) => SourceError::Failed(why.to_string()),
            QueryError::NoMemory(why) => why.into(),
        })
    }
}

impl From<sqlx::Error> for SourceUnavailable {
    fn from(error: sqlx::Error) -> Self {
        QueryError::from(error).into()
    }
}

impl From<Damaged> for SourceUnavailable {
    fn from(error: Damaged) -> Self {
        Self(SourceError::Failed(error.to_string()))
    }
}

/// Why the store has no answer, on the way to [`SourceError`].
#[derive(Debug)]
pub(crate) struct SourceUnavailable(pub(crate) SourceError);

impl From<SourceUnavailable> for SourceError {
    fn from(error: SourceUnavailable) -> Self {
        error.0
    }
}

impl Store {
    /// Its samples and exemplars as they were known then: those that had not arrived are
    /// left out. Which series there are does not depend on it.
    pub fn known_at(self, as_of_ms: Option<i64>) -> Self {
        Self { as_of_ms, ..self }
    }

    async fn selected(
        &self,
        selection: &Selection,
        matchers: Vec<Compiled>,
    ) -> Result<Selected, SourceUnavailable> {
        let Stores { db, limits, .. } = &self.stores;
        let (mut tx, generation) =
            snapshot::begin_with_generation(db, SIGNAL, &self.scope, limits.time).await?;
        let days = self
            .days(&mut tx, generation, selection.from_ms, selection.to_ms)
            .await?;
        let selected = Selected::new(selection.from_ms, selection.to_ms);
        let mut selected = selected.known_at(self.as_of_ms);
        for (day, index) in days {
            let found = index.read().find(&matchers);
            selected.add_day(day, index, &found);
            if selected.series() > limits.series {
                return Err(SourceUnavailable(SourceError::TooMuch(format!(
                    "the selector finds {} series and more, of {} at most; narrow it by labels or time",
                    selected.series(),
                    limits.series
                ))));
            }
        }
        if selected.series() == 0 {
            return Ok(selected);
        }
        let segments = self.stores.segments.clone();
        let owner = Owner {
            project: self.scope.project(),
            generation,
        };
        let held = segments.of(owner, |key| selected.may_read(key));
        let (scope, share) = (&self.scope, &*self.share);
        let rows = fetch(&mut tx, scope, &selected, &held, limits.bytes, share).await?;
        drop(tx);
        tokio::task::spawn_blocking(move || {
            segments.keep(owner, selected.take_in(rows, &held)?);
            Ok(selected)
        })
        .await
        .map_err(|e| SourceUnavailable(SourceError::Failed(e.to_string())))?
    }

    /// The label indexes of the days between two times, up to date.
    async fn days(
        &self,
        tx: &mut PgConnection,
        generation: i64,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Indexed>, SourceUnavailable> {
        let days = day_of(from_ms)..=day_of(to_ms);
        let indexes = &self.stores.indexes;
        indexes.refresh(tx, &self.scope, generation, days).await
    }

    /// The series of each day that fit.
    async fn found(
        &self,
        which: &Which,
    ) -> Result<Vec<(Arc<RwLock<DayIndex>>, Vec<u32>)>, SourceUnavailable> {
        let Stores { db, limits, .. } = &self.stores;
        let selectors = selectors(&which.selectors)?;
        let (mut tx, generation) =
            snapshot::begin_with_generation(db, SIGNAL, &self.scope, limits.time).await?;
        let days = self
            .days(&mut tx, generation, which.from_ms, which.to_ms)
            .await?;
        drop(tx);
        Ok(days
            .into_iter()
            .map(|(_, index)| {
                let found = find_any(&index.read(), &selectors);
                (index, found)
            })
            .collect())
    }

    async fn read_exemplars(
        &self,
        which: &Which,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, SourceUnavailable> {
        let Stores { db, limits, .. } = &self.stores;
        let selectors = selectors(&which.selectors)?;
        let (mut tx, generation) =
            snapshot::begin_with_generation(db, SIGNAL, &self.scope, limits.time).await?;
        let days = self
            .days(&mut tx, generation, which.from_ms, which.to_ms)
            .await?;
        let stored: Vec<(i32, i32, Vec<u8>)> = sqlx::query_as(
            "SELECT day, partition, data FROM telemetry.metric_exemplars
             WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
               AND max_time >= $5 AND min_time <= $6
             ORDER BY day, from_offset",
        )
        .bind(self.scope.tenant().0)
        .bind(self.scope.project().0)
        .bind(day_of(which.from_ms))
        .bind(day_of(which.to_ms))
        .bind(which.from_ms)
        .bind(which.to_ms)
        .fetch_all(&mut *tx)
        .await?;
        let mut by_series = BTreeMap::<Labels, Vec<Exemplar>>::new();
        for (day, index) in days {
            let index = index.read();
            let found: BTreeSet<u32> = find_any(&index, &selectors).into_iter().collect();
            for (_, partition, data) in stored.iter().filter(|row| row.0 == day) {
                let ordinals = index.of_ordinal(*partition);
                let decoded = exemplars::decode(data)?;
                for one in decoded.all {
                    let series = ordinals.get(one.ordinal as usize);
                    let series = series.filter(|series| found.contains(series));
                    if let Some(series) = series
                        && (which.from_ms..=which.to_ms).contains(&one.time_ms)
                        && self.knows(&one, decoded.untold)?
                    {
                        by_series
                            .entry(index.labels(*series))
                            .or_default()
                            .push(Exemplar {
                                labels: Labels::new(one.labels),
                                value: one.value,
                                time_ms: one.time_ms,
                            });
                    }
                }
            }
        }
        for exemplars in by_series.values_mut() {
            exemplars.sort_by_key(|one| one.time_ms);
            exemplars.dedup();
        }
        Ok(by_series.into_iter().take(which.limit).collect())
    }

    /// Whether an exemplar had arrived when it is asked of.
    fn knows(&self, exemplar: &Measured, untold: bool) -> Result<bool, SourceUnavailable> {
        match self.as_of_ms {
            None => Ok(true),
            Some(_) if untold => Err(SourceUnavailable(self::untold())),
            Some(as_of_ms) => {
                let arrival_ms = exemplar.arrival_ms.unwrap_or(exemplar.time_ms);
                Ok(arrival_ms <= as_of_ms)
            }
        }
    }

    async fn read_metadata(
        &self,
        family: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Family>, SourceUnavailable> {
        let Stores { db, limits, .. } = &self.stores;
        let mut tx = snapshot::begin(db, SIGNAL, &self.scope, limits.time).await?;
        let stored: Vec<(String, String, String, String)> = sqlx::query_as(
            "SELECT family, kind, help, unit FROM telemetry.metric_metadata
             WHERE tenant_id = $1 AND project_id = $2 AND ($3::text IS NULL OR family = $3)
             ORDER BY family COLLATE \"C\" LIMIT $4",
        )
        .bind(self.scope.tenant().0)
        .bind(self.scope.project().0)
        // As names with it are stored; Postgres knows no text with a NUL.
        .bind(family.map(|name| name.replace('\0', "\u{FFFD}")))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
        let family = |(name, kind, help, unit): (String, String, String, String)| Family {
            name,
            kind: kind_of(&kind),
            help,
            unit,
        };
        Ok(stored.into_iter().map(family).collect())
    }
}

#[async_trait]
impl SeriesSource for Store {
    async fn select(&self, selection: &Selection) -> Result<Box<dyn SeriesSet>, SourceError> {
        let matchers = Compiled::all(&selection.matchers)?;
        Ok(Box::new(self.selected(selection, matchers).await?))
    }

    fn share(&self) -> Arc<Share> {
        self.share.clone()
    }
}

#[async_trait]
impl MetricStore for Store {
    async fn series(&self, which: &Which) -> Result<Vec<Labels>, SourceError> {
        let mut all = BTreeSet::new();
        for (index, found) in self.found(which).await? {
            let index = index.read();
            all.extend(found.into_iter().map(|series| index.labels(series)));
        }
        Ok(all.into_iter().take(which.limit).collect())
    }

    async fn label_names(&self, which: &Which) -> Result<Vec<String>, SourceError> {
        let mut all = BTreeSet::new();
        for (index, found) in self.found(which).await? {
            index.read().names(&found, &mut all);
        }
        Ok(texts(all, which.limit))
    }

    async fn label_values(&self, name: &str, which: &Which) -> Result<Vec<String>, SourceError> {
        let mut all = BTreeSet::new();
        for (index, found) in self.found(which).await? {
            index.read().values(name, &found, &mut all);
        }
        Ok(texts(all, which.limit))
    }

    async fn metadata(
        &self,
        family: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Family>, SourceError> {
        Ok(self.read_metadata(family, limit).await?)
    }

    async fn exemplars(&self, which: &Which) -> Result<Vec<(Labels, Vec<Exemplar>)>, SourceError> {
        Ok(self.read_exemplars(which).await?)
    }
}

fn selectors(all: &[Vec<Matcher>]) -> Result<Vec<Vec<Compiled>>, SourceUnavailable> {
    let compiled = all.iter().map(|matchers| Compiled::all(matchers));
    compiled
        .collect::<Result<_, _>>()
        .map_err(SourceUnavailable)
}

/// Series that any selector finds; all where there is none.
fn find_any(index: &DayIndex, selectors: &[Vec<Compiled>]) -> Vec<u32> {
    match selectors {
        [] => index.find(&[]),
        [one] => index.find(one),
        many => {
            let found: BTreeSet<u32> = many.iter().flat_map(|one| index.find(one)).collect();
            found.into_iter().collect()
        }
    }
}

fn texts(all: BTreeSet<Arc<str>>, limit: usize) -> Vec<String> {
    all.iter()
        .take(limit)
        .map(|text| text.to_string())
        .collect()
}

fn kind_of(name: &str) -> MetricKind {
    [
        MetricKind::Counter,
        MetricKind::Gauge,
        MetricKind::Histogram,
        MetricKind::GaugeHistogram,
        MetricKind::Summary,
        MetricKind::Info,
        MetricKind::StateSet,
    ]
    .into_iter()
    .find(|kind| kind.name() == name)
    .unwrap_or(MetricKind::Unknown)
}
