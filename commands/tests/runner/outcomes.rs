//! What a command leaves in the log.

use schemas::audit::AuditRecord;
use schemas::codec::Example;
use schemas::incident::{
    AcknowledgeIncident, CommentIncident, IncidentCommand, IncidentEvent, OpenIncident,
};
use schemas::tenant::{AddMember, RegisterTenant, RemoveMember, TenantCommand};
use schemas::topic::Topic;
use uuid::Uuid;

use crate::world::{Asked, World, fresh_id, scope};

pub(crate) fn open() -> IncidentCommand {
    OpenIncident::example().into()
}

pub(crate) fn acknowledge() -> IncidentCommand {
    AcknowledgeIncident { note: None }.into()
}

pub(crate) fn comment(body: &str) -> IncidentCommand {
    CommentIncident {
        body: body.to_owned(),
        ..CommentIncident::example()
    }
    .into()
}

/// An incident that was opened, and that the runner holds.
pub(crate) async fn opened(world: &mut World) -> Uuid {
    let incident = fresh_id();
    let asked = Asked::of(incident);
    world.send(Topic::IncidentCommands, &asked, &open()).await;
    assert_eq!(world.outcome(asked.id).await.refusal, None);
    incident
}

#[tokio::test]
async fn an_accepted_command_leaves_events_audit_and_outcome() {
    let mut world = World::new().await;
    let asked = Asked::with_key(fresh_id(), "k");
    world.send(Topic::IncidentCommands, &asked, &open()).await;
    let outcome = world.outcome(asked.id).await;
    assert_eq!((outcome.refusal, outcome.version), (None, 1));
    assert_eq!(outcome.request_hash, asked.request_hash);
    let events = world.events(Topic::IncidentEvents, asked.subject).await;
    let [(envelope, record)] = &events[..] else {
        panic!("{} events", events.len());
    };
    assert_eq!(outcome.positions, [record.position.into()]);
    assert_eq!(envelope.sequence, Some(1));
    assert_eq!(envelope.causation, Some(asked.id.0));
    assert_eq!(envelope.scope(), Some(asked.scope.clone()));
    assert_eq!(envelope.request_hash, asked.request_hash);
    assert_eq!(envelope.source, "/commands/incident");
    assert!(matches!(
        record.decode::<IncidentEvent>().unwrap(),
        IncidentEvent::IncidentOpened(_)
    ));
    let audit = world.records(Topic::AuditOperations).await;
    let AuditRecord::OperationRecorded(operation) = audit[0].decode().unwrap() else {
        panic!("another audit record");
    };
    assert_eq!(operation.operation, "OpenIncident");
    assert_eq!(operation.target_id, asked.subject.to_string());
    assert_eq!((operation.refused_rule, operation.version), (None, 1));
    let changes: serde_json::Value = serde_json::from_str(&operation.changes.unwrap()).unwrap();
    assert!(changes["before"].is_null());
    assert_eq!(changes["after"]["status"], "detected");
}

#[tokio::test]
async fn an_audit_record_tells_what_changed_and_of_a_refusal_nothing() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    for _ in 0..2 {
        let asked = Asked::of(incident);
        world
            .send(Topic::IncidentCommands, &asked, &acknowledge())
            .await;
        world.outcome(asked.id).await;
    }
    let audit = world.records(Topic::AuditOperations).await;
    let told: Vec<_> = audit[1..]
        .iter()
        .map(|record| match record.decode().unwrap() {
            AuditRecord::OperationRecorded(operation) => {
                (operation.refused_rule, operation.changes)
            }
            other => panic!("another audit record: {other:?}"),
        })
        .collect();
    let changes = told[0].1.as_deref().unwrap();
    assert!(
        changes.contains(r#""before":{"status":"detected"}"#),
        "{changes}"
    );
    assert!(
        changes.contains(r#""after":{"status":"acknowledged""#),
        "{changes}"
    );
    assert_eq!(told[1], (Some("illegal_transition".to_owned()), None));
}

#[tokio::test]
async fn of_fifty_equal_transitions_one_wins() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let asked: Vec<_> = (0..50).map(|_| Asked::of(incident)).collect();
    let command = acknowledge();
    let sends = asked
        .iter()
        .map(|asked| world.send(Topic::IncidentCommands, asked, &command));
    let ids = futures::future::join_all(sends).await;
    let mut won = 0;
    for id in ids {
        match world.outcome(id).await.refusal {
            None => won += 1,
            Some(refusal) => assert_eq!(refusal.rule, "illegal_transition"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(world.events(Topic::IncidentEvents, incident).await.len(), 2);
}

#[tokio::test]
async fn of_two_owners_who_remove_each_other_one_stays() {
    let mut world = World::new().await;
    let tenant = Uuid::from_u128(1);
    let register = RegisterTenant::example();
    let mut second = AddMember::example();
    second.user.0 = Uuid::from_u128(0xB0B);
    second.role = schemas::scope::MemberRole::Owner;
    let commands: [TenantCommand; 4] = [
        register.clone().into(),
        second.clone().into(),
        RemoveMember { user: second.user }.into(),
        RemoveMember {
            user: register.owner,
        }
        .into(),
    ];
    let mut rules = Vec::new();
    let mut asked = Vec::new();
    for command in &commands {
        let asking = Asked::of(tenant);
        asked.push(world.send(Topic::IdentityCommands, &asking, command).await);
    }
    for id in asked {
        let refusal = world.outcome(id).await.refusal;
        rules.push(refusal.map(|refusal| refusal.rule));
    }
    assert_eq!(rules, [None, None, None, Some("last_owner".to_owned())]);
}

#[tokio::test]
async fn a_stale_version_is_refused_and_the_present_one_is_not() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    for (expected, rule) in [(7, Some("stale_version")), (1, None)] {
        let asked = Asked {
            expected_version: Some(expected),
            ..Asked::of(incident)
        };
        world
            .send(Topic::IncidentCommands, &asked, &acknowledge())
            .await;
        let refusal = world.outcome(asked.id).await.refusal;
        assert_eq!(refusal.map(|r| r.rule).as_deref(), rule);
    }
}

#[tokio::test]
async fn refusals_are_audited_under_the_tenant_that_asked() {
    let mut world = World::new().await;
    let asked = Asked {
        scope: scope(9, 9),
        ..Asked::of(fresh_id())
    };
    world
        .send(Topic::IncidentCommands, &asked, &acknowledge())
        .await;
    let refusal = world.outcome(asked.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "not_found");
    let audit = world.records(Topic::AuditOperations).await;
    assert_eq!(audit[0].key, asked.scope.tenant().to_string());
    let AuditRecord::OperationRecorded(operation) = audit[0].decode().unwrap() else {
        panic!("another audit record");
    };
    assert_eq!(operation.refused_rule.as_deref(), Some("not_found"));
}
