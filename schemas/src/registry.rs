//! Every message type, and every schema version that was ever released.

use apache_avro::Schema;
use include_dir::{Dir, include_dir};

use crate::messages::{MessageSet, MessageType};

static AVRO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/avro");
static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples");

/// A committed schema file: `avro/<context>/<Kind>.v<N>.avsc`.
pub struct Released {
    pub context: String,
    pub kind: String,
    pub version: u32,
    pub schema: Schema,
    /// The example bytes that were committed with it.
    pub example: Option<&'static [u8]>,
}

/// All types of today; one line a set.
pub fn types() -> Vec<MessageType> {
    [
        crate::tenant::TenantCommand::types(),
        crate::tenant::TenantEvent::types(),
        crate::api_key::ApiKeyCommand::types(),
        crate::api_key::ApiKeyEvent::types(),
        crate::service_account::ServiceAccountCommand::types(),
        crate::service_account::ServiceAccountEvent::types(),
        crate::service_account_keys::ServiceAccountKeysCommand::types(),
        crate::service_account_keys::ServiceAccountKeysEvent::types(),
        crate::project_keys::ProjectKeysCommand::types(),
        crate::project_keys::ProjectKeysEvent::types(),
        crate::single_sign_on::SingleSignOnCommand::types(),
        crate::single_sign_on::SingleSignOnEvent::types(),
        crate::tenant_keys::TenantKeysCommand::types(),
        crate::tenant_keys::TenantKeysEvent::types(),
        crate::telemetry_limits::TelemetryLimitsCommand::types(),
        crate::telemetry_limits::TelemetryLimitsEvent::types(),
        crate::telemetry_limits::TelemetryNote::types(),
        crate::usage::UsageNote::types(),
        crate::incident::IncidentCommand::types(),
        crate::incident::IncidentEvent::types(),
        crate::incident_numbers::IncidentNumbersCommand::types(),
        crate::incident_numbers::IncidentNumbersEvent::types(),
        crate::alert_group::AlertGroupCommand::types(),
        crate::alert_group::AlertGroupEvent::types(),
        crate::saved_view::SavedViewCommand::types(),
        crate::saved_view::SavedViewEvent::types(),
        crate::monitoring_integration::MonitoringIntegrationCommand::types(),
        crate::monitoring_integration::MonitoringIntegrationEvent::types(),
        crate::integration_health::IntegrationHealthCommand::types(),
        crate::integration_health::IntegrationHealthEvent::types(),
        crate::outcome::Outcome::types(),
        crate::audit::AuditRecord::types(),
        crate::audit_policy::AuditPolicyCommand::types(),
        crate::audit_policy::AuditPolicyEvent::types(),
        crate::inbound::Inbound::types(),
        crate::telemetry::Telemetry::types(),
        crate::progress::PlatformRecord::types(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every version ever released, embedded in the program.
pub fn released() -> impl Iterator<Item = Released> {
    AVRO.dirs().flat_map(Dir::files).filter_map(|file| {
        let path = file.path();
        let context = path.parent()?.file_name()?.to_str()?.to_owned();
        let stem = path.file_name()?.to_str()?.strip_suffix(".avsc")?;
        let (kind, version) = stem.rsplit_once(".v")?;
        let schema = Schema::parse_str(file.contents_utf8()?).expect("committed schemas parse");
        let example = EXAMPLES
            .get_file(format!("{context}/{stem}.avro"))
            .map(|f| f.contents());
        Some(Released {
            context,
            kind: kind.to_owned(),
            version: version.parse().ok()?,
            schema,
            example,
        })
    })
}
