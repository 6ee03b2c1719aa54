//! The same command again gets the first answer and does nothing.

use std::sync::atomic::Ordering;

use commands::Limits;
use schemas::incident::IncidentCommand;
use schemas::topic::Topic;

use crate::outcomes::{acknowledge, comment, open, opened};
use crate::world::{Asked, World, fresh_id};

const COMMANDS: Topic = Topic::IncidentCommands;

#[tokio::test]
async fn two_creations_with_one_key_are_one_incident() {
    let mut world = World::without_runner().await;
    let asked = Asked::with_key(fresh_id(), "k");
    // Both lie in one batch, and a third comes when the first are settled.
    world.send(COMMANDS, &asked, &open()).await;
    world.send(COMMANDS, &asked, &open()).await;
    world.start();
    world.outcomes(asked.id, 2).await;
    world.send(COMMANDS, &asked, &open()).await;
    let outcomes = world.outcomes(asked.id, 3).await;
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    assert_eq!(outcomes[0].positions.len(), 1);
    let events = world.events(Topic::IncidentEvents, asked.subject).await;
    assert_eq!(events.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_repeated_although_it_would_be_accepted_now() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let asked = Asked::with_key(incident, "learn");
    let learn = IncidentCommand::from(schemas::incident::LearnIncident { note: None });
    world.send(COMMANDS, &asked, &learn).await;
    let first = world.outcome(asked.id).await;
    assert_eq!(first.refusal.as_ref().unwrap().rule, "illegal_transition");
    let resolve = IncidentCommand::from(schemas::incident::ResolveIncident { note: None });
    let resolved = world.send(COMMANDS, &Asked::of(incident), &resolve).await;
    assert_eq!(world.outcome(resolved).await.refusal, None);
    world.send(COMMANDS, &asked, &learn).await;
    assert_eq!(world.outcomes(asked.id, 2).await[1], first);
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let asked = Asked::with_key(incident, "k");
    world.send(COMMANDS, &asked, &acknowledge()).await;
    world.outcome(asked.id).await;
    let other = Asked {
        request_hash: Some("h2".to_owned()),
        ..asked.clone()
    };
    world.send(COMMANDS, &other, &comment("hello")).await;
    let second = world.outcomes(asked.id, 2).await.remove(1);
    assert_eq!(second.refusal.unwrap().rule, "idempotency_mismatch");
    assert_eq!(second.request_hash, other.request_hash);
    assert_eq!(world.events(Topic::IncidentEvents, incident).await.len(), 2);
}

#[tokio::test]
async fn what_was_put_back_is_decided_before_what_came_later() {
    in_order_where(|limits| limits.cached_aggregates = 1).await;
}

#[tokio::test]
async fn aggregates_that_are_too_large_for_the_cache_are_decided_all_the_same() {
    in_order_where(|limits| limits.cached_bytes = 1).await;
}

/// More than one portion, of two incidents that the cache cannot hold at once, so that
/// commands are put back again and again.
async fn in_order_where(narrow: impl FnOnce(&mut Limits)) {
    let mut world = World::without_runner().await;
    narrow(&mut world.limits);
    let incidents = [fresh_id(), fresh_id()];
    let mut sent = [Vec::new(), Vec::new()];
    for (sent, incident) in sent.iter_mut().zip(incidents) {
        sent.push(world.send(COMMANDS, &Asked::of(incident), &open()).await);
    }
    for n in 0..40 {
        for (sent, incident) in sent.iter_mut().zip(incidents) {
            // A key of its own: commands of one id would have one outcome to wait for.
            let asked = Asked::with_key(incident, &format!("{incident} {n}"));
            let text = comment(&n.to_string());
            sent.push(world.send(COMMANDS, &asked, &text).await);
            if n % 7 == 0 {
                world.send(COMMANDS, &asked, &text).await;
            }
        }
    }
    world.start();
    for (sent, incident) in sent.into_iter().zip(incidents) {
        world.outcome(sent[40]).await;
        let events = world.events(Topic::IncidentEvents, incident).await;
        let caused = events.iter().map(|(envelope, _)| envelope.causation);
        let expected = sent.iter().map(|id| Some(id.0));
        assert_eq!(caused.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_old_command_is_found_in_the_history() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let asked = Asked::with_key(incident, "old");
    world.send(COMMANDS, &asked, &acknowledge()).await;
    let first = world.outcome(asked.id).await;
    for n in 0..70 {
        let newer = Asked::with_key(incident, &n.to_string());
        world.send(COMMANDS, &newer, &comment("on it")).await;
        world.outcome(newer.id).await;
    }
    assert_eq!(
        world.history.finds.load(Ordering::SeqCst),
        0,
        "not asked in vain"
    );
    world.send(COMMANDS, &asked, &acknowledge()).await;
    assert_eq!(world.outcomes(asked.id, 2).await[1], first);
    assert_eq!(world.history.finds.load(Ordering::SeqCst), 1);
    let after = world.events(Topic::IncidentEvents, incident).await;
    assert_eq!(after.len(), 72);
}

/// As when Postgres is back and the fold has not come further yet.
#[tokio::test]
async fn an_old_command_waits_for_a_history_that_has_come_past_it() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    let asked = Asked::with_key(incident, "old");
    let once = comment("once");
    world.send(COMMANDS, &asked, &once).await;
    let first = world.outcome(asked.id).await;
    for n in 0..70 {
        let newer = Asked::with_key(incident, &n.to_string());
        world.send(COMMANDS, &newer, &comment("on it")).await;
        world.outcome(newer.id).await;
    }
    world.history.set_behind(true);
    let before = world.history.asked.load(Ordering::SeqCst);
    world.send(COMMANDS, &asked, &once).await;
    while world.history.asked.load(Ordering::SeqCst) == before {
        tokio::task::yield_now().await;
    }
    world.history.set_behind(false);
    assert_eq!(world.outcomes(asked.id, 2).await[1], first);
    let after = world.events(Topic::IncidentEvents, incident).await;
    assert_eq!(after.len(), 72, "said once");
}

#[tokio::test]
async fn a_retry_after_a_restart_gets_the_first_answer() {
    let mut world = World::new().await;
    let asked = Asked::with_key(fresh_id(), "k");
    world.send(COMMANDS, &asked, &open()).await;
    let first = world.outcome(asked.id).await;
    world.crash().await;
    world.start();
    world.send(COMMANDS, &asked, &open()).await;
    assert_eq!(world.outcomes(asked.id, 2).await[1], first);
}
