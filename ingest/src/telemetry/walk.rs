//! The validating walk: a format's decoder, told to a sink that checks and counts.

mod logs;
mod metrics;
mod runs;
mod series;
mod spans;

use ::metrics::counter;
use access::body::{self, Encoding};
use access::telemetry_limits::TelemetryLimits;
use bytes::Bytes;
use protocols::elastic_bulk::{self, OfIndex};
use protocols::formats::{self, DecodeLogs, DecodeMetrics, DecodeSpans};
use protocols::refused::{Refused, Skipped};
use schemas::ids::ProjectId;
use schemas::ids::TenantId;
use schemas::telemetry::Window;
use schemas::time::Timestamp;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

use super::routes::Signal;
use super::{Settings, Telemetry};
use crate::Refusal;
use runs::Runs;
use series::Judge;

/// The decoder of a format, by signal.
pub(super) enum Decoder {
    Metrics(DecodeMetrics),
    Logs(DecodeLogs),
    /// It answers for each item apart.
    Bulk,
    Traces(DecodeSpans),
}

impl Decoder {
    pub(super) fn find(signal: Signal, format: &str) -> Option<Self> {
        match signal {
            Signal::Metrics => {
                formats::find(formats::METRICS, format).map(|format| Self::Metrics(format.decode))
            }
            Signal::Logs if format == elastic_bulk::BULK.name => Some(Self::Bulk),
            Signal::Logs => {
                formats::find(formats::LOGS, format).map(|format| Self::Logs(format.decode))
            }
            Signal::Traces => {
                formats::find(formats::SPANS, format).map(|format| Self::Traces(format.decode))
            }
        }
    }
}

/// One body to walk.
pub(super) struct Walk {
    pub(super) signal: Signal,
    pub(super) format: &'static str,
    pub(super) encoding: Encoding,
    pub(super) tenant: TenantId,
    pub(super) project: ProjectId,
    pub(super) limits: TelemetryLimits,
    pub(super) received_at: Timestamp,
    /// What the request's path says of where the items come from.
    pub(super) origin: Option<String>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) taken: Counts,
    pub(super) skipped: Skipped,
    /// Of the body, as it was sent.
    pub(super) bytes: u64,
    /// Which series or streams were refused.
    pub(super) runs: Runs,
    /// What met the limit of active series or streams first: a metric, a service.
    pub(super) offender: Option<String>,
    /// How many were skipped, for each of [`Reason::ALL`].
    reasons: [u64; Reason::ALL.len()],
    /// Of each item, where the protocol answers for each.
    pub(super) answered: Vec<Answered>,
    /// Some item has no time but that of its arrival, so an equal body tells of another.
    pub(super) timed_by_arrival: bool,
}

/// What a client is told of one action of a bulk.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) action: &'static str,
    pub(super) index: String,
    pub(super) id: String,
    pub(super) refused: Option<String>,
}

/// Items within the limits.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Samples, log records or spans.
    pub(super) items: u64,
    pub(super) histograms: u64,
    pub(super) exemplars: u64,
    pub(super) metadata: u64,
}

/// Why an item was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    TooOld,
    TooNew,
    ActiveLimit,
    LabelLimit,
    /// The format's own limits, or a kind of item that cannot be kept.
    Unusable,
}

impl Reason {
    const ALL: [(Self, &'static str); 5] = [
        (Self::TooOld, "too_old"),
        (Self::TooNew, "too_far_in_the_future"),
        (Self::ActiveLimit, "active_limit"),
        (Self::LabelLimit, "label_limit"),
        (Self::Unusable, "unusable"),
    ];
}

impl Walk {
    /// What is found, and the hash by which the same body is known again: of what was
    /// packed, as some clients pack it anew for each try, and gzip's head has the time.
    pub(super) fn run(
        &self,
        telemetry: &Telemetry,
        sent: &Bytes,
    ) -> Result<(Walked, u128), Refusal> {
        let plain = body::decompress(
            self.encoding,
            sent.clone(),
            telemetry.settings.limits.decoded,
        )?;
        let walked = self.walk(telemetry, &plain)?;
        Ok((walked, xxh3_128(&plain)))
    }

    fn walk(&self, telemetry: &Telemetry, plain: &[u8]) -> Result<Walked, Refusal> {
        let Settings { max_age_ms, .. } = telemetry.settings;
        let decoder =
            Decoder::find(self.signal, self.format).ok_or_else(|| Refusal::UnsupportedType {
                sent: self.format.to_owned(),
                known: "the formats of this version".to_owned(),
            })?;
        let window = Window::of(self.received_at, max_age_ms);
        let active = telemetry
            .active
            .of(self.tenant, self.signal, self.received_at);
        let judge = Judge::new(&active, &self.limits, self.signal);
        let salt = self.salt();
        let now_ns = self.received_at.micros().saturating_mul(1_000);
        match decoder {
            Decoder::Metrics(decode) => {
                let mut check = metrics::Check::new(window, judge, salt, now_ns);
                let skipped = decode(plain, now_ns, &mut check)?;
                Ok(check.walked.with(skipped))
            }
            Decoder::Logs(decode) => {
                let mut check = logs::Check::new(window, judge, salt, now_ns);
                let skipped = decode(plain, now_ns, &mut check)?;
                Ok(check.walked.with(skipped))
            }
            Decoder::Bulk => {
                let mut check = logs::Check::new(window, judge, salt, now_ns);
                let mut placed = OfIndex {
                    index: self.origin.as_deref().unwrap_or_default(),
                    sink: &mut check,
                };
                let skipped = elastic_bulk::walk(plain, now_ns, &mut placed)?;
                Ok(check.walked.with(skipped))
            }
            Decoder::Traces(decode) => {
                let mut check = spans::Check::new(window);
                let skipped = decode(plain, now_ns, &mut check)?;
                Ok(check.walked.with(skipped))
            }
        }
    }
}

impl Walk {
    /// Series are of one project; streams are spelled alike by every format of logs.
    fn salt(&self) -> u64 {
        let seed = (self.project.0.as_u128() >> 64) as u64 ^ self.project.0.as_u128() as u64;
        match self.signal {
            Signal::Metrics => xxh3_64_with_seed(self.format.as_bytes(), seed),
            Signal::Logs | Signal::Traces => seed,
        }
    }
}

impl Walked {
    /// Notes one item that is not taken.
    fn skip(&mut self, reason: Reason, why: impl FnOnce() -> String) {
        self.skipped.note(why);
        self.reasons[reason as usize] += 1;
    }

    /// Whether `time_ms` lies in the window; if not, the item is noted as skipped.
    fn in_time(&mut self, window: Window, time_ms: i64) -> bool {
        match time_of(window, time_ms) {
            Ok(()) => true,
            Err((reason, why)) => {
                self.skip(reason, || why);
                false
            }
        }
    }

    /// Adds what the decoder itself left out.
    fn with(mut self, skipped: Skipped) -> Self {
        self.reasons[Reason::Unusable as usize] += skipped.items;
        self.skipped.items += skipped.items;
        self.skipped.first = self.skipped.first.or(skipped.first);
        self
    }

    pub(super) fn count(&self, signal: Signal, format: &'static str, tenant: &str) {
        let labels = [("signal", signal.name()), ("format", format)];
        counter!("ingest_items_total", &labels).increment(self.taken.items + self.taken.histograms);
        for (name, items) in self.refused() {
            let labels = [
                ("tenant", tenant.to_owned()),
                ("signal", signal.name().to_owned()),
                ("reason", name.to_owned()),
            ];
            counter!("ingest_items_refused_total", &labels).increment(items);
        }
    }

    /// How many items were refused, by reason.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = Reason::ALL.into_iter();
        all.map(|(reason, name)| (name, self.reasons[reason as usize]))
            .filter(|(_, items)| *items > 0)
    }
}

impl Counts {
    pub(super) fn is_empty(&self) -> bool {
        self.items + self.histograms + self.exemplars + self.metadata == 0
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let Refused { field, detail } = refused;
        Self::Invalid {
            field,
            problem: detail,
        }
    }
}

/// Milliseconds since 1970 as people read them: a unit that was mistaken shows at once.
struct Told(i64);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Timestamp::from_micros(self.0.saturating_mul(1_000)).fmt(f)
    }
}

/// Why an item of this time is not taken.
fn time_of(window: Window, time_ms: i64) -> Result<(), (Reason, String)> {
    if time_ms < window.from_ms {
        let why = format!(
            "time {} is before {}, the oldest that is taken",
            Told(time_ms),
            Told(window.from_ms)
        );
        return Err((Reason::TooOld, why));
    }
    if time_ms > window.until_ms {
        let why = format!(
            "time {} is after {}, the latest that is taken",
            Told(time_ms),
            Told(window.until_ms)
        );
        return Err((Reason::TooNew, why));
    }
    Ok(())
}
