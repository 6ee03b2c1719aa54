//! `/api/v1/logs`: what services say. Every operation takes the same filter: a query
//! of words, phrases and fields (`projections::telemetry::logs::Filter` has the
//! table), services, levels and a time range.

pub mod context;
pub mod export;
pub mod fields;
pub mod patterns;
pub mod stats;
pub mod tail;
pub(in crate::routes) mod watch;
mod which;

use axum::extract::State;
use axum::response::Response;
use projections::telemetry::logs::{self, Place, Record, Scanned};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Gateway;
use crate::as_of::AsOf;
use crate::cursor;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::order::{Order, Ordered};
use crate::paging::capped;
use crate::parameters::Query;
use crate::streamed;
use which::Which;

const LIST: &str = "logs";
/// Its cursors are no cursors of the other.
const LIST_OLDEST: &str = "logs, oldest first";
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// A page of log records.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogRecordPage {
    /// In the order that was asked for.
    pub items: Vec<Record>,
    /// None on the last page.
    pub next_cursor: Option<String>,
    pub scanned: Scanned,
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many records at most; 100 unless told, never more than 1000.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before. It keeps its place while records arrive.
    pub cursor: Option<String>,
}

/// Log records, newest first unless told
///
/// `query` is words (`timeout`, `time*`), phrases (`"out of memory"`) and fields
/// (`user.id:42`, `status:>=500`, `path:/api/*`, `level:error,fatal`, `trace_id:*`),
/// each of which must hold; `-` or `NOT` before one says that it must not.
#[utoipa::path(get, path = "/api/v1/logs", operation_id = "search_logs", tag = "logs",
    params(Which, AsOf, Ordered, Paging),
    responses((status = 200, body = LogRecordPage), (status = 400, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(as_of): Query<AsOf>,
    Query(ordered): Query<Ordered>,
    Query(paging): Query<Paging>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let order = ordered.order.unwrap_or(Order::NewestFirst);
    let list = match order {
        Order::NewestFirst => LIST,
        Order::OldestFirst => LIST_OLDEST,
    };
    let cursor = paging.cursor.as_deref().filter(|text| !text.is_empty());
    let keys = gateway.keys()?;
    let after: Option<(Place, i64)> = cursor
        .map(|text| cursor::open(keys, scope, list, text))
        .transpose()?;
    let mut query = which.query_ahead(&gateway, as_of.ns()?)?;
    if let Some((_, from_ns)) = after {
        // A range that ends now has moved on; its pages have not.
        query.from_ns = from_ns;
    }
    let after = after.map(|(place, _)| place);
    let limit = capped(paging.limit.unwrap_or(DEFAULT_LIMIT), MAX_LIMIT)?;
    let (db, limit) = (&gateway.db, limit as usize);
    let found = match order {
        Order::NewestFirst => logs::search(db, scope, &query, after, limit).await?,
        Order::OldestFirst => logs::search_oldest(db, scope, &query, after, limit).await?,
    };
    let next = found.next.map(|place| (place, query.from_ns));
    let next = next.map(|next| cursor::sign(keys, scope, list, &next));
    let page = LogRecordPage {
        items: found.records,
        next_cursor: next.transpose()?,
        scanned: found.scanned,
    };
    Ok(streamed::json(&page, found.held))
}
