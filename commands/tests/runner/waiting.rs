//! With the history away the runner serves what it holds and sets the rest aside.

use std::sync::atomic::Ordering;

use schemas::topic::Topic;
use uuid::Uuid;

use crate::outcomes::{acknowledge, comment, open, opened};
use crate::world::{Asked, World, fresh_id};

const COMMANDS: Topic = Topic::IncidentCommands;

/// An id whose commands lie in the same partition as those of `other`.
fn neighbour(other: Uuid) -> Uuid {
    let partition = |id: Uuid| COMMANDS.partition_of(id.to_string().as_bytes());
    let mut ids = std::iter::repeat_with(fresh_id);
    ids.find(|id| partition(*id) == partition(other)).unwrap()
}

async fn send(world: &World, asked: &Asked, what: schemas::incident::IncidentCommand) {
    world.send(COMMANDS, asked, &what).await;
}

#[tokio::test]
async fn the_common_command_asks_nobody() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let loads = world.history.loads.load(Ordering::SeqCst);
    for n in 0..10 {
        let asked = Asked::of(incident);
        send(&world, &asked, comment(&n.to_string())).await;
        world.outcome(asked.id).await;
    }
    assert_eq!(world.history.loads.load(Ordering::SeqCst), loads);
}

#[tokio::test]
async fn what_is_held_is_served_and_what_is_not_waits_in_order() {
    let mut world = World::new().await;
    let held = opened(&mut world).await;
    world.history.set_away(true);
    let unknown = neighbour(held);
    let waiting = [Asked::of(unknown), Asked::of(unknown), Asked::of(unknown)];
    send(&world, &waiting[0], open()).await;
    send(&world, &waiting[1], acknowledge()).await;
    send(&world, &waiting[2], acknowledge()).await;
    let served = Asked::of(held);
    send(&world, &served, acknowledge()).await;
    assert_eq!(world.outcome(served.id).await.refusal, None);
    assert!(waiting.iter().all(|asked| !world.is_settled(asked.id)));
    world.history.set_away(false);
    let mut rules = Vec::new();
    for asked in &waiting {
        let refusal = world.outcome(asked.id).await.refusal;
        rules.push(refusal.map(|r| r.rule));
    }
    assert_eq!(rules, [None, None, Some("illegal_transition".to_owned())]);
}

/// A refusal that was answered while an earlier command waits would be decided
/// again after a crash, and perhaps otherwise.
#[tokio::test]
async fn a_refusal_behind_a_waiting_command_is_told_once_that_is_settled() {
    let mut world = World::new().await;
    let held = opened(&mut world).await;
    world.history.set_away(true);
    let waiting = Asked::of(neighbour(held));
    let (wins, loses, last) = (Asked::of(held), Asked::of(held), Asked::of(held));
    send(&world, &waiting, open()).await;
    send(&world, &wins, acknowledge()).await;
    send(&world, &loses, acknowledge()).await;
    send(&world, &last, comment("hello")).await;
    world.outcome(last.id).await;
    assert!(world.is_settled(wins.id));
    assert!(!world.is_settled(loses.id));
    world.history.set_away(false);
    let refusal = world.outcome(loses.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "illegal_transition");
    assert!(world.is_settled(waiting.id));
}

#[tokio::test]
async fn a_crash_while_commands_wait_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    let held = opened(&mut world).await;
    world.history.set_away(true);
    let unknown = neighbour(held);
    let waiting = Asked::of(unknown);
    send(&world, &waiting, open()).await;
    let served = [Asked::of(held), Asked::of(held)];
    send(&world, &served[0], acknowledge()).await;
    send(&world, &served[1], comment("hello")).await;
    world.outcome(served[1].id).await;
    world.crash().await;
    world.history.set_away(false);
    world.start();
    assert_eq!(world.outcome(waiting.id).await.refusal, None);
    for asked in &served {
        assert_eq!(world.outcome(asked.id).await.refusal, None);
    }
    assert_eq!(world.events(Topic::IncidentEvents, held).await.len(), 3);
    assert_eq!(world.events(Topic::IncidentEvents, unknown).await.len(), 1);
}

/// More than an aggregate remembers in full, under ids that nobody sends twice: the runner
/// itself reads them again, from the command that waits on.
#[tokio::test]
async fn a_crash_doubles_nothing_of_many_commands_behind_one_that_waits() {
    let mut world = World::new().await;
    let held = opened(&mut world).await;
    world.history.set_away(true);
    let waiting = Asked::of(neighbour(held));
    send(&world, &waiting, open()).await;
    let served: Vec<_> = (0..70).map(|_| Asked::of(held)).collect();
    for (n, asked) in served.iter().enumerate() {
        send(&world, asked, comment(&n.to_string())).await;
    }
    world.outcome(served[69].id).await;
    assert!(!world.is_settled(waiting.id));
    world.crash().await;
    world.history.set_away(false);
    world.start();
    let last = Asked::of(held);
    send(&world, &last, comment("last")).await;
    world.outcome(last.id).await;
    let events = world.events(Topic::IncidentEvents, held).await;
    let caused = events
        .iter()
        .skip(1)
        .map(|(envelope, _)| envelope.causation);
    let sent = served.iter().chain([&last]).map(|asked| Some(asked.id.0));
    assert_eq!(caused.collect::<Vec<_>>(), sent.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_history_that_lags_is_completed_by_the_tail() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    world.history.set_behind(true);
    world.crash().await;
    world.start();
    let asked = Asked::of(incident);
    send(&world, &asked, acknowledge()).await;
    let outcome = world.outcome(asked.id).await;
    assert_eq!((outcome.refusal, outcome.version), (None, 2));
}

/// Without this rule an aggregate that exists would be taken for new.
#[tokio::test]
async fn nothing_is_taken_for_new_before_the_history_has_reached_the_tail() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    // A restart without a history begins its tail at the end of the log; then the
    // history is back, and has nothing yet.
    world.history.set_away(true);
    world.crash().await;
    world.start();
    let other = opened_without_history(&mut world, incident).await;
    assert!(
        !other,
        "nothing can be loaded from a tail that begins at the end"
    );
    world.history.set_behind(true);
    world.history.set_away(false);
    let asked = Asked::of(incident);
    send(&world, &asked, acknowledge()).await;
    assert!(!settles_before_the_probe(&mut world, asked.id).await);
    world.history.set_behind(false);
    let outcome = world.outcome(asked.id).await;
    assert_eq!((outcome.refusal, outcome.version), (None, 3));
}

/// Waits until the history was asked a few times in vain.
async fn settles_before_the_probe(world: &mut World, id: schemas::ids::CommandId) -> bool {
    let before = world.history.loads.load(Ordering::SeqCst);
    while world.history.loads.load(Ordering::SeqCst) < before + 3 {
        tokio::task::yield_now().await;
    }
    world.is_settled(id)
}

async fn opened_without_history(world: &mut World, incident: Uuid) -> bool {
    let asked = Asked::of(incident);
    send(world, &asked, comment("is it there?")).await;
    settles_before_the_probe(world, asked.id).await
}
