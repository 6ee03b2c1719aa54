//! `as_of` over all signals: what arrived late is left out of what was known before, and
//! what cannot tell is refused.

use std::sync::{Arc, OnceLock};

use axum::http::Method;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use gateway::metric_stores::MetricStores;
use projections::telemetry::metrics::{Limits, Stores};
use promql::source::MetricStore;
use schemas::context::Clock;
use schemas::scope::Scope;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::app::{App, Person};
use crate::logs::ingest_key;

const TRACE: &str = "000000000000000000000000000000b2";

/// Metrics of the database that the app has made.
#[derive(Default)]
struct Stored(OnceLock<Stores>);

impl MetricStores for Stored {
    fn of(&self, scope: &Scope, as_of_ms: Option<i64>) -> Arc<dyn MetricStore> {
        let stores = self.0.get().expect("the app has started");
        Arc::new(stores.of(scope).known_at(as_of_ms))
    }
}

/// Somebody whose agent has just sent, of ten minutes ago, a sample, a line and a span,
/// and of now the same again.
pub(crate) struct Told {
    pub(crate) app: App,
    pub(crate) ada: Person,
    now: DateTime<Utc>,
}

impl Told {
    pub(crate) async fn new() -> Option<Self> {
        let stored = Arc::new(Stored::default());
        let stores: Arc<dyn MetricStores> = stored.clone();
        let app = App::storing(Some(stores), |_| {}, Clock::System).await?;
        // Each question reads what is stored.
        let limits = Limits {
            segment_bytes: 0,
            ..Limits::default()
        };
        let stores = Stores::new(app.gateway.db.clone(), limits);
        assert!(stored.0.set(stores).is_ok());
        let ada = app.register("Ada").await;
        let key = ingest_key(&app, &ada).await;
        let now = app.gateway.clock.now().datetime();
        let told = Self { app, ada, now };
        let (old, new) = (told.ago(10), told.ago(0));
        let ms = |time: &str| {
            DateTime::parse_from_rfc3339(time)
                .unwrap()
                .timestamp_millis()
        };
        let samples = json!([[ms(&old), 1.0], [ms(&new), 2.0]]);
        let line = |time: &str| json!({"timestamp": time, "service": "shop", "message": "hello"});
        let span = |id: u8, time: &str| {
            json!({
                "trace_id": TRACE, "span_id": format!("{id:016x}"), "service": "shop",
                "name": "work", "kind": "server", "start": time, "duration_ms": 1,
            })
        };
        told.send(
            &key,
            "metrics",
            json!({"metrics": [{"name": "orders", "labels": {}, "samples": samples}]}),
        )
        .await;
        told.send(&key, "logs", json!({"logs": [line(&old), line(&new)]}))
            .await;
        told.send(
            &key,
            "traces",
            json!({"spans": [span(1, &old), span(2, &new)]}),
        )
        .await;
        for path in [told.samples(""), told.lines(""), told.spans("")] {
            testkit::eventually("what was sent is there", || async {
                (told.count(&path).await == 2).then_some(())
            })
            .await;
        }
        Some(told)
    }

    async fn send(&self, key: &str, signal: &str, body: Value) {
        testkit::eventually("ingest takes it", || async {
            let path = format!("/api/v1/ingest/{signal}");
            let headers = [("x-api-key", key)];
            let answer = self
                .app
                .send(Method::POST, &path, None, Some(&body), &headers);
            answer.await.status.is_success().then_some(())
        })
        .await;
    }

    fn ago(&self, minutes: i64) -> String {
        let time = self.now - TimeDelta::minutes(minutes);
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    fn samples(&self, more: &str) -> String {
        let end = self.ago(-1);
        format!("/prometheus/api/v1/query?query=orders[15m]&time={end}{more}")
    }

    fn lines(&self, more: &str) -> String {
        let (from, to) = (self.ago(15), self.ago(-1));
        format!("/api/v1/logs?from={from}&to={to}{more}")
    }

    fn spans(&self, more: &str) -> String {
        format!("/api/v1/traces/{TRACE}?{}", more.trim_start_matches('&'))
    }

    /// Samples, lines or spans of the answer; none where it is that there is no trace.
    async fn count(&self, path: &str) -> usize {
        let answer = self.app.get(path, Some(&self.ada.token)).await;
        if answer.status.as_u16() == 404 {
            return 0;
        }
        let found = answer.with(200);
        let of = |pointer: &str| {
            found
                .pointer(pointer)
                .and_then(Value::as_array)
                .map(Vec::len)
        };
        let places = ["/data/result/0/values", "/data/result", "/items", "/spans"];
        places.into_iter().find_map(of).expect("a list")
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.app.get(path, Some(&self.ada.token)).await;
        answer.with(200)
    }

    async fn refused(&self, path: &str, status: u16) -> String {
        let answer = self.app.get(path, Some(&self.ada.token)).await;
        answer.with(status).to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_late_was_not_known_before() {
    let Some(told) = Told::new().await else {
        return;
    };
    let (before, after) = (told.ago(5), told.ago(-1));
    for (as_of, count) in [(&before, 0), (&after, 2)] {
        let more = format!("&as_of={as_of}");
        for path in [told.samples(&more), told.lines(&more), told.spans(&more)] {
            assert_eq!(told.count(&path).await, count, "{path}");
        }
    }
    // A range that is not given ends where it is asked of.
    for (as_of, records, traces) in [(&before, 0, 0), (&after, 2, 1)] {
        let path = |path: &str| format!("{path}?as_of={as_of}");
        assert_eq!(told.count(&path("/api/v1/logs")).await, records);
        assert_eq!(told.count(&path("/api/v1/traces")).await, traces);
        let stats = told.get(&path("/api/v1/logs/stats")).await;
        assert_eq!(stats["total"], records);
    }
    // An instant query is then about that time.
    let instant = |as_of: &str| format!("/prometheus/api/v1/query?query=orders&as_of={as_of}");
    assert_eq!(told.count(&instant(&after)).await, 1);
    assert_eq!(
        told.count(&instant(&told.ago(8))).await,
        0,
        "the late one is left out"
    );
    let control = format!("/prometheus/api/v1/query?query=orders&time={}", told.ago(8));
    assert_eq!(told.count(&control).await, 1);
    let (start, end) = (told.ago(11), told.ago(-1));
    let range =
        format!("/prometheus/api/v1/query_range?query=orders&start={start}&end={end}&step=60");
    let steps = told.count(&range).await;
    let then = told.count(&format!("{range}&as_of={after}")).await;
    let seconds = (told.now - TimeDelta::minutes(5)).timestamp();
    assert!(steps > 3 && then == steps, "{steps} and {then}");
    assert_eq!(told.count(&format!("{range}&as_of={seconds}")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_time_is_quoted_and_what_was_only_counted_is_refused() {
    let Some(told) = Told::new().await else {
        return;
    };
    let more = "&as_of=yesterday";
    let range = "/prometheus/api/v1/query_range?query=up&start=0&end=1&step=1";
    let exemplars = "/prometheus/api/v1/query_exemplars?query=up";
    for path in [
        told.samples(more),
        format!("{range}{more}"),
        format!("{exemplars}{more}"),
        told.lines(more),
        told.spans(more),
        "/api/v1/traces?as_of=yesterday".to_owned(),
        "/api/v1/logs/export?as_of=yesterday".to_owned(),
    ] {
        let why = told.refused(&path, 400).await;
        assert!(
            why.contains("as_of") && why.contains("yesterday"),
            "{path}: {why}"
        );
    }
    let as_of = format!("as_of={}", told.ago(5));
    for path in [
        "/api/v1/logs/services",
        "/api/v1/traces/services",
        "/api/v1/traces/operations",
        "/api/v1/traces/red",
        "/api/v1/traces/service-map",
        "/prometheus/api/v1/labels",
        "/prometheus/api/v1/metadata",
        "/prometheus/api/v1/label/job/values",
    ] {
        let why = told.refused(&format!("{path}?{as_of}"), 422).await;
        assert!(why.contains("as_of"), "{path}: {why}");
        told.refused(path, 200).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_do_not_tell_when_they_arrived_are_refused() {
    let Some(told) = Told::new().await else {
        return;
    };
    let asked = told.samples(&format!("&as_of={}", told.ago(-1)));
    assert_eq!(told.count(&asked).await, 2);
    let mut superuser = PgConnection::connect(&told.app.database).await.unwrap();
    // As it was before arrivals were kept: of the first version, series by ordinal.
    let first =
        "UPDATE telemetry.metrics_l0 SET data = overlay(data PLACING '\\x0100'::bytea FROM 1)";
    superuser.execute(first).await.unwrap();
    let why = told.refused(&asked, 422).await;
    assert!(why.contains("as_of"), "{why}");
    assert_eq!(told.count(&told.samples("")).await, 2);
}
