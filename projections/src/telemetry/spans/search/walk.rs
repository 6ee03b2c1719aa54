//! Every segment that may hold spans as asked for, folded into one answer.

use std::sync::Arc;

use schemas::scope::Scope;
use sqlx::PgConnection;

use super::super::bloom;
use super::super::fold::opened;
use super::super::rows::{self, Key, Room, apart};
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
    let mut room = Room::of(db);
    let recent = rows::level0(&mut tx, scope, filter.times).await?;
    room.look_at(&recent).await?;
    let with = Arc::clone(&shared);
    let mut found = apart(move || {
        let mut found = T::default();
        for data in recent {
            (with.1)(&opened(&data)?.1, &with.0, &mut found)?;
        }
        Ok(found)
    })
    .await?;
    let keys = newest(&mut tx, scope, filter).await?;
    for key in keys.iter().take(MOST_SEGMENTS) {
        let data = rows::data(&mut tx, scope, key).await?;
        room.look_at(std::slice::from_ref(&data)).await?;
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

/// The newest segments of level 1 that may have what is asked for, and a few more than are
/// read where there are. Their filters are looked at some at a time: those of all hours
/// of a month may be more than there is memory.
async fn newest(
    tx: &mut PgConnection,
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<Key>, QueryError> {
    let tokens = filter.tokens();
    let (mut found, mut before) = (Vec::new(), i64::MAX);
    loop {
        let kind = rows::Filter::Tokens;
        let mut keys = rows::some_of_level1(tx, scope, filter.times, kind, before).await?;
        let Some(last) = keys.last() else {
            return Ok(found);
        };
        before = last.window_start;
        let is_end = keys.len() < rows::AT_ONCE;
        keys.retain_mut(|key| {
            let all = std::mem::take(&mut key.filter);
            tokens.iter().all(|token| bloom::may_hold(&all, *token))
        });
        found.append(&mut keys);
        if is_end || found.len() > MOST_SEGMENTS {
            return Ok(found);
        }
    }
}
