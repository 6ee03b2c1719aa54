//! `GET /api/v1/tenant/export`: everything of the caller's tenant as one file.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use projections::export::{self, Part, Snapshot, Table};
use schemas::scope::Scope;
use schemas::time::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

use crate::Gateway;
use crate::auth::proof;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::streamed;

/// Named in the first line; a reader that knows another refuses.
const FORMAT: &str = "sre-copilot.tenant/1";
/// How many run at once in this gateway.
pub const AT_ONCE: usize = 2;
/// Pieces that wait for a slow reader.
const WAITING: usize = 4;
/// For the next piece. Who takes none holds the moment that is read, and with it what a
/// replay has to wait for.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the whole file.
const LONGEST: Duration = Duration::from_secs(60 * 60);

type Pieces = mpsc::Sender<Result<Bytes, Error>>;

/// Take everything of the tenant away
///
/// JSON, one value a line. The first line names the format, the tenant and the time;
/// then each row says of which table and project it is; the last line counts the rows,
/// so that a file that was cut off is known by its absence. All rows are of one moment.
/// Personal values are open, secrets are not part of it. Telemetry has exports of its own,
/// and so has the audit as a file that can be verified. Needs a fresh proof.
#[utoipa::path(get, path = "/api/v1/tenant/export", operation_id = "export_tenant", tag = "tenant",
    responses((status = 200, content_type = "application/x-ndjson", body = String),
        (status = 403, body = Problem), (status = 503, body = Problem)))]
pub async fn tenant(State(gateway): State<Gateway>, allowed: Allowed) -> Result<Response, Error> {
    proof::needed(&gateway, &allowed).await?;
    let busy = |_| Error::Unavailable("other exports are running".to_owned());
    let turn = gateway.exports.clone().try_acquire_owned().map_err(busy)?;
    let caller = allowed.scope();
    let tables = export::tables(&gateway.db).await?;
    let mut snapshot = Snapshot::begin(&gateway.db, caller, &tables).await?;
    let at = gateway.clock.now();
    let projects = snapshot.projects(caller).await?.into_iter();
    let scopes: Vec<_> = projects
        .map(|project| allowed.principal().scope_in(project))
        .collect();
    let name = format!("attachment; filename=\"tenant-{}.ndjson\"", caller.tenant());
    let file = File {
        caller: caller.clone(),
        scopes,
        tables,
        at,
    };
    let (pieces, mut written) = mpsc::channel(WAITING);
    let written_by = gateway.clone();
    tokio::spawn(async move {
        let writing = file.write(&written_by, snapshot, &pieces);
        let written = tokio::time::timeout(LONGEST, writing).await;
        let late = |_| Error::Unavailable("it took too long".to_owned());
        if let Err(error) = written.map_err(late).flatten() {
            // The file ends without its last line.
            tracing::warn!(%error, "an export was cut off");
            // Who still reads learns of it here.
            pieces.send(Err(error)).await.ok();
        }
        drop(turn);
    });
    let pieces = futures::stream::poll_fn(move |context| written.poll_recv(context));
    let body = streamed::body(gateway, &allowed, pieces);
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-ndjson"),
        ),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).map_err(|e| Error::Internal(e.to_string()))?,
        ),
    ];
    Ok((headers, body).into_response())
}

/// What is written: everything of a tenant as it was `at` one moment.
struct File {
    caller: Scope,
    /// The caller in every project of the tenant, archived ones too.
    scopes: Vec<Scope>,
    tables: Vec<Table>,
    at: Timestamp,
}

impl File {
    async fn write(
        &self,
        gateway: &Gateway,
        mut snapshot: Snapshot,
        pieces: &Pieces,
    ) -> Result<(), Error> {
        let (tenant, at) = (self.caller.tenant(), self.at.datetime());
        let head = json!({"format": FORMAT, "tenant": tenant, "exported_at": at});
        send(pieces, line(&head)).await?;
        let mut count = 0;
        for table in &self.tables {
            for part in table.parts() {
                let seen_from: &[Scope] = match part {
                    Part::Tenant => std::slice::from_ref(&self.caller),
                    Part::Project => &self.scopes,
                };
                for scope in seen_from {
                    snapshot.open(scope, table, part).await?;
                    count += rows(gateway, &mut snapshot, table, scope, part, pieces).await?;
                }
            }
        }
        drop(snapshot);
        send(pieces, line(&json!({"end": true, "rows": count}))).await
    }
}

async fn rows(
    gateway: &Gateway,
    snapshot: &mut Snapshot,
    table: &Table,
    scope: &Scope,
    part: Part,
    pieces: &Pieces,
) -> Result<u64, Error> {
    let people = gateway.people();
    let project = (part == Part::Project).then(|| scope.project());
    let mut count = 0;
    while let Some(some) = snapshot.next(&gateway.db, &people).await? {
        count += some.len() as u64;
        let lines = some
            .into_iter()
            .map(|row| line(&json!({"table": table.name, "project": project, "row": row})));
        send(pieces, lines.collect()).await?;
    }
    Ok(count)
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// A reader that has gone, or stands still, ends the export.
async fn send(pieces: &Pieces, text: String) -> Result<(), Error> {
    let ended = |why: &str| Error::Unavailable(format!("the reader {why}"));
    match pieces.send_timeout(Ok(text.into()), PATIENCE).await {
        Ok(()) => Ok(()),
        Err(SendTimeoutError::Closed(_)) => Err(ended("has gone")),
        Err(SendTimeoutError::Timeout(_)) => Err(ended("takes nothing any more")),
    }
}
