//! Lines like those of a web shop, for tests: 160 bytes of body, six fields.

use protocols::logs::{Level, LogRecord, Stream};

use super::table::{Arrival, Table};

pub(super) const RECEIVED_NS: i64 = 1_793_500_000_000_000_000;

/// A reproducible stream of numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

const SERVICES: [&str; 5] = ["frontend", "checkout", "cart", "payment", "catalog"];
const LEVELS: [Level; 8] = [
    Level::Info,
    Level::Info,
    Level::Info,
    Level::Info,
    Level::Info,
    Level::Debug,
    Level::Warn,
    Level::Error,
];

/// So many lines, five hundred a request.
pub(super) fn table(lines: u64) -> Table {
    let mut table = Table::default();
    let mut numbers = Numbers(7);
    for line in 0..lines {
        push(&mut table, &mut numbers, line);
    }
    table
}

fn push(table: &mut Table, numbers: &mut Numbers, line: u64) {
    let service = SERVICES[numbers.below(5) as usize];
    let level = LEVELS[numbers.below(8) as usize];
    let stream = table.stream(&Stream {
        service: service.into(),
        fields: vec![
            ("service.name".into(), service.into()),
            (
                "k8s.pod.name".into(),
                format!("{service}-{}", numbers.below(5)).into(),
            ),
        ],
    });
    let (order, user, took) = (
        numbers.below(1 << 40),
        numbers.below(50_000),
        numbers.below(900),
    );
    let body = match numbers.below(4) {
        0 => format!(
            "Order ord-{order} of user {user} has been placed in {took} ms after three attempts; the payment provider answered with reference {:x} and the basket is empty now",
            numbers.below(1 << 36)
        ),
        1 => format!(
            "GET /api/v1/products/{}?currency=EUR&page={} finished with status 200 in {took} ms, {} bytes were sent to 10.1.{}.{} over HTTP/1.1 by worker {}",
            numbers.below(10_000),
            numbers.below(50),
            numbers.below(90_000),
            numbers.below(4),
            numbers.below(250),
            numbers.below(32)
        ),
        2 => format!(
            "connection to upstream inventory.shop.svc:8443 was reset while reading the response header of request {order}, {took} ms passed; trying the next of {} endpoints",
            numbers.below(9)
        ),
        _ => format!(
            "cache miss for key session:{user}:{:x}, loading it from the database took {took} ms and {} rows; the cache holds {} entries",
            numbers.below(1 << 24),
            numbers.below(200),
            numbers.below(100_000)
        ),
    };
    let trace_id = (u128::from(numbers.next()) << 64 | u128::from(numbers.next())).to_be_bytes();
    let status = ["200", "200", "200", "404", "500"][numbers.below(5) as usize];
    let (user, took) = (user.to_string(), took.to_string());
    let worker = numbers.below(32).to_string();
    let record = LogRecord {
        time_ns: RECEIVED_NS + (line as i64) * 250_000 + numbers.below(200_000) as i64,
        level,
        level_text: level.name().into(),
        body: body.into(),
        trace_id: Some(trace_id),
        span_id: None,
        fields: vec![
            ("http.status_code".into(), status.into()),
            ("user.id".into(), (&user).into()),
            ("duration_ms".into(), (&took).into()),
            ("worker".into(), (&worker).into()),
            ("logger".into(), "shop.http.server".into()),
        ],
    };
    let arrival = Arrival {
        received_ns: RECEIVED_NS + (line as i64) * 250_000,
        offset: line as i64 / 500,
        index: (line % 500) as u32,
    };
    table.push(stream, &record, arrival);
}
