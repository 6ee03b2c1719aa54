//! Notes for a tenant's owner, appended beside the request: neither its answer nor its
//! time depend on them.

use access::telemetry_limits::TelemetryLimits;
use eventlog::NewRecord;
use metrics::counter;
use schemas::codec::CodecError;
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::messages::MessageSet;
use schemas::scope::Scope;
use schemas::telemetry_limits::{SeriesLimitReached, TelemetryNote, TelemetryUsed};
use schemas::topic::Topic;

use super::active::day_of;
use super::routes::Signal;
use crate::IngestState;

/// Counts `bytes` of the tenant's, and notes what it has sent where that is due.
pub(super) fn usage(state: &IngestState, scope: &Scope, bytes: usize, context: &Context) {
    let (tenant, now) = (scope.tenant(), context.now());
    let Some(due) = state.telemetry.usage.add(tenant, bytes, now) else {
        return;
    };
    let active = |signal| {
        let count = state.telemetry.active.count(tenant, signal, now);
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    let used = TelemetryUsed {
        instance: state.instance.clone(),
        day: today(context),
        active_series: active(Signal::Metrics),
        active_streams: active(Signal::Logs),
        bytes: i64::try_from(due.bytes).unwrap_or(i64::MAX),
        over_ms: due.over_ms,
    };
    append(state, scope, used.into(), context);
}

/// Notes, once a day, that new series or streams are refused.
pub(super) fn limit_reached(
    state: &IngestState,
    scope: &Scope,
    signal: Signal,
    limits: &TelemetryLimits,
    offender: String,
    context: &Context,
) {
    let today_of = state
        .telemetry
        .active
        .of(scope.tenant(), signal, context.now());
    if !today_of.first_to_tell() {
        return;
    }
    let (limit, most) = match signal {
        Signal::Metrics => ("active_series", limits.active_series),
        Signal::Logs | Signal::Traces => ("active_streams", limits.active_streams),
    };
    let tenant = scope.tenant();
    tracing::warn!(%tenant, limit, most, offender, "a tenant has reached its limit");
    let reached = SeriesLimitReached {
        limit: limit.to_owned(),
        most: i64::try_from(most).unwrap_or(i64::MAX),
        day: today(context),
        offender,
    };
    append(state, scope, reached.into(), context);
}

fn today(context: &Context) -> i32 {
    i32::try_from(day_of(context.now())).unwrap_or(i32::MAX)
}

fn append(state: &IngestState, scope: &Scope, note: TelemetryNote, context: &Context) {
    let note = match record(scope, &note, context) {
        Ok(note) => note,
        Err(error) => return tracing::error!(%error, "a note is not written"),
    };
    let log = state.log.clone();
    tokio::spawn(async move {
        if let Err(error) = log.append(vec![note]).await {
            counter!("ingest_notes_lost_total").increment(1);
            tracing::warn!(%error, "a note is not written");
        }
    });
}

fn record(scope: &Scope, note: &TelemetryNote, context: &Context) -> Result<NewRecord, CodecError> {
    let subject = scope.tenant().to_string();
    let mut envelope = Envelope::of(scope, context.id(), note.kind(), "/ingest", subject);
    envelope.time = context.now();
    NewRecord::of(Topic::AuditOperations, &envelope, note)
}
