//! The chain as it leaves: entries with their hashes in the order of the chain, and
//! what the sealer needs to know.

use std::collections::{BTreeMap, HashMap};

use schemas::audit::chain::{self, Line};
use schemas::ids::TenantId;
use schemas::scope::Scope;
use sqlx::FromRow;
use uuid::Uuid;

use super::fold::{Chain, Link, Row, SealRow};
use super::queries::{Filter, select};
use crate::db::{Db, QueryError};

/// The chain of a tenant, as a file begins.
#[derive(Debug, Clone)]
pub struct Head {
    pub head: chain::Head,
    /// Entries up to here belong to the file, whatever is written meanwhile.
    pub last: i64,
    pub last_hash: String,
}

/// A part of a file.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    pub lines: Vec<Line>,
    /// Go on after this entry; None at the end.
    pub next: Option<i64>,
}

/// None where the tenant has no entries.
pub async fn head(db: &Db, scope: &Scope, filter: &Filter) -> Result<Option<Head>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Chain> = sqlx::query_as("SELECT * FROM audit_chains WHERE tenant_id = $1")
        .bind(scope.tenant().0)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(found.map(|chain| Head {
        head: chain::Head {
            format: chain::FORMAT,
            tenant: chain.tenant_id,
            origin: chain.origin,
            complete: filter.is_empty(),
            after: chain.base_seq,
            hash: chain.base_hash,
            filter: BTreeMap::new(),
        },
        last: chain.seq,
        last_hash: chain.hash,
    }))
}

/// The entries after `after` up to `last`, at most `limit`. Without a filter, entries of
/// other projects are there as links, so that the chain holds together.
pub async fn after(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    range: (i64, i64),
    limit: i64,
) -> Result<Exported, QueryError> {
    match filter.is_empty() {
        true => whole(db, scope, range, limit).await,
        false => parts(db, scope, filter, range, limit).await,
    }
}

async fn whole(
    db: &Db,
    scope: &Scope,
    (after, last): (i64, i64),
    limit: i64,
) -> Result<Exported, QueryError> {
    let mut tx = db.reading(scope).await?;
    let links: Vec<Link> = sqlx::query_as(
        "SELECT * FROM audit_links WHERE tenant_id = $1 AND seq > $2 AND seq <= $3
         ORDER BY seq LIMIT $4",
    )
    .bind(scope.tenant().0)
    .bind(after)
    .bind(last)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    let end = links.last().map_or(last, |link| link.seq);
    let mut sql = select("*", scope, &Filter::default());
    sql.push(" AND seq > ").push_bind(after);
    sql.push(" AND seq <= ")
        .push_bind(end)
        .push(" ORDER BY seq");
    let rows: Vec<Row> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let mut rows = rows.into_iter().peekable();
    let line = |link: Link| {
        let Link {
            seq, content, hash, ..
        } = link;
        let row = rows.next_if(|row| row.seq == seq);
        match row.and_then(|row| row.entry().ok()) {
            Some(entry) => Line::Entry {
                entry,
                hash,
                prev: None,
            },
            None => Line::Withheld { seq, content, hash },
        }
    };
    Ok(Exported {
        lines: links.into_iter().map(line).collect(),
        next: (end < last).then_some(end),
    })
}

async fn parts(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    (after, last): (i64, i64),
    limit: i64,
) -> Result<Exported, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = select("*", scope, filter);
    sql.push(" AND seq > ").push_bind(after);
    sql.push(" AND seq <= ").push_bind(last);
    sql.push(" ORDER BY seq LIMIT ").push_bind(limit);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|found| found == limit);
    let next = rows.last().map(|row| row.seq).filter(|_| full);
    let needed: Vec<i64> = rows.iter().flat_map(|row| [row.seq - 1, row.seq]).collect();
    let links: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, hash FROM audit_links WHERE tenant_id = $1 AND seq = ANY ($2)")
            .bind(scope.tenant().0)
            .bind(needed)
            .fetch_all(&mut *tx)
            .await?;
    let hashes: HashMap<i64, String> = links.into_iter().collect();
    let line = |row: Row| {
        let prev = hashes.get(&(row.seq - 1)).cloned();
        let hash = hashes.get(&row.seq)?.clone();
        let entry = row.entry().ok()?;
        Some(Line::Entry { entry, hash, prev })
    };
    Ok(Exported {
        lines: rows.into_iter().filter_map(line).collect(),
        next,
    })
}

/// The seals of a chain from one entry to another.
pub async fn seals_of(
    db: &Db,
    scope: &Scope,
    origin: Uuid,
    (after, last): (i64, i64),
) -> Result<Vec<chain::Seal>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<SealRow> = sqlx::query_as(
        "SELECT * FROM audit_seals WHERE tenant_id = $1 AND origin = $2 AND seq > $3 AND seq <= $4
         ORDER BY seq",
    )
    .bind(scope.tenant().0)
    .bind(origin)
    .bind(after)
    .bind(last)
    .fetch_all(&mut *tx)
    .await?;
    let seals = found.into_iter().map(|seal| chain::Seal {
        origin: seal.origin,
        seq: seal.seq,
        hash: seal.hash,
        key: seal.key,
        signature: seal.signature,
    });
    Ok(seals.collect())
}

/// A chain that has grown since its last seal.
#[derive(Debug, Clone, FromRow)]
pub struct Unsealed {
    tenant_id: Uuid,
    pub origin: Uuid,
    pub seq: i64,
    pub hash: String,
}

impl Unsealed {
    pub fn tenant(&self) -> TenantId {
        TenantId(self.tenant_id)
    }
}

/// For the sealer, which looks after all tenants: those that wait for a seal.
pub async fn unsealed(db: &Db, limit: i64) -> Result<Vec<Unsealed>, QueryError> {
    let found = sqlx::query_as(
        "SELECT c.tenant_id, c.origin, c.seq, c.hash FROM read.audit_chains c
         WHERE c.seq > coalesce((SELECT max(s.seq) FROM read.audit_seals s
             WHERE s.tenant_id = c.tenant_id AND s.origin = c.origin), 0)
         ORDER BY c.tenant_id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(db.writer())
    .await?;
    Ok(found)
}
