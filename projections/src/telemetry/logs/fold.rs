//! The projection: bodies of topic `telemetry.logs` become level-0 segments, and
//! what they hold is counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{Partition, Record};
use parking_lot::Mutex;
use protocols::elastic_bulk::OfIndex;
use protocols::formats::{self, DecodeLogs, Format};
use schemas::ids::{ProjectId, TenantId};
use schemas::topic::Topic;

use super::SIGNAL;
use super::compact;
use super::counts::Counts;
use super::segment::{Bloom, Writer};
use super::sink::Sink;
use super::table::Table;
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing};
use crate::telemetry::bodies::{self, Body, dropped};
use crate::telemetry::floors::{Floor, Floors};
use crate::telemetry::level0::{self, Section};
use crate::telemetry::sieve::Sieve;
use crate::telemetry::taken::Taken;

/// A section is written when it has so many records, or so many bytes of text.
const SECTION_RECORDS: usize = 20_000;
const SECTION_BYTES: usize = 32 << 20;
const NS_A_SECOND: i64 = 1_000_000_000;
const NS_A_DAY: i64 = 86_400_000_000_000;

/// The projection.
#[derive(Debug)]
pub struct Logs {
    formats: &'static [Format<DecodeLogs>],
    /// Taken while a batch is applied and put back when that went well: what a
    /// failure leaves behind is nothing.
    sieve: Mutex<Option<Sieve>>,
    linger: Duration,
    floors: Option<Arc<Floors>>,
}

impl Logs {
    pub fn new(linger: Duration) -> Self {
        Self {
            formats: formats::LOGS,
            sieve: Mutex::default(),
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

#[async_trait]
impl Projection for Logs {
    fn name(&self) -> &'static str {
        SIGNAL
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TelemetryLogs]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["logs_l0", "log_counts", "seen_bodies"]
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
        *self.sieve.lock() = None;
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let held = self.sieve.lock().take();
        let mut sieve = held.unwrap_or_else(|| Sieve::new(SIGNAL));
        sieve.load(to.rows).await?;
        let bodies = bodies::of_batch(batch, &mut sieve)?;
        if let Some(newest) = bodies.iter().map(|body| body.received.received_at).max() {
            let (formats, floors) = (self.formats, self.floors.clone());
            let decoding = tokio::task::spawn_blocking(move || {
                let flush = Flush {
                    floors,
                    ..Flush::default()
                };
                decode(&bodies, formats, flush)
            });
            let flush = decoding
                .await
                .map_err(|e| ApplyError::Transient(format!("decoding ended: {e}")))??;
            level0::insert(to.rows, SIGNAL, newest, flush.sections).await?;
            flush.counts.add(to.rows).await?;
        }
        // Also where all were repeats: that they came again is to be known after a restart.
        sieve.store(to.rows).await?;
        *self.sieve.lock() = Some(sieve);
        Ok(Vec::new())
    }
}

type Place = (TenantId, ProjectId, Partition);

/// The rows of one flush.
#[derive(Default)]
struct Flush {
    sections: Vec<Section>,
    counts: Counts,
    /// Of a replay: records below them are counted, but stored already.
    floors: Option<Arc<Floors>>,
}

/// What a flush has of one project so far.
#[derive(Default)]
struct Gathered {
    from: Option<i64>,
    until: i64,
    table: Table,
    sections: i32,
    outside: u64,
}

fn decode(
    bodies: &[Body],
    known: &'static [Format<DecodeLogs>],
    mut flush: Flush,
) -> Result<Flush, ApplyError> {
    let mut writer = Writer::new().map_err(|e| ApplyError::Transient(e.to_string()))?;
    let mut all = BTreeMap::<Place, Gathered>::new();
    // All sections of a project name the whole flush, so the ends are known first.
    for body in bodies {
        let gathered = all.entry(place_of(body)).or_default();
        gathered.from.get_or_insert(body.position.offset);
        gathered.until = body.position.offset + 1;
    }
    let mut room = Vec::new();
    for body in bodies {
        let decode = body.format(known)?;
        let Some(plain) = body.plain(SIGNAL, &mut room) else {
            continue;
        };
        let gathered = all.entry(place_of(body)).or_default();
        let received_ns = body.received.received_at.micros().saturating_mul(1_000);
        let window = body.received.window();
        let mut sink = Sink::new(
            &mut gathered.table,
            window,
            received_ns,
            body.position.offset,
        );
        let mut taken = Taken::new(&mut sink, &body.received.refused_runs);
        let mut taken = OfIndex {
            index: body.received.origin.as_deref().unwrap_or_default(),
            sink: &mut taken,
        };
        if let Err(why) = decode(plain, received_ns, &mut taken) {
            body.undecodable(SIGNAL, &why);
        }
        gathered.outside += sink.outside();
        if gathered.table.len() >= SECTION_RECORDS || gathered.table.bytes() >= SECTION_BYTES {
            flush.take(place_of(body), gathered, &mut writer)?;
        }
    }
    for (place, mut gathered) in all {
        dropped(SIGNAL, place.0, "outside the window", gathered.outside);
        flush.take(place, &mut gathered, &mut writer)?;
    }
    Ok(flush)
}

fn place_of(body: &Body) -> Place {
    (body.tenant, body.project, body.position.partition)
}

impl Flush {
    /// Writes what was gathered and begins anew.
    fn take(
        &mut self,
        (tenant, project, partition): Place,
        gathered: &mut Gathered,
        writer: &mut Writer,
    ) -> Result<(), ApplyError> {
        let table = std::mem::take(&mut gathered.table);
        if table.len() == 0 {
            return Ok(());
        }
        self.counts.count(tenant, project, &table);
        let mut rows = table.sorted();
        if let Some(floors) = &self.floors {
            rows.retain(|row| {
                let row = &table.rows[*row as usize];
                let floor = Floor {
                    floors,
                    project,
                    partition,
                    offset: row.offset,
                };
                floor.takes(row.time_ns.div_euclid(NS_A_SECOND))
            });
        }
        if rows.is_empty() {
            return Ok(());
        }
        // What compaction will take as it is needs its filter now.
        let bloom = match rows.len() >= compact::LARGE {
            true => Bloom::With,
            false => Bloom::Without,
        };
        let written = writer
            .write(&table, &rows, bloom)
            .map_err(|e| ApplyError::Transient(e.to_string()))?;
        self.sections.push(Section {
            tenant,
            project,
            partition,
            from_offset: gathered.from.unwrap_or_default(),
            to_offset: gathered.until,
            section: gathered.sections,
            day: day_of(written.max_time_ns),
            min_time: written.min_time_ns,
            max_time: written.max_time_ns,
            items: i32::try_from(written.records).unwrap_or(i32::MAX),
            data: written.data,
        });
        gathered.sections += 1;
        Ok(())
    }
}

/// Days since 1970.
pub(super) fn day_of(time_ns: i64) -> i32 {
    time_ns.div_euclid(NS_A_DAY) as i32
}
