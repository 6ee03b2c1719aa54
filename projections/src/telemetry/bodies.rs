//! From log records to bodies that a signal decodes. Telemetry is never parked:
//! the key of a record is its project, so one bad body would hold back everything
//! after it. Ingest has walked each body before it was appended; what still does
//! not decode is dropped and counted.

use eventlog::{Position, Record};
use protocols::compression::{Encoding, decompress_into};
use protocols::formats;
use schemas::ids::{ProjectId, TenantId};
use schemas::telemetry::{Telemetry, TelemetryReceived};

use super::floors::{Floor, Floors};
use super::sieve::Sieve;
use crate::runtime::{ApplyError, decode_scoped, scope_of};

/// More than any body that ingest takes has when unpacked.
const MAX_PLAIN_BYTES: usize = 256 << 20;

/// One body, as it came.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) tenant: TenantId,
    pub(crate) project: ProjectId,
    pub(crate) position: Position,
    pub(crate) received: TelemetryReceived,
}

/// The bodies of a batch that are taken, in the order of the log.
pub(crate) fn of_batch(batch: &[Record], sieve: &mut Sieve) -> Result<Vec<Body>, ApplyError> {
    let mut bodies = Vec::with_capacity(batch.len());
    for record in batch {
        let Some(body) = Body::of(record, sieve.signal())? else {
            continue;
        };
        if sieve.takes(&body) {
            bodies.push(body);
        }
    }
    Ok(bodies)
}

/// Counts what was left out, by reason and tenant.
pub(crate) fn dropped(signal: &'static str, tenant: TenantId, reason: &'static str, items: u64) {
    if items > 0 {
        metrics::counter!("telemetry_dropped_total", "signal" => signal, "reason" => reason, "tenant" => tenant.to_string())
            .increment(items);
    }
}

impl Body {
    fn of(record: &Record, signal: &'static str) -> Result<Option<Self>, ApplyError> {
        let read = decode_scoped::<Telemetry>(record).and_then(|found| {
            found
                .map(|(envelope, message)| Ok((scope_of(&envelope)?, message)))
                .transpose()
        });
        match read {
            Ok(None) => Ok(None),
            Ok(Some(((tenant, project), Telemetry::TelemetryReceived(received)))) => {
                Ok(Some(Self {
                    tenant,
                    project,
                    position: record.position,
                    received,
                }))
            }
            Err(ApplyError::Permanent(why)) => {
                tracing::error!(position = %record.position, why, "telemetry record dropped");
                metrics::counter!("telemetry_dropped_total", "signal" => signal, "reason" => "unreadable record").increment(1);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// The body decompressed, in `room` where it was compressed: a flush has many, and
    /// memory of its own for each would be cleared for each. None (counted) where it
    /// does not decompress.
    pub(crate) fn plain<'a>(
        &'a self,
        signal: &'static str,
        room: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let Some(encoding) = Encoding::parse(&self.received.encoding) else {
            self.undecodable(signal, &"its encoding is not known");
            return None;
        };
        let plain = decompress_into(encoding, &self.received.body, MAX_PLAIN_BYTES, room);
        if let Err(why) = &plain {
            self.undecodable(signal, why);
        }
        plain.ok()
    }

    /// What a replay takes of it.
    pub(crate) fn floor<'a>(&self, floors: &'a Floors) -> Floor<'a> {
        Floor {
            floors,
            project: self.project,
            partition: self.position.partition,
            offset: self.position.offset,
        }
    }

    /// Counts a body that its decoder refused.
    pub(crate) fn undecodable(&self, signal: &'static str, why: &dyn std::fmt::Display) {
        tracing::warn!(position = %self.position, format = self.received.format, %why, "body dropped");
        dropped(signal, self.tenant, "undecodable body", 1);
    }

    /// The decoder named by the record. One that this program does not know was
    /// written by a newer one: the partition waits for it.
    pub(crate) fn format<D: 'static>(
        &self,
        known: &'static [formats::Format<D>],
    ) -> Result<&'static D, ApplyError> {
        known
            .iter()
            .find(|format| format.name == self.received.format)
            .map(|format| &format.decode)
            .ok_or_else(|| {
                ApplyError::Stop(format!(
                    "telemetry format `{}` is not known to this version",
                    self.received.format
                ))
            })
    }
}
