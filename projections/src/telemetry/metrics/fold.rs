//! The projection: bodies of topic `telemetry.metrics` become level-0 sections.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{Partition, Record};
use parking_lot::Mutex;
use protocols::formats;
use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use sqlx::PgConnection;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::registry::Registry;
use super::sink::{Collected, Family, Sink, arrival_day};
use super::{SIGNAL, exemplars, series_block};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing};
use crate::telemetry::bodies::{self, Body, dropped};
use crate::telemetry::floors::Floors;
use crate::telemetry::level0::{self, Section};
use crate::telemetry::sieve::Sieve;
use crate::telemetry::taken::Taken;

/// Series of all projects that are kept in memory.
const SERIES_IN_MEMORY: usize = 8_000_000;
/// Families of a project that are known to be stored.
const FAMILIES: usize = 100_000;
/// What is said of families with longer names is left out: a key of Postgres has 2,700 bytes at
/// most, and a NUL of a name becomes three.
const LONGEST_FAMILY: usize = 800;

/// The projection.
#[derive(Debug)]
pub struct Metrics {
    /// Taken while a batch is applied and put back when that went well: what a
    /// failure leaves behind is nothing.
    state: Mutex<Option<State>>,
    active_series: u32,
    linger: Duration,
    floors: Option<Arc<Floors>>,
}

impl Metrics {
    /// With a limit of series by project and day.
    pub fn new(active_series: u32, linger: Duration) -> Self {
        Self {
            state: Mutex::default(),
            active_series,
            linger,
            floors: None,
        }
    }

    /// For a replay that takes only what is above the floors.
    pub(crate) fn above(self, floors: Arc<Floors>) -> Self {
        Self {
            floors: Some(floors),
            ..self
        }
    }
}

type Place = (TenantId, ProjectId, Partition);

#[derive(Debug)]
struct State {
    sieve: Sieve,
    registries: BTreeMap<Place, Registry>,
    families: HashMap<(ProjectId, u64), u64>,
    limit: u32,
    floors: Option<Arc<Floors>>,
}

#[async_trait]
impl Projection for Metrics {
    fn name(&self) -> &'static str {
        SIGNAL
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TelemetryMetrics]
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "metrics_l0",
            "metric_series",
            "metric_metadata",
            "metric_exemplars",
            "seen_bodies",
        ]
    }

    fn home(&self) -> Home {
        Home::Telemetry
    }

    fn batch_bytes(&self) -> usize {
        32 << 20
    }

    fn linger(&self) -> Duration {
        self.linger
    }

    fn forget(&self) {
        *self.state.lock() = None;
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let held = self.state.lock().take();
        let mut state = held.unwrap_or_else(|| State {
            sieve: Sieve::new(SIGNAL),
            registries: BTreeMap::new(),
            families: HashMap::new(),
            limit: self.active_series,
            floors: self.floors.clone(),
        });
        state.sieve.load(to.rows).await?;
        let records = batch.to_vec();
        let (mut state, bodies) = blocking(state, move |state| {
            bodies::of_batch(&records, &mut state.sieve)
        })
        .await?;
        if !bodies.is_empty() {
            state = state.take_in(to.rows, bodies).await?;
        }
        // Also where all were repeats: that they came again is to be known after a restart.
        state.sieve.store(to.rows).await?;
        *self.state.lock() = Some(state);
        Ok(Vec::new())
    }
}

/// Runs what takes long away from the threads that serve others.
async fn blocking<T: Send + 'static>(
    mut state: State,
    work: impl FnOnce(&mut State) -> Result<T, ApplyError> + Send + 'static,
) -> Result<(State, T), ApplyError> {
    let worked = tokio::task::spawn_blocking(move || {
        let done = work(&mut state)?;
        Ok((state, done))
    });
    worked
        .await
        .map_err(|e| ApplyError::Transient(format!("decoding ended: {e}")))?
}

impl State {
    async fn take_in(
        mut self,
        rows: &mut PgConnection,
        bodies: Vec<Body>,
    ) -> Result<Self, ApplyError> {
        let newest = bodies.iter().map(|body| body.received.received_at).max();
        let bodies = Arc::new(bodies);
        let mut always_labels = false;
        // Most samples are of the day of their arrival.
        self.load_days(rows, arrival_days(&bodies)).await?;
        let collected = loop {
            let again = Arc::clone(&bodies);
            let (state, collected) =
                blocking(self, move |state| state.collect(&again, always_labels)).await?;
            self = state;
            always_labels |= collected.values().any(|c| c.missing_labels);
            if collected.values().all(Collected::is_complete) {
                break collected;
            }
            let missing = collected
                .iter()
                .flat_map(|(place, c)| c.missing_days.iter().map(|day| (*place, *day)));
            self.load_days(rows, missing.collect()).await?;
        };
        self.write(rows, collected, newest.unwrap_or_default())
            .await
    }

    /// One pass over all bodies.
    fn collect(
        &mut self,
        bodies: &[Body],
        always_labels: bool,
    ) -> Result<BTreeMap<Place, Collected>, ApplyError> {
        let mut all = BTreeMap::<Place, Collected>::new();
        let mut room = Vec::new();
        for body in bodies {
            let decode = body.format(formats::METRICS)?;
            let Some(plain) = body.plain(SIGNAL, &mut room) else {
                continue;
            };
            let collected = all.entry(place_of(body)).or_default();
            collected.from.get_or_insert(body.position.offset);
            collected.until = body.position.offset + 1;
            let received_at = body.received.received_at;
            let floor = self.floors.as_deref().map(|floors| body.floor(floors));
            let mut sink = Sink::new(
                self.registries.entry(place_of(body)).or_default(),
                collected,
                body.received.window(),
                received_at,
                xxh3_128(body.received.format.as_bytes()),
                active_limit(body).unwrap_or(self.limit),
                always_labels,
            )
            .above(floor);
            let mut sink = Taken::new(&mut sink, &body.received.refused_runs);
            let received_ns = received_at.micros().saturating_mul(1_000);
            if let Err(why) = decode(plain, received_ns, &mut sink) {
                body.undecodable(SIGNAL, &why);
            }
        }
        Ok(all)
    }

    /// Reads the series of days that are not in memory.
    async fn load_days(
        &mut self,
        rows: &mut PgConnection,
        mut wanted: Vec<(Place, i32)>,
    ) -> Result<(), ApplyError> {
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|(place, day)| {
            !self
                .registries
                .get(place)
                .is_some_and(|known| known.has_day(*day))
        });
        if wanted.is_empty() {
            return Ok(());
        }
        let stored: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT wanted.n, data FROM metric_series
             JOIN unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[]) WITH ORDINALITY
                  AS wanted (tenant_id, project_id, partition, day, n)
             USING (tenant_id, project_id, partition, day)
             ORDER BY wanted.n, first_ordinal",
        )
        .bind(wanted.iter().map(|(p, _)| p.0.0).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(p, _)| p.1.0).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(p, _)| p.2).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(_, day)| *day).collect::<Vec<_>>())
        .fetch_all(rows)
        .await?;
        let mut blocks: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for (n, data) in stored {
            blocks.entry(n).or_default().push(data);
        }
        for ((place, day), n) in wanted.into_iter().zip(1..) {
            self.registries
                .entry(place)
                .or_default()
                .load_day(day, &blocks.remove(&n).unwrap_or_default())
                .map_err(|damaged| ApplyError::Stop(damaged.to_string()))?;
        }
        Ok(())
    }

    async fn write(
        self,
        rows: &mut PgConnection,
        collected: BTreeMap<Place, Collected>,
        at: Timestamp,
    ) -> Result<Self, ApplyError> {
        let (mut state, flush) = blocking(self, move |state| Ok(state.encode(collected))).await?;
        level0::insert(rows, SIGNAL, at, flush.sections).await?;
        flush.series.insert(rows).await?;
        flush.exemplars.insert(rows).await?;
        flush.families.upsert(rows).await?;
        state.shrink();
        Ok(state)
    }

    fn encode(&mut self, collected: BTreeMap<Place, Collected>) -> Flush {
        let mut flush = Flush::default();
        for (place, mut collected) in collected {
            let (tenant, project, partition) = place;
            let from = collected.from.unwrap_or_default();
            dropped(
                SIGNAL,
                tenant,
                "outside the window",
                collected.outside_window,
            );
            dropped(SIGNAL, tenant, "active series", collected.over_limit);
            for (section, encoded) in (0..).zip(collected.encode()) {
                flush.sections.push(Section {
                    tenant,
                    project,
                    partition,
                    from_offset: from,
                    to_offset: collected.until,
                    section,
                    day: encoded.day,
                    min_time: encoded.min_time,
                    max_time: encoded.max_time,
                    items: encoded.items,
                    data: encoded.data,
                });
            }
            let fresh = self.registries.get_mut(&place).map(Registry::take_fresh);
            for (day, first, labels) in fresh.unwrap_or_default() {
                let data = series_block::encode(&labels);
                flush
                    .series
                    .push(place, day, first, labels.len(), from, data);
            }
            for (day, measured) in &collected.exemplars {
                flush.exemplars.push(place, *day, from, measured);
            }
            self.new_families(tenant, project, collected.families, &mut flush.families);
        }
        flush
    }

    /// Families that say something new.
    fn new_families(
        &mut self,
        tenant: TenantId,
        project: ProjectId,
        families: HashMap<String, Family>,
        to: &mut FamilyRows,
    ) {
        if self.families.len() > FAMILIES {
            self.families.clear();
        }
        let families = families.into_iter();
        let families = families.filter(|(name, _)| name.len() <= LONGEST_FAMILY);
        let mut families: Vec<_> = families.collect();
        families.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, family) in families {
            let text = format!("{}\0{}\0{}", family.kind.name(), family.help, family.unit);
            let (key, says) = (xxh3_64(name.as_bytes()), xxh3_64(text.as_bytes()));
            if self.families.insert((project, key), says) != Some(says) {
                to.push(tenant, project, name, family);
            }
        }
    }

    fn shrink(&mut self) {
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        self.registries
            .values_mut()
            .for_each(|registry| registry.shrink(most));
        let held: usize = self.registries.values().map(Registry::len).sum();
        metrics::gauge!("telemetry_series_in_memory", "signal" => SIGNAL).set(held as f64);
        if held > SERIES_IN_MEMORY {
            self.registries.clear();
        }
    }
}

/// What held for the tenant when the body came.
fn active_limit(body: &Body) -> Option<u32> {
    let limit = body.received.active_limit?;
    Some(u32::try_from(limit).unwrap_or(u32::MAX))
}

fn place_of(body: &Body) -> Place {
    (body.tenant, body.project, body.position.partition)
}

fn arrival_days(bodies: &[Body]) -> Vec<(Place, i32)> {
    let day = |body: &Body| arrival_day(body.received.received_at);
    bodies
        .iter()
        .map(|body| (place_of(body), day(body)))
        .collect()
}

/// The rows of one flush.
#[derive(Debug, Default)]
struct Flush {
    sections: Vec<Section>,
    series: SeriesRows,
    exemplars: ExemplarRows,
    families: FamilyRows,
}

/// Rows of `metric_series`, column by column.
#[derive(Debug, Default)]
struct SeriesRows {
    tenant: Vec<uuid::Uuid>,
    project: Vec<uuid::Uuid>,
    partition: Vec<i32>,
    day: Vec<i32>,
    first_ordinal: Vec<i32>,
    series: Vec<i32>,
    from_offset: Vec<i64>,
    data: Vec<Vec<u8>>,
}

impl SeriesRows {
    fn push(
        &mut self,
        place: Place,
        day: i32,
        first: u32,
        series: usize,
        from: i64,
        data: Vec<u8>,
    ) {
        self.tenant.push(place.0.0);
        self.project.push(place.1.0);
        self.partition.push(place.2);
        self.day.push(day);
        self.first_ordinal.push(first.cast_signed());
        self.series.push(i32::try_from(series).unwrap_or(i32::MAX));
        self.from_offset.push(from);
        self.data.push(data);
    }

    async fn insert(self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.data.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO metric_series (tenant_id, project_id, partition, day,
                 first_ordinal, series, from_offset, data)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::int[],
                 $6::int[], $7::bigint[], $8::bytea[])",
        )
        .bind(self.tenant)
        .bind(self.project)
        .bind(self.partition)
        .bind(self.day)
        .bind(self.first_ordinal)
        .bind(self.series)
        .bind(self.from_offset)
        .bind(self.data)
        .execute(rows)
        .await
        .map(drop)
    }
}

/// Rows of `metric_exemplars`, column by column.
#[derive(Debug, Default)]
struct ExemplarRows {
    tenant: Vec<uuid::Uuid>,
    project: Vec<uuid::Uuid>,
    partition: Vec<i32>,
    day: Vec<i32>,
    from_offset: Vec<i64>,
    min_time: Vec<i64>,
    max_time: Vec<i64>,
    items: Vec<i32>,
    data: Vec<Vec<u8>>,
}

impl ExemplarRows {
    fn push(&mut self, place: Place, day: i32, from: i64, measured: &[exemplars::Measured]) {
        let times = || measured.iter().map(|one| one.time_ms);
        self.tenant.push(place.0.0);
        self.project.push(place.1.0);
        self.partition.push(place.2);
        self.day.push(day);
        self.from_offset.push(from);
        self.min_time.push(times().min().unwrap_or_default());
        self.max_time.push(times().max().unwrap_or_default());
        self.items
            .push(i32::try_from(measured.len()).unwrap_or(i32::MAX));
        self.data.push(exemplars::encode(measured));
    }

    async fn insert(self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.data.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO metric_exemplars (tenant_id, project_id, partition, day,
                 from_offset, min_time, max_time, items, data)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::bigint[],
                 $6::bigint[], $7::bigint[], $8::int[], $9::bytea[])",
        )
        .bind(self.tenant)
        .bind(self.project)
        .bind(self.partition)
        .bind(self.day)
        .bind(self.from_offset)
        .bind(self.min_time)
        .bind(self.max_time)
        .bind(self.items)
        .bind(self.data)
        .execute(rows)
        .await
        .map(drop)
    }
}

/// Rows of `metric_metadata`, column by column.
#[derive(Debug, Default)]
struct FamilyRows {
    tenant: Vec<uuid::Uuid>,
    project: Vec<uuid::Uuid>,
    family: Vec<String>,
    kind: Vec<String>,
    help: Vec<String>,
    unit: Vec<String>,
}

impl FamilyRows {
    fn push(&mut self, tenant: TenantId, project: ProjectId, name: String, family: Family) {
        // Postgres has no NUL in text.
        let clean = |text: String| text.replace('\0', "\u{FFFD}");
        self.tenant.push(tenant.0);
        self.project.push(project.0);
        self.family.push(clean(name));
        self.kind.push(family.kind.name().to_owned());
        self.help.push(clean(family.help));
        self.unit.push(clean(family.unit));
    }

    async fn upsert(self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.family.is_empty() {
            return Ok(());
        }
        // A project in two partitions may bring a family twice: one of them is kept.
        sqlx::query(
            "INSERT INTO metric_metadata (tenant_id, project_id, family, kind, help, unit)
             SELECT DISTINCT ON (tenant_id, project_id, family) *
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
                  AS said (tenant_id, project_id, family, kind, help, unit)
             ON CONFLICT (tenant_id, project_id, family)
             DO UPDATE SET kind = excluded.kind, help = excluded.help, unit = excluded.unit",
        )
        .bind(self.tenant)
        .bind(self.project)
        .bind(self.family)
        .bind(self.kind)
        .bind(self.help)
        .bind(self.unit)
        .execute(rows)
        .await
        .map(drop)
    }
}
