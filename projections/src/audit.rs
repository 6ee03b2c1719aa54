//! Read model `audit`: who asked for what, whether it was done, and what it changed;
//! one hash chain a tenant.

mod export;
mod fold;
mod queries;

use async_trait::async_trait;
use eventlog::Record;
use schemas::topic::Topic;

use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, upsert};
pub use export::{Exported, Head, Unsealed, after, head, seals_of, unsealed};
use fold::{Fold, Told};
pub use queries::{
    AuditCount, AuditEntry, AuditStats, Cursor, Filter, Target, list, retention_days, stats,
};

/// The projection.
#[derive(Debug)]
pub struct Audit;

#[async_trait]
impl Projection for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::AuditOperations]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["audit", "audit_links", "audit_chains", "audit_seals"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/audit.sql"),
        }
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../migrations/read/indexes/audit.sql")
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let told = batch.iter().map(Told::of).filter_map(Result::transpose);
        let told: Vec<Told> = told.collect::<Result<_, _>>()?;
        let mut fold = Fold::begin(to.rows, &told).await?;
        for told in told {
            fold.take(told)?;
        }
        upsert(to.rows, WRITE, &fold.rows).await?;
        upsert(to.rows, LINK, &fold.links).await?;
        upsert(to.rows, CHAIN, &fold.chains()).await?;
        upsert(to.rows, SEAL, &fold.seals).await?;
        sqlx::query(EXPIRE)
            .bind(fold.tenants())
            .execute(&mut *to.rows)
            .await?;
        Ok(Vec::new())
    }
}

const WRITE: &str = "INSERT INTO audit
    SELECT * FROM json_populate_recordset(NULL::audit, $1::json)";

const LINK: &str = "INSERT INTO audit_links
    SELECT * FROM json_populate_recordset(NULL::audit_links, $1::json)";

const CHAIN: &str = "INSERT INTO audit_chains
    SELECT * FROM json_populate_recordset(NULL::audit_chains, $1::json)
    ON CONFLICT (tenant_id) DO UPDATE SET (seq, hash, next_offset, newest, retention_days, kept_from)
    = (EXCLUDED.seq, EXCLUDED.hash, EXCLUDED.next_offset, EXCLUDED.newest,
       EXCLUDED.retention_days, EXCLUDED.kept_from)";

const SEAL: &str = "INSERT INTO audit_seals
    SELECT * FROM json_populate_recordset(NULL::audit_seals, $1::json)
    ON CONFLICT (tenant_id, origin, seq) DO NOTHING";

/// Removes the beginning of each chain that is too old, and remembers its last hash.
///
/// This is asked with each batch, mostly in vain. Postgres takes a third of a tenant's
/// entries to be before whatever time or number it does not know, and reads all entries
/// there are; asked for what lies between two, each time apart (`OFFSET 0`), it takes the
/// index.
const EXPIRE: &str = "WITH cut AS (
        SELECT c.tenant_id, max(old.seq) AS seq FROM audit_chains c CROSS JOIN LATERAL (
            SELECT a.seq FROM audit a
            WHERE a.tenant_id = c.tenant_id
              AND a.appended_at >= '-infinity' AND a.appended_at < c.kept_from
            OFFSET 0) old
        WHERE c.tenant_id = ANY ($1) GROUP BY c.tenant_id),
    base AS (
        UPDATE audit_chains c SET base_seq = cut.seq, base_hash = l.hash
        FROM cut JOIN audit_links l ON l.tenant_id = cut.tenant_id AND l.seq = cut.seq
        WHERE c.tenant_id = cut.tenant_id),
    links AS (
        DELETE FROM audit_links l USING cut CROSS JOIN LATERAL (
            SELECT o.ctid AS place FROM audit_links o
            WHERE o.tenant_id = cut.tenant_id AND o.seq >= 0 AND o.seq <= cut.seq
            OFFSET 0) old
        WHERE l.ctid = old.place),
    seals AS (
        DELETE FROM audit_seals s USING cut WHERE s.tenant_id = cut.tenant_id AND s.seq <= cut.seq)
    DELETE FROM audit a USING cut CROSS JOIN LATERAL (
        SELECT o.ctid AS place FROM audit o
        WHERE o.tenant_id = cut.tenant_id AND o.seq >= 0 AND o.seq <= cut.seq
        OFFSET 0) old
    WHERE a.ctid = old.place";
