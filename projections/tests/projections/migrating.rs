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
