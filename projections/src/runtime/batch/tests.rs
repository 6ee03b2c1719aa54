//! A runner that was overtaken commits nothing.

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::Position;
use schemas::ids::LogId;
use schemas::time::Timestamp;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::*;
use crate::db::DbConfig;
use crate::runtime::Home;
use crate::vault::MasterKey;

/// Counts how often each record was applied.
struct Counting;

#[async_trait]
impl Projection for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Schemas]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["counting"]
    }

    fn home(&self) -> Home {
        Home::Read { ddl: "" }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        for record in batch {
            sqlx::query(
                "INSERT INTO counting VALUES ($1, 1)
                 ON CONFLICT (log_offset) DO UPDATE SET times = counting.times + 1",
            )
            .bind(record.position.offset)
            .execute(&mut *to.rows)
            .await?;
        }
        Ok(Vec::new())
    }
}

fn fetched() -> Vec<Fetched> {
    let record = |offset| Record {
        position: Position {
            topic: Topic::Schemas,
            partition: 0,
            offset,
        },
        appended_at: Timestamp::default(),
        key: Bytes::from_static(b"key"),
        headers: Default::default(),
        body: Bytes::new(),
    };
    vec![Fetched {
        topic: Topic::Schemas,
        partition: 0,
        records: (0..3).map(record).collect(),
        next_offset: 3,
    }]
}

async fn times(rows: &mut PgConnection) -> Vec<i64> {
    sqlx::query_scalar("SELECT times FROM counting ORDER BY log_offset")
        .fetch_all(rows)
        .await
        .unwrap()
}

/// A database with the runtime's tables and those of [`Counting`].
async fn prepared() -> Option<PgConnection> {
    let db = testkit::postgres().await?;
    crate::migrate(&DbConfig::new(&db.url)).await.unwrap();
    let mut rows = PgConnection::connect(&db.url).await.unwrap();
    rows.execute(sqlx::raw_sql(
        "SET search_path TO read; CREATE TABLE counting (log_offset bigint PRIMARY KEY, times bigint NOT NULL)",
    ))
    .await
    .unwrap();
    Some(rows)
}

#[tokio::test]
async fn a_zombie_commits_nothing_and_the_control_shows_that_it_would_have() {
    let Some(mut rows) = prepared().await else {
        return;
    };
    let people = SubjectKeys::new(MasterKey::generate());
    let log = LogId(Uuid::from_u128(1));
    let mut owner = Checkpoints::load(&mut rows, &Counting, log).await.unwrap();
    let mut zombie = owner.clone();

    apply_batch(&Counting, &mut rows, &people, &mut owner, fetched())
        .await
        .unwrap();
    let refused = apply_batch(&Counting, &mut rows, &people, &mut zombie, fetched()).await;
    assert!(matches!(refused, Err(NotCommitted::Overtaken)));
    assert_eq!(times(&mut rows).await, [1, 1, 1]);

    // With the checkpoint as it is now, the same records would be applied again.
    let mut unguarded = Checkpoints::load(&mut rows, &Counting, log).await.unwrap();
    apply_batch(&Counting, &mut rows, &people, &mut unguarded, fetched())
        .await
        .unwrap();
    assert_eq!(times(&mut rows).await, [2, 2, 2]);
}

#[tokio::test]
async fn a_runner_of_an_older_generation_commits_nothing() {
    let Some(mut rows) = prepared().await else {
        return;
    };
    let people = SubjectKeys::new(MasterKey::generate());
    let log = LogId(Uuid::from_u128(1));
    let mut old = Checkpoints::load(&mut rows, &Counting, log).await.unwrap();
    rows.execute("UPDATE checkpoint SET generation = generation + 1")
        .await
        .unwrap();
    let refused = apply_batch(&Counting, &mut rows, &people, &mut old, fetched()).await;
    assert!(matches!(refused, Err(NotCommitted::Overtaken)));
    assert!(times(&mut rows).await.is_empty());
}
