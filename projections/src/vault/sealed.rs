//! Every column of the vault that holds something wrapped, and how its rows are named
//! in the associated data. An exchange of the master key goes through all of them, and
//! does not begin while the database has one that is not listed here.

use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::{KeyId, MasterKey, Place, VaultError};
use schemas::ids::TenantId;

/// So many rows of a column are wrapped anew in one transaction.
const BATCH: i64 = 200;

/// A column.
pub(super) struct Sealed {
    table: &'static str,
    column: &'static str,
    /// SQL for the row's name.
    row: &'static str,
    /// SQL for its tenant.
    tenant: &'static str,
}

const fn of(table: &'static str, column: &'static str, row: &'static str) -> Sealed {
    Sealed {
        table,
        column,
        row,
        tenant: "NULL::uuid",
    }
}

const fn of_tenant(table: &'static str, row: &'static str) -> Sealed {
    Sealed {
        tenant: "tenant_id",
        ..of(table, "wrapped", row)
    }
}

/// The canary is the last: who finds it under a key finds everything under it.
pub(super) const ALL: [Sealed; 12] = [
    of("derivation", "wrapped", "id::text"),
    of("subject_keys", "wrapped", "subject::text"),
    of("signing_keys", "wrapped", "kid"),
    of(
        "refresh_tokens",
        "successor_wrapped",
        "encode(successor, 'hex')",
    ),
    of("ws_tickets", "wrapped", "encode(hash, 'hex')"),
    of("totp", "wrapped", "user_id::text"),
    of_tenant("sign_on_secrets", "id::text"),
    of_tenant("sign_on_attempts", "encode(state, 'hex')"),
    of_tenant("sign_on_sessions", "id::text"),
    of_tenant("credentials", "id::text"),
    of_tenant("mails", "id::text"),
    of("canary", "wrapped", "id::text"),
];

/// Columns by their names that are wrapped and not listed.
pub(super) async fn unlisted(rows: &mut PgConnection) -> Result<Vec<String>, VaultError> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'vault'
         WHERE a.attname LIKE '%wrapped' AND NOT a.attisdropped ORDER BY 1, 2",
    )
    .fetch_all(rows)
    .await?;
    let listed = |table: &str, column: &str| {
        ALL.iter()
            .any(|sealed| sealed.table == table && sealed.column == column)
    };
    let unlisted = found
        .into_iter()
        .filter(|(table, column)| !listed(table, column));
    Ok(unlisted
        .map(|(table, column)| format!("vault.{table}.{column}"))
        .collect())
}

impl Sealed {
    /// Whether something is still under another key than `key`.
    pub(super) async fn is_left(
        &self,
        rows: &mut PgConnection,
        key: &KeyId,
    ) -> Result<bool, VaultError> {
        let Self { table, column, .. } = self;
        let sql = format!(
            "SELECT EXISTS (SELECT FROM vault.{table} WHERE substring({column} FROM 1 FOR 9) <> $1)"
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(MasterKey::mark(key))
            .fetch_one(rows)
            .await?)
    }

    /// Wraps some rows anew with the key that `master` wraps with; how many there were.
    pub(super) async fn rewrap_some(
        &self,
        rows: &mut PgConnection,
        master: &MasterKey,
    ) -> Result<usize, VaultError> {
        let Self {
            table,
            column,
            row,
            tenant,
        } = self;
        // Locked, so that where they lie is where they lie until the end.
        let sql = format!(
            "SELECT ctid::text AS place, {row} AS row, {tenant} AS tenant, {column} AS wrapped
             FROM vault.{table} WHERE substring({column} FROM 1 FOR 9) <> $1
             LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(MasterKey::mark(&master.id()))
            .fetch_all(&mut *rows)
            .await?;
        let (mut places, mut wrapped) = (Vec::new(), Vec::new());
        for row in &found {
            let name: String = row.try_get("row")?;
            let tenant: Option<Uuid> = row.try_get("tenant")?;
            let place = Place {
                tenant: tenant.map(TenantId),
                table,
                row: &name,
            };
            let old: Vec<u8> = row.try_get("wrapped")?;
            wrapped.push(master.rewrap(place, &old)?);
            places.push(row.try_get::<String, _>("place")?);
        }
        let sql = format!(
            "UPDATE vault.{table} AS held SET {column} = anew.wrapped
             FROM unnest($1::text[], $2::bytea[]) AS anew (place, wrapped)
             WHERE held.ctid = anew.place::tid"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(places)
            .bind(wrapped)
            .execute(rows)
            .await?;
        Ok(found.len())
    }
}
