//! Asking one server, and having it recorded.

use std::sync::Arc;

use eventlog::{LogError, NewRecord};
use outbound::probe::{self, Health, Server, Trouble};
use projections::monitoring_integrations::Target;
use projections::vault::credentials;
use schemas::codec::CodecError;
use schemas::integration_health::{IntegrationHealthCommand, RecordProbe};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use tokio::sync::Semaphore;

use super::{NAME, Prober};
use crate::unprompted::{self, Unprompted};

/// A server with what it answered.
pub(super) struct Asked {
    pub(super) target: Target,
    pub(super) health: Health,
}

impl Asked {
    /// The answer as the aggregate is told of it.
    pub(super) fn probe(&self, now: Timestamp) -> RecordProbe {
        let trouble = self.health.trouble.as_ref();
        RecordProbe {
            status: if trouble.is_none() { "up" } else { "down" }.to_owned(),
            error: trouble.map(|trouble| trouble.kind.to_owned()),
            detail: trouble.map(|trouble| trouble.detail.clone()),
            version: self.health.version.clone(),
            latency_ms: i64::try_from(self.health.took.as_millis()).unwrap_or(i64::MAX),
            probed_at: now,
        }
    }
}

impl Prober {
    pub(super) async fn ask(self, target: Target, permits: Arc<Semaphore>) -> Asked {
        // Never closed; without a permit it would be asked all the same.
        let _permit = permits.acquire().await.ok();
        let health = match self.server(&target).await {
            Ok(server) => probe::probe(&self.outbound, &server).await,
            Err(trouble) => Health::unasked(trouble),
        };
        let result = health.trouble.as_ref().map_or("up", |trouble| trouble.kind);
        metrics::counter!("workers_probes_total", "result" => result).increment(1);
        Asked { target, health }
    }

    async fn server(&self, target: &Target) -> Result<Server, Trouble> {
        let secret = match target.credential {
            None => None,
            Some(id) => {
                let kept = credentials::get(&self.db, &self.master, target.tenant, id).await;
                let kept = kept.map_err(|error| {
                    tracing::warn!(%error, integration = %target.id, "no credential from the vault");
                    Trouble::new("credential_refused", "its credential cannot be read now")
                })?;
                let gone =
                    || Trouble::new("credential_refused", "its credential is gone: set it again");
                Some(kept.ok_or_else(gone)?)
            }
        };
        let secret = secret.as_ref().map(|secret| secret.as_slice());
        let authority = target.ca_certificate.clone();
        Server::of(&target.kind, &target.url, secret, authority)
    }

    /// False where passing trouble was in the way.
    pub(super) async fn record(
        &self,
        target: &Target,
        probe: RecordProbe,
    ) -> Result<bool, LogError> {
        unprompted::give(&self.log, NAME, command(target, probe)).await
    }
}

fn command(target: &Target, probe: RecordProbe) -> Result<NewRecord, CodecError> {
    let given = Unprompted {
        worker: NAME,
        subject: target.id.0,
        step: (target.id.0, probe.probed_at.micros().to_string()),
        place: (target.tenant, target.project),
        time: probe.probed_at,
    };
    let message = IntegrationHealthCommand::from(probe);
    given.command(Topic::MonitoringCommands, &message)
}
