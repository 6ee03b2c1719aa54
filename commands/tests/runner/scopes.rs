//! An aggregate belongs to the scope that created it.

use schemas::codec::Example;
use schemas::tenant::{RegisterTenant, RenameTenant, TenantCommand};
use schemas::topic::Topic;
use uuid::Uuid;

use crate::outcomes::{acknowledge, opened};
use crate::world::{Asked, World, scope};

#[tokio::test]
async fn another_tenant_or_project_does_not_find_it() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    for foreign in [scope(2, 1), scope(1, 2)] {
        let asked = Asked {
            scope: foreign,
            ..Asked::of(incident)
        };
        world
            .send(Topic::IncidentCommands, &asked, &acknowledge())
            .await;
        let outcome = world.outcome(asked.id).await;
        let refusal = outcome.refusal.unwrap();
        assert_eq!(refusal.rule, "not_found");
        assert_eq!(refusal.detail, "there is no such incident");
        assert_eq!(outcome.version, 0, "the version is none of its business");
    }
    assert_eq!(world.events(Topic::IncidentEvents, incident).await.len(), 1);
}

#[tokio::test]
async fn what_never_was_is_not_found_in_the_same_words() {
    let mut world = World::new().await;
    let asked = Asked::of(Uuid::from_u128(0xDEAD));
    world
        .send(Topic::IncidentCommands, &asked, &acknowledge())
        .await;
    let refusal = world.outcome(asked.id).await.refusal.unwrap();
    assert_eq!(refusal.rule, "not_found");
    assert_eq!(refusal.detail, "there is no such incident");
}

#[tokio::test]
async fn a_tenant_is_reached_from_each_of_its_projects() {
    let mut world = World::new().await;
    let tenant = Uuid::from_u128(1);
    let register = TenantCommand::from(RegisterTenant::example());
    let rename = TenantCommand::from(RenameTenant::example());
    let founder = Asked::of(tenant);
    world
        .send(Topic::IdentityCommands, &founder, &register)
        .await;
    assert_eq!(world.outcome(founder.id).await.refusal, None);
    for (asking, rule) in [(scope(1, 7), None), (scope(2, 1), Some("not_found"))] {
        let asked = Asked {
            scope: asking,
            ..Asked::of(tenant)
        };
        world.send(Topic::IdentityCommands, &asked, &rename).await;
        let refusal = world.outcome(asked.id).await.refusal;
        assert_eq!(refusal.map(|r| r.rule).as_deref(), rule);
    }
}
