//! Queries hold memory together: what is too large alone is refused, what others hold is
//! told to come again, and everything is given back.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::Method;
use gateway::config::{Budget, Config};
use gateway::metric_stores::MetricStores;
use projections::telemetry::metrics::{Limits, Stores};
use promql::source::MetricStore;
use schemas::context::Clock;
use schemas::scope::Scope;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person};
use crate::logs::ingest_key;
use crate::{logs, loki};

const BYTES: u64 = 1 << 20;
const SERIES: usize = 20;

/// Metrics of the database that the app has made.
#[derive(Default)]
struct Stored(OnceLock<Stores>);

impl MetricStores for Stored {
    fn of(&self, scope: &Scope, as_of_ms: Option<i64>) -> Arc<dyn MetricStore> {
        let stores = self.0.get().expect("the app has started");
        Arc::new(stores.of(scope).known_at(as_of_ms))
    }
}

/// Somebody with twenty series of just now.
struct Asking {
    app: App,
    ada: Person,
    now_s: i64,
}

impl Asking {
    async fn within(budget: &Arc<Budget>) -> Option<Self> {
        let stored = Arc::new(Stored::default());
        let stores: Arc<dyn MetricStores> = stored.clone();
        let given = budget.clone();
        let change = |config: &mut Config| config.query_memory = Some(given);
        let app = App::storing(Some(stores), change, Clock::System).await?;
        let stores = Stores::new(app.gateway.db.clone(), Limits::default());
        assert!(stored.0.set(stores.within(budget.clone())).is_ok());
        let ada = app.register("Ada").await;
        let key = ingest_key(&app, &ada).await;
        let now_s = app.gateway.clock.now().datetime().timestamp();
        let metric = |shop: usize| {
            json!({
                "name": "orders", "labels": {"shop": shop.to_string()},
                "samples": [[(now_s - 10) * 1_000, 1.0]],
            })
        };
        let metrics: Vec<Value> = (0..SERIES).map(metric).collect();
        let asking = Self { app, ada, now_s };
        asking.send(&key, json!({"metrics": metrics})).await;
        testkit::eventually("what was sent is there", || async {
            let path = format!("/prometheus/api/v1/query?query=orders&time={now_s}");
            let answer = asking.get(&path).await.with(200);
            let found = answer["data"]["result"].as_array().map(Vec::len);
            (found == Some(SERIES)).then_some(())
        })
        .await;
        Some(asking)
    }

    async fn send(&self, key: &str, body: Value) {
        testkit::eventually("ingest takes it", || async {
            let (path, headers) = ("/api/v1/ingest/metrics", [("x-api-key", key)]);
            let answer = self
                .app
                .send(Method::POST, path, None, Some(&body), &headers);
            answer.await.status.is_success().then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.get(path, Some(&self.ada.token)).await
    }

    /// Ten thousand steps: some 160 KB a series.
    async fn range(&self, query: &str) -> Answer {
        let (start, end) = (self.now_s - 10_000, self.now_s);
        let times = format!("start={start}&end={end}&step=1");
        let path = format!("/prometheus/api/v1/query_range?query={query}&{times}");
        self.get(&path).await
    }
}

const ONE: &str = "orders%7Bshop%3D%221%22%7D";

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_too_large_is_refused_and_others_go_on() {
    let budget = Budget::with_patience(BYTES, Duration::ZERO);
    let Some(asking) = Asking::within(&budget).await else {
        return;
    };
    let refused = asking.range("orders").await.with(422);
    assert_eq!(refused["errorType"], "execution");
    let why = refused["error"].as_str().unwrap();
    assert!(why.contains("more than the 1048576 bytes"), "{why}");
    let answered = asking.range(ONE).await.with(200);
    let values = answered["data"]["result"][0]["values"].as_array();
    assert!(values.is_some_and(|values| !values.is_empty()));
    // What others hold is no fault of the query.
    let others = budget.share();
    others.take(1_000_000).await.unwrap();
    let later = asking.range(ONE).await;
    assert_eq!(later.with(503)["errorType"], "unavailable");
    assert_eq!(later.headers["retry-after"], "2");
    drop(others);
    asking.range(ONE).await.with(200);
    // Nothing is left of any of them.
    testkit::eventually("everything is given back", || async {
        budget.share().take(BYTES as usize).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_others_leave_no_room_for_are_asked_for_again() {
    let budget = Budget::with_patience(BYTES, Duration::ZERO);
    let given = budget.clone();
    let change = |config: &mut Config| config.query_memory = Some(given);
    let Some(app) = App::with(change, Clock::System).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let key = ingest_key(&app, &ada).await;
    let text = "x".repeat(1_000);
    let none: &[(&str, &str)] = &[];
    let line = |ago: i64| (ago, none, text.as_str(), json!({}));
    let lines: Vec<loki::Sent<'_>> = (1..=20).map(line).collect();
    loki::push(&app, &key, &lines).await;
    logs::found(&app, &ada, "", 20).await;
    let asked = [("query", r#"{app="shop"}"#)];
    let others = budget.share();
    others.take(BYTES as usize - 10_000).await.unwrap();
    let later = loki::get(&app, &ada, "query_range", &asked).await;
    assert_eq!(later.status.as_u16(), 503, "{later:?}");
    assert!(later.text.contains("other queries hold"), "{later:?}");
    assert_eq!(later.headers["retry-after"], "2");
    // In the API's own words too.
    let later = app.get("/api/v1/logs", Some(&ada.token)).await;
    assert_eq!(later.status.as_u16(), 503, "{later:?}");
    drop(others);
    let found = app.get("/api/v1/logs", Some(&ada.token)).await.with(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(20));
    loki::get(&app, &ada, "query_range", &asked).await.with(200);
}
