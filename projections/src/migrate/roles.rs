//! The two roles of the platform. Roles belong to the cluster, not the database,
//! so other processes may be creating them at the same moment.

use sqlx::{Executor, PgConnection};

use super::MigrateError;
use crate::db::{READ_ROLE, become_role};

const CREATE: &str = r#"
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['srec_write', 'srec_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
    END LOOP;
    IF NOT has_database_privilege('srec_write', current_database(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO srec_write', current_database());
    END IF;
END $$"#;

/// Two processes that grant at once fail with "tuple concurrently updated".
const ATTEMPTS: usize = 5;

pub(super) async fn create(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let mut outcome = connection.execute(CREATE).await;
    for _ in 1..ATTEMPTS {
        if outcome.is_ok() {
            break;
        }
        outcome = connection.execute(CREATE).await;
    }
    outcome.map(drop).map_err(MigrateError::Roles)
}

/// Refuses a reading session that row-level security would not hold. Leaves the
/// connection as `srec_read`.
pub(super) async fn check_reader(
    connection: &mut PgConnection,
    allow_bypass: bool,
) -> Result<(), MigrateError> {
    become_role(connection, READ_ROLE)
        .await
        .map_err(MigrateError::Roles)?;
    let (powerful, owner): (bool, bool) = sqlx::query_as(
        "SELECT rolsuper OR rolbypassrls, pg_has_role(rolname, 'srec_write', 'MEMBER')
         FROM pg_roles WHERE rolname = current_user",
    )
    .fetch_one(connection)
    .await?;
    let why = match (powerful, owner) {
        _ if allow_bypass => return Ok(()),
        (true, _) => "srec_read is a superuser or has BYPASSRLS",
        (_, true) => "srec_read is a member of srec_write",
        (false, false) => return Ok(()),
    };
    Err(MigrateError::BypassesRowSecurity(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DbConfig;
    use sqlx::Connection;

    /// Roles belong to the whole cluster: what is tried here is taken back.
    #[tokio::test]
    async fn a_reader_that_could_bypass_row_security_is_refused_unless_told_otherwise() {
        let Some(database) = testkit::postgres().await else {
            return;
        };
        crate::migrate(&DbConfig::new(&database.url)).await.unwrap();
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        for weakness in [
            "ALTER ROLE srec_read BYPASSRLS",
            "GRANT srec_write TO srec_read",
        ] {
            let mut tx = connection.begin().await.unwrap();
            tx.execute(weakness).await.unwrap();
            let refused = check_reader(&mut tx, false).await;
            assert!(
                matches!(refused, Err(MigrateError::BypassesRowSecurity(_))),
                "{weakness}"
            );
            check_reader(&mut tx, true).await.unwrap();
            tx.rollback().await.unwrap();
        }
        check_reader(&mut connection, false).await.unwrap();
    }
}
