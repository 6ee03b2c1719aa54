//! What a start does to the database, and when it refuses.

use projections::migrate::MigrateError;
use projections::{DbConfig, migrate};
use sqlx::{Connection, Executor, PgConnection};

async fn database() -> Option<(DbConfig, PgConnection)> {
    let config = DbConfig::new(testkit::postgres().await?.url);
    let connection = PgConnection::connect(&config.url).await.expect("connects");
    Some((config, connection))
}

#[tokio::test]
async fn several_processes_may_start_at_once_and_again() {
    let Some((config, _)) = database().await else {
        return;
    };
    let starts = (0..4).map(|_| migrate(&config));
    for started in futures::future::join_all(starts).await {
        started.expect("migrates");
    }
    migrate(&config).await.expect("migrates again");
}

/// As a restore of an older backup does it: rows of then fit, and what came since is done to
/// them.
#[tokio::test]
async fn tables_are_those_of_an_older_version_and_then_of_this_one() {
    let Some((config, mut connection)) = database().await else {
        return;
    };
    assert!(!migrate::is_used(&config).await.expect("looks"));
    migrate::migrate_to(&config, 69).await.expect("migrates");
    assert!(migrate::is_used(&config).await.expect("looks"));
    let now = migrate::version(&mut connection).await.expect("asks");
    assert_eq!(now, 69);
    let insert =
        "INSERT INTO vault.held_names VALUES (gen_random_uuid(), gen_random_uuid(), now())";
    let later = connection.execute(insert).await;
    assert!(later.is_err(), "that table came with version 71");

    migrate(&config).await.expect("migrates");
    let now = migrate::version(&mut connection).await.expect("asks");
    assert_eq!(now, migrate::newest());
    connection.execute(insert).await.expect("inserts");
    assert!(migrate::knows(69) && !migrate::knows(migrate::newest() + 1));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some((config, mut connection)) = database().await else {
        return;
    };
    migrate(&config).await.expect("migrates");
    connection
        .execute(
            "INSERT INTO history._sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (99990000, 'from the future', true, '', 0)",
        )
        .await
        .expect("inserts");
    let refused = migrate(&config).await.expect_err("refuses");
    assert!(
        matches!(
            refused,
            MigrateError::Newer {
                found: 99_990_000,
                ..
            }
        ),
        "{refused}"
    );
    assert!(refused.to_string().contains("start the newer sre-copilot"));
}

#[tokio::test]
async fn a_user_that_may_not_have_the_roles_is_refused_with_the_remedy() {
    let Some((config, mut connection)) = database().await else {
        return;
    };
    migrate(&config).await.expect("migrates");
    connection
        .execute("CREATE ROLE weak LOGIN")
        .await
        .expect("creates");
    let options: sqlx::postgres::PgConnectOptions = config.url.parse().expect("a url");
    let url = sqlx::ConnectOptions::to_url_lossy(&options.username("weak"));
    let refused = migrate(&DbConfig::new(url)).await.expect_err("refuses");
    assert!(matches!(refused, MigrateError::Roles(_)), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("CREATE ROLE srec_write NOLOGIN"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_absent_postgres_is_told_from_a_refusal() {
    let config = DbConfig::new("postgres://nobody@127.0.0.1:1/none");
    let refused = migrate(&config).await.expect_err("nobody listens there");
    assert!(matches!(refused, MigrateError::Unavailable(_)), "{refused}");
}

#[tokio::test]
async fn an_index_that_came_later_is_made_and_nothing_is_rebuilt() {
    let Some((config, mut connection)) = database().await else {
        return;
    };
    migrate(&config).await.expect("migrates");
    for before in [
        "DROP INDEX read.members_listed",
        "INSERT INTO read.member_lists VALUES (gen_random_uuid(), 7)",
    ] {
        connection.execute(before).await.expect("changes");
    }
    migrate(&config).await.expect("migrates again");
    let (made, kept): (bool, i64) = sqlx::query_as(
        "SELECT to_regclass('read.members_listed') IS NOT NULL, count(*) FROM read.member_lists",
    )
    .fetch_one(&mut connection)
    .await
    .expect("reads");
    assert_eq!((made, kept), (true, 1));
}

#[tokio::test]
async fn who_does_not_fill_read_models_makes_none_of_another_version_anew() {
    let Some((mut config, mut connection)) = database().await else {
        return;
    };
    migrate(&config).await.expect("migrates");
    connection
        .execute(sqlx::raw_sql(
            "UPDATE read.projection SET definition = 'newer' WHERE name = 'incidents';
             DELETE FROM read.projection WHERE name = 'members';
             DROP TABLE read.members CASCADE",
        ))
        .await
        .expect("changes");
    for (makes_anew, expected) in [(false, (true, true)), (true, (false, true))] {
        config.makes_anew = makes_anew;
        migrate(&config).await.expect("migrates");
        let (is_newer, is_made): (bool, bool) = sqlx::query_as(
            "SELECT definition = 'newer', to_regclass('read.members') IS NOT NULL
             FROM read.projection WHERE name = 'incidents'",
        )
        .fetch_one(&mut connection)
        .await
        .expect("reads");
        assert_eq!((is_newer, is_made), expected, "{makes_anew}");
    }
}
