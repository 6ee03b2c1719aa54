//! All records that a filter finds, as a file.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;
use projections::telemetry::logs::{self, LogsError, Place, Query as LogsQuery, Record};
use schemas::scope::Scope;
use serde::Deserialize;
use utoipa::IntoParams;

use super::which::Which;
use crate::Gateway;
use crate::as_of::AsOf;
use crate::csv::cell;
use crate::error::{Error, FieldError, Problem};
use crate::operations::Allowed;
use crate::parameters::Query;
use crate::streamed;

/// Records of one file at most.
const MOST_RECORDS: usize = 100_000;
const RECORDS_A_PAGE: usize = 2_000;
const CSV_HEAD: &str =
    "id,time,received_at,level,level_text,service,body,trace_id,span_id,fields,resource\n";

/// How it is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Shape {
    /// ndjson (unless told) or csv
    pub format: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

/// Log records as a file, newest first, at most 100,000
///
/// One JSON object a line, or CSV with fields and resource as JSON.
#[utoipa::path(get, path = "/api/v1/logs/export", operation_id = "export_logs", tag = "logs",
    params(Which, AsOf, Shape),
    responses((status = 200, body = String, content_type = "application/x-ndjson"),
        (status = 400, body = Problem)))]
pub async fn file(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(as_of): Query<AsOf>,
    Query(shape): Query<Shape>,
) -> Result<Response, Error> {
    let query = which.query_ahead(&gateway, as_of.ns()?)?;
    let format = shape.format()?;
    let kind = match format {
        Format::Ndjson => (
            "application/x-ndjson",
            "attachment; filename=\"logs.ndjson\"",
        ),
        Format::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"logs.csv\"",
        ),
    };
    let pages = pages(gateway.clone(), allowed.scope().clone(), query, format);
    let body = streamed::body(gateway, &allowed, pages);
    let headers = [(CONTENT_TYPE, kind.0), (CONTENT_DISPOSITION, kind.1)];
    Ok((headers, body).into_response())
}

impl Shape {
    fn format(&self) -> Result<Format, Error> {
        match self.format.as_deref() {
            None | Some("" | "ndjson") => Ok(Format::Ndjson),
            Some("csv") => Ok(Format::Csv),
            Some(other) => {
                let message = format!("`{other}` is neither ndjson nor csv");
                Err(Error::Malformed(FieldError::new("format", message)))
            }
        }
    }
}

/// Where a file goes on.
#[derive(Debug, Clone, Copy)]
enum Next {
    Begin,
    After(Place, usize),
    End,
}

/// One chunk a page; an error breaks the transfer off, so that nobody takes a part
/// for the whole.
fn pages(
    gateway: Gateway,
    scope: Scope,
    query: LogsQuery,
    format: Format,
) -> impl Stream<Item = Result<Bytes, LogsError>> {
    futures::stream::try_unfold(Next::Begin, move |next| {
        let (gateway, scope, query) = (gateway.clone(), scope.clone(), query.clone());
        async move {
            let (after, written) = match next {
                Next::Begin => (None, 0),
                Next::After(place, written) => (Some(place), written),
                Next::End => return Ok(None),
            };
            let limit = RECORDS_A_PAGE.min(MOST_RECORDS - written);
            let found = logs::search(&gateway.db, &scope, &query, after, limit).await?;
            let written = written + found.records.len();
            let mut text = String::new();
            if format == Format::Csv && after.is_none() {
                text.push_str(CSV_HEAD);
            }
            for record in &found.records {
                push(&mut text, record, format);
            }
            let next = match found.next {
                Some(place) if written < MOST_RECORDS => Next::After(place, written),
                _ => Next::End,
            };
            Ok(Some((Bytes::from(text), next)))
        }
    })
}

fn push(text: &mut String, record: &Record, format: Format) {
    match format {
        Format::Ndjson => text.push_str(&serde_json::to_string(record).unwrap_or_default()),
        Format::Csv => {
            let json = |fields| serde_json::to_string(fields).unwrap_or_default();
            let time = |time: chrono::DateTime<chrono::Utc>| {
                time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
            };
            let cells = [
                record.id.clone(),
                time(record.time),
                record.received_at.map(time).unwrap_or_default(),
                record.level.clone(),
                record.level_text.clone(),
                record.service.clone(),
                record.body.clone(),
                record.trace_id.clone().unwrap_or_default(),
                record.span_id.clone().unwrap_or_default(),
                json(&record.fields),
                json(&record.resource),
            ];
            text.push_str(&cells.map(|text| cell(&text)).join(","));
        }
    }
    text.push('\n');
}
