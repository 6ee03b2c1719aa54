//! Every segment that may hold spans as asked for, folded into one answer.

use std::sync::Arc;

use schemas::scope::Scope;

use super::super::bloom;
use super::super::fold::opened;
use super::super::rows::{self, apart};
use super::super::segment::Segment;
use super::Filter;
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;

/// Segments of level 1 that are read at most; the newest ones.
const MOST_SEGMENTS: usize = 200;

/// What a walk found, and whether it saw everything or only the newest.
pub(super) struct Walked<T> {
    pub(super) found: T,
    pub(super) complete: bool,
}

/// Level 0 first, then the newest segments of level 1; `take` runs apart from the
/// threads that serve requests.
pub(super) async fn walk<T, F>(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    take: F,
) -> Result<Walked<T>, QueryError>
where
    T: Default + Send + 'static,
    F: Fn(&Segment<'_>, &Filter, &mut T) -> Result<(), Damaged> + Send + Sync + 'static,
{
    let mut tx = rows::snapshot(db, scope).await?;
    let shared = Arc::new((filter.clone(), take));
    let recent = rows::level0(&mut tx, scope, filter.times).await?;
    let with = Arc::clone(&shared);
    let mut found = apart(move || {
        let mut found = T::default();
        for data in recent {
            (with.1)(&opened(&data)?.1, &with.0, &mut found)?;
        }
        Ok(found)
    })
    .await?;
    let tokens = filter.tokens();
    let mut keys = rows::level1(&mut tx, scope, filter.times, rows::Filter::Tokens).await?;
    keys.retain(|key| {
        tokens
            .iter()
            .all(|token| bloom::may_hold(&key.filter, *token))
    });
    for key in keys.iter().take(MOST_SEGMENTS) {
        let data = rows::data(&mut tx, scope, key).await?;
        let with = Arc::clone(&shared);
        found = apart(move || {
            (with.1)(&Segment::open(&data)?, &with.0, &mut found)?;
            Ok(found)
        })
        .await?;
    }
    let complete = keys.len() <= MOST_SEGMENTS;
    Ok(Walked { found, complete })
}
