//! Exchanging the master key while readers read and writers write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use projections::Db;
use projections::vault::credentials::{self, New};
use projections::vault::rotation::{KeyFile, NotBegun, Phase, Rotation, Round};
use projections::vault::{MasterKey, Vault, VaultError, root};
use schemas::ids::{CommandId, CredentialId, ProjectId, SubjectId, TenantId};
use schemas::time::Timestamp;
use sqlx::Executor;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fixture::Bench;

/// What the fixture's vault is begun with.
const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];
const ROWS: u128 = 500;
const TENANT: TenantId = TenantId(Uuid::from_u128(0x7E));

/// A key file that is ours to exchange, in memory.
struct Kept {
    key: Mutex<[u8; 32]>,
    ours: bool,
}

impl Kept {
    fn ours() -> Arc<Self> {
        Self::holding(true)
    }

    fn holding(ours: bool) -> Arc<Self> {
        let key = Mutex::new(OLD);
        Arc::new(Self { key, ours })
    }
}

impl KeyFile for Kept {
    fn starting(&self) -> Option<[u8; 32]> {
        Some(*self.key.lock())
    }

    fn keep(&self, key: &[u8; 32]) {
        if self.ours {
            *self.key.lock() = *key;
        }
    }
}

/// A process: what it holds, and its part in exchanges.
struct Process {
    master: MasterKey,
    rotation: Rotation,
}

impl Process {
    fn start(db: &Db, n: u128, file: Arc<Kept>) -> Self {
        let master = MasterKey::from_bytes(file.starting().expect("a key"));
        let id = Uuid::from_u128(n);
        let rotation = Rotation::new(db, &master, file, id, &format!("process-{n}"));
        Self { master, rotation }
    }

    fn run(&self, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
        let (rotation, stop) = (self.rotation.clone(), stop.clone());
        tokio::spawn(async move { rotation.run(stop).await })
    }
}

async fn store(db: &Db, master: &MasterKey, n: u128) {
    let new = New {
        id: CredentialId(Uuid::from_u128(n)),
        tenant: TENANT,
        project: ProjectId(Uuid::nil()),
        owner: Uuid::from_u128(n),
        command: CommandId(Uuid::from_u128(n)),
    };
    let secret = n.to_string();
    credentials::propose(db, master, &new, secret.as_bytes(), Timestamp::default())
        .await
        .expect("stores");
}

async fn read(db: &Db, master: &MasterKey, n: u128) -> Result<bool, VaultError> {
    let id = CredentialId(Uuid::from_u128(n));
    let secret = credentials::get(db, master, TENANT, id).await?;
    Ok(secret.is_some_and(|secret| secret.as_slice() == n.to_string().as_bytes()))
}

async fn ended(rotation: &Rotation) {
    testkit::eventually("the exchange ends", || async {
        rotation
            .status()
            .await
            .expect("answers")
            .is_none()
            .then_some(())
    })
    .await;
}

/// Everything opens with the new key, and nothing with the old one.
async fn only_the_new_key_opens(bench: &Bench) {
    let (old, new) = (MasterKey::from_bytes(OLD), MasterKey::from_bytes(NEW));
    let refused = Vault::open(&bench.db, old.clone()).await;
    assert!(matches!(refused, Err(VaultError::WrongMasterKey)));
    assert!(matches!(
        root(&bench.db, &old).await,
        Err(VaultError::UnknownKey)
    ));
    let vault = Vault::open(&bench.db, new.clone()).await.expect("opens");
    let person = SubjectId(Uuid::from_u128(3));
    let now = Timestamp::default();
    vault.create_subject_key(person, now).await.expect("opens");
    for n in 0..ROWS {
        assert!(
            read(&bench.db, &old, n).await.is_err(),
            "{n} opens with the old key"
        );
        assert!(read(&bench.db, &new, n).await.expect("opens"), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_exchanged_under_load_and_no_read_fails() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let db = bench.db.clone();
    let one = Process::start(&db, 1, Kept::ours());
    let two = Process::start(&db, 2, Kept::ours());
    for n in 0..ROWS {
        store(&db, &one.master, n).await;
    }
    let person = SubjectId(Uuid::from_u128(3));
    let key = bench
        .vault
        .create_subject_key(person, Timestamp::default())
        .await;
    let key = key.expect("creates");
    let before = root(&db, &one.master).await.expect("a root");
    let (over, reads, failed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut readers = Vec::new();
    for (start, process) in [(0, &one), (250, &two), (100, &one), (400, &two)] {
        let (db, master) = (db.clone(), process.master.clone());
        let (over, reads, failed) = (over.clone(), reads.clone(), failed.clone());
        readers.push(tokio::spawn(async move {
            let (mut n, mut written) = (start, 0);
            while !over.load(Ordering::SeqCst) {
                n = (n + 1) % ROWS;
                let good = matches!(read(&db, &master, n).await, Ok(true));
                reads.fetch_add(1, Ordering::SeqCst);
                failed.fetch_add(u64::from(!good), Ordering::SeqCst);
                // What is stored meanwhile must open afterwards too.
                if n % 50 == 0 {
                    written += 1;
                    store(&db, &master, 10_000 * (start + 1) + written).await;
                }
            }
            (start, written)
        }));
    }
    let stop = CancellationToken::new();
    let running = [one.run(&stop), two.run(&stop)];
    let begun = one.rotation.begin(NEW, Timestamp::default()).await;
    begun.expect("begins");
    ended(&two.rotation).await;
    // Both have forgotten the old key.
    testkit::eventually("one key is left", || async {
        let alone = [&one, &two].iter().all(|p| p.master.ids().len() == 1);
        alone.then_some(())
    })
    .await;
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        let (start, written) = reader.await.expect("no panic");
        for n in 1..=written {
            let row = 10_000 * (start + 1) + n;
            assert!(read(&db, &one.master, row).await.expect("opens"), "{row}");
        }
    }
    stop.cancel();
    for process in running {
        process.await.expect("no panic");
    }
    let (reads, failed) = (reads.load(Ordering::SeqCst), failed.load(Ordering::SeqCst));
    println!(
        "PROOF key_rotation: {reads} reads while {ROWS} secrets were wrapped anew, {failed} failed"
    );
    assert!(reads > 100, "only {reads} reads");
    assert_eq!(failed, 0, "of {reads} reads");
    only_the_new_key_opens(&bench).await;
    // What was derived and what persons' keys open is as it was.
    let new = Vault::open(&db, MasterKey::from_bytes(NEW)).await;
    let same = new
        .expect("opens")
        .create_subject_key(person, Timestamp::default())
        .await;
    assert_eq!(same.expect("opens").bytes(), key.bytes());
    assert_eq!(*root(&db, &one.master).await.expect("a root"), *before);
}

/// Takes rounds until the exchange is in `phase`.
async fn until(process: &Process, phase: Phase) {
    for _ in 0..1_000 {
        let status = process.rotation.status().await.expect("answers");
        if status.expect("it goes on").phase == phase {
            return;
        }
        process.rotation.round().await.expect("a round");
    }
    panic!("{} was not reached", phase.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_is_gone_on_from_with_either_key() {
    for (phase, starts_with) in [
        (Phase::Announced, OLD),
        (Phase::Announced, NEW),
        (Phase::Rewrapping, OLD),
        (Phase::Rewrapping, NEW),
        (Phase::Rewrapped, OLD),
        (Phase::Rewrapped, NEW),
    ] {
        let Some(bench) = Bench::new().await else {
            return;
        };
        let db = bench.db.clone();
        let first = Process::start(&db, 1, Kept::ours());
        for n in 0..ROWS {
            store(&db, &first.master, n).await;
        }
        first
            .rotation
            .begin(NEW, Timestamp::default())
            .await
            .expect("begins");
        until(&first, phase).await;
        if phase == Phase::Rewrapping {
            // Some are wrapped anew, some are not.
            assert_eq!(first.rotation.round().await.expect("a round"), Round::Moved);
        }
        drop(first);
        // It ended without a word, long enough ago.
        bench
            .superuser()
            .await
            .execute("UPDATE vault.key_holders SET seen_at = seen_at - interval '1 minute'")
            .await
            .expect("updates");
        let file = Kept::ours();
        *file.key.lock() = starts_with;
        let second = Process::start(&db, 2, file.clone());
        Vault::open(&db, second.master.clone())
            .await
            .expect("either key opens it");
        for n in 0..ROWS {
            assert!(read(&db, &second.master, n).await.expect("opens"), "{n}");
        }
        let stop = CancellationToken::new();
        let running = second.run(&stop);
        ended(&second.rotation).await;
        stop.cancel();
        running.await.expect("no panic");
        assert_eq!(*file.key.lock(), NEW, "it would start with the new one");
        only_the_new_key_opens(&bench).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_key_lives_until_everybody_would_start_with_the_new_one() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let db = bench.db.clone();
    for n in 0..ROWS {
        store(&db, &MasterKey::from_bytes(OLD), n).await;
    }
    let file = Kept::holding(false);
    let process = Process::start(&db, 1, file.clone());
    let begun = process.rotation.begin(OLD, Timestamp::default()).await;
    assert!(matches!(begun, Err(NotBegun::SameKey)));
    process
        .rotation
        .begin(NEW, Timestamp::default())
        .await
        .expect("begins");
    let again = process.rotation.begin(NEW, Timestamp::default()).await;
    again.expect("the same one goes on");
    let other = process.rotation.begin([9; 32], Timestamp::default()).await;
    assert!(matches!(other, Err(NotBegun::AnotherGoesOn)));
    until(&process, Phase::Rewrapped).await;
    for _ in 0..5 {
        assert_eq!(
            process.rotation.round().await.expect("a round"),
            Round::Waiting
        );
    }
    let status = process
        .rotation
        .status()
        .await
        .expect("answers")
        .expect("goes on");
    assert_eq!(status.waiting_for, ["process-1"]);
    // A restart with the old file still works.
    let restarted = MasterKey::from_bytes(OLD);
    Vault::open(&db, restarted.clone()).await.expect("opens");
    assert!(read(&db, &restarted, 1).await.expect("opens"));
    // The operator puts the new key there.
    *file.key.lock() = NEW;
    let stop = CancellationToken::new();
    let running = process.run(&stop);
    ended(&process.rotation).await;
    stop.cancel();
    running.await.expect("no panic");
    only_the_new_key_opens(&bench).await;
}

#[tokio::test]
async fn nothing_wrapped_is_forgotten() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let process = Process::start(&bench.db, 1, Kept::ours());
    bench
        .superuser()
        .await
        .execute("CREATE TABLE vault.newer (id int, wrapped bytea); ALTER TABLE vault.newer OWNER TO srec_write")
        .await
        .expect("creates");
    let refused = process.rotation.begin(NEW, Timestamp::default()).await;
    assert!(
        matches!(&refused, Err(NotBegun::Unlisted(column)) if column == "vault.newer.wrapped"),
        "{refused:?}"
    );
    bench
        .superuser()
        .await
        .execute("DROP TABLE vault.newer")
        .await
        .expect("drops");
    process
        .rotation
        .begin(NEW, Timestamp::default())
        .await
        .expect("all are known");
}
