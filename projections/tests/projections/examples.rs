//! Every committed example becomes the rows in `examples.json`.

use std::collections::HashSet;
use std::path::Path;

use schemas::envelope;
use serde_json::{Map, Value};

use crate::fixture::Bench;
use crate::story;

#[tokio::test]
async fn every_example_has_its_rows() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let positions = bench.append(story::every_example()).await;
    bench.project(&positions).await;
    let mut actual = Map::new();
    for (table, mut rows) in bench.rows().await {
        // Bytes are compared elsewhere; here people read.
        for row in rows
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            row.remove("headers");
            row.remove("body");
        }
        actual.insert(table, rows);
    }
    compare(&Value::Object(actual));
}

#[test]
fn the_story_holds_every_event_type_of_the_projected_topics() {
    let told: HashSet<_> = story::every_example()
        .iter()
        .filter_map(|record| envelope::kind_of(&record.headers).map(str::to_owned))
        .collect();
    let folded = [
        "identity",
        "incident",
        "catalog",
        "monitoring",
        "audit",
        "command",
    ];
    for message in schemas::registry::types() {
        if folded.contains(&message.context) && !commands().contains(message.kind) {
            assert!(
                told.contains(message.kind),
                "{} has no row snapshot",
                message.kind
            );
        }
    }
}

fn commands() -> HashSet<&'static str> {
    use schemas::messages::MessageSet;
    [
        schemas::tenant::TenantCommand::types(),
        schemas::api_key::ApiKeyCommand::types(),
        schemas::tenant_keys::TenantKeysCommand::types(),
        schemas::audit_policy::AuditPolicyCommand::types(),
        schemas::service_account::ServiceAccountCommand::types(),
        schemas::service_account_keys::ServiceAccountKeysCommand::types(),
        schemas::project_keys::ProjectKeysCommand::types(),
        schemas::single_sign_on::SingleSignOnCommand::types(),
        schemas::telemetry_limits::TelemetryLimitsCommand::types(),
        schemas::saved_view::SavedViewCommand::types(),
        schemas::monitoring_integration::MonitoringIntegrationCommand::types(),
        schemas::integration_health::IntegrationHealthCommand::types(),
        schemas::incident::IncidentCommand::types(),
        schemas::incident_numbers::IncidentNumbersCommand::types(),
        schemas::alert_group::AlertGroupCommand::types(),
    ]
    .into_iter()
    .flatten()
    .map(|message| message.kind)
    .collect()
}

/// Writes the file where there is none, so that a wanted change is one deletion
/// and one look at the difference.
fn compare(actual: &Value) {
    let path = Path::new("tests/projections/examples.json");
    let text = serde_json::to_string_pretty(actual).expect("serialises") + "\n";
    match std::fs::read_to_string(path) {
        Ok(expected) => assert_eq!(text, expected, "rows differ from {}", path.display()),
        Err(_) => {
            std::fs::write(path, text).expect("writes");
            panic!(
                "{} was missing and has been written: look at it and commit it",
                path.display()
            );
        }
    }
}
