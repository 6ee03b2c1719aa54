//! Closed sets of words, as types that clients can generate. The rows of read
//! models hold them as text; here the document says which words there are.

use schemas::scope;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayItems, Components};
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    Owner,
    Admin,
    Engineer,
    Viewer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    Ingest,
    #[serde(rename = "ingest:metrics")]
    IngestMetrics,
    #[serde(rename = "ingest:logs")]
    IngestLogs,
    #[serde(rename = "ingest:traces")]
    IngestTraces,
    #[serde(rename = "ingest:webhooks")]
    IngestWebhooks,
    Read,
    Write,
    Admin,
}

#[derive(ToSchema)]
pub enum Severity {
    #[schema(rename = "SEV1")]
    Sev1,
    #[schema(rename = "SEV2")]
    Sev2,
    #[schema(rename = "SEV3")]
    Sev3,
    #[schema(rename = "SEV4")]
    Sev4,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum IncidentStatus {
    Detected,
    Acknowledged,
    Investigating,
    Mitigated,
    Resolved,
    Learned,
    Merged,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum IncidentSource {
    Alertmanager,
    Manual,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum NextAction {
    Acknowledge,
    Investigate,
    Mitigate,
    Resolve,
    Learn,
    Reopen,
    Merge,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AlertStatus {
    Firing,
    Resolved,
}

/// What stands behind the address of a monitoring integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MonitoringKind {
    Prometheus,
    Alertmanager,
    Grafana,
    Loki,
    Otlp,
}

impl MonitoringKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
            Self::Grafana => "grafana",
            Self::Loki => "loki",
            Self::Otlp => "otlp",
        }
    }
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum CredentialKind {
    Basic,
    Bearer,
    Headers,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum HealthStatus {
    Unknown,
    Up,
    Down,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum TestStepName {
    Resolve,
    Connect,
    Tls,
    Request,
    Version,
    Credential,
}

/// Which property of which schema holds the words of which set.
const PLACES: [(&str, &str, &str); 14] = [
    ("Incident", "status", "IncidentStatus"),
    ("Incident", "severity", "Severity"),
    ("Incident", "source", "IncidentSource"),
    ("Incident", "allowed_next", "NextAction"),
    ("Alert", "status", "AlertStatus"),
    ("Alert", "severity", "Severity"),
    ("Member", "role", "MemberRole"),
    ("ApiKey", "scopes", "KeyScope"),
    ("CreatedApiKey", "scopes", "KeyScope"),
    ("MonitoringIntegration", "kind", "MonitoringKind"),
    ("CredentialShown", "kind", "CredentialKind"),
    ("IntegrationHealth", "status", "HealthStatus"),
    ("IntegrationTest", "status", "HealthStatus"),
    ("TestStep", "name", "TestStepName"),
];

impl From<scope::MemberRole> for MemberRole {
    fn from(role: scope::MemberRole) -> Self {
        match role {
            scope::MemberRole::Owner => Self::Owner,
            scope::MemberRole::Admin => Self::Admin,
            scope::MemberRole::Engineer => Self::Engineer,
            scope::MemberRole::Viewer => Self::Viewer,
        }
    }
}

impl KeyScope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::IngestMetrics => "ingest:metrics",
            Self::IngestLogs => "ingest:logs",
            Self::IngestTraces => "ingest:traces",
            Self::IngestWebhooks => "ingest:webhooks",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Puts the sets into the document and refers to them where they are used.
pub(super) fn name_closed_sets(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    add::<MemberRole>(components);
    add::<KeyScope>(components);
    add::<Severity>(components);
    add::<IncidentStatus>(components);
    add::<IncidentSource>(components);
    add::<NextAction>(components);
    add::<AlertStatus>(components);
    add::<MonitoringKind>(components);
    add::<CredentialKind>(components);
    add::<HealthStatus>(components);
    add::<TestStepName>(components);
    for (schema, property, words) in PLACES {
        if let Some(place) = property_of(components, schema, property) {
            refer(place, words);
        }
    }
}

fn add<T: ToSchema + PartialSchema>(components: &mut Components) {
    components
        .schemas
        .insert(T::name().into_owned(), T::schema());
}

fn property_of<'a>(
    components: &'a mut Components,
    schema: &str,
    property: &str,
) -> Option<&'a mut RefOr<Schema>> {
    match components.schemas.get_mut(schema)? {
        RefOr::T(Schema::Object(object)) => object.properties.get_mut(property),
        _ => None,
    }
}

fn refer(place: &mut RefOr<Schema>, words: &str) {
    let words = Ref::from_schema_name(words);
    match place {
        RefOr::T(Schema::Array(array)) => {
            array.items = ArrayItems::RefOrSchema(Box::new(words.into()));
        }
        other => *other = words.into(),
    }
}
