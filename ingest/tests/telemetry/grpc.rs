//! OTLP/gRPC as a client speaks it: HTTP/2 over a socket, frames, trailers.

use std::io::Write;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use eventlog::LogError;
use flate2::Compression;
use flate2::write::GzEncoder;
use h2::client::{self, SendRequest};
use schemas::topic::Topic;
use tokio::net::{TcpListener, TcpStream};

use crate::site::Site;
use crate::{bombs, field, now_ms, open, stored_in};

const METRICS: &str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
const LOGS: &str = "opentelemetry.proto.collector.logs.v1.LogsService";
const TRACES: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const OK: &str = "0";
const INVALID_ARGUMENT: &str = "3";
const PERMISSION_DENIED: &str = "7";
const UNIMPLEMENTED: &str = "12";
const UNAVAILABLE: &str = "14";
const UNAUTHENTICATED: &str = "16";

/// What a client sees of a call.
struct Told {
    headers: HeaderMap,
    message: Bytes,
    /// Where the status is: behind a message, or with the headers where there is none.
    end: HeaderMap,
}

impl Told {
    fn status(&self) -> &str {
        self.end["grpc-status"].to_str().unwrap()
    }

    fn text(&self) -> &str {
        self.end["grpc-message"].to_str().unwrap()
    }

    fn binary(&self, name: &str) -> Vec<u8> {
        STANDARD_NO_PAD.decode(&self.end[name]).unwrap()
    }
}

/// A connection to the calls of a site.
async fn connect(site: &Site) -> SendRequest<Bytes> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = ingest::grpc_router(site.state.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let socket = TcpStream::connect(address).await.unwrap();
    let (client, connection) = client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    client
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

async fn call(
    client: &SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
    framed: Vec<u8>,
) -> Told {
    let mut request = Request::post(format!("http://ingest/{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut client = client.clone().ready().await.unwrap();
    let request = request.body(()).unwrap();
    let (response, mut sending) = client.send_request(request, false).unwrap();
    sending.send_data(framed.into(), true).unwrap();
    let (parts, mut body) = response.await.unwrap().into_parts();
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(parts.headers["content-type"], "application/grpc");
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        message.extend_from_slice(&chunk.unwrap());
    }
    let trailers = body.trailers().await.unwrap();
    Told {
        end: trailers.unwrap_or_else(|| parts.headers.clone()),
        headers: parts.headers,
        message: message.into(),
    }
}

async fn export(
    client: &SendRequest<Bytes>,
    service: &str,
    headers: &[(&str, &str)],
    message: &[u8],
) -> Told {
    let path = format!("{service}/Export");
    call(client, &path, headers, framed(0, message)).await
}

fn fixed(number: u8, value: i64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// One gauge a name, each with one point.
fn metrics(time_ms: i64, names: &[&str]) -> Vec<u8> {
    let point = [fixed(3, time_ms * 1_000_000), fixed(6, 1)].concat();
    let metric = |name: &&str| {
        let gauge = field(5, &field(1, &point));
        field(2, &[field(1, name.as_bytes()), gauge].concat())
    };
    let metrics: Vec<u8> = names.iter().flat_map(metric).collect();
    field(1, &field(2, &metrics))
}

fn log(time_ms: i64) -> Vec<u8> {
    let body = field(5, &field(1, b"it works"));
    let record = [fixed(1, time_ms * 1_000_000), body].concat();
    field(1, &field(2, &field(2, &record)))
}

fn span(time_ms: i64) -> Vec<u8> {
    let ids = [field(1, &[1; 16]), field(2, &[2; 8])].concat();
    let span = [ids, fixed(7, time_ms * 1_000_000)].concat();
    field(1, &field(2, &field(2, &span)))
}

/// gRPC has no 413: the calls say that the argument is at fault, which is final too.
pub(crate) async fn refuses_a_bomb(site: &Site, key: &str, encoding: &str, bomb: &[u8]) {
    let client = connect(site).await;
    let headers = [("x-api-key", key), ("grpc-encoding", encoding)];
    for service in [METRICS, LOGS, TRACES] {
        let path = format!("{service}/Export");
        let calling = call(&client, &path, &headers, framed(1, bomb));
        let (told, cost) = bombs::unpacked_while(calling).await;
        assert_eq!(told.status(), INVALID_ARGUMENT, "{service} {encoding}");
        assert!(told.text().contains("over the limit"), "{}", told.text());
        assert_eq!(cost, bombs::price(encoding), "{service} {encoding}");
    }
}

#[tokio::test]
async fn each_signal_is_on_the_log_as_it_was_sent() {
    let (site, key) = open(|_| ()).await;
    let (client, now) = (connect(&site).await, now_ms(&site));
    let bearer = format!("Bearer {key}");
    for (service, message, format, topic) in [
        (
            METRICS,
            metrics(now, &["up"]),
            "otlp.metrics.protobuf",
            Topic::TelemetryMetrics,
        ),
        (LOGS, log(now), "otlp.logs.protobuf", Topic::TelemetryLogs),
        (
            TRACES,
            span(now),
            "otlp.spans.protobuf",
            Topic::TelemetryTraces,
        ),
    ] {
        let headers = [("authorization", &*bearer)];
        let told = export(&client, service, &headers, &message).await;
        assert_eq!(told.status(), OK, "{service} {:?}", told.end);
        assert!(!told.headers.contains_key("grpc-status"), "it comes last");
        assert_eq!(told.message, framed(0, &[]));
        let [received] = &stored_in(&site, topic).await[..] else {
            panic!("not one of {service}")
        };
        assert_eq!(
            (received.format.as_str(), received.encoding.as_str()),
            (format, "identity")
        );
        assert_eq!(received.body, message);
    }
}

#[tokio::test]
async fn a_compressed_message_stays_compressed() {
    let (site, key) = open(|_| ()).await;
    let client = connect(&site).await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&metrics(now_ms(&site), &["up"])).unwrap();
    let sent = gzip.finish().unwrap();
    let path = format!("{METRICS}/Export");
    let headers = [("x-api-key", &*key), ("grpc-encoding", "gzip")];
    let told = call(&client, &path, &headers, framed(1, &sent)).await;
    assert_eq!(told.status(), OK, "{:?}", told.end);
    let [received] = &stored_in(&site, Topic::TelemetryMetrics).await[..] else {
        panic!("not one")
    };
    assert_eq!(
        (received.encoding.as_str(), &*received.body),
        ("gzip", &*sent)
    );

    for headers in [
        &[("x-api-key", &*key), ("grpc-encoding", "snappy")][..],
        &[("x-api-key", &*key)],
    ] {
        let told = call(&client, &path, headers, framed(1, &sent)).await;
        assert_eq!(told.status(), INVALID_ARGUMENT, "{}", told.text());
        assert_eq!(
            told.headers["grpc-accept-encoding"],
            "identity,gzip,deflate,zstd"
        );
    }
}

#[tokio::test]
async fn partial_success_is_in_the_message() {
    let (site, key) = open(|settings| settings.allowance.limits.active_series = 1).await;
    let client = connect(&site).await;
    let headers = [("x-api-key", &*key)];
    let body = metrics(now_ms(&site), &["a", "b"]);
    let told = export(&client, METRICS, &headers, &body).await;
    assert_eq!(told.status(), OK, "{:?}", told.end);
    let reason = "1 samples were refused, the others taken: the tenant has its 1 active series; \
                  a new one of metric `b` was refused";
    let partial = [&[0x08, 1][..], &field(2, reason.as_bytes())].concat();
    assert_eq!(
        String::from_utf8_lossy(&told.message),
        String::from_utf8_lossy(&framed(0, &field(1, &partial)))
    );

    let told = export(&client, METRICS, &headers, &metrics(now_ms(&site), &["c"])).await;
    assert_eq!(told.status(), INVALID_ARGUMENT, "nothing of it was taken");
    assert_eq!(stored_in(&site, Topic::TelemetryMetrics).await.len(), 1);
}

#[tokio::test]
async fn who_may_not_send_is_told_so() {
    let (site, _) = open(|_| ()).await;
    let client = connect(&site).await;
    let reader = site.key(&["read"], None).await;
    let told = export(&client, LOGS, &[], &log(now_ms(&site))).await;
    assert_eq!(told.status(), UNAUTHENTICATED);
    // Longer than the client may send before someone reads it.
    let told = export(&client, LOGS, &[], &vec![0; 4 << 20]).await;
    assert_eq!(told.status(), UNAUTHENTICATED);
    let headers = [("x-api-key", &*reader)];
    let told = export(&client, LOGS, &headers, &log(now_ms(&site))).await;
    assert_eq!(told.status(), PERMISSION_DENIED);
    assert_eq!(told.text(), "the API key has no scope `ingest`");
    assert_eq!(stored_in(&site, Topic::TelemetryLogs).await, []);
}

#[tokio::test]
async fn what_passes_is_unavailable_with_a_time_to_come_back() {
    let (site, key) = open(|_| ()).await;
    let client = connect(&site).await;
    let headers = [("x-api-key", &*key)];
    let message = span(now_ms(&site));
    site.log.fail(LogError::Full {
        used: 10,
        budget: 10,
        heavy: false,
        disk: false,
    });
    let told = export(&client, TRACES, &headers, &message).await;
    assert_eq!(told.status(), UNAVAILABLE, "{}", told.text());
    assert_eq!(told.end["grpc-retry-pushback-ms"], "30000");
    let retry_info = [0x0a, 2, 0x08, 30];
    assert_eq!(told.binary("google.rpc.retryinfo-bin"), retry_info);
    let kind = field(1, b"type.googleapis.com/google.rpc.RetryInfo");
    let detail = field(3, &[kind, field(2, &retry_info)].concat());
    let status = [&[0x08, 14][..], &field(2, told.text().as_bytes()), &detail].concat();
    assert_eq!(told.binary("grpc-status-details-bin"), status);

    site.log.panic();
    let told = export(&client, TRACES, &headers, &message).await;
    assert_eq!(told.status(), UNAVAILABLE, "a bug of ours");
    assert_eq!(told.end["grpc-retry-pushback-ms"], "2000");

    site.log.mend();
    let told = export(&client, TRACES, &headers, &message).await;
    assert_eq!(told.status(), OK, "on the same connection");
}

#[tokio::test]
async fn who_sends_too_fast_may_come_back() {
    let (site, key) = open(|settings| settings.allowance.limits.bytes_per_second = Some(10)).await;
    let client = connect(&site).await;
    let headers = [("x-api-key", &*key)];
    let message = log(now_ms(&site));
    let first = export(&client, LOGS, &headers, &message).await;
    assert_eq!(first.status(), OK);
    let second = export(&client, LOGS, &headers, &message).await;
    assert_eq!(second.status(), UNAVAILABLE);
    let millis = second.end["grpc-retry-pushback-ms"].to_str().unwrap();
    site.clock.advance_millis(millis.parse().unwrap());
    let third = export(&client, LOGS, &headers, &message).await;
    assert_eq!(third.status(), OK);
}

#[tokio::test]
async fn what_cannot_be_read_is_an_invalid_argument() {
    let (site, key) = open(|settings| settings.limits.wire = 1_000).await;
    let client = connect(&site).await;
    let path = format!("{METRICS}/Export");
    let key = ("x-api-key", &*key);
    for (framed, reason) in [
        (framed(0, &[0; 1_001]), "the limit of 1000 bytes"),
        (framed(0, &[0x0a, 9, 1]), "ends in the middle of a field"),
        (vec![0, 0, 0, 0, 9, 1], "not exactly one message"),
    ] {
        let told = call(&client, &path, &[key], framed).await;
        assert_eq!(told.status(), INVALID_ARGUMENT, "{reason}");
        assert!(told.text().contains(reason), "{}", told.text());
    }
    let told = call(
        &client,
        &format!("{METRICS}/Import"),
        &[key],
        framed(0, &[]),
    )
    .await;
    assert_eq!(told.status(), UNIMPLEMENTED);
    assert_eq!(stored_in(&site, Topic::TelemetryMetrics).await, []);
}
