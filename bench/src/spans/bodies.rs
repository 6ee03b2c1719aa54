//! Traces of a shop as its collectors send them: requests through a few services,
//! with calls of databases and caches. The same spans also as log records.

use bytes::Bytes;

use crate::dice::Dice;
use crate::protobuf::{
    put_bytes, put_fixed64, put_number_attribute, put_text_attribute, put_varint,
};

pub(super) const SPANS_PER_TRACE: usize = 10;
pub(super) const TRACES_PER_REQUEST: usize = 200;
const RANGE_NS: i64 = 3_600_000_000_000;
const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const INTERNAL: u64 = 1;
const SERVICES: [&str; 12] = [
    "gateway", "cart", "checkout", "catalog", "search", "users", "payments", "invoices", "stock",
    "prices", "reviews", "shipping",
];
const ROUTES: [&str; 8] = [
    "/api/v1/orders/{id}",
    "/api/v1/cart",
    "/api/v1/cart/items",
    "/api/v1/products/{id}",
    "/api/v1/products",
    "/api/v1/users/{id}/orders",
    "/api/v1/search",
    "/api/v1/payments",
];
const STATEMENTS: [&str; 6] = [
    "SELECT * FROM orders WHERE id = $1",
    "SELECT * FROM carts WHERE user_id = $1",
    "UPDATE stock SET held = held + $2 WHERE sku = $1",
    "INSERT INTO payments (id, amount) VALUES ($1, $2)",
    "SELECT id, name, price FROM products WHERE id = ANY($1)",
    "SELECT 1",
];

/// What is sent: the same for everybody who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traces {
    /// Spans.
    pub(super) count: usize,
    end_ns: i64,
}

struct Span {
    service: usize,
    trace: [u8; 16],
    id: u64,
    parent: Option<u64>,
    name: String,
    kind: u64,
    start_ns: i64,
    duration_ns: i64,
    failed: bool,
    texts: Vec<(&'static str, String)>,
    numbers: Vec<(&'static str, u64)>,
}

impl Traces {
    /// Spread evenly over the hour before `end_ns`, whole requests.
    pub(super) fn ending(end_ns: i64, count: usize) -> Self {
        let request = SPANS_PER_TRACE * TRACES_PER_REQUEST;
        Self {
            count: count.div_ceil(request).max(4) * request,
            end_ns,
        }
    }

    pub(super) fn requests(self) -> usize {
        self.count / SPANS_PER_TRACE / TRACES_PER_REQUEST
    }

    pub(super) fn start_ns(self) -> i64 {
        self.end_ns - RANGE_NS
    }

    pub(super) fn end_ns(self) -> i64 {
        self.end_ns
    }

    /// Of all bodies before compression, from a sample of them.
    pub(super) fn plain_bytes(self) -> usize {
        let step = self.requests().div_ceil(50);
        let sample: Vec<_> = (0..self.requests()).step_by(step).collect();
        let bytes: usize = sample
            .iter()
            .map(|at| self.plain(*at, put_span).len())
            .sum();
        bytes * self.requests() / sample.len()
    }

    /// A request's body, compressed.
    pub(super) fn body(self, request: usize) -> Bytes {
        packed(&self.plain(request, put_span))
    }

    /// The same spans as log records.
    pub(super) fn body_of_records(self, request: usize) -> Bytes {
        packed(&self.plain(request, put_record))
    }

    /// By service, as a collector puts them together.
    fn plain(self, request: usize, put: fn(&mut Vec<u8>, &Span)) -> Vec<u8> {
        let mut of_service = vec![Vec::new(); SERVICES.len()];
        for trace in request * TRACES_PER_REQUEST..(request + 1) * TRACES_PER_REQUEST {
            for span in self.trace(trace) {
                put(&mut of_service[span.service], &span);
            }
        }
        let mut body = Vec::new();
        for (service, spans) in of_service
            .iter()
            .enumerate()
            .filter(|(_, spans)| !spans.is_empty())
        {
            let mut scope = Vec::new();
            put_bytes(&mut scope, 1, b"io.opentelemetry.http");
            let mut scoped = Vec::with_capacity(spans.len() + 64);
            put_bytes(&mut scoped, 1, &scope);
            scoped.extend_from_slice(spans);
            let mut resource = Vec::with_capacity(scoped.len() + 300);
            put_bytes(&mut resource, 1, &resource_of(service, request % 4));
            put_bytes(&mut resource, 2, &scoped);
            put_bytes(&mut body, 1, &resource);
        }
        body
    }

    /// A request at the gateway, calls of two services, and what those need.
    fn trace(self, number: usize) -> Vec<Span> {
        let mut dice = Dice(number as u64 * 64);
        let traces = (self.count / SPANS_PER_TRACE) as i128;
        let step = i128::from(RANGE_NS) * number as i128 / traces;
        let start_ns = self.start_ns() + step as i64 + dice.below(1_000_000) as i64;
        let trace = [dice.next(), dice.next()].map(u64::to_le_bytes).concat();
        let mut trace_id = [0; 16];
        trace_id.copy_from_slice(&trace);
        let route = dice.skewed(ROUTES.len() as u64) as usize;
        let whole = (dice.skewed(900_000_000) + 2_000_000) as i64;
        let failed = dice.below(40) == 0;
        let mut writing = Writing {
            dice,
            trace: trace_id,
            spans: Vec::new(),
        };
        let root = writing.server(0, None, start_ns, whole, route, failed);
        for half in 0..2 {
            let start = start_ns + whole / 2 * half + whole / 50;
            let took = whole / 5 * 2;
            let service = 1 + (route * 3 + half as usize * 5) % (SERVICES.len() - 1);
            let call = writing.call(0, root, start, took, service, failed && half == 1);
            let served = writing.server(
                service,
                Some(call),
                start + took / 20,
                took - took / 10,
                route,
                failed && half == 1,
            );
            writing.query(service, served, start + took / 8, took / 3);
            match half {
                0 => writing.step(service, served, start + took / 2, took / 4),
                _ => writing.query(service, served, start + took / 2, took / 4),
            }
        }
        writing.step(0, root, start_ns + whole - whole / 60, whole / 70);
        writing.spans
    }
}

fn packed(plain: &[u8]) -> Bytes {
    let packed = zstd::bulk::compress(plain, 1);
    Bytes::from(packed.expect("zstd compresses what fits into memory"))
}

struct Writing {
    dice: Dice,
    trace: [u8; 16],
    spans: Vec<Span>,
}

impl Writing {
    fn push(&mut self, span: Span) -> u64 {
        let id = span.id;
        self.spans.push(span);
        id
    }

    fn span(
        &mut self,
        service: usize,
        parent: Option<u64>,
        kind: u64,
        start_ns: i64,
        duration_ns: i64,
    ) -> Span {
        Span {
            service,
            trace: self.trace,
            id: self.dice.next(),
            parent,
            name: String::new(),
            kind,
            start_ns: start_ns + self.dice.below(50_000) as i64,
            duration_ns: duration_ns + self.dice.below(50_000) as i64,
            failed: false,
            texts: vec![("thread.name", format!("http-{}", self.dice.below(16)))],
            numbers: Vec::new(),
        }
    }

    fn server(
        &mut self,
        service: usize,
        parent: Option<u64>,
        start: i64,
        took: i64,
        route: usize,
        failed: bool,
    ) -> u64 {
        let mut span = self.span(service, parent, SERVER, start, took);
        let method = if route == 7 { "POST" } else { "GET" };
        let (a, b) = (self.dice.below(256), self.dice.below(256));
        span.name = format!("{method} {}", ROUTES[route]);
        span.failed = failed;
        span.texts.extend([
            ("http.request.method", method.to_owned()),
            ("http.route", ROUTES[route].to_owned()),
            (
                "url.path",
                ROUTES[route].replace("{id}", &self.dice.below(1_000_000).to_string()),
            ),
            ("client.address", format!("203.0.{a}.{b}")),
            (
                "user_agent.original",
                format!(
                    "Mozilla/5.0 (X11; Linux x86_64) Chrome/{}.0",
                    120 + self.dice.below(12)
                ),
            ),
        ]);
        span.numbers
            .push(("http.response.status_code", if failed { 500 } else { 200 }));
        self.push(span)
    }

    fn call(
        &mut self,
        service: usize,
        parent: u64,
        start: i64,
        took: i64,
        to: usize,
        failed: bool,
    ) -> u64 {
        let mut span = self.span(service, Some(parent), CLIENT, start, took);
        span.name = "GET".to_owned();
        span.failed = failed;
        span.texts.extend([
            ("http.request.method", "GET".to_owned()),
            ("server.address", format!("{}.shop.svc", SERVICES[to])),
        ]);
        span.numbers.extend([
            ("server.port", 8_080),
            ("http.response.status_code", if failed { 500 } else { 200 }),
        ]);
        self.push(span)
    }

    fn query(&mut self, service: usize, parent: u64, start: i64, took: i64) {
        let mut span = self.span(service, Some(parent), CLIENT, start, took);
        let statement = STATEMENTS[self.dice.skewed(6) as usize];
        span.name = format!("{} shop", &statement[..6]);
        span.texts.extend([
            ("db.system", "postgresql".to_owned()),
            ("db.namespace", "shop".to_owned()),
            ("db.query.text", statement.to_owned()),
            ("server.address", format!("db-{}.shop.svc", service % 4)),
        ]);
        self.push(span);
    }

    fn step(&mut self, service: usize, parent: u64, start: i64, took: i64) {
        let mut span = self.span(service, Some(parent), INTERNAL, start, took);
        span.name = ["render", "validate", "serialize"][self.dice.below(3) as usize].to_owned();
        span.numbers.push(("items", self.dice.skewed(100)));
        self.push(span);
    }
}

fn resource_of(service: usize, pod: usize) -> Vec<u8> {
    let mut resource = Vec::with_capacity(300);
    let mut put = |name: &str, value: &str| put_text_attribute(&mut resource, 1, name, value);
    put("service.name", SERVICES[service]);
    put("service.version", &format!("4.{}.1", service % 7));
    put("deployment.environment", "production");
    put(
        "k8s.pod.name",
        &format!("{}-7d9f{:03x}-{pod}x", SERVICES[service], service * 37),
    );
    put("telemetry.sdk.language", "java");
    resource
}

/// As one of `ScopeSpans.spans`.
fn put_span(out: &mut Vec<u8>, span: &Span) {
    let mut one = Vec::with_capacity(500);
    put_bytes(&mut one, 1, &span.trace);
    put_bytes(&mut one, 2, &span.id.to_be_bytes());
    if let Some(parent) = span.parent {
        put_bytes(&mut one, 4, &parent.to_be_bytes());
    }
    put_bytes(&mut one, 5, span.name.as_bytes());
    put_varint(&mut one, 6, span.kind);
    put_fixed64(&mut one, 7, span.start_ns.cast_unsigned());
    put_fixed64(
        &mut one,
        8,
        (span.start_ns + span.duration_ns).cast_unsigned(),
    );
    put_attributes(&mut one, 9, span);
    if span.failed {
        let mut status = Vec::new();
        put_bytes(&mut status, 2, b"upstream answered 500");
        put_varint(&mut status, 3, 2);
        put_bytes(&mut one, 15, &status);
    }
    put_bytes(out, 2, &one);
}

/// As one of `ScopeLogs.log_records`, with what VictoriaTraces makes fields of.
fn put_record(out: &mut Vec<u8>, span: &Span) {
    let end_ns = span.start_ns + span.duration_ns;
    let mut one = Vec::with_capacity(700);
    put_fixed64(&mut one, 1, end_ns.cast_unsigned());
    put_text_attribute(&mut one, 6, "name", &span.name);
    put_number_attribute(&mut one, 6, "kind", span.kind);
    if let Some(parent) = span.parent {
        put_text_attribute(&mut one, 6, "parent_span_id", &format!("{parent:016x}"));
    }
    put_number_attribute(
        &mut one,
        6,
        "start_time_unix_nano",
        span.start_ns.unsigned_abs(),
    );
    put_number_attribute(&mut one, 6, "end_time_unix_nano", end_ns.unsigned_abs());
    put_number_attribute(&mut one, 6, "duration", span.duration_ns.unsigned_abs());
    put_number_attribute(&mut one, 6, "status_code", if span.failed { 2 } else { 0 });
    if span.failed {
        put_text_attribute(&mut one, 6, "status_message", "upstream answered 500");
    }
    put_attributes(&mut one, 6, span);
    put_bytes(&mut one, 9, &span.trace);
    put_bytes(&mut one, 10, &span.id.to_be_bytes());
    put_bytes(out, 2, &one);
}

fn put_attributes(out: &mut Vec<u8>, field: u8, span: &Span) {
    for (name, value) in &span.texts {
        put_text_attribute(out, field, name, value);
    }
    for (name, value) in &span.numbers {
        put_number_attribute(out, field, name, *value);
    }
}
