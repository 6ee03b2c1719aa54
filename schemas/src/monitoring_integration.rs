//! Monitoring servers of a project: where they are and what they want to be shown. The
//! secret itself lies in the vault; here it has an id.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, ProjectId};
use crate::messages::{example, messages, record};

/// A credential by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "srecopilot.monitoring")]
pub struct CredentialNamed {
    pub id: CredentialId,
    /// `basic`, `bearer` or `headers`.
    pub kind: String,
}

record! { "srecopilot.monitoring",
    /// The record's key is [`MonitoringIntegrationId::of`](crate::ids::MonitoringIntegrationId::of)
    /// project and name, so that a name is given once; another one where the server of that
    /// key bears another name by now.
    RegisterMonitoringIntegration {
        pub project: ProjectId,
        pub name: String,
        /// `prometheus`, `alertmanager`, `grafana`, `loki` or `otlp`.
        pub kind: String,
        pub url: String,
        /// Believed instead of the system's authorities, in PEM.
        pub ca_certificate: Option<String>,
        pub credential: Option<CredentialNamed>,
    }
    /// Everything but the name and the credential, as it shall be.
    ChangeMonitoringIntegration {
        pub kind: String,
        pub url: String,
        pub ca_certificate: Option<String>,
        /// Whether the credential is another one from now on, or none.
        pub sets_credential: bool,
        pub credential: Option<CredentialNamed>,
    }
    /// The key stays.
    RenameMonitoringIntegration { pub name: String }
    RemoveMonitoringIntegration { pub reason: Option<String> }
}

messages! {
    /// What aggregate `MonitoringIntegration` is asked to do.
    MonitoringIntegrationCommand in "monitoring" {
        RegisterMonitoringIntegration,
        ChangeMonitoringIntegration,
        RenameMonitoringIntegration,
        RemoveMonitoringIntegration,
    }
}

record! { "srecopilot.monitoring",
    MonitoringIntegrationRegistered {
        pub project: ProjectId,
        pub name: String,
        pub kind: String,
        pub url: String,
        pub ca_certificate: Option<String>,
    }
    MonitoringIntegrationChanged {
        pub kind: String,
        pub url: String,
        pub ca_certificate: Option<String>,
    }
    /// The one before is good for nothing any more; none = nothing is shown.
    MonitoringCredentialSet { pub credential: Option<CredentialNamed> }
    MonitoringIntegrationRenamed { pub name: String }
    MonitoringIntegrationRemoved { pub reason: Option<String> }
}

messages! {
    /// What has become of a monitoring server.
    MonitoringIntegrationEvent in "monitoring" {
        MonitoringIntegrationRegistered,
        MonitoringIntegrationChanged,
        MonitoringCredentialSet,
        MonitoringIntegrationRenamed,
        MonitoringIntegrationRemoved,
    }
}

/// The committed examples.
mod examples {
    use super::*;
    use uuid::Uuid;

    fn project() -> ProjectId {
        ProjectId(Uuid::from_u128(0xF6))
    }

    fn named() -> Option<CredentialNamed> {
        Some(CredentialNamed {
            id: CredentialId(Uuid::from_u128(0xC4)),
            kind: "basic".to_owned(),
        })
    }

    example! {
        RegisterMonitoringIntegration { project: project(), name: "Prometheus of the shop".to_owned(), kind: "prometheus".to_owned(), url: "http://prometheus.shop:9090".to_owned(), ca_certificate: None, credential: named() }
        ChangeMonitoringIntegration { kind: "prometheus".to_owned(), url: "https://prometheus.shop".to_owned(), ca_certificate: None, sets_credential: true, credential: named() }
        RenameMonitoringIntegration { name: "Prometheus of the web shop".to_owned() }
        RemoveMonitoringIntegration { reason: Some("moved".to_owned()) }
        MonitoringIntegrationRegistered { project: project(), name: "Prometheus of the shop".to_owned(), kind: "prometheus".to_owned(), url: "http://prometheus.shop:9090".to_owned(), ca_certificate: None }
        MonitoringIntegrationChanged { kind: "prometheus".to_owned(), url: "https://prometheus.shop".to_owned(), ca_certificate: None }
        MonitoringCredentialSet { credential: named() }
        MonitoringIntegrationRenamed { name: "Prometheus of the web shop".to_owned() }
        MonitoringIntegrationRemoved { reason: Some("moved".to_owned()) }
    }
}
