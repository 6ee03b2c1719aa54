//! `/prometheus/api/v1`: Prometheus' own tests over HTTP, and its dialect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use gateway::metric_stores::MetricStores;
use promql::source::{Labels, MetricStore, Samples};
use schemas::context::Clock;
use schemas::scope::Scope;
use serde_json::json;

use crate::answers;
use crate::app::{Answer, App, Person};
use crate::memory::Memory;
use crate::promqltest::{self, Subject};

/// Metrics of each project, in memory.
#[derive(Default)]
pub(crate) struct Stores(Mutex<HashMap<String, Arc<Memory>>>);

impl Stores {
    fn put(&self, project: &str, memory: Memory) {
        let mut known = self.0.lock().unwrap();
        known.insert(project.to_owned(), Arc::new(memory));
    }
}

impl MetricStores for Stores {
    fn of(&self, scope: &Scope, _as_of_ms: Option<i64>) -> Arc<dyn MetricStore> {
        let known = self.0.lock().unwrap();
        let found = known.get(&scope.project().to_string());
        found.cloned().unwrap_or_default()
    }
}

pub(crate) async fn app_with(stores: &Arc<Stores>) -> Option<App> {
    App::storing(Some(stores.clone()), |_| {}, Clock::System).await
}

/// One counter with a sample every ten seconds.
fn requests() -> Memory {
    let mut memory = Memory::default();
    for code in ["200", "500"] {
        let pairs = [("__name__", "http_requests_total"), ("code", code)];
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let samples = Samples {
            times: (0..=60).map(|at| at * 10_000).collect(),
            values: (0..=60).map(f64::from).collect(),
            histograms: Vec::new(),
        };
        memory.append(Labels::new(labels.to_vec()), samples);
    }
    memory
}

pub(crate) async fn post(app: &App, path: &str, token: &str, form: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = Request::post(format!("/prometheus/api/v1/{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body));
    app.call(request.unwrap()).await
}

async fn get(app: &App, path: &str, token: &str) -> Answer {
    app.get(&format!("/prometheus/api/v1/{path}"), Some(token))
        .await
}

struct OverHttp<'a> {
    app: &'a App,
    stores: &'a Stores,
    person: &'a Person,
    memory: Memory,
}

impl OverHttp<'_> {
    async fn ask(&self, path: &str, form: &[(&str, &str)]) -> Result<promql::Answer, String> {
        let answer = post(self.app, path, &self.person.token, form).await;
        let body = answer.json();
        if answer.status.is_success() {
            return Ok(answers::read(&body));
        }
        let error = body["error"].as_str().unwrap();
        Err(error.to_owned())
    }
}

impl Subject for OverHttp<'_> {
    async fn clear(&mut self) {
        self.memory = Memory::default();
        self.stores.put(&self.person.project, Memory::default());
    }

    async fn load(&mut self, series: Vec<(Labels, Samples)>) {
        for (labels, samples) in series {
            self.memory.append(labels, samples);
        }
        self.stores.put(&self.person.project, self.memory.clone());
    }

    async fn instant(&self, query: &str, time_ms: i64) -> Result<promql::Answer, String> {
        let time = (time_ms as f64 / 1000.0).to_string();
        self.ask("query", &[("query", query), ("time", &time)])
            .await
    }

    async fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<promql::Answer, String> {
        let [start, end, step] =
            [start_ms, end_ms, step_ms].map(|ms| (ms as f64 / 1000.0).to_string());
        let form = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        self.ask("query_range", &form).await
    }

    fn is_native(&self, query: &str) -> bool {
        promqltest::any_selector(query, |matchers| {
            let mut found = self.memory.matching(matchers);
            found.any(|(_, samples)| !samples.histograms.is_empty())
        })
    }

    fn tells_natives(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_own_tests_pass_over_http() {
    let Some(files) = promqltest::scripts() else {
        testkit::skipped(
            "prometheus_own_tests_pass_over_http",
            "CONFORMANCE_DIR names no folder with promqltest",
        );
        return;
    };
    let stores = Arc::new(Stores::default());
    let Some(app) = app_with(&stores).await else {
        return;
    };
    let person = app.register("Ada").await;
    let mut failures = 0;
    for (name, text) in files {
        let mut subject = OverHttp {
            app: &app,
            stores: &stores,
            person: &person,
            memory: Memory::default(),
        };
        let tally = promqltest::run(&text, &mut subject)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        failures += tally.report(&name);
    }
    assert_eq!(failures, 0, "evaluations of floats failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_queried_and_listed() {
    let stores = Arc::new(Stores::default());
    let Some(app) = app_with(&stores).await else {
        return;
    };
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    stores.put(&ada.project, requests());
    let query = "query?query=sum(rate(http_requests_total%5B1m%5D))&time=300.5";
    let answer = get(&app, query, &ada.token).await.with(200);
    assert_eq!(
        answer,
        json!({"status": "success", "data": {"resultType": "vector",
            "result": [{"metric": {}, "value": [300.5, "0.2"]}]}})
    );
    let foreign = get(&app, query, &eve.token).await.with(200);
    assert_eq!(foreign["data"]["result"], json!([]));

    let series = "series?match%5B%5D=http_requests_total%7Bcode%3D%22500%22%7D";
    let answer = get(&app, series, &ada.token).await.with(200);
    assert_eq!(
        answer["data"],
        json!([{"__name__": "http_requests_total", "code": "500"}])
    );
    let answer = post(&app, "labels", &ada.token, &[("limit", "1")]).await;
    let answer = answer.with(200);
    assert_eq!(answer["data"], json!(["__name__"]));
    assert_eq!(
        answer["warnings"],
        json!(["results truncated due to limit"])
    );
    for (stats, told) in [("", false), ("&stats=", false), ("&stats=all", true)] {
        let answer = get(&app, &format!("{query}{stats}"), &ada.token)
            .await
            .with(200);
        let stats = &answer["data"]["stats"];
        assert_eq!(stats.is_object(), told, "{answer}");
        if told {
            assert!(
                stats["samples"]["totalQueryableSamples"].as_u64() > Some(0),
                "{stats}"
            );
            assert!(stats["timings"]["evalTotalTime"].is_number(), "{stats}");
        }
    }
    // As Grafana asks for names that a path cannot have.
    for path in ["label/code/values", "label/U__c_6f_de/values"] {
        let answer = get(&app, path, &ada.token).await.with(200);
        assert_eq!(answer["data"], json!(["200", "500"]), "{path}");
    }
    let answer = get(&app, "metadata", &ada.token).await.with(200);
    assert_eq!(
        answer["data"]["http_requests_total"][0]["type"],
        json!("counter")
    );
    let exemplars = "query_exemplars?query=http_requests_total%7Bcode%3D%22500%22%7D";
    let answer = get(&app, exemplars, &ada.token).await.with(200);
    let exemplar = &answer["data"][0]["exemplars"][0];
    assert_eq!(
        *exemplar,
        json!({"labels": {"trace_id": "abc"}, "value": "0.25", "timestamp": 1.5})
    );
    let form = [("query", "sum  by(a)(b)")];
    let answer = post(&app, "format_query", &ada.token, &form)
        .await
        .with(200);
    assert_eq!(answer["data"], json!("sum by (a) (b)"));
    let answer = get(&app, "rules", &ada.token).await.with(200);
    assert_eq!(answer["data"], json!({"groups": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_speak_prometheus_dialect() {
    let stores = Arc::new(Stores::default());
    let Some(app) = app_with(&stores).await else {
        return;
    };
    let ada = app.register("Ada").await;
    stores.put(&ada.project, requests());
    for (path, status, kind, error) in [
        (
            "query?query=sum(",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:5: parse error",
        ),
        (
            "query",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:1: parse error",
        ),
        (
            "query?query=1&time=x",
            400,
            "bad_data",
            "invalid parameter \"time\": cannot parse",
        ),
        (
            "query_range?query=1&start=0&end=1",
            400,
            "bad_data",
            "invalid parameter \"step\"",
        ),
        (
            "query_range?query=1&start=0&end=1&step=0",
            400,
            "bad_data",
            "zero or negative",
        ),
        (
            "query_range?query=1&start=2&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"end\": end timestamp",
        ),
        (
            "query_range?query=x%5B1m%5D&start=0&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\"",
        ),
        ("query?query=topk(x)", 400, "bad_data", "expected 2, got 1"),
        (
            "query_range?query=1&start=0&end=99999&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution",
        ),
        (
            "query?query=topk(NaN,x)",
            422,
            "execution",
            "Parameter value is NaN",
        ),
        (
            "query?query=http_requests_total&time=60&timeout=0",
            503,
            "timeout",
            "query timed out",
        ),
        ("series", 400, "bad_data", "no match[] parameter provided"),
        (
            "labels?limit=-1",
            400,
            "bad_data",
            "invalid parameter \"limit\"",
        ),
        (
            "query?query=foo%20offset%209223372036854775807ms",
            400,
            "bad_data",
            "invalid parameter",
        ),
    ] {
        let answer = get(&app, path, &ada.token).await;
        let body = answer.with(status);
        assert_eq!(body["status"], "error", "{path}");
        assert_eq!(body["errorType"], kind, "{path}");
        let found = body["error"].as_str().unwrap();
        assert!(found.contains(error), "{path}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_key_may_ask_and_an_ingest_key_may_not() {
    let stores = Arc::new(Stores::default());
    let Some(app) = app_with(&stores).await else {
        return;
    };
    let ada = app.register("Ada").await;
    for (scope, status) in [("read", 200), ("ingest", 403)] {
        let body = json!({"name": scope, "scopes": [scope]});
        let key = app.post("/api/v1/api-keys", &ada.token, body).await;
        let secret = key.with(201)["key"].as_str().unwrap().to_owned();
        testkit::eventually("the key is known", || async {
            let answer = get(&app, "query?query=1", &secret).await;
            (answer.status.as_u16() != 401).then_some(())
        })
        .await;
        let answer = get(&app, "query?query=1", &secret).await;
        answer.with(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_metrics_are_kept_the_api_is_unavailable() {
    let app = crate::app::app!();
    let ada = app.register("Ada").await;
    let answer = get(&app, "query?query=up", &ada.token).await.with(503);
    assert_eq!(answer["errorType"], "unavailable");
}
