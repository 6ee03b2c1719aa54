//! Of an erased tenant the history has nothing, and nothing is decided for it.

use eventlog::NewRecord;
use schemas::codec::Example;
use schemas::envelope::Envelope;
use schemas::tenant::{TenantErased, TenantEvent};
use schemas::tenant_keys::{EndTenantKeys, TenantKeysCommand};
use schemas::topic::Topic;

use uuid::Uuid;

use crate::outcomes::{acknowledge, comment, open, opened};
use crate::world::{Asked, World, fresh_id, scope};

const COMMANDS: Topic = Topic::IncidentCommands;

/// A runner that holds one aggregate, so that every other has to be loaded.
async fn forgetful() -> World {
    let mut world = World::without_runner().await;
    world.limits.cached_aggregates = 1;
    world.start();
    world
}

#[tokio::test]
async fn what_is_left_of_its_aggregates_in_the_tail_stops_nobody() {
    let mut world = forgetful().await;
    let incident = opened(&mut world).await;
    world.stop().await;
    world.start();
    // The tail begins with this event, which is the incident's second.
    let said = Asked::of(incident);
    world.send(COMMANDS, &said, &comment("hm")).await;
    assert_eq!(world.outcome(said.id).await.refusal, None);
    world.history.erase(scope(1, 1).tenant());
    let other = Asked {
        scope: scope(2, 1),
        ..Asked::of(fresh_id())
    };
    world.send(COMMANDS, &other, &open()).await;
    assert_eq!(world.outcome(other.id).await.refusal, None);

    let late = Asked::of(incident);
    world.send(COMMANDS, &late, &acknowledge()).await;
    let refusal = world.outcome(late.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "not_found");
    let new = Asked::of(fresh_id());
    world.send(COMMANDS, &new, &open()).await;
    let refusal = world.outcome(new.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "not_found", "nothing new begins either");
    // The other tenant's is as it was, whoever has asked for it.
    let asks = Asked::of(other.subject);
    world.send(COMMANDS, &asks, &acknowledge()).await;
    assert_eq!(
        world.outcome(asks.id).await.refusal.unwrap().rule,
        "not_found"
    );
    let again = Asked {
        scope: scope(2, 1),
        ..Asked::of(other.subject)
    };
    world.send(COMMANDS, &again, &acknowledge()).await;
    assert_eq!(world.outcome(again.id).await.refusal, None);
}

#[tokio::test]
async fn its_keys_are_ended_all_the_same_and_once() {
    let mut world = World::new().await;
    let tenant = scope(1, 1).tenant();
    world.history.erase(tenant);
    let end = TenantKeysCommand::from(EndTenantKeys::example());
    for _ in 0..2 {
        let asked = Asked::of(tenant.0);
        world.send(Topic::IdentityCommands, &asked, &end).await;
        assert_eq!(world.outcome(asked.id).await.refusal, None);
    }
    assert_eq!(world.events(Topic::IdentityKeys, tenant.0).await.len(), 1);
}

/// The fact alone: nobody has carried it out, and the history has no mark of it.
async fn fact_of_erasure(world: &World) {
    let tenant = scope(1, 1).tenant();
    let asked = Asked::of(tenant.0);
    let event = TenantEvent::from(TenantErased::example());
    let envelope = Envelope {
        source: "/commands/tenant".to_owned(),
        causation: Some(asked.id.0),
        sequence: Some(7),
        ..asked.envelope("TenantErased")
    };
    let record = NewRecord::of(Topic::IdentityEvents, &envelope, &event).unwrap();
    world.append(record).await;
}

/// Comments until one is refused: the runner hears of the erasure beside its commands.
async fn refused_at_last(world: &mut World, incident: Uuid) -> String {
    for _ in 0..10_000 {
        let asked = Asked::of(incident);
        world.send(COMMANDS, &asked, &comment("still there?")).await;
        if let Some(refusal) = world.outcome(asked.id).await.refusal {
            return refusal.rule;
        }
    }
    panic!("an erased tenant's incident takes comments for ever");
}

#[tokio::test]
async fn what_the_runner_holds_of_a_tenant_goes_with_it() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let theirs = Asked {
        scope: scope(2, 1),
        ..Asked::of(fresh_id())
    };
    world.send(COMMANDS, &theirs, &open()).await;
    assert_eq!(world.outcome(theirs.id).await.refusal, None);

    fact_of_erasure(&world).await;
    assert_eq!(refused_at_last(&mut world, incident).await, "not_found");
    let events = world.events(Topic::IncidentEvents, incident).await.len();
    let late = Asked::of(incident);
    world.send(COMMANDS, &late, &acknowledge()).await;
    let refusal = world.outcome(late.id).await.refusal.unwrap();
    assert_eq!(refusal.detail, "there is no such incident");
    let new = Asked::of(fresh_id());
    world.send(COMMANDS, &new, &open()).await;
    let refusal = world.outcome(new.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "not_found", "nothing new begins either");
    let after = world.events(Topic::IncidentEvents, incident).await.len();
    assert_eq!(after, events, "nothing happens to it any more");

    let again = Asked {
        scope: scope(2, 1),
        ..Asked::of(theirs.subject)
    };
    world.send(COMMANDS, &again, &acknowledge()).await;
    assert_eq!(world.outcome(again.id).await.refusal, None);
    let end = TenantKeysCommand::from(EndTenantKeys::example());
    let asked = Asked::of(scope(1, 1).tenant().0);
    world.send(Topic::IdentityCommands, &asked, &end).await;
    assert_eq!(world.outcome(asked.id).await.refusal, None);
}

#[tokio::test]
async fn a_runner_that_begins_later_knows_what_was_erased_before() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    fact_of_erasure(&world).await;
    assert_eq!(refused_at_last(&mut world, incident).await, "not_found");
    world.crash().await;
    // The tail has the incident's whole life, so that nobody is asked about it.
    world.history.set_behind(true);
    world.start();
    assert_eq!(refused_at_last(&mut world, incident).await, "not_found");
}
