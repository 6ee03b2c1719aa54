//! The projection: bodies of topic `telemetry.traces` become level-0 segments, and
//! are counted on the way.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{Partition, Record};
use futures::TryStreamExt;
use parking_lot::Mutex;
use protocols::formats;
use protocols::spans::{SpanRecord, SpanSink, Stream};
use schemas::ids::{ProjectId, TenantId};
use schemas::telemetry::Window;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use sqlx::PgConnection;
use uuid::Uuid;

use super::edges::{self, Edges, Owner, WAIT_US, Waiting};
use super::red::{self, Counted, RedKey};
use super::segment::{Blooms, Segment, write};
use super::table::Table;
use super::{SIGNAL, day_of};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing};
use crate::telemetry::bodies::{self, Body, dropped};
use crate::telemetry::bytes::{Damaged, Reader, put_varint};
use crate::telemetry::floors::{Floor, Floors};
use crate::telemetry::level0::{self, Section, slot_of};
use crate::telemetry::sieve::Sieve;

/// The projection.
#[derive(Debug)]
pub struct Spans {
    /// Taken while a batch is applied and put back when that went well: what a
    /// failure leaves behind is nothing.
    state: Mutex<Option<State>>,
    linger: Duration,
    floors: Option<Arc<Floors>>,
}

impl Spans {
    pub fn new(linger: Duration) -> Self {
        Self {
            state: Mutex::default(),
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

type Place = (Owner, Partition);

#[derive(Debug)]
struct State {
    sieve: Sieve,
    /// Halves of edges, by partition, once they are read.
    waiting: Option<BTreeMap<Partition, Waiting>>,
    floors: Option<Arc<Floors>>,
}

/// What a flush brought for one project in one partition.
#[derive(Debug)]
struct Collected {
    table: Table,
    /// Rows of each body, when it arrived, and its position.
    bodies: Vec<(Range<usize>, Timestamp, i64)>,
    from_offset: i64,
    to_offset: i64,
}

/// A flush as it is written.
#[derive(Debug, Default)]
struct Flush {
    sections: Vec<Section>,
    counted: Vec<(Owner, BTreeMap<RedKey, Counted>)>,
    edges: Edges,
}

#[async_trait]
impl Projection for Spans {
    fn name(&self) -> &'static str {
        SIGNAL
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TelemetryTraces]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["spans_l0", "span_red", "service_edges", "seen_bodies"]
    }

    fn home(&self) -> Home {
        Home::Telemetry
    }

    fn batch_bytes(&self) -> usize {
        16 << 20
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
            waiting: None,
            floors: self.floors.clone(),
        });
        state.sieve.load(to.rows).await?;
        let bodies = bodies::of_batch(batch, &mut state.sieve)?;
        if let Some(newest) = bodies.iter().map(|body| body.received.received_at).max() {
            let oldest = bodies.iter().map(|body| body.received.received_at).min();
            state
                .load_waiting(to.rows, oldest.unwrap_or(newest))
                .await?;
            let (held, flush) = tokio::task::spawn_blocking(move || state.fold(&bodies))
                .await
                .map_err(|e| ApplyError::Transient(format!("decoding ended: {e}")))??;
            state = held;
            flush.write(to.rows, newest).await?;
        }
        // Also where all were repeats: that they came again is to be known after a restart.
        state.sieve.store(to.rows).await?;
        *self.state.lock() = Some(state);
        Ok(Vec::new())
    }
}

impl State {
    fn fold(mut self, bodies: &[Body]) -> Result<(Self, Flush), ApplyError> {
        let mut collected = BTreeMap::<Place, Collected>::new();
        let mut room = Vec::new();
        for body in bodies {
            collect(&mut collected, body, &mut room)?;
        }
        let mut flush = Flush::default();
        let waiting = self.waiting.get_or_insert_default();
        for ((owner, partition), mut collected) in collected {
            if collected.table.is_empty() {
                continue;
            }
            let halves = waiting.entry(partition).or_default();
            for (rows, received_at, _) in &collected.bodies {
                let (table, at) = (&collected.table, received_at.micros());
                halves.take(owner, table, rows.clone(), at, &mut flush.edges);
            }
            flush.counted.push((owner, red::count(&collected.table)));
            if let Some(floors) = &self.floors {
                collected.raise(floors, owner.1, partition);
            }
            if !collected.table.is_empty() {
                collected.table.arrange();
                flush.sections.push(collected.section(owner, partition));
            }
        }
        Ok((self, flush))
    }

    /// Reads the halves that still wait from level 0, which holds the spans of the
    /// last minutes. There each flush has one time of arrival, that of its newest
    /// body: a pair that came almost [`WAIT_US`] apart may be missed after a restart.
    async fn load_waiting(
        &mut self,
        rows: &mut PgConnection,
        oldest: Timestamp,
    ) -> Result<(), ApplyError> {
        if self.waiting.is_some() {
            return Ok(());
        }
        let since = oldest.plus_millis(-WAIT_US / 1_000);
        let mut waiting = BTreeMap::<Partition, Waiting>::new();
        let mut stored = sqlx::query_as::<_, (Uuid, Uuid, i32, Vec<u8>)>(
            "SELECT tenant_id, project_id, partition, data FROM spans_l0
             WHERE slot >= $1 ORDER BY partition, from_offset",
        )
        .bind(slot_of(since).datetime())
        .fetch(rows);
        while let Some((tenant, project, partition, data)) = stored.try_next().await? {
            let (received_at, segment) = opened(&data).map_err(damaged)?;
            if received_at >= since {
                let table = segment.whole().map_err(damaged)?;
                let owner = (TenantId(tenant), ProjectId(project));
                // These edges are counted already.
                let (all, mut known) = (0..table.rows.len(), Edges::new());
                waiting.entry(partition).or_default().take(
                    owner,
                    &table,
                    all,
                    received_at.micros(),
                    &mut known,
                );
            }
        }
        self.waiting = Some(waiting);
        Ok(())
    }
}

fn damaged(error: Damaged) -> ApplyError {
    ApplyError::Stop(error.to_string())
}

fn collect(
    all: &mut BTreeMap<Place, Collected>,
    body: &Body,
    room: &mut Vec<u8>,
) -> Result<(), ApplyError> {
    let decode = body.format(formats::SPANS)?;
    let Some(plain) = body.plain(SIGNAL, room) else {
        return Ok(());
    };
    let place = ((body.tenant, body.project), body.position.partition);
    let collected = all.entry(place).or_insert_with(|| Collected {
        table: Table::default(),
        bodies: Vec::new(),
        from_offset: body.position.offset,
        to_offset: body.position.offset,
    });
    let begin = collected.table.rows.len();
    let received_at = body.received.received_at;
    let received_ns = received_at.micros().saturating_mul(1_000);
    let mut sink = Sink {
        table: &mut collected.table,
        resource: None,
        window: body.received.window(),
        received_ns,
        outside: 0,
    };
    if let Err(why) = decode(plain, received_ns, &mut sink) {
        body.undecodable(SIGNAL, &why);
    }
    if sink.outside > 0 {
        dropped(SIGNAL, body.tenant, "time out of range", sink.outside);
    }
    let rows = begin..collected.table.rows.len();
    collected
        .bodies
        .push((rows, received_at, body.position.offset));
    collected.to_offset = body.position.offset + 1;
    Ok(())
}

/// Takes what a decoder reads into a table.
struct Sink<'a> {
    table: &'a mut Table,
    resource: Option<u32>,
    window: Window,
    received_ns: i64,
    /// Spans whose time ingest had refused.
    outside: u64,
}

impl SpanSink for Sink<'_> {
    fn resource(&mut self, resource: &Stream<'_>) {
        self.resource = Some(self.table.resource(resource));
    }

    fn span(&mut self, span: &SpanRecord<'_>) {
        if !self.window.contains(span.start_ns.div_euclid(1_000_000)) {
            self.outside += 1;
            return;
        }
        let resource = match self.resource {
            Some(resource) => resource,
            None => self.table.resource(&Stream::default()),
        };
        self.table.push(resource, span, self.received_ns);
    }
}

impl Collected {
    /// Leaves out spans that are counted now, but stored already.
    fn raise(&mut self, floors: &Floors, project: ProjectId, partition: Partition) {
        let bodies = self.bodies.iter();
        let offsets = bodies.flat_map(|(rows, _, offset)| rows.clone().map(|_| *offset));
        let mut offsets: std::vec::IntoIter<i64> = offsets.collect::<Vec<_>>().into_iter();
        self.table.rows.retain(|row| {
            let floor = Floor {
                floors,
                project,
                partition,
                offset: offsets.next().unwrap_or_default(),
            };
            floor.takes(row.start_ns.div_euclid(1_000_000_000))
        });
    }

    fn section(&self, (tenant, project): Owner, partition: Partition) -> Section {
        let written = write(&self.table, Blooms::Without);
        let newest = self.bodies.iter().map(|(_, at, _)| *at).max();
        Section {
            tenant,
            project,
            partition,
            from_offset: self.from_offset,
            to_offset: self.to_offset,
            section: 0,
            day: day_of(written.min_start_ns),
            min_time: written.min_start_ns,
            max_time: written.max_start_ns,
            items: i32::try_from(written.spans).unwrap_or(i32::MAX),
            data: level0_data(newest.unwrap_or_default(), &written.data),
        }
    }
}

/// A level-0 row: when its newest body arrived (microseconds), and the segment.
fn level0_data(newest: Timestamp, segment: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(segment.len() + 10);
    put_varint(&mut data, newest.micros().cast_unsigned());
    data.extend_from_slice(segment);
    data
}

/// What a row of level 0 holds.
pub(super) fn opened(data: &[u8]) -> Result<(Timestamp, Segment<'_>), Damaged> {
    let mut reader = Reader::new(data);
    let newest = Timestamp::from_micros(reader.varint()?.cast_signed());
    Ok((newest, Segment::open(reader.rest())?))
}

impl Flush {
    async fn write(self, rows: &mut PgConnection, at: Timestamp) -> Result<(), ApplyError> {
        level0::insert(rows, SIGNAL, at, self.sections).await?;
        for (owner, counted) in &self.counted {
            red::write(rows, *owner, counted).await?;
        }
        edges::write(rows, &self.edges).await
    }
}
