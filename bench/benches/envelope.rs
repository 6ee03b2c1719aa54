//! An event's envelope to headers and back.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::scope::{Actor, Scope};
use schemas::time::Timestamp;
use uuid::Uuid;

/// Every header but the expected version, which events do not carry.
fn envelope() -> Envelope {
    let id = Uuid::from_u128;
    let scope = Scope::granted(
        TenantId(id(1)),
        ProjectId(id(2)),
        Actor::User(UserId(id(3))),
    );
    Envelope {
        time: Timestamp::from_micros(1_793_500_860_000_000),
        causation: Some(id(5)),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        sequence: Some(7),
        request_hash: Some("ab".repeat(16)),
        ..Envelope::of(
            &scope,
            id(4),
            "IncidentOpened",
            "/commands/incident",
            id(6).to_string(),
        )
    }
}

fn headers(c: &mut Criterion) {
    let envelope = envelope();
    let headers = envelope.to_headers();
    c.bench_function("envelope to headers", |b| {
        b.iter(|| black_box(&envelope).to_headers());
    });
    c.bench_function("envelope from headers", |b| {
        b.iter(|| Envelope::from_headers(black_box(&headers)));
    });
}

criterion_group!(benches, headers);
criterion_main!(benches);
