//! OTLP bodies as collectors send them: lines of many pods of some services, each
//! with a text, fields, and often a trace.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::protobuf::{
    put_bytes, put_fixed64, put_number_attribute, put_text_attribute, put_varint,
};

pub(super) const LINES_PER_REQUEST: usize = 2_000;
/// Resources of a request.
const PODS_PER_REQUEST: usize = 10;
const SERVICES: usize = 20;
const PODS: usize = 8;
const RANGE_NS: i64 = 3_600_000_000_000;
/// A word that three lines have.
pub(super) const NEEDLE: &str = "xk7q2needle93";
/// A word that one line in about fifty has.
pub(super) const FREQUENT: &str = "deadline";

/// What is sent: the same for everybody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lines {
    pub(super) count: usize,
    end_ns: i64,
}

impl Lines {
    /// Spread evenly over the hour before `end_ns`, whole requests.
    pub(super) fn ending(end_ns: i64, count: usize) -> Self {
        let requests = count.div_ceil(LINES_PER_REQUEST).max(4);
        Self {
            count: requests * LINES_PER_REQUEST,
            end_ns,
        }
    }

    pub(super) fn requests(self) -> usize {
        self.count / LINES_PER_REQUEST
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
            .map(|request| self.plain(*request).len())
            .sum();
        bytes * self.requests() / sample.len()
    }

    /// A request's body, compressed.
    pub(super) fn body(self, request: usize) -> Bytes {
        let packed = zstd::bulk::compress(&self.plain(request), 1);
        Bytes::from(packed.expect("zstd compresses what fits into memory"))
    }

    fn plain(self, request: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(LINES_PER_REQUEST * 400);
        let first = request * LINES_PER_REQUEST;
        for pod in 0..PODS_PER_REQUEST {
            // Pods take turns from request to request.
            let number = (request * PODS_PER_REQUEST + pod) % (SERVICES * PODS);
            let mut logs = Vec::with_capacity(LINES_PER_REQUEST * 40);
            let mut scope = Vec::new();
            put_bytes(&mut scope, 1, b"com.example.web");
            put_bytes(&mut logs, 1, &scope);
            let lines = LINES_PER_REQUEST / PODS_PER_REQUEST;
            for at in 0..lines {
                let line = first + at * PODS_PER_REQUEST + pod;
                put_bytes(&mut logs, 2, &self.line(line, number % SERVICES));
            }
            let mut resource = Vec::with_capacity(logs.len() + 300);
            put_bytes(&mut resource, 1, &resource_of(number));
            put_bytes(&mut resource, 2, &logs);
            put_bytes(&mut body, 1, &resource);
        }
        body
    }

    fn line(self, number: usize, service: usize) -> Vec<u8> {
        let mut dice = Dice(number as u64);
        let step = i128::from(RANGE_NS) * number as i128 / self.count as i128;
        let jitter = dice.below(1_000) as i64;
        let time_ns = self.start_ns() + step as i64 + jitter;
        let said = said(&mut dice, service);
        let mut text = said.text;
        if self.is_needle(number) {
            text.push(' ');
            text.push_str(NEEDLE);
        }
        let mut record = Vec::with_capacity(400);
        put_fixed64(&mut record, 1, time_ns.cast_unsigned());
        put_varint(&mut record, 2, said.severity.0);
        put_bytes(&mut record, 3, said.severity.1.as_bytes());
        let mut any = Vec::with_capacity(text.len() + 4);
        put_bytes(&mut any, 1, text.as_bytes());
        put_bytes(&mut record, 5, &any);
        for (name, value) in &said.texts {
            put_text_attribute(&mut record, 6, name, value);
        }
        for (name, value) in said.numbers {
            put_number_attribute(&mut record, 6, name, value);
        }
        if dice.below(2) == 0 {
            let trace = [dice.next(), dice.next()].map(u64::to_le_bytes).concat();
            put_bytes(&mut record, 9, &trace);
            put_bytes(&mut record, 10, &dice.next().to_le_bytes());
        }
        record
    }

    fn is_needle(self, number: usize) -> bool {
        [self.count / 7, self.count / 2, self.count / 10 * 9].contains(&number)
    }
}

/// What a pod says of itself.
fn resource_of(number: usize) -> Vec<u8> {
    let (service, pod) = (number % SERVICES, number / SERVICES);
    let mut resource = Vec::with_capacity(300);
    let mut put = |name: &str, value: &str| put_text_attribute(&mut resource, 1, name, value);
    put("service.name", &format!("shop-{}", NAMES[service]));
    put("service.version", &format!("4.{}.1", service % 7));
    put("deployment.environment", "production");
    put(
        "k8s.namespace.name",
        ["shop", "payments", "search"][service % 3],
    );
    put(
        "k8s.pod.name",
        &format!("{}-7d9f{:03x}-{pod}x", NAMES[service], service * 37),
    );
    put(
        "host.name",
        &format!("ip-10-0-{}-{}", service % 4, number * 7 % 250),
    );
    resource
}

const NAMES: [&str; SERVICES] = [
    "cart", "checkout", "catalog", "search", "users", "sessions", "payments", "invoices", "stock",
    "prices", "reviews", "shipping", "mail", "images", "coupons", "ads", "gateway", "audit",
    "reports", "billing",
];
const ROUTES: [&str; 12] = [
    "/api/v1/orders/{id}",
    "/api/v1/cart",
    "/api/v1/cart/items",
    "/api/v1/products/{id}",
    "/api/v1/products",
    "/api/v1/users/{id}/orders",
    "/api/v1/login",
    "/api/v1/search",
    "/api/v1/payments",
    "/api/v1/stock/{sku}",
    "/healthz",
    "/api/v1/reviews",
];
const METHODS: [&str; 4] = ["GET", "GET", "GET", "POST"];
const LOGGERS: [&str; 6] = [
    "http.access",
    "db.pool",
    "cache.client",
    "orders.service",
    "worker.jobs",
    "auth.tokens",
];

struct Said {
    severity: (u64, &'static str),
    text: String,
    texts: Vec<(&'static str, String)>,
    numbers: Vec<(&'static str, u64)>,
}

const DEBUG: (u64, &str) = (5, "DEBUG");
const INFO: (u64, &str) = (9, "INFO");
const WARN: (u64, &str) = (13, "WARN");
const ERROR: (u64, &str) = (17, "ERROR");

fn said(dice: &mut Dice, service: usize) -> Said {
    let user = format!("u-{}", dice.skewed(100_000));
    let thread = format!("worker-{}", dice.below(16));
    let took = dice.skewed(3_000) + 1;
    let order = dice.below(10_000_000);
    let pick = dice.below(100);
    let route = ROUTES[dice.skewed(ROUTES.len() as u64) as usize];
    let method = METHODS[dice.below(4) as usize];
    let mut texts = vec![("thread.name", thread), ("user.id", user.clone())];
    let mut numbers = vec![("duration_ms", took)];
    let (severity, logger, text) = match pick {
        0..50 => {
            let status = [200, 200, 200, 200, 201, 204, 301, 404][dice.below(8) as usize];
            let (a, b) = (dice.below(256), dice.below(256));
            texts.push(("http.request.method", method.to_owned()));
            texts.push(("http.route", route.to_owned()));
            texts.push(("client.address", format!("203.{}.{a}.{b}", service % 8)));
            numbers.push(("http.response.status_code", status));
            let size = dice.skewed(60_000);
            (
                INFO,
                0,
                format!("{method} {route} answered {status} with {size} bytes in {took} ms"),
            )
        }
        50..65 => (
            DEBUG,
            2,
            format!("cache miss for key cart:{user}:{order}, loading from the database"),
        ),
        65..80 => (
            INFO,
            3,
            format!("order {order} of user {user} moved to state PAID after {took} ms"),
        ),
        80..90 => (
            DEBUG,
            1,
            format!(
                "connection {} returned to the pool, {} idle",
                dice.below(64),
                dice.below(20)
            ),
        ),
        90..94 => (
            INFO,
            4,
            format!(
                "job reindex-{} finished: {} items in {took} ms",
                dice.below(40),
                dice.skewed(5_000)
            ),
        ),
        94..97 => (
            WARN,
            5,
            format!(
                "token of user {user} expires in {} s, refreshing",
                dice.below(600)
            ),
        ),
        97..99 => {
            texts.push(("error.type", "DeadlineExceeded".to_owned()));
            (
                ERROR,
                3,
                format!(
                    "calling payments for order {order} failed: context {FREQUENT} exceeded after {took} ms, attempt {}",
                    dice.below(5)
                ),
            )
        }
        _ => {
            texts.push(("error.type", "ConnectionReset".to_owned()));
            (
                ERROR,
                1,
                format!(
                    "query on orders failed: connection reset by peer (host db-{}, order {order})",
                    dice.below(4)
                ),
            )
        }
    };
    texts.push(("logger.name", LOGGERS[logger].to_owned()));
    Said {
        severity,
        text,
        texts,
        numbers,
    }
}
