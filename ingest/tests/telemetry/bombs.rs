//! Bodies that unpack to far more than they are: refused on every route in the
//! protocol's own words, at the price of one limit's worth of bytes. The price is
//! counted in bytes, not in time: 10 MiB, the limit of a server, unpack in 2 to 20 ms.

use std::io::Write;

use axum::http::StatusCode;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use metrics_exporter_prometheus::PrometheusBuilder;
use schemas::topic::Topic;

use crate::{Told, grpc, open, send};

const LIMIT: usize = 1 << 20;
const BOMB: usize = 32 << 20;

/// Every path with a content type and the encodings that it takes.
const ROUTES: &[(&str, &str, &[&str])] = &[
    ("/api/v1/write", "application/x-protobuf", &["snappy"]),
    (
        "/api/v1/write",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        &["snappy"],
    ),
    ("/v1/metrics", "application/x-protobuf", USUAL),
    ("/v1/metrics", "application/json", USUAL),
    ("/v1/logs", "application/x-protobuf", USUAL),
    ("/v1/logs", "application/json", USUAL),
    ("/v1/traces", "application/x-protobuf", USUAL),
    ("/v1/traces", "application/json", USUAL),
    ("/loki/api/v1/push", "application/x-protobuf", ALL),
    ("/loki/api/v1/push", "application/json", ALL),
    ("/_bulk", "application/x-ndjson", USUAL),
    ("/elastic/_bulk", "application/x-ndjson", USUAL),
    ("/api/v1/ingest/metrics", "application/json", USUAL),
    ("/api/v1/ingest/logs", "application/json", USUAL),
    ("/api/v1/ingest/traces", "application/json", USUAL),
    (
        "/api/v1/webhooks/alertmanager",
        "application/json",
        &["gzip", "zstd"],
    ),
];
const USUAL: &[&str] = &["gzip", "zstd", "deflate"];
const ALL: &[&str] = &["gzip", "zstd", "deflate", "snappy"];

fn packed(encoding: &str, plain: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(plain).unwrap();
            gzip.finish().unwrap()
        }
        "deflate" => {
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
            zlib.write_all(plain).unwrap();
            zlib.finish().unwrap()
        }
        "zstd" => zstd::encode_all(plain, 3).unwrap(),
        // Its length is all that is read of it.
        "snappy" => vec![0x80, 0x80, 0x80, 0x10, 0],
        other => panic!("{other}"),
    }
}

/// Bytes that were unpacked on this thread while `sending`.
pub(crate) async fn unpacked_while<T>(sending: impl Future<Output = T>) -> (T, usize) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let counted = recorder.handle();
    let counting = metrics::set_default_local_recorder(&recorder);
    let told = sending.await;
    drop(counting);
    let text = counted.render();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("access_unpacked_bytes_total"));
    let counts = lines.map(|line| line.rsplit(' ').next().unwrap());
    (
        told,
        counts.map(|count| count.parse::<usize>().unwrap()).sum(),
    )
}

/// What a bomb may cost: as much as shows that it is one.
pub(crate) fn price(encoding: &str) -> usize {
    if encoding == "snappy" { 0 } else { LIMIT + 1 }
}

fn told_in_its_own_words(path: &str, media: &str, told: &Told) {
    let reason = format!("the body is over the limit of {LIMIT} bytes");
    match path {
        "/_bulk" | "/elastic/_bulk" => {
            assert_eq!(told.json()["status"], 413);
            assert_eq!(told.json()["error"]["reason"], *reason);
        }
        _ if path.starts_with("/api/v1/ingest") || path.starts_with("/api/v1/webhooks") => {
            assert_eq!(told.json()["rule"], "body_too_large");
            assert_eq!(told.json()["detail"], *reason);
        }
        _ if path.starts_with("/v1/") && media == "application/json" => {
            assert_eq!(told.json()["message"], *reason);
        }
        _ if path.starts_with("/v1/") => assert!(told.body.ends_with(reason.as_bytes())),
        _ => assert_eq!(told.text(), reason),
    }
}

#[tokio::test]
async fn a_bomb_is_413_on_every_route_for_one_limits_worth_of_bytes() {
    let limits = access::body::Limits {
        wire: 8 << 20,
        decoded: LIMIT,
    };
    let (mut site, key) = open(|settings| settings.limits = limits).await;
    std::sync::Arc::get_mut(&mut site.state)
        .unwrap()
        .webhook_limits = limits;
    let plain = vec![b' '; BOMB];
    for encoding in ALL {
        let bomb = packed(encoding, &plain);
        let routes = ROUTES
            .iter()
            .filter(|(_, _, taken)| taken.contains(encoding));
        for (path, media, _) in routes {
            let headers = [
                ("x-api-key", &*key),
                ("content-type", *media),
                ("content-encoding", *encoding),
            ];
            let (told, cost) = unpacked_while(send(&site, path, &headers, &bomb)).await;
            assert_eq!(
                told.status,
                StatusCode::PAYLOAD_TOO_LARGE,
                "{path} {encoding}"
            );
            told_in_its_own_words(path, media, &told);
            assert_eq!(cost, price(encoding), "{path} {encoding}");
        }
    }
    for encoding in USUAL {
        grpc::refuses_a_bomb(&site, &key, encoding, &packed(encoding, &plain)).await;
    }
    for topic in [
        Topic::TelemetryMetrics,
        Topic::TelemetryLogs,
        Topic::TelemetryTraces,
        Topic::InboundWebhooks,
    ] {
        assert_eq!(site.records(topic).await.len(), 0, "{}", topic.name());
    }
}
