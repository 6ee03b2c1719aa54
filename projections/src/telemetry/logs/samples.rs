//! Lines like those of a web shop, for tests: 160 bytes of body, six fields.

use protocols::logs::{Level, LogRecord, Stream};

use super::filter::{Clause, Filter, Test, Value};
use super::record::Record;
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

/// A few records unlike the others.
pub(super) fn push_odd(table: &mut Table) {
    let arrival = |index| Arrival {
        received_ns: RECEIVED_NS,
        offset: 1 << 40,
        index,
    };
    let stream = table.stream(&Stream {
        service: "odd one".into(),
        fields: vec![("status".into(), "of the resource".into())],
    });
    let bare = LogRecord {
        time_ns: RECEIVED_NS,
        level: Level::Fatal,
        level_text: "EMERG".into(),
        body: "Ünïcode KERNEL panic: out of memory (pid=42)".into(),
        trace_id: None,
        span_id: Some([0xAB; 8]),
        fields: vec![
            ("status".into(), "-3.5".into()),
            ("Case".into(), "MiXed".into()),
        ],
    };
    table.push(stream, &bare, arrival(0));
    let empty = LogRecord {
        body: "".into(),
        span_id: None,
        fields: Vec::new(),
        level: Level::Unknown,
        ..bare
    };
    table.push(stream, &empty, arrival(1));
}

/// Queries, and how many of the samples they find at least.
pub(super) const QUERIES: &[(&str, usize)] = &[
    ("", 3002),
    ("order", 500),
    ("orde", 0),
    ("cart", 0),
    ("shop", 500),
    ("\"payment provider\"", 100),
    ("\"rder ord-\"", 100),
    ("level:error", 100),
    ("level:warn,fatal", 100),
    ("-level:info", 500),
    ("service:checkout,cart", 500),
    ("service:c*", 500),
    ("service:*", 3002),
    ("http.status_code:>=500", 300),
    ("http.status_code:<404 -level:info", 100),
    ("http.status_code:500,404", 500),
    ("user.id:*", 3000),
    ("-user.id:*", 2),
    ("duration_ms:>890", 1),
    ("status:\"of the resource\"", 1),
    ("status:<0", 1),
    ("resource.status:*", 2),
    ("k8s.pod.name:cart-3", 50),
    ("panic", 1),
    ("PANIC -memory", 0),
    ("\"pid=42\"", 1),
    ("mixed", 1),
    ("Case:MiXed", 1),
    ("Case:mixed", 0),
    ("abababababababab", 1),
    ("span_id:ABABABABABABABAB", 1),
    ("\"ababab\"", 1),
    ("Ünïcode", 1),
    ("body:\"kernel PANIC\"", 1),
    ("nothinglikethis", 0),
    ("panic OR level:error", 100),
    (
        "service:cart level:warn OR \"pid=42\" OR nothinglikethis",
        2,
    ),
    ("nothinglikethis OR northis", 0),
    (
        "(service:cart OR service:checkout) -(level:info OR level:error)",
        50,
    ),
    ("NOT (level:info http.status_code:*)", 500),
    ("-level:info -level:error OR user.id:*", 3000),
];

/// What a filter means, by looking at one record.
pub(super) fn wants(filter: &Filter, record: &Record) -> bool {
    meets(&filter.clauses, record)
}

fn meets(clauses: &[Clause], record: &Record) -> bool {
    let texts = || {
        let ids = record.trace_id.iter().chain(&record.span_id);
        [&record.body]
            .into_iter()
            .chain(record.fields.values())
            .chain(ids)
    };
    let has = |text: &String, piece: &str| text.to_ascii_lowercase().contains(piece);
    let value = |value: &Value, text: Option<&String>| text.is_some_and(|text| value.holds(text));
    clauses.iter().all(|clause| {
        let held = match &clause.test {
            Test::Word(word) => texts().any(|text| {
                let lower = text.to_ascii_lowercase();
                let mut words = lower.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric());
                words.any(|one| one == word)
            }),
            Test::Phrase(piece) => texts().any(|text| has(text, piece)),
            Test::Body(piece) => has(&record.body, piece),
            Test::Level(levels) => levels.iter().any(|level| level.name() == record.level),
            Test::Service(wanted) => wanted.holds(&record.service),
            Test::TraceId(wanted) => value(wanted, record.trace_id.as_ref()),
            Test::SpanId(wanted) => value(wanted, record.span_id.as_ref()),
            Test::Resource(name, wanted) => value(wanted, record.resource.get(name)),
            Test::Field(name, wanted) => value(
                wanted,
                record
                    .fields
                    .get(name)
                    .or_else(|| record.resource.get(name)),
            ),
            Test::Any(alternatives) => alternatives.iter().any(|all| meets(all, record)),
            Test::Stream(_)
            | Test::Label(..)
            | Test::Line(_)
            | Test::LineMatches(_)
            | Test::KnownAt(_) => {
                unreachable!("no query says it")
            }
        };
        held != clause.negated
    })
}
