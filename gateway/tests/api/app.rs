//! One gateway with everything behind it, for one test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::keyring::Keyring;
use access::rates::{Quotas, Rates};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use eventlog::Log;
use eventlog::embedded::{EmbeddedLog, Options};
use gateway::config::{Config, PublicUrl};
use gateway::metric_stores::MetricStores;
use gateway::{Gateway, Surroundings};
use ingest::IngestState;
use outbound::{Guard, Outbound};
use projections::fanout::{Fanout, InProcess};
use projections::vault::{MasterKey, SubjectKeys};
use projections::{Db, DbConfig, Runtime};
use schemas::context::Clock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::history::ProjectedHistory;
use crate::wire::Wire;

/// What accounts are made with, until their holders choose [`PASSWORD`].
pub(crate) const INITIAL: &str = "a first word of somebody else";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) router: Router,
    pub(crate) log: Log,
    pub(crate) fanout: Arc<InProcess>,
    pub(crate) stop: CancellationToken,
    pub(crate) wire: Wire,
    /// As a superuser.
    pub(crate) database: String,
    pub(crate) history: Arc<ProjectedHistory>,
    runner: Mutex<CancellationToken>,
    _folder: tempfile::TempDir,
}

/// Somebody with a session.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) refresh: String,
    pub(crate) tenant: String,
    pub(crate) project: String,
    pub(crate) user: String,
    pub(crate) email: String,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body, if the answer has the status.
    pub(crate) fn with(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        match self.text.is_empty() {
            true => Value::Null,
            false => self.json(),
        }
    }

    pub(crate) fn rule(&self) -> String {
        self.json()["rule"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.json()["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {self:?}"))
            .to_owned()
    }
}

impl App {
    /// None (after saying so) where there is no Postgres.
    pub(crate) async fn start() -> Option<Self> {
        Self::with(|_| {}, Clock::System).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config), clock: Clock) -> Option<Self> {
        Self::storing(None, change, clock).await
    }

    /// With limits on how often may be asked.
    pub(crate) async fn limited(quotas: Quotas, clock: Clock) -> Option<Self> {
        Self::build(None, |_| {}, clock, quotas).await
    }

    pub(crate) async fn storing(
        metric_stores: Option<Arc<dyn MetricStores>>,
        change: impl FnOnce(&mut Config),
        clock: Clock,
    ) -> Option<Self> {
        Self::build(metric_stores, change, clock, Quotas::default()).await
    }

    /// With what may be called besides, and names that lead where the test says.
    pub(crate) async fn calling(
        outbound: Outbound,
        change: impl FnOnce(&mut Config),
    ) -> Option<Self> {
        let given = (change, Clock::System, Quotas::default());
        Self::made(None, given, outbound).await
    }

    pub(crate) async fn build(
        metric_stores: Option<Arc<dyn MetricStores>>,
        change: impl FnOnce(&mut Config),
        clock: Clock,
        quotas: Quotas,
    ) -> Option<Self> {
        let anywhere = Outbound::new(Guard::default());
        Self::made(metric_stores, (change, clock, quotas), anywhere).await
    }

    async fn made(
        metric_stores: Option<Arc<dyn MetricStores>>,
        (change, clock, quotas): (impl FnOnce(&mut Config), Clock, Quotas),
        outbound: Outbound,
    ) -> Option<Self> {
        let database = testkit::postgres().await?;
        let folder = tempfile::tempdir().unwrap();
        let log: Log = EmbeddedLog::open(Options::new(folder.path().join("log"))).unwrap();
        let wire = Wire::lay(&database.url, folder.path());
        let db_config = DbConfig::new(wire.url());
        projections::migrate(&db_config).await.unwrap();
        let db = Db::connect(&db_config).unwrap();
        let master = MasterKey::generate();
        let fanout = Arc::new(InProcess::default());
        let keyring = Arc::new(Keyring::open(&log, None).await.unwrap());
        let mut config = Config::new(PublicUrl::parse("http://localhost:8580").unwrap());
        // Nobody gives numbers here.
        config.number_wait = Duration::ZERO;
        change(&mut config);
        let rates = Arc::new(Rates::new(quotas, None));
        let gateway = Gateway::new(Surroundings {
            config,
            clock,
            log: log.clone(),
            db: db.clone(),
            master: master.clone(),
            keyring: keyring.clone(),
            fanout: fanout.clone(),
            metrics: None,
            refused: Arc::default(),
            metric_stores,
            rates,
            outbound,
            meter: Arc::default(),
        })
        .unwrap();
        let mut agents = IngestState::new(log.clone(), keyring.clone(), gateway.clock.clone());
        agents.refused = gateway.refused.clone();
        agents.rates = gateway.rates.clone();
        agents.meter = gateway.meter.clone();
        let agents = Arc::new(agents);
        let app = Self {
            // As the server serves it: with what agents call.
            router: gateway.router().merge(ingest::router(agents)),
            gateway,
            log,
            fanout,
            stop: CancellationToken::new(),
            wire,
            database: database.url.clone(),
            history: Arc::new(ProjectedHistory::new(db.clone())),
            runner: Mutex::default(),
            _folder: folder,
        };
        app.run(db, master, keyring);
        app.ready().await;
        Some(app)
    }

    fn run(&self, db: Db, master: MasterKey, keyring: Arc<Keyring>) {
        let (gateway, stop) = (self.gateway.clone(), self.stop.clone());
        tokio::spawn(async move { gateway.run(stop).await });
        let (log, stop) = (self.log.clone(), self.stop.clone());
        tokio::spawn(async move { keyring.follow(&log, stop).await });
        let runtime = Runtime {
            log: self.log.clone(),
            db: db.clone(),
            people: SubjectKeys::new(master),
            fanout: self.fanout.clone() as Arc<dyn Fanout>,
            rest: projections::REST,
        };
        tokio::spawn(projections::run(
            runtime,
            projections::registry(),
            self.stop.clone(),
        ));
        self.start_runner();
    }

    /// Decides commands from now on.
    pub(crate) fn start_runner(&self) {
        let stop = CancellationToken::new();
        *self.runner.lock().unwrap() = stop.clone();
        let (log, history) = (self.log.clone(), self.history.clone());
        tokio::spawn(::commands::run(log, history, Default::default(), stop));
    }

    /// Stops deciding commands; what is sent from now on stays pending.
    pub(crate) fn stop_runner(&self) {
        self.runner.lock().unwrap().cancel();
    }

    async fn ready(&self) {
        testkit::eventually("the gateway is ready", || async {
            let answer = self.get("/readyz", None).await;
            (answer.status == StatusCode::OK).then_some(())
        })
        .await;
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        self.call(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(Method::GET, path, token, None, &[]).await
    }

    /// An incident's timeline, once its projection is at so many entries: an answer
    /// to an action waits for the incident, not for this.
    pub(crate) async fn timeline(&self, person: &Person, id: &str, count: usize) -> Vec<Value> {
        let path = format!("/api/v1/incidents/{id}/timeline");
        testkit::eventually("the timeline", || async {
            let timeline = self.get(&path, Some(&person.token)).await.with(200);
            let entries = timeline["items"].as_array().unwrap().clone();
            (entries.len() >= count).then_some(entries)
        })
        .await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(token), Some(&body), &[])
            .await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        token: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(Method::POST, path, Some(token), Some(&body), headers)
            .await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, Some(token), None, &[])
            .await
    }

    /// A new tenant with its owner; `word` is in every name, for tests that look for it.
    pub(crate) async fn register(&self, word: &str) -> Person {
        let email = unique_email(word);
        let body = json!({
            "email": email, "password": PASSWORD, "name": format!("{word} Owner"),
            "tenant_name": format!("{word} Ltd"),
        });
        let answer = self
            .send(
                Method::POST,
                "/api/v1/auth/register",
                None,
                Some(&body),
                &[],
            )
            .await;
        Person::of(&answer.with(201))
    }

    pub(crate) async fn login(&self, email: &str) -> Person {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self
            .send(Method::POST, "/api/v1/auth/login", None, Some(&body), &[])
            .await;
        Person::of(&answer.with(200))
    }

    /// A colleague of `owner`, logged in.
    pub(crate) async fn colleague(&self, owner: &Person, word: &str, role: &str) -> Person {
        let email = unique_email(word);
        self.colleague_at(owner, &email, word, role).await
    }

    pub(crate) async fn colleague_at(
        &self,
        owner: &Person,
        email: &str,
        word: &str,
        role: &str,
    ) -> Person {
        let body = json!({"email": email, "name": word, "password": INITIAL, "role": role});
        self.post("/api/v1/members", &owner.token, body)
            .await
            .with(201);
        let body = json!({"email": email, "password": INITIAL, "new_password": PASSWORD});
        Person::of(
            &self
                .ask("/api/v1/auth/initial-password", body)
                .await
                .with(200),
        )
    }

    pub(crate) async fn put(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(token), Some(&body), &[])
            .await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(token), Some(&body), &[])
            .await
    }

    /// Posts what needs no credential.
    pub(crate) async fn ask(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, Some(&body), &[]).await
    }

    /// A new session of `person`, with the roles that they have now.
    pub(crate) async fn refreshed(&self, person: &Person) -> Person {
        let body = json!({"refresh_token": person.refresh});
        Person::of(&self.ask("/api/v1/auth/refresh", body).await.with(200))
    }

    /// A declared incident.
    pub(crate) async fn incident(&self, person: &Person, title: &str) -> String {
        let body = json!({"title": title, "severity": "SEV2"});
        let answer = self.post("/api/v1/incidents", &person.token, body).await;
        answer.with(201);
        answer.id()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
        self.stop_runner();
    }
}

impl Person {
    pub(crate) fn of(session: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            token: text(&session["access_token"]),
            refresh: text(&session["refresh_token"]),
            tenant: text(&session["tenant_id"]),
            project: text(&session["project_id"]),
            user: text(&session["user"]["id"]),
            email: text(&session["user"]["email"]),
        }
    }
}

pub(crate) fn unique_email(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::SeqCst);
    format!("{}.{n}@example.com", word.to_lowercase())
}

/// Starts an [`App`], or ends the test after saying that it was skipped.
macro_rules! app {
    () => {
        match crate::app::App::start().await {
            Some(app) => app,
            None => return,
        }
    };
}

pub(crate) use app;
