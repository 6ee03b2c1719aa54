//! The keyring on a real log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use access::api_key::{self, NewKey};
use access::denied::Denied;
use access::keyring::{Keyring, KeyringError};
use access::permissions::{Action, KeyScope};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord};
use schemas::api_key::{ApiKeyChanged, ApiKeyCreated, ApiKeyEvent, ApiKeyRevoked};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ApiKeyId, ProjectId, ServiceAccountId, TenantId};
use schemas::messages::MessageSet;
use schemas::project_keys::{ProjectKeysEnded, ProjectKeysEvent};
use schemas::scope::{Actor, Scope};
use schemas::service_account_keys::{ServiceAccountKeysEnded, ServiceAccountKeysEvent};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_793_500_860_000_000);

struct Fixture {
    folder: tempfile::TempDir,
    log: Log,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log: Log = EmbeddedLog::open(Options::new(folder.path().join("log"))).unwrap();
        Self { folder, log }
    }

    async fn keyring(&self) -> (Arc<Keyring>, CancellationToken) {
        let snapshot = self.folder.path().join("keyring.json");
        let keyring = Keyring::open(&self.log, Some(snapshot)).await.unwrap();
        let (keyring, stop) = (Arc::new(keyring), CancellationToken::new());
        let (followed, log, stopped) = (keyring.clone(), self.log.clone(), stop.clone());
        tokio::spawn(async move { followed.follow(&log, stopped).await });
        (keyring, stop)
    }

    async fn append(&self, id: ApiKeyId, event: ApiKeyEvent) {
        self.append_of(&id.to_string(), &event).await;
    }

    async fn append_of(&self, subject: &str, event: &impl MessageSet) {
        let (tenant, project) = (TenantId(Uuid::from_u128(1)), ProjectId(Uuid::from_u128(2)));
        let scope = Scope::granted(tenant, project, Actor::system("test"));
        let event_id = Context::ambient(&Clock::System).id();
        let envelope = Envelope::of(&scope, event_id, event.kind(), "/test", subject.to_owned());
        let record = NewRecord::of(Topic::IdentityKeys, &envelope, event).unwrap();
        self.log.append(vec![record]).await.unwrap();
    }

    async fn create(&self, id: ApiKeyId, expires_at: Option<Timestamp>) -> NewKey {
        self.create_for(id, expires_at, None).await
    }

    async fn create_for(
        &self,
        id: ApiKeyId,
        expires_at: Option<Timestamp>,
        service_account: Option<ServiceAccountId>,
    ) -> NewKey {
        let key = api_key::generate();
        let created = ApiKeyCreated {
            name: "agent".to_owned(),
            project: ProjectId(Uuid::from_u128(2)),
            hash: hex::encode(key.hash),
            prefix: key.prefix.clone(),
            scopes: vec!["ingest".to_owned()],
            expires_at,
            service_account,
        };
        self.append(id, created.into()).await;
        key
    }
}

fn id(n: u128) -> ApiKeyId {
    ApiKeyId(Uuid::from_u128(n))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_admitted_until_it_expires_or_is_revoked() {
    let fixture = Fixture::new();
    let before = fixture.create(id(1), None).await;
    let (keyring, _stop) = fixture.keyring().await;
    eventually("the ring is fresh", || async {
        keyring.fresh().then_some(())
    })
    .await;
    let principal = keyring.admit(&before.text, NOW).unwrap();
    assert!(principal.may(Action::Ingest) && !principal.may(Action::ReadIncidents));
    assert_eq!(keyring.readmit(id(1), &[KeyScope::Ingest], NOW), Ok(()));
    let short = fixture.create(id(2), Some(NOW.plus_millis(1))).await;
    eventually("the new key is known", || async {
        keyring.admit(&short.text, NOW).ok()
    })
    .await;
    let later = keyring.admit(&short.text, NOW.plus_millis(1));
    assert_eq!(later, Err(Denied::KeyExpired));
    fixture
        .append(id(1), ApiKeyRevoked { reason: None }.into())
        .await;
    let refused = eventually("the revocation is known", || async {
        keyring.admit(&before.text, NOW).err()
    })
    .await;
    assert_eq!(refused, Denied::KeyRevoked);
    let again = keyring.readmit(id(1), &[KeyScope::Ingest], NOW);
    assert_eq!(again, Err(Denied::KeyRevoked));
    let unknown = keyring.admit(&api_key::generate().text, NOW);
    assert_eq!(unknown, Err(Denied::UnknownKey));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_what_it_was_last_changed_to() {
    let fixture = Fixture::new();
    let key = fixture.create(id(1), None).await;
    let (keyring, _stop) = fixture.keyring().await;
    eventually("the key is known", || async {
        keyring.admit(&key.text, NOW).ok()
    })
    .await;
    let changed = ApiKeyChanged {
        name: "agent".to_owned(),
        scopes: vec!["read".to_owned()],
    };
    fixture.append(id(1), changed.into()).await;
    eventually("the change is known", || async {
        let principal = keyring.admit(&key.text, NOW).unwrap();
        (principal.may(Action::ReadIncidents) && !principal.may(Action::Ingest)).then_some(())
    })
    .await;
    // What was admitted before it has to come again.
    let again = keyring.readmit(id(1), &[KeyScope::Ingest], NOW);
    assert_eq!(again, Err(Denied::KeyChanged));
    assert_eq!(keyring.readmit(id(1), &[KeyScope::Read], NOW), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_disabled_account_are_refused_those_made_afterwards_too() {
    let fixture = Fixture::new();
    let account = ServiceAccountId(Uuid::from_u128(0x5A));
    let before = fixture.create_for(id(1), None, Some(account)).await;
    let other = fixture.create(id(2), None).await;
    let (keyring, stop) = fixture.keyring().await;
    eventually("the keys are known", || async {
        let both = [&before, &other].map(|key| keyring.admit(&key.text, NOW).is_ok());
        (both == [true, true]).then_some(())
    })
    .await;
    let ended = ServiceAccountKeysEvent::from(ServiceAccountKeysEnded { reason: None });
    fixture.append_of(&account.to_string(), &ended).await;
    let after = fixture.create_for(id(3), None, Some(account)).await;
    for key in [&before, &after] {
        eventually("a key of the account is refused", || async {
            (keyring.admit(&key.text, NOW) == Err(Denied::KeyRevoked)).then_some(())
        })
        .await;
    }
    let again = keyring.readmit(id(1), &[KeyScope::Ingest], NOW);
    assert_eq!(again, Err(Denied::KeyRevoked));
    assert!(keyring.admit(&other.text, NOW).is_ok());
    // The snapshot knows it, before a record is read.
    stop.cancel();
    let path = fixture.folder.path().join("keyring.json");
    eventually("the snapshot is written", || async {
        path.exists().then_some(())
    })
    .await;
    let again = Keyring::open(&fixture.log, Some(path)).await.unwrap();
    assert!(again.ready() && again.admit(&other.text, NOW).is_ok());
    for key in [&before, &after] {
        assert_eq!(again.admit(&key.text, NOW), Err(Denied::KeyRevoked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_an_archived_project_are_refused_after_a_start_too() {
    let fixture = Fixture::new();
    let before = fixture.create(id(1), None).await;
    let (keyring, stop) = fixture.keyring().await;
    eventually("the key is known", || async {
        keyring.admit(&before.text, NOW).ok()
    })
    .await;
    let ended = ProjectKeysEvent::from(ProjectKeysEnded {
        tenant_version: 5,
        reason: None,
    });
    let project = ProjectId(Uuid::from_u128(2)).to_string();
    fixture.append_of(&project, &ended).await;
    let after = fixture.create(id(3), None).await;
    for key in [&before, &after] {
        eventually("a key of the project is refused", || async {
            (keyring.admit(&key.text, NOW) == Err(Denied::KeyRevoked)).then_some(())
        })
        .await;
    }
    let again = keyring.readmit(id(1), &[KeyScope::Ingest], NOW);
    assert_eq!(again, Err(Denied::KeyRevoked));
    stop.cancel();
    let path = fixture.folder.path().join("keyring.json");
    eventually("the snapshot is written", || async {
        path.exists().then_some(())
    })
    .await;
    let again = Keyring::open(&fixture.log, Some(path)).await.unwrap();
    assert!(again.ready());
    for key in [&before, &after] {
        assert_eq!(again.admit(&key.text, NOW), Err(Denied::KeyRevoked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_a_head_start() {
    let fixture = Fixture::new();
    let key = fixture.create(id(1), None).await;
    let (first, stop) = fixture.keyring().await;
    eventually("the ring is ready", || async {
        first.ready().then_some(())
    })
    .await;
    stop.cancel();
    let path = fixture.folder.path().join("keyring.json");
    eventually("the snapshot is written", || async {
        path.exists().then_some(())
    })
    .await;
    // Ready at once, before a record is read.
    let second = Keyring::open(&fixture.log, Some(path.clone()))
        .await
        .unwrap();
    assert!(second.ready() && second.admit(&key.text, NOW).is_ok());
    let other: Log = EmbeddedLog::open(Options::new(fixture.folder.path().join("other"))).unwrap();
    let foreign = Keyring::open(&other, Some(path)).await;
    assert!(matches!(foreign, Err(KeyringError::Snapshot(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_cannot_see_the_log_goes_stale() {
    let fixture = Fixture::new();
    let (keyring, _stop) = fixture.keyring().await;
    eventually("the ring is fresh", || async {
        keyring.fresh().then_some(())
    })
    .await;
    fixture.log.close().await.unwrap();
    eventually("the ring is stale", || async {
        (!keyring.fresh()).then_some(())
    })
    .await;
    assert!(keyring.ready());
}
