//! Traces like those of a web shop, for tests: ten spans each, eleven fields a span.

use protocols::spans::{SpanKind, SpanRecord, SpanStatus, Stream};

use super::table::Table;

pub(crate) const RECEIVED_NS: i64 = 1_793_500_000_000_000_000;

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
const ROUTES: [&str; 6] = [
    "/cart",
    "/cart/{id}",
    "/checkout",
    "/pay",
    "/product/{id}",
    "/search",
];

/// A span with nothing but ids and times.
pub(crate) fn plain() -> SpanRecord<'static> {
    SpanRecord {
        trace_id: [7; 16],
        span_id: [1; 8],
        parent_id: None,
        name: "work".into(),
        kind: SpanKind::Internal,
        start_ns: RECEIVED_NS - 2_000_000,
        duration_ns: 1_000_000,
        status: SpanStatus::Unset,
        status_message: "".into(),
        trace_state: "".into(),
        scope: "".into(),
        fields: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// So many traces.
pub(crate) fn table(traces: u64) -> Table {
    let mut numbers = Numbers(7);
    let mut table = Table::default();
    for trace in 0..traces {
        push_trace(&mut table, &mut numbers, trace);
    }
    table
}

fn push_trace(table: &mut Table, numbers: &mut Numbers, trace: u64) {
    let trace_id = (u128::from(numbers.next()) << 64 | u128::from(numbers.next())).to_be_bytes();
    let user = format!("user-{}", numbers.below(50_000));
    let begin = RECEIVED_NS - 1_000_000_000 + (trace * 450_000) as i64;
    let (mut parents, mut at) = (Vec::new(), begin);
    for depth in 0..10u64 {
        let span_id = numbers.next().to_be_bytes();
        let service = SERVICES[(depth / 2) as usize];
        let route = ROUTES[numbers.below(6) as usize];
        let kind = if depth % 2 == 0 {
            SpanKind::Server
        } else {
            SpanKind::Client
        };
        at += numbers.below(3_000_000) as i64;
        let failed = numbers.below(50) == 0;
        let fields = [
            (
                "http.request.method",
                if numbers.below(4) == 0 { "POST" } else { "GET" }.to_owned(),
            ),
            ("http.route", route.to_owned()),
            (
                "http.response.status_code",
                if failed { "500" } else { "200" }.to_owned(),
            ),
            ("url.scheme", "https".to_owned()),
            ("network.protocol.version", "1.1".to_owned()),
            ("server.address", format!("{service}.shop.svc")),
            (
                "net.peer.ip",
                format!("10.1.{}.{}", numbers.below(4), numbers.below(60)),
            ),
            (
                "net.peer.port",
                (32_768 + numbers.below(28_000)).to_string(),
            ),
            ("enduser.id", user.clone()),
            ("thread.id", numbers.below(32).to_string()),
            (
                "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64)".to_owned(),
            ),
        ];
        let resource = table.resource(&Stream {
            service: service.into(),
            fields: vec![
                ("service.name".into(), service.into()),
                (
                    "service.instance.id".into(),
                    format!("{service}-{}", trace % 3).into(),
                ),
                ("telemetry.sdk.language".into(), "go".into()),
            ],
        });
        let span = SpanRecord {
            trace_id,
            span_id,
            parent_id: parents.last().copied(),
            name: format!("GET {route}").into(),
            kind,
            start_ns: at,
            duration_ns: 100_000 + numbers.below(40_000_000) as i64,
            status: if failed {
                SpanStatus::Error
            } else {
                SpanStatus::Unset
            },
            status_message: if failed { "upstream" } else { "" }.into(),
            trace_state: "".into(),
            scope: "otelhttp".into(),
            fields: fields
                .iter()
                .map(|(n, v)| ((*n).into(), v.into()))
                .collect(),
            events: Vec::new(),
            links: Vec::new(),
        };
        table.push(resource, &span, RECEIVED_NS);
        parents.push(span_id);
    }
}
