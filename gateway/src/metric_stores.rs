//! Where the metrics of a project are asked, and how many queries may run at once.

use std::sync::Arc;
use std::time::Duration;

use projections::telemetry::metrics::Stores;
use promql::Engine;
use promql::source::MetricStore;
use schemas::scope::Scope;
use tokio::sync::{Semaphore, SemaphorePermit};

/// More queries than this wait for their turn.
pub(crate) const AT_ONCE: usize = 20;

/// How long a query may wait for its turn.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Gives the metrics of one project. The scope comes from the credential.
pub trait MetricStores: Send + Sync {
    /// With `as_of_ms` without what had not arrived by then.
    fn of(&self, scope: &Scope, as_of_ms: Option<i64>) -> Arc<dyn MetricStore>;
}

impl MetricStores for Stores {
    fn of(&self, scope: &Scope, as_of_ms: Option<i64>) -> Arc<dyn MetricStore> {
        Arc::new(Self::of(self, scope).known_at(as_of_ms))
    }
}

/// What queries of metrics need.
pub struct Queries {
    stores: Option<Arc<dyn MetricStores>>,
    pub(crate) engine: Engine,
    turns: Semaphore,
}

impl Queries {
    pub(crate) fn new(stores: Option<Arc<dyn MetricStores>>) -> Self {
        Self {
            stores,
            engine: Engine::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// None where no metrics are kept.
    pub(crate) fn store(
        &self,
        scope: &Scope,
        as_of_ms: Option<i64>,
    ) -> Option<Arc<dyn MetricStore>> {
        let stores = self.stores.as_ref();
        stores.map(|stores| stores.of(scope, as_of_ms))
    }

    /// None where too many were before.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        turn.ok().and_then(Result::ok)
    }
}
