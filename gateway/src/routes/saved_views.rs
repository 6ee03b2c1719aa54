//! `/api/v1/saved-views`: views of explorers that a project shares.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use projections::saved_views::{self, SavedView};
use schemas::context::Context;
use schemas::ids::SavedViewId;
use schemas::saved_view::{DeleteView, SaveView, SavedViewCommand};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::operations::Allowed;
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields};

const LIST: &str = "saved_views";
const MAX_NAME: usize = 100;
const MAX_SEARCH: usize = 8_000;

/// An explorer.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViewPage {
    Metrics,
    Logs,
    Traces,
}

impl ViewPage {
    fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// What to show under which name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewView {
    pub page: ViewPage,
    #[schema(example = "Failed payments")]
    pub name: String,
    /// What the page's address holds, as a query string without the time range.
    #[schema(example = "q=declined&level=error")]
    pub search: String,
}

/// Of which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfPage {
    /// All unless told.
    pub page: Option<ViewPage>,
}

/// All views.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedViewList {
    /// By page and name.
    pub items: Vec<SavedView>,
}

/// The project's saved views
#[utoipa::path(get, path = "/api/v1/saved-views", operation_id = "list_saved_views", tag = "saved views",
    params(OfPage),
    responses((status = 200, body = SavedViewList)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(of): Query<OfPage>,
) -> Result<Json<SavedViewList>, Error> {
    let page = of.page.map(ViewPage::name);
    let items = saved_views::list(&gateway.db, allowed.scope(), page).await?;
    Ok(Json(SavedViewList { items }))
}

/// Save a view
///
/// A view of that page and name is replaced.
#[utoipa::path(put, path = "/api/v1/saved-views", operation_id = "save_view", tag = "saved views",
    request_body = NewView,
    responses((status = 200, body = SavedView), (status = 202, body = Pending), (status = 422, body = Problem)))]
pub async fn save(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewView>,
) -> Result<Json<SavedView>, Error> {
    refuse_if(problems(&asked.body))?;
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let (page, name) = (asked.body.page.name(), asked.body.name.trim());
    let id = SavedViewId::of(scope.project(), page, name);
    let message = SavedViewCommand::from(SaveView {
        project: scope.project(),
        page: page.to_owned(),
        name: name.to_owned(),
        search: asked.body.search.clone(),
    });
    let topic = Topic::CatalogCommands;
    let settled = gateway.send(&command, topic, id, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    let found = saved_views::get(&gateway.db, scope, id).await?;
    Ok(Json(found.ok_or(Error::NotYet(settled.command))?))
}

/// Delete a view
#[utoipa::path(delete, path = "/api/v1/saved-views/{id}", operation_id = "delete_view", tag = "saved views",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending), (status = 404, body = Problem)))]
pub async fn delete(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let context = Context::ambient(&gateway.clock);
    let command = Command::new(allowed.scope(), &asked.question, &context);
    let message = SavedViewCommand::from(DeleteView { reason: None });
    let topic = Topic::CatalogCommands;
    let settled = gateway
        .send(&command, topic, SavedViewId(id), message)
        .await?;
    gateway.shown(&settled, &[LIST]).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn problems(asked: &NewView) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    wrong.extend(FieldError::of_length(
        "name",
        asked.name.trim(),
        &(1..=MAX_NAME),
    ));
    wrong.extend(FieldError::of_length(
        "search",
        &asked.search,
        &(0..=MAX_SEARCH),
    ));
    wrong
}
