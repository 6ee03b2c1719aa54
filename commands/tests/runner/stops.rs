//! What cannot be read: a newer command stops its partition, a malformed one is
//! put aside, and events that contradict each other are never built upon.

use bytes::Bytes;
use eventlog::NewRecord;
use schemas::codec::Example;
use schemas::incident::{IncidentCommented, IncidentEvent};
use schemas::messages::MessageSet;
use schemas::topic::Topic;
use uuid::Uuid;

use crate::outcomes::{acknowledge, comment, opened};
use crate::world::{Asked, World, fresh_id};

const COMMANDS: Topic = Topic::IncidentCommands;

fn partition(id: Uuid) -> i32 {
    COMMANDS.partition_of(id.to_string().as_bytes())
}

fn elsewhere(other: Uuid) -> Uuid {
    let mut ids = std::iter::repeat_with(fresh_id);
    ids.find(|id| partition(*id) != partition(other)).unwrap()
}

fn raw(asked: &Asked, kind: &str, body: Vec<u8>) -> NewRecord {
    NewRecord {
        topic: COMMANDS,
        partition: None,
        key: Bytes::from(asked.subject.to_string()),
        headers: asked.envelope(kind).to_headers(),
        body: body.into(),
    }
}

/// Opens an incident in another partition, which proves that the runner has read
/// past everything that was sent before.
async fn others_go_on(world: &mut World, stopped: Uuid) {
    let asked = Asked::of(elsewhere(stopped));
    world.send(COMMANDS, &asked, &crate::outcomes::open()).await;
    assert_eq!(world.outcome(asked.id).await.refusal, None);
}

#[tokio::test]
async fn a_command_of_a_newer_version_stops_its_partition_only() {
    let unknown_kind = ("ArchiveIncident", acknowledge().encode().unwrap());
    let mut unknown_schema = acknowledge().encode().unwrap();
    unknown_schema[2] ^= 0xFF;
    for (kind, body) in [unknown_kind, ("AcknowledgeIncident", unknown_schema)] {
        let mut world = World::new().await;
        let incident = opened(&mut world).await;
        let before = Asked::of(incident);
        world.send(COMMANDS, &before, &comment("before")).await;
        world.append(raw(&Asked::of(incident), kind, body)).await;
        let after = Asked::of(incident);
        world.send(COMMANDS, &after, &comment("after")).await;
        others_go_on(&mut world, incident).await;
        assert_eq!(world.outcome(before.id).await.refusal, None);
        assert!(!world.is_settled(after.id));
        assert!(world.records(Topic::IncidentCommandsDlq).await.is_empty());
    }
}

#[tokio::test]
async fn a_malformed_command_is_refused_and_kept_as_a_dead_letter() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let asked = Asked::of(incident);
    let mut body = comment("hello").encode().unwrap();
    body.truncate(12);
    let position = world.append(raw(&asked, "CommentIncident", body)).await;
    let refusal = world.outcome(asked.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "malformed");
    let letters = world.records(Topic::IncidentCommandsDlq).await;
    let header = |name: &str| letters[0].headers.text(name).unwrap().to_owned();
    assert!(header("dlq_reason").contains("CommentIncident"));
    assert_eq!(header("dlq_position"), position.to_string());
    let next = Asked::of(incident);
    world.send(COMMANDS, &next, &acknowledge()).await;
    assert_eq!(world.outcome(next.id).await.refusal, None);
}

#[tokio::test]
async fn a_second_writer_stops_the_partition() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    world.stop().await;
    let rogue = Asked::of(incident);
    let event = IncidentEvent::from(IncidentCommented::example());
    let mut envelope = rogue.envelope(event.kind());
    envelope.source = "/commands/incident".to_owned();
    envelope.causation = Some(fresh_id());
    envelope.sequence = Some(1);
    let record = NewRecord::of(Topic::IncidentEvents, &envelope, &event).unwrap();
    world.append(record).await;
    world.start();
    let asked = Asked::of(incident);
    world.send(COMMANDS, &asked, &acknowledge()).await;
    others_go_on(&mut world, incident).await;
    assert!(!world.is_settled(asked.id));
    assert_eq!(world.events(Topic::IncidentEvents, incident).await.len(), 2);
}
