//! Encoding and decoding one event's body by the serde path of the codec.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use schemas::codec::{self, Example};
use schemas::incident::IncidentOpened;

fn bodies(c: &mut Criterion) {
    let event = IncidentOpened::example();
    let body = codec::encode(&event).expect("an example encodes");
    c.bench_function("encode IncidentOpened", |b| {
        b.iter(|| codec::encode(black_box(&event)));
    });
    c.bench_function("decode IncidentOpened", |b| {
        b.iter(|| codec::decode::<IncidentOpened>(black_box(&body)));
    });
}

criterion_group!(benches, bodies);
criterion_main!(benches);
