//! The vault: the right master key, and people who are forgotten.

use projections::members;
use projections::vault::{MasterKey, Vault, VaultError, is_empty};
use schemas::ids::SubjectId;
use schemas::personal::ERASED;
use schemas::time::Timestamp;
use sqlx::Executor;

use crate::fixture::Bench;
use crate::story::Tenant;

#[tokio::test]
async fn another_master_key_is_refused() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let refused = Vault::open(&bench.db, MasterKey::generate()).await;
    assert!(matches!(refused, Err(VaultError::WrongMasterKey)));
    assert!(!is_empty(&bench.db).await.expect("answers"));
}

#[tokio::test]
async fn a_vault_with_secrets_but_no_canary_is_refused() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let person = SubjectId(Tenant(1).id(3));
    bench
        .vault
        .create_subject_key(person, Timestamp::default())
        .await
        .expect("creates");
    bench
        .superuser()
        .await
        .execute("DELETE FROM vault.canary")
        .await
        .expect("deletes");
    let refused = Vault::open(&bench.db, MasterKey::from_bytes([7; 32])).await;
    assert!(matches!(refused, Err(VaultError::CanaryGone)));
}

#[tokio::test]
async fn two_callers_get_the_same_key_of_a_person() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let person = SubjectId(Tenant(1).id(3));
    let create = || bench.vault.create_subject_key(person, Timestamp::default());
    let (one, two) = tokio::join!(create(), create());
    assert_eq!(one.expect("creates").bytes(), two.expect("creates").bytes());
}

#[tokio::test]
async fn an_erased_person_is_unreadable_after_a_replay() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let positions = bench.append(tenant.registered(&bench.vault).await).await;
    bench.project(&positions).await;
    assert!(
        bench
            .vault
            .erase(SubjectId(tenant.id(3)))
            .await
            .expect("erases")
    );
    bench.replay().one("members").await.expect("replays");
    let people = members::list(
        &bench.db,
        &bench.vault.subject_keys(),
        &tenant.scope(),
        None,
        50,
    )
    .await
    .expect("answers");
    assert_eq!(
        (
            people.items[0].name.as_str(),
            people.items[0].email.as_str()
        ),
        (ERASED, ERASED)
    );
}
