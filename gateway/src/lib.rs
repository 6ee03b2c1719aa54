//! The HTTP and WebSocket edge: who may ask what, and how it is answered.
//!
//! Reads go to the read models. Writes become a command on the log; the gateway
//! waits for its outcome and for the read model that shows it ([`dispatch`]). It
//! never imports `commands`. Adding a route is a handler in `routes/<resource>.rs`
//! and one line in [`routes`], with the action it needs leave for.

pub mod as_of;
pub mod audit;
pub mod auth;
pub mod client;
pub mod config;
mod console;
pub mod cors;
mod csv;
mod cursor;
mod dialects;
pub mod dispatch;
mod docs;
mod dress;
mod ends;
pub mod erased;
pub mod error;
mod etag;
mod given_names;
mod headers;
mod limits;
pub mod live;
pub mod metric_stores;
pub mod openapi;
pub mod operations;
pub mod order;
pub mod outcomes;
mod paging;
pub mod parameters;
mod person_erasure;
pub mod process;
pub mod progress;
pub mod proxies;
mod readmission;
pub mod ready;
pub mod request;
pub mod routes;
mod streamed;
mod tenant_erasure;
pub mod tokens;

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use access::ended::Ended;
use access::keyring::Keyring;
use access::meter::Meter;
use access::rates::Rates;
use access::refused_bodies::RefusedBodies;
use axum::Router;
use eventlog::Log;
use metrics_exporter_prometheus::PrometheusHandle;
use outbound::Outbound;
use projections::Db;
use projections::fanout::Fanout;
use projections::vault::{self, MasterKey, SubjectKeys};
use schemas::context::{Clock, Context};
use schemas::ids::SubjectId;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

use audit::looks::Looks;
use audit::sealer;
use auth::keys::Keys;
use auth::passwords::Passwords;
use auth::single_sign_on::Providers;
use auth::sweeper;
use config::Config;
use dress::Dress;
use ends::Unshown;
use error::Error;
use live::Live;
use metric_stores::{MetricStores, Queries};
use operations::Operations;
use outcomes::Outcomes;
use progress::Progress;
use tokens::Tokens;

/// So many servers that people name are called at once.
const CALLS_AT_ONCE: usize = 16;
/// Between two tries to read the vault.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What the gateway is given at start. The keyring is shared with ingest and
/// followed by whoever made it.
pub struct Surroundings {
    pub config: Config,
    pub clock: Clock,
    pub log: Log,
    pub db: Db,
    pub master: MasterKey,
    pub keyring: Arc<Keyring>,
    pub fanout: Arc<dyn Fanout>,
    pub metrics: Option<PrometheusHandle>,
    /// What ingest in this process refused.
    pub refused: Arc<RefusedBodies>,
    /// Where metrics are kept; None where they are not.
    pub metric_stores: Option<Arc<dyn MetricStores>>,
    /// How often callers may ask; shared with ingest where both run.
    pub rates: Arc<Rates>,
    /// How it calls servers that people name.
    pub outbound: Outbound,
    /// What tenants use; shared with ingest where both run.
    pub meter: Arc<Meter>,
}

/// The gateway; cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

/// What its handlers use.
pub struct Parts {
    pub config: Config,
    pub clock: Clock,
    pub log: Log,
    pub db: Db,
    pub master: MasterKey,
    pub keyring: Arc<Keyring>,
    pub metrics: Option<PrometheusHandle>,
    pub refused: Arc<RefusedBodies>,
    pub rates: Arc<Rates>,
    pub meter: Arc<Meter>,
    /// Once the vault has told its root.
    keys: OnceLock<Keys>,
    pub tokens: Tokens,
    pub ended: Ended,
    /// What has changed of roles and cannot be seen yet.
    pub(crate) unshown: Unshown,
    /// Set once the read models of who belongs where were at the end of the log.
    pub(crate) people_shown: OnceLock<()>,
    pub(crate) looks: Looks,
    pub passwords: Passwords,
    /// By which members of tenants sign in.
    pub providers: Providers,
    pub outcomes: Outcomes,
    pub progress: Progress,
    pub live: Live,
    pub queries: Queries,
    /// Turns of exports.
    pub exports: Arc<Semaphore>,
    pub outbound: Outbound,
    /// Turns of calls to servers that people name.
    pub calls: Semaphore,
    fanout: Arc<dyn Fanout>,
    document: String,
}

impl Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Gateway {
    /// Connects nothing yet: [`Gateway::run`] does.
    pub fn new(given: Surroundings) -> Result<Self, Error> {
        let instance = Context::ambient(&given.clock).id();
        // People who try the platform out sign in on the machine that it runs on; where
        // strangers are, no provider leads there.
        let providers = match given.config.public_url.is_loopback() {
            true => given.outbound.clone(),
            false => given.outbound.clone().beyond_this_machine(),
        };
        let db = match given.config.query_memory.clone() {
            Some(budget) => given.db.within(budget),
            None => given.db,
        };
        Ok(Self(Arc::new(Parts {
            keys: OnceLock::new(),
            tokens: Tokens::new(given.config.public_url.origin()),
            ended: Ended::default(),
            unshown: Unshown::default(),
            people_shown: OnceLock::new(),
            looks: Looks::default(),
            passwords: Passwords::new()?,
            providers: Providers::new(providers),
            outcomes: Outcomes::default(),
            progress: Progress::default(),
            live: Live::new(instance, given.log.id()),
            queries: Queries::new(given.metric_stores),
            exports: Arc::new(Semaphore::new(routes::export::AT_ONCE)),
            document: openapi_document().map_err(|e| Error::Internal(e.to_string()))?,
            config: given.config,
            clock: given.clock,
            log: given.log,
            db,
            master: given.master,
            keyring: given.keyring,
            metrics: given.metrics,
            refused: given.refused,
            rates: given.rates,
            outbound: given.outbound,
            calls: Semaphore::new(CALLS_AT_ONCE),
            meter: given.meter,
            fanout: given.fanout,
        })))
    }

    /// The keys of its own HMACs and signatures; unavailable until the vault was read.
    pub fn keys(&self) -> Result<&Keys, Error> {
        let unread = || Error::Unavailable("the vault was not read yet".to_owned());
        self.keys.get().ok_or_else(unread)
    }

    /// Derives them, trying until the vault answers.
    async fn learn_keys(&self, stop: CancellationToken) {
        loop {
            match vault::root(&self.db, &self.master).await {
                Ok(root) => {
                    self.keys.get_or_init(|| Keys::derive(&root));
                    return;
                }
                Err(error) => tracing::warn!(%error, "the vault cannot be read"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
    }

    /// What opens addresses of people.
    pub(crate) fn people(&self) -> SubjectKeys {
        SubjectKeys::new(self.master.clone())
    }

    /// Makes what is sealed for `subject` unreadable, in every copy of the log.
    pub(crate) async fn forget_subject(&self, subject: SubjectId) -> Result<(), Error> {
        let forgotten = self.people().forget(self.db.writer(), subject).await;
        forgotten.map_err(|e| Error::Internal(e.to_string()))
    }

    /// The same for a person, who must stay erased after a restore too: the list of
    /// them lies beside the backups.
    pub(crate) async fn erase(&self, subject: SubjectId) -> Result<(), Error> {
        self.note_erased(&[erased::Line::Subject(subject)]).await?;
        self.forget_subject(subject).await
    }

    pub(crate) async fn note_erased(&self, lines: &[erased::Line]) -> Result<(), Error> {
        let Some(list) = self.config.erased.as_ref().filter(|_| !lines.is_empty()) else {
            return Ok(());
        };
        erased::note(list, lines).await.map_err(|e| {
            let list = list.display();
            Error::Internal(format!("the list {list} cannot be written: {e}"))
        })
    }

    /// Runs what stands behind the routes until `stop`: token keys, outcomes, live
    /// changes, what was ended elsewhere, erased tenants and people, the sweepers. Ends early only if the log has failed.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let keys = self.learn_keys(stop.clone());
        let tokens = self
            .tokens
            .keep(&self.db, &self.master, &self.clock, stop.clone());
        let live = self
            .live
            .follow(&self.db, self.fanout.as_ref(), &self.progress, stop.clone());
        let pace = self
            .live
            .watch_pace(&self.db, &self.log, &self.clock, stop.clone());
        let sweeper = sweeper::run(self, stop.clone());
        // Large; the future of all would be moved with them.
        let erasures = Box::pin(self.follow_erasures(stop.clone()));
        let people = Box::pin(self.erase_listed(stop.clone()));
        let ends = self.follow_ends(stop.clone());
        let changes = self.follow_changes(stop.clone());
        let outcomes = self.outcomes.follow(&self.log, stop.clone());
        let sealer = sealer::run(self, stop.clone());
        let readiness = ready::keep_measuring(self, stop.clone());
        let (outcomes, ..) = tokio::join!(
            outcomes, keys, tokens, live, pace, sweeper, sealer, ends, changes, erasures, people,
            readiness
        );
        Ok(outcomes?)
    }

    /// All routes: the API, the live socket, the documentation and the console.
    pub fn router(&self) -> Router {
        let api = routes::all(Operations::new(Some(self.clone()), openapi::empty()));
        let api = api.router().unwrap_or_default().merge(docs::routes());
        self.dressed(
            api.fallback(console::serve)
                .method_not_allowed_fallback(|| async { Error::MethodNotAllowed }),
        )
    }

    /// The live socket and the probes alone, for a port of its own.
    pub fn socket_router(&self) -> Router {
        let api = routes::live(Operations::new(Some(self.clone()), openapi::empty()));
        let api = api.router().unwrap_or_default();
        self.dressed(api.fallback(|| async { Error::NotFound }))
    }

    fn dressed(&self, router: Router) -> Router {
        let dressed = ServiceBuilder::new()
            // Outside of what writes bodies, else they are taken for compressed.
            .layer(CompressionLayer::new())
            .layer(Dress(self.clone()))
            .service(router);
        cors::allow(
            Router::new().fallback_service(dressed),
            &self.config.cors_origins,
        )
    }
}

/// The text of `gateway/openapi.json`.
pub fn openapi_document() -> Result<String, serde_json::Error> {
    openapi::render(routes::all(Operations::new(None, openapi::empty())).document())
}
