//! Ingest over an embedded log of its own, with keys.

use std::sync::Arc;

use access::api_key::{self, NewKey};
use access::keyring::Keyring;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, request};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{EventLog, Log, NewRecord, Record, Visibility};
use ingest::IngestState;
use schemas::api_key::{ApiKeyCreated, ApiKeyEvent, ApiKeyRevoked};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use uuid::Uuid;

use crate::faulty_log::FaultyLog;

pub(crate) const PATH: &str = "/api/v1/webhooks/alertmanager";
pub(crate) const FIRING: &[u8] =
    include_bytes!("../../../protocols/tests/alertmanager/firing.json");
const START: Timestamp = Timestamp::from_micros(1_793_500_860_000_000);
const READ_BYTES: usize = 16 << 20;

pub(crate) struct Site {
    pub(crate) state: Arc<IngestState>,
    pub(crate) log: Arc<FaultyLog>,
    pub(crate) clock: Clock,
    pub(crate) tenant: TenantId,
    pub(crate) project: ProjectId,
    _following: Option<DropGuard>,
    _folder: TempDir,
}

/// What the agent sees.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn rule(&self) -> &str {
        self.json["rule"].as_str().unwrap_or_default()
    }
}

pub(crate) fn post() -> request::Builder {
    Request::post(PATH)
}

pub(crate) fn bearer(key: &str, body: &[u8]) -> Request<Body> {
    let request = post().header("authorization", format!("Bearer {key}"));
    request.body(Body::from(body.to_vec())).unwrap()
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut IngestState)) -> Self {
        Self::open_on(|_| (), change).await
    }

    pub(crate) async fn open_on(
        log: impl FnOnce(&mut Options),
        change: impl FnOnce(&mut IngestState),
    ) -> Self {
        let mut site = Self::without_a_keyring_that_follows_but(log, change).await;
        let (keyring, log) = (site.state.keyring.clone(), site.state.log.clone());
        let shutdown = CancellationToken::new();
        site._following = Some(shutdown.clone().drop_guard());
        tokio::spawn(async move { keyring.follow(&log, shutdown).await });
        site.until(|site| site.state.keyring.fresh()).await;
        site
    }

    pub(crate) async fn without_a_keyring_that_follows() -> Self {
        Self::without_a_keyring_that_follows_but(|_| (), |_| ()).await
    }

    async fn without_a_keyring_that_follows_but(
        log: impl FnOnce(&mut Options),
        change: impl FnOnce(&mut IngestState),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        log(&mut options);
        let embedded = EmbeddedLog::open(options).unwrap();
        let faulty = Arc::new(FaultyLog::new(embedded));
        let log: Log = faulty.clone();
        let keyring = Arc::new(Keyring::open(&log, None).await.unwrap());
        let clock = Clock::manual(START);
        let mut state = IngestState::new(log, keyring, clock.clone());
        change(&mut state);
        Self {
            state: Arc::new(state),
            log: faulty,
            clock,
            tenant: TenantId(Uuid::from_u128(1)),
            project: ProjectId(Uuid::from_u128(2)),
            _following: None,
            _folder: folder,
        }
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::granted(self.tenant, self.project, Actor::system("test"))
    }

    /// A new key that the keyring knows.
    pub(crate) async fn key(&self, scopes: &[&str], expires_at: Option<Timestamp>) -> String {
        let (text, _) = self.create_key(scopes, expires_at).await;
        self.until(|site| {
            site.state.keyring.admit(&text, site.clock.now())
                != Err(access::denied::Denied::UnknownKey)
        })
        .await;
        text
    }

    /// A key of another tenant.
    #[allow(
        dead_code,
        reason = "only one of the test programs that share this asks"
    )]
    pub(crate) async fn key_of_another(&mut self) -> String {
        let own = (self.tenant, self.project);
        (self.tenant, self.project) = (
            TenantId(Uuid::from_u128(0x71)),
            ProjectId(Uuid::from_u128(0x72)),
        );
        let key = self.key(&["ingest"], None).await;
        (self.tenant, self.project) = own;
        key
    }

    pub(crate) async fn revoked_key(&self) -> String {
        let (text, id) = self.create_key(&["ingest"], None).await;
        self.append_key_event(id, ApiKeyRevoked { reason: None })
            .await;
        self.until(|site| {
            site.state.keyring.admit(&text, site.clock.now())
                == Err(access::denied::Denied::KeyRevoked)
        })
        .await;
        text
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = ingest::router(self.state.clone())
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json,
        }
    }

    /// All durable records of a topic.
    pub(crate) async fn records(&self, topic: Topic) -> Vec<Record> {
        let mut records = Vec::new();
        for partition in 0..topic.partitions() {
            let range = self
                .log
                .range(topic, partition, Visibility::Durable)
                .await
                .unwrap();
            let fetched = self.log.read(
                topic,
                partition,
                range.start,
                READ_BYTES,
                Visibility::Durable,
            );
            records.extend(fetched.await.unwrap().records);
        }
        records
    }

    pub(crate) async fn records_until(&self, topic: Topic, count: usize) -> Vec<Record> {
        testkit::eventually("the records are there", || async {
            let records = self.records(topic).await;
            assert!(records.len() <= count, "more than {count} records");
            (records.len() == count).then_some(records)
        })
        .await
    }

    async fn create_key(&self, scopes: &[&str], expires_at: Option<Timestamp>) -> (String, Uuid) {
        let NewKey { text, prefix, hash } = api_key::generate();
        let id = Context::ambient(&Clock::System).id();
        let created = ApiKeyCreated {
            name: "test".to_owned(),
            project: self.project,
            hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            prefix,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at,
            service_account: None,
        };
        self.append_key_event(id, created).await;
        (text.to_string(), id)
    }

    async fn append_key_event(&self, key: Uuid, event: impl Into<ApiKeyEvent>) {
        let event = event.into();
        let context = Context::ambient(&Clock::System);
        let scope = self.scope();
        let envelope = Envelope::of(
            &scope,
            context.id(),
            event.kind(),
            "/commands/api_key",
            key.to_string(),
        );
        let record = NewRecord::of(Topic::IdentityKeys, &envelope, &event).unwrap();
        self.log.append(vec![record]).await.unwrap();
    }

    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let condition = &condition;
        testkit::eventually("the keyring has caught up", || async move {
            condition(self).then_some(())
        })
        .await;
    }
}
