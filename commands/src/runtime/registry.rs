//! The aggregates that the runner hosts: one line each.

use schemas::topic::Topic;

use super::kind::{Kind, Typed};
use crate::alert_group::AlertGroup;
use crate::api_key::ApiKey;
use crate::audit_policy::AuditPolicy;
use crate::incident::Incident;
use crate::incident_numbers::IncidentNumbers;
use crate::integration_health::IntegrationHealth;
use crate::monitoring_integration::MonitoringIntegration;
use crate::project_keys::ProjectKeys;
use crate::saved_view::SavedView;
use crate::service_account::ServiceAccount;
use crate::service_account_keys::ServiceAccountKeys;
use crate::single_sign_on::SingleSignOn;
use crate::telemetry_limits::TelemetryLimits;
use crate::tenant::Tenant;
use crate::tenant_keys::TenantKeys;

static AGGREGATES: [&dyn Kind; 15] = [
    &Typed::<Tenant>::KIND,
    &Typed::<ApiKey>::KIND,
    &Typed::<TenantKeys>::KIND,
    &Typed::<AuditPolicy>::KIND,
    &Typed::<ServiceAccount>::KIND,
    &Typed::<ServiceAccountKeys>::KIND,
    &Typed::<ProjectKeys>::KIND,
    &Typed::<SingleSignOn>::KIND,
    &Typed::<TelemetryLimits>::KIND,
    &Typed::<Incident>::KIND,
    &Typed::<AlertGroup>::KIND,
    &Typed::<IncidentNumbers>::KIND,
    &Typed::<SavedView>::KIND,
    &Typed::<MonitoringIntegration>::KIND,
    &Typed::<IntegrationHealth>::KIND,
];

/// Consumer groups, one a bounded context, and the commands topic of each.
pub(super) fn contexts() -> [(&'static str, Topic); 4] {
    [
        ("commands.identity", Topic::IdentityCommands),
        ("commands.incident", Topic::IncidentCommands),
        ("commands.catalog", Topic::CatalogCommands),
        ("commands.monitoring", Topic::MonitoringCommands),
    ]
}

/// The aggregate that understands a command of `topic`.
pub(super) fn of_command(topic: Topic, kind: &str) -> Option<&'static dyn Kind> {
    let mut hosted = AGGREGATES.into_iter();
    hosted.find(|aggregate| aggregate.commands() == topic && aggregate.understands(kind))
}

/// The aggregate that wrote an event whose `ce_source` is `source`.
pub(super) fn of_event(source: &str) -> Option<&'static dyn Kind> {
    let name = source.strip_prefix("/commands/")?;
    let mut hosted = AGGREGATES.into_iter();
    hosted.find(|aggregate| aggregate.name() == name)
}

/// The topics that commands of `topic` lead to.
pub(super) fn events_of(topic: Topic) -> Vec<Topic> {
    let hosted = AGGREGATES.into_iter();
    let mut topics: Vec<_> = hosted
        .filter(|aggregate| aggregate.commands() == topic)
        .map(|aggregate| aggregate.events())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_commands_owns_what_follows() {
        for aggregate in AGGREGATES {
            let (commands, events) = (aggregate.commands(), aggregate.events());
            assert_eq!(
                commands.partitions(),
                events.partitions(),
                "{}",
                aggregate.name()
            );
            assert!(contexts().iter().any(|(_, topic)| *topic == commands));
        }
    }

    #[test]
    fn an_event_finds_its_aggregate() {
        let found = of_event("/commands/alert_group").map(Kind::name);
        assert_eq!(found, Some("alert_group"));
        assert!(of_event("/gateway").is_none());
    }
}
