//! The runner ends at any moment; every command is settled, with one effect.

use std::collections::HashMap;

use schemas::topic::Topic;
use uuid::Uuid;

use crate::outcomes::{comment, opened};
use crate::world::{Asked, World};

const ROUNDS: usize = 12;
const COMMANDS_A_ROUND: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_between_commands_lose_and_double_nothing() {
    let mut world = World::new().await;
    let mut incidents = Vec::new();
    for _ in 0..4 {
        incidents.push(opened(&mut world).await);
    }
    let mut sent: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for round in 0..ROUNDS {
        for n in 0..COMMANDS_A_ROUND {
            let incident = incidents[n % incidents.len()];
            let asked = Asked::of(incident);
            let said = comment(&format!("{round}/{n}"));
            let id = world.send(Topic::IncidentCommands, &asked, &said).await;
            sent.entry(incident).or_default().push(id.0);
            if n == round * COMMANDS_A_ROUND / ROUNDS {
                world.crash().await;
                world.start();
            }
        }
    }
    for (incident, commands) in sent {
        for command in &commands {
            world.outcome(schemas::ids::CommandId(*command)).await;
        }
        let events = world.events(Topic::IncidentEvents, incident).await;
        let caused: Vec<_> = events
            .iter()
            .skip(1)
            .filter_map(|(envelope, _)| envelope.causation)
            .collect();
        assert_eq!(caused, commands, "each once, in the order they were sent");
        let sequences = events.iter().filter_map(|(envelope, _)| envelope.sequence);
        assert!(sequences.eq(1..=i64::try_from(events.len()).unwrap()));
    }
    world.stop().await;
}
