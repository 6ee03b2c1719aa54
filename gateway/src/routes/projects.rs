//! `/api/v1/projects`: the tenant's projects.

use access::ended::End;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::projects::{self, Project};
use schemas::context::Context;
use schemas::ids::ProjectId;
use schemas::project_keys::{EndProjectKeys, ProjectKeysCommand, ReopenProjectKeys};
use schemas::tenant::{ArchiveProject, CreateProject, RenameProject, RestoreProject};
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::etag;
use crate::operations::Allowed;
use crate::outcomes::Settled;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields, Question};

const LIST: &str = "projects";

/// A page of the list.
pub type ProjectPage = Listed<Project>;

const MAX_SLUG: usize = 63;
const ARCHIVED: &str = "the project was archived";

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    #[schema(example = "Shop")]
    pub name: String,
    /// Lower-case letters, digits and hyphens; made from the name unless given.
    #[serde(default)]
    pub slug: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenameProject)]
pub struct Rename {
    #[schema(example = "Web shop")]
    pub name: String,
}

/// The tenant's projects, oldest first
///
/// The `ETag` is of the whole tenant.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "tenant",
    params(Paging),
    responses((status = 200, body = ProjectPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(paging): Query<Paging>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let tag = etag::header(projects::version(&gateway.db, scope).await?);
    let page = projects::list(&gateway.db, scope, after, paging.limit()?).await?;
    Ok((tag, Json(Listed::of(&gateway, scope, LIST, page)?)).into_response())
}

/// Create a project
///
/// Its name is its own among those of the tenant that are in use, in whatever case.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "tenant",
    request_body = NewProject,
    responses((status = 201, body = Project), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewProject>,
) -> Result<Response, Error> {
    let command = Command::new(
        allowed.scope(),
        &asked.question,
        &Context::ambient(&gateway.clock),
    );
    let project = ProjectId(command.created());
    let NewProject { name, slug } = asked.body;
    let slug = slug.unwrap_or_else(|| slug_of(&name, project));
    let message = CreateProject {
        project,
        name: name.trim().to_owned(),
        slug,
    };
    let settled = gateway.send_to_tenant(&command, message).await?;
    let project = shown(&gateway, &allowed, project, &settled).await?;
    Ok((StatusCode::CREATED, told(&settled, project)).into_response())
}

/// Rename a project
#[utoipa::path(patch, path = "/api/v1/projects/{id}", operation_id = "rename_project", tag = "tenant",
    params(("id" = Uuid, Path)), request_body = Rename,
    responses((status = 200, body = Project), (status = 202, body = Pending), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn rename(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Rename>,
) -> Result<Response, Error> {
    let command = Command::new(
        allowed.scope(),
        &asked.question,
        &Context::ambient(&gateway.clock),
    );
    let project = ProjectId(id);
    let name = asked.body.name.trim().to_owned();
    let settled = gateway
        .send_to_tenant(&command, RenameProject { project, name })
        .await?;
    let project = shown(&gateway, &allowed, project, &settled).await?;
    Ok(told(&settled, project))
}

/// Archive a project
///
/// Nobody works in it any more, and its keys are revoked for good, those that are being
/// made at the same moment too. What it holds stays, and it can be restored.
#[utoipa::path(post, path = "/api/v1/projects/{id}/archive", operation_id = "archive_project", tag = "tenant",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Project), (status = 202, body = Pending), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn archive(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<Response, Error> {
    let project = ProjectId(id);
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &asked.question, &context);
    let settled = gateway
        .send_to_tenant(&command, ArchiveProject { project })
        .await?;
    let end = EndProjectKeys {
        tenant_version: settled.version,
        reason: Some(ARCHIVED.to_owned()),
    };
    tell_keys(&gateway, &allowed, &asked.question, project, &settled, end).await?;
    let shown = shown(&gateway, &allowed, project, &settled).await?;
    gateway.end_by(End::project(project), &settled).await?;
    let scope = allowed.principal().scope_in(project);
    // None of them is good any more; each is told in the audit by its name.
    super::api_keys::revoke_all(&gateway, &scope, &asked.question, ARCHIVED, |_| true).await?;
    Ok(told(&settled, shown))
}

/// Restore a project from the archive
///
/// Its old keys stay revoked; keys that are made from now on are good. Where another has
/// taken its name meanwhile, one of them is renamed first.
#[utoipa::path(post, path = "/api/v1/projects/{id}/restore", operation_id = "restore_project", tag = "tenant",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Project), (status = 202, body = Pending), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn restore(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<Response, Error> {
    let project = ProjectId(id);
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &asked.question, &context);
    let settled = gateway
        .send_to_tenant(&command, RestoreProject { project })
        .await?;
    let shown = shown(&gateway, &allowed, project, &settled).await?;
    // Of a project that was in use already nothing begins anew, its keys least of all.
    let restored = (!settled.positions.is_empty()).then_some(shown.restored_at);
    if let Some(at) = restored.flatten() {
        let reopen = ReopenProjectKeys {
            tenant_version: settled.version,
            at: at.into(),
        };
        tell_keys(
            &gateway,
            &allowed,
            &asked.question,
            project,
            &settled,
            reopen,
        )
        .await?;
    }
    Ok(told(&settled, shown))
}

/// Tells the keys of a project what became of it, by one fact for the keyring, whatever of
/// them is known here. Where this is not reached, worker `project_key_ender` tells them.
async fn tell_keys(
    gateway: &Gateway,
    allowed: &Allowed,
    question: &Question,
    project: ProjectId,
    settled: &Settled,
    message: impl Into<ProjectKeysCommand>,
) -> Result<(), Error> {
    // One request, but a command of its own.
    let mut question = question.clone();
    question.expected_version = None;
    question.route.push_str(" keys");
    let scope = allowed.principal().scope_in(project);
    let command = Command::new(&scope, &question, &Context::ambient(&gateway.clock));
    let message: ProjectKeysCommand = message.into();
    let topic = Topic::IdentityCommands;
    match gateway.send(&command, topic, project, message).await {
        // It is on the log, and the caller can follow the tenant's command alone: this one
        // is of another project than theirs.
        Err(Error::NotYet(_)) => Err(Error::NotYet(settled.command)),
        sent => sent.map(drop),
    }
}

/// A project with the version of the tenant that the command led to.
fn told(settled: &Settled, project: Project) -> Response {
    (etag::header(settled.version), Json(project)).into_response()
}

async fn shown(
    gateway: &Gateway,
    allowed: &Allowed,
    project: ProjectId,
    settled: &Settled,
) -> Result<Project, Error> {
    gateway.shown(settled, &[LIST]).await?;
    let found = projects::get(&gateway.db, allowed.scope(), project).await?;
    found.ok_or(Error::NotYet(settled.command))
}

/// The name as it can stand in an address; the aggregate judges the result.
fn slug_of(name: &str, project: ProjectId) -> String {
    let words = name.to_lowercase();
    let words = words.split(|c: char| !c.is_ascii_alphanumeric());
    let slug = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let short = slug.get(..MAX_SLUG).unwrap_or(&slug);
    let short = short.trim_end_matches('-');
    // A name without Latin letters says nothing in an address; the id's end tells it apart.
    match (short, name.trim()) {
        ("", named) if !named.is_empty() => {
            format!("project-{:08x}", project.0.as_u128() as u32)
        }
        _ => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_slug() {
        let slug_of = |name: &str| slug_of(name, ProjectId(Uuid::from_u128(0xfeed_0000_00ab)));
        assert_eq!(slug_of("  Web Shop (EU) "), "web-shop-eu");
        assert_eq!(slug_of("Größe"), "gr-e");
        assert_eq!(slug_of("日本語"), "project-000000ab");
        assert_eq!(slug_of("  "), "");
        assert!(slug_of(&"x".repeat(200)).len() <= MAX_SLUG);
    }
}
