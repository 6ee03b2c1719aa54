//! Row-level security alone: `srec_read` without any WHERE sees nothing of
//! another tenant, and without a tenant nothing at all.

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use uuid::Uuid;

use crate::fixture::Bench;
use crate::story::{self, Tenant};

async fn as_reader(bench: &Bench, tenant: Option<Tenant>) -> PgConnection {
    let mut connection = bench.superuser().await;
    connection
        .execute("SET ROLE srec_read")
        .await
        .expect("a role");
    if let Some(tenant) = tenant {
        sqlx::query(
            "SELECT set_config('app.tenant', $1, false), set_config('app.project', $2, false)",
        )
        .bind(tenant.scope().tenant().to_string())
        .bind(tenant.scope().project().to_string())
        .execute(&mut connection)
        .await
        .expect("sets");
    }
    connection
}

/// Tables of `read` that hold rows of tenants.
async fn tables(bench: &Bench) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT table_name::text FROM information_schema.columns
         WHERE table_schema = 'read' AND column_name = 'tenant_id' ORDER BY 1",
    )
    .fetch_all(&mut bench.superuser().await)
    .await
    .expect("a catalogue");
    assert!(tables.len() > 9, "{tables:?}");
    tables
}

/// The tenants that a reader finds in a table.
async fn tenants(reader: &mut PgConnection, table: &str) -> Vec<Uuid> {
    let sql = format!("SELECT DISTINCT tenant_id FROM read.{table} ORDER BY 1");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(reader)
        .await
        .expect("may select")
}

async fn holds(bench: &Bench) {
    let own = Tenant(1).scope().tenant().0;
    let mut reader = as_reader(bench, Some(Tenant(1))).await;
    let mut stranger = as_reader(bench, None).await;
    for table in tables(bench).await {
        let seen = tenants(&mut reader, &table).await;
        assert!(seen.is_empty() || seen == [own], "{table} shows {seen:?}");
        assert!(tenants(&mut stranger, &table).await.is_empty(), "{table}");
    }
    assert_eq!(tenants(&mut reader, "incidents").await, [own]);
    assert_eq!(tenants(&mut reader, "members").await, [own]);
}

async fn with_two_tenants() -> Option<Bench> {
    let bench = Bench::new().await?;
    let positions = bench.append(story::two_tenants(&bench.vault).await).await;
    bench.project(&positions).await;
    Some(bench)
}

#[tokio::test]
async fn a_reader_sees_its_own_tenant_only_also_after_a_replay() {
    let Some(bench) = with_two_tenants().await else {
        return;
    };
    holds(&bench).await;
    bench.replay().all().await.expect("replays");
    holds(&bench).await;
}

#[tokio::test]
async fn the_control_leaks_without_the_policy() {
    let Some(bench) = with_two_tenants().await else {
        return;
    };
    bench
        .superuser()
        .await
        .execute("ALTER TABLE read.incidents DISABLE ROW LEVEL SECURITY")
        .await
        .expect("alters");
    let mut reader = as_reader(&bench, Some(Tenant(1))).await;
    let seen = tenants(&mut reader, "incidents").await;
    assert!(seen.contains(&Tenant(2).scope().tenant().0), "{seen:?}");
}

#[tokio::test]
async fn a_reader_sees_its_own_project_only() {
    let Some(bench) = with_two_tenants().await else {
        return;
    };
    let mut reader = as_reader(&bench, Some(Tenant(1))).await;
    sqlx::query("SELECT set_config('app.project', $1, false)")
        .bind(Tenant(1).id(99).to_string())
        .execute(&mut reader)
        .await
        .expect("sets");
    assert!(tenants(&mut reader, "incidents").await.is_empty());
    assert!(tenants(&mut reader, "timeline").await.is_empty());
    assert_eq!(tenants(&mut reader, "members").await.len(), 1);
}

#[tokio::test]
async fn every_table_of_read_is_protected_and_the_rest_is_closed() {
    let Some(bench) = with_two_tenants().await else {
        return;
    };
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'read'::regnamespace AND relkind IN ('r', 'p')
           AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    .fetch_all(&mut bench.superuser().await)
    .await
    .expect("a catalogue");
    assert!(open.is_empty(), "not protected: {open:?}");
    let mut reader = as_reader(&bench, Some(Tenant(1))).await;
    for table in [
        "history.events",
        "vault.logins",
        "vault.subject_keys",
        "vault.signing_keys",
    ] {
        let sql = format!("SELECT 1 FROM {table}");
        let refused = reader.execute(AssertSqlSafe(sql)).await.expect_err(table);
        assert!(
            refused.to_string().contains("permission denied"),
            "{table}: {refused}"
        );
    }
    let written = reader
        .execute("DELETE FROM read.incidents")
        .await
        .expect_err("read only");
    assert!(
        written.to_string().contains("permission denied"),
        "{written}"
    );
}
