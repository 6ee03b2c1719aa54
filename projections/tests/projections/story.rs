//! Records as the command side writes them.

use eventlog::NewRecord;
use projections::vault::Vault;
use schemas::audit::{ApiKeyUsed, AuditRecord, OperationRecorded};
use schemas::codec::Example;
use schemas::envelope::Envelope;
use schemas::ids::{ApiKeyId, IncidentId, ProjectId, SubjectId, TenantId, UserId};
use schemas::incident::{IncidentAssigned, IncidentCommented, IncidentEvent, IncidentOpened};
use schemas::messages::{MessageSet, MessageType};
use schemas::outcome::{CommandSettled, Outcome};
use schemas::personal::Personal;
use schemas::scope::{Actor, MemberRole, Scope};
use schemas::tenant::{MemberAdded, ProjectCreated, TenantEvent, TenantRegistered};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use uuid::Uuid;

/// One tenant's corner of the world; `n` tells tenants apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenant(pub(crate) u128);

impl Tenant {
    /// Ids that no other tenant has.
    pub(crate) fn id(self, what: u128) -> Uuid {
        Uuid::from_u128((self.0 << 64) | what)
    }

    pub(crate) fn scope(self) -> Scope {
        let user = Actor::User(UserId(self.id(3)));
        Scope::granted(TenantId(self.id(1)), ProjectId(self.id(2)), user)
    }

    pub(crate) fn incident(self, n: u128) -> IncidentId {
        IncidentId(self.id(100 + n))
    }

    /// A record of an aggregate's stream.
    pub(crate) fn event<M: MessageSet>(
        self,
        topic: Topic,
        aggregate: &str,
        key: Uuid,
        sequence: i64,
        event: &M,
    ) -> NewRecord {
        let envelope = self.envelope(aggregate, key, sequence, event.kind());
        NewRecord::of(topic, &envelope, event).expect("encodes")
    }

    /// A record with the committed example of `message`.
    pub(crate) fn example(
        self,
        topic: Topic,
        aggregate: &str,
        key: Uuid,
        sequence: i64,
        message: &MessageType,
    ) -> NewRecord {
        let envelope = self.envelope(aggregate, key, sequence, message.kind);
        NewRecord {
            topic,
            partition: None,
            key: key.to_string().into(),
            headers: envelope.to_headers(),
            body: (message.example_body)().expect("encodes").into(),
        }
    }

    fn envelope(self, aggregate: &str, key: Uuid, sequence: i64, kind: &str) -> Envelope {
        let id = Uuid::new_v5(&key, format!("{aggregate} {sequence}").as_bytes());
        let source = format!("/commands/{aggregate}");
        let mut envelope = Envelope::of(&self.scope(), id, kind, &source, key.to_string());
        envelope.time = Timestamp::from_micros(1_793_500_000_000_000 + sequence * 1_000_000);
        envelope.causation = Some(Uuid::new_v5(&key, format!("command {sequence}").as_bytes()));
        envelope.sequence = Some(sequence);
        envelope
    }

    pub(crate) fn incident_event(
        self,
        incident: IncidentId,
        sequence: i64,
        event: impl Into<IncidentEvent>,
    ) -> NewRecord {
        let topic = Topic::IncidentEvents;
        self.event(topic, "incident", incident.0, sequence, &event.into())
    }

    /// The tenant, its project and its owner, whose name is sealed.
    pub(crate) async fn registered(self, vault: &Vault) -> Vec<NewRecord> {
        let user = UserId(self.id(3));
        let subject = SubjectId(user.0);
        let key = vault
            .create_subject_key(subject, Timestamp::default())
            .await
            .expect("the vault answers");
        let sealed = |text: String| Personal::seal(subject, &key, &text).expect("seals");
        let events = [
            TenantEvent::from(TenantRegistered {
                name: format!("Tenant {}", self.0),
            }),
            ProjectCreated {
                project: ProjectId(self.id(2)),
                name: "Shop".to_owned(),
                slug: "shop".to_owned(),
            }
            .into(),
            MemberAdded {
                user,
                email: sealed(format!("ada@tenant{}.example", self.0)),
                name: sealed("Ada".to_owned()),
                role: MemberRole::Owner,
                initial_password_until: None,
            }
            .into(),
        ];
        let record = |(n, event)| self.event(Topic::IdentityEvents, "tenant", self.id(1), n, event);
        (1..).zip(&events).map(record).collect()
    }

    /// An incident that was opened by hand, taken by its opener, and commented.
    pub(crate) fn manual_incident(self, n: u128) -> Vec<NewRecord> {
        let incident = self.incident(n);
        let opened = IncidentOpened {
            title: format!("Incident {n} of tenant {}", self.0),
            ..IncidentOpened::example()
        };
        let assigned = IncidentAssigned {
            from: None,
            to: Some(UserId(self.id(3))),
        };
        vec![
            self.incident_event(incident, 1, opened),
            self.incident_event(incident, 2, assigned),
            self.incident_event(incident, 3, IncidentCommented::example()),
        ]
    }

    pub(crate) fn operation(self, n: i64) -> NewRecord {
        let record = AuditRecord::from(OperationRecorded::example());
        let mut envelope = self.envelope("audit", self.id(1), n, record.kind());
        envelope.id = Uuid::new_v5(&self.id(1), format!("operation {n}").as_bytes());
        NewRecord::of(Topic::AuditOperations, &envelope, &record).expect("encodes")
    }

    pub(crate) fn key_use(self, key: ApiKeyId, n: i64) -> NewRecord {
        let record = AuditRecord::from(ApiKeyUsed { key });
        let mut envelope = self.envelope("audit", self.id(1), n, record.kind());
        envelope.id = Uuid::new_v5(&self.id(1), format!("use {n}").as_bytes());
        NewRecord::of(Topic::AuditOperations, &envelope, &record).expect("encodes")
    }

    pub(crate) fn outcome(self, command: Uuid, version: i64) -> NewRecord {
        let settled = CommandSettled {
            version,
            ..CommandSettled::example()
        };
        let record = Outcome::from(settled);
        let mut envelope = self.envelope("incident", command, version, record.kind());
        envelope.id = command;
        NewRecord::of(Topic::CommandOutcomes, &envelope, &record).expect("encodes")
    }
}

/// Every event type that a projection reads, as its committed example: each set
/// as the life of one aggregate, in the order in which the set declares it.
pub(crate) fn every_example() -> Vec<NewRecord> {
    use schemas::alert_group::AlertGroupEvent;
    use schemas::api_key::ApiKeyEvent;
    use schemas::audit_policy::AuditPolicyEvent;
    use schemas::incident_numbers::IncidentNumbersEvent;
    use schemas::integration_health::IntegrationHealthEvent;
    use schemas::monitoring_integration::MonitoringIntegrationEvent;
    use schemas::project_keys::ProjectKeysEvent;
    use schemas::saved_view::SavedViewEvent;
    use schemas::service_account::ServiceAccountEvent;
    use schemas::service_account_keys::ServiceAccountKeysEvent;
    use schemas::single_sign_on::SingleSignOnEvent;
    use schemas::telemetry_limits::{TelemetryLimitsEvent, TelemetryNote};
    use schemas::tenant_keys::TenantKeysEvent;
    use schemas::usage::UsageNote;
    let tenant = Tenant(0);
    let streams: [(Topic, &str, u128, Vec<MessageType>); 19] = [
        (Topic::IdentityEvents, "tenant", 0xF1, TenantEvent::types()),
        (
            Topic::IdentityEvents,
            "audit_policy",
            0xAD,
            AuditPolicyEvent::types(),
        ),
        (Topic::IdentityKeys, "api_key", 0xA7, ApiKeyEvent::types()),
        (
            Topic::IdentityKeys,
            "tenant_keys",
            0xE4,
            TenantKeysEvent::types(),
        ),
        (
            Topic::IdentityEvents,
            "service_account",
            0x5A,
            ServiceAccountEvent::types(),
        ),
        (
            Topic::IdentityKeys,
            "service_account_keys",
            0x5A,
            ServiceAccountKeysEvent::types(),
        ),
        (
            Topic::IdentityKeys,
            "project_keys",
            0x9E,
            ProjectKeysEvent::types(),
        ),
        (
            Topic::IdentityEvents,
            "single_sign_on",
            0x55,
            SingleSignOnEvent::types(),
        ),
        (
            Topic::IdentityKeys,
            "telemetry_limits",
            1,
            TelemetryLimitsEvent::types(),
        ),
        (
            Topic::IncidentEvents,
            "incident",
            0xB2,
            IncidentEvent::types(),
        ),
        (
            Topic::IncidentEvents,
            "incident_numbers",
            2,
            IncidentNumbersEvent::types(),
        ),
        (
            Topic::IncidentEvents,
            "alert_group",
            0xA1,
            AlertGroupEvent::types(),
        ),
        (
            Topic::CatalogEvents,
            "saved_view",
            0x5B,
            SavedViewEvent::types(),
        ),
        (
            Topic::MonitoringEvents,
            "monitoring_integration",
            0xE1,
            MonitoringIntegrationEvent::types(),
        ),
        (
            Topic::MonitoringEvents,
            "integration_health",
            0xE1,
            IntegrationHealthEvent::types(),
        ),
        (Topic::AuditOperations, "audit", 1, AuditRecord::types()),
        (Topic::AuditOperations, "ingest", 1, TelemetryNote::types()),
        (Topic::AuditOperations, "access", 1, UsageNote::types()),
        (Topic::CommandOutcomes, "incident", 0xC0, Outcome::types()),
    ];
    let mut records = Vec::new();
    for (topic, aggregate, key, types) in streams {
        for (sequence, message) in (1..).zip(&types) {
            records.push(tenant.example(topic, aggregate, Uuid::from_u128(key), sequence, message));
        }
    }
    records
}

/// Two tenants' work on every topic.
pub(crate) async fn two_tenants(vault: &Vault) -> Vec<NewRecord> {
    let mut records = every_example();
    for tenant in [Tenant(1), Tenant(2)] {
        records.extend(tenant.registered(vault).await);
        for n in 0..6 {
            records.extend(tenant.manual_incident(n));
            let n = i64::try_from(n).expect("small");
            records.push(tenant.operation(n));
            records.push(tenant.outcome(tenant.id(500 + u128::try_from(n).expect("small")), n));
        }
        for n in [3, 9, 5] {
            records.push(tenant.key_use(ApiKeyId(tenant.id(7)), n));
        }
    }
    records
}
