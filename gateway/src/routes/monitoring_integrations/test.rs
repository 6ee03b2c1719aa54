//! The test button: asks at once what the prober asks by the clock, and tells each step.

use axum::Json;
use axum::extract::State;
use outbound::probe::{self, Health, Server, Trouble};
use projections::monitoring_integrations::{self, Target};
use projections::vault::credentials;
use schemas::context::Context;
use schemas::ids::MonitoringIntegrationId;
use schemas::integration_health::{IntegrationHealthCommand, RecordProbe};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{LIST, TOPIC};
use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::{Asked, NoFields, Question};

/// What a test has found out. Nothing of the server's answers is in it but its version.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntegrationTest {
    /// up, down
    pub status: String,
    /// Why it is down: a word for programs.
    pub error: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
    pub version: Option<String>,
    pub latency_ms: i64,
    pub steps: Vec<TestStep>,
}

/// One step of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestStep {
    /// resolve, connect, tls, request, version, credential
    pub name: String,
    pub ok: bool,
    pub detail: String,
    pub took_ms: i64,
}

/// Test a monitoring server
///
/// Asks it now, with the credential that it has, and notes what was found as its health.
#[utoipa::path(post, path = "/api/v1/monitoring-integrations/{id}/test", operation_id = "test_monitoring_integration",
    tag = "monitoring integrations", params(("id" = Uuid, Path)),
    responses((status = 200, body = IntegrationTest), (status = 202, body = Pending), (status = 404, body = Problem)))]
pub async fn test(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<Json<IntegrationTest>, Error> {
    let (scope, id) = (allowed.scope(), MonitoringIntegrationId(id));
    let found = monitoring_integrations::target(&gateway.db, scope, id).await?;
    let health = health(&gateway, found.ok_or(Error::NotFound)?).await?;
    let test = IntegrationTest::of(health);
    // `If-Match` is about what people have set, not about what is found.
    let question = Question {
        expected_version: None,
        ..asked.question
    };
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let message = IntegrationHealthCommand::from(RecordProbe {
        status: test.status.clone(),
        error: test.error.clone(),
        detail: test.detail.clone(),
        version: test.version.clone(),
        latency_ms: test.latency_ms,
        probed_at: gateway.clock.now(),
    });
    let settled = gateway.send(&command, TOPIC, id, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    Ok(Json(test))
}

async fn health(gateway: &Gateway, target: Target) -> Result<Health, Error> {
    let turn = gateway.calls.try_acquire();
    let _turn = turn.map_err(|_| Error::Unavailable("too many tests are going on".to_owned()))?;
    let secret = match target.credential {
        None => None,
        Some(id) => {
            let kept = credentials::get(&gateway.db, &gateway.master, target.tenant, id).await?;
            let Some(secret) = kept else {
                let detail = "its credential is gone: set it again";
                return Ok(Health::unasked(Trouble::new("credential_refused", detail)));
            };
            Some(secret)
        }
    };
    let secret = secret.as_ref().map(|secret| secret.as_slice());
    Ok(
        match Server::of(&target.kind, &target.url, secret, target.ca_certificate) {
            Ok(server) => probe::probe(&gateway.outbound, &server).await,
            Err(trouble) => Health::unasked(trouble),
        },
    )
}

impl IntegrationTest {
    fn of(health: Health) -> Self {
        let (error, detail) = health
            .trouble
            .map(|trouble| (trouble.kind.to_owned(), trouble.detail))
            .unzip();
        Self {
            status: if error.is_none() { "up" } else { "down" }.to_owned(),
            error,
            detail,
            version: health.version,
            latency_ms: millis(health.took),
            steps: health
                .steps
                .into_iter()
                .map(|step| TestStep {
                    name: step.name.to_owned(),
                    ok: step.ok,
                    detail: step.detail,
                    took_ms: millis(step.took),
                })
                .collect(),
        }
    }
}

fn millis(took: std::time::Duration) -> i64 {
    i64::try_from(took.as_millis()).unwrap_or(i64::MAX)
}
