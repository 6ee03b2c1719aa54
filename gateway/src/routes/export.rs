//! `GET /api/v1/tenant/export`: everything of the caller's tenant as one file.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use projections::export::{self, Rows, Table};
use projections::projects;
use schemas::ids::ProjectId;
use schemas::scope::Scope;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

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
/// As many projects as a tenant can have.
const PROJECTS: u32 = 1_000;

type Pieces = mpsc::Sender<Result<Bytes, Error>>;

/// Take everything of the tenant away
///
/// JSON, one value a line. The first line names the format, the tenant and the time;
/// then each row says of which table and project it is; the last line counts the rows,
/// so that a file that was cut off is known by its absence. Personal values are open,
/// secrets are not part of it. Telemetry has exports of its own. Needs a fresh proof.
#[utoipa::path(get, path = "/api/v1/tenant/export", operation_id = "export_tenant", tag = "tenant",
    responses((status = 200, content_type = "application/x-ndjson", body = String),
        (status = 403, body = Problem), (status = 503, body = Problem)))]
pub async fn tenant(State(gateway): State<Gateway>, allowed: Allowed) -> Result<Response, Error> {
    proof::needed(&gateway, &allowed).await?;
    let busy = |_| Error::Unavailable("other exports are running".to_owned());
    let turn = gateway.exports.clone().try_acquire_owned().map_err(busy)?;
    let tables = export::tables(&gateway.db).await?;
    let scopes = scopes(&gateway, &allowed).await?;
    let name = format!(
        "attachment; filename=\"tenant-{}.ndjson\"",
        scopes[0].tenant()
    );
    let (pieces, mut written) = mpsc::channel(WAITING);
    let written_by = gateway.clone();
    tokio::spawn(async move {
        if let Err(error) = write(&written_by, &tables, &scopes, &pieces).await {
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

/// The caller in every project of the tenant, archived ones too.
async fn scopes(gateway: &Gateway, allowed: &Allowed) -> Result<Vec<Scope>, Error> {
    let all = projects::list(&gateway.db, allowed.scope(), None, PROJECTS).await?;
    let ids = all.items.iter().map(|project| ProjectId(project.id));
    let scopes: Vec<_> = ids.map(|id| allowed.principal().scope_in(id)).collect();
    match scopes.is_empty() {
        true => Err(Error::NotFound),
        false => Ok(scopes),
    }
}

async fn write(
    gateway: &Gateway,
    tables: &[Table],
    scopes: &[Scope],
    pieces: &Pieces,
) -> Result<(), Error> {
    let (tenant, at) = (scopes[0].tenant(), gateway.clock.now());
    let head = json!({"format": FORMAT, "tenant": tenant, "exported_at": at.datetime()});
    send(pieces, line(&head)).await?;
    let mut count = 0;
    for table in tables {
        // What belongs to the tenant is the same from every project.
        let seen_from = if table.by_project {
            scopes
        } else {
            &scopes[..1]
        };
        for scope in seen_from {
            let project = table.by_project.then(|| scope.project().0);
            count += rows(gateway, table, scope, project, pieces).await?;
        }
    }
    send(pieces, line(&json!({"end": true, "rows": count}))).await
}

async fn rows(
    gateway: &Gateway,
    table: &Table,
    scope: &Scope,
    project: Option<Uuid>,
    pieces: &Pieces,
) -> Result<u64, Error> {
    let people = gateway.people();
    let mut rows = Rows::of(&gateway.db, scope, table).await?;
    let mut count = 0;
    while let Some(some) = rows.next(&gateway.db, &people).await? {
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

/// A reader that has gone ends the export.
async fn send(pieces: &Pieces, text: String) -> Result<(), Error> {
    let gone = |_| Error::Unavailable("the reader has gone".to_owned());
    pieces.send(Ok(text.into())).await.map_err(gone)
}
