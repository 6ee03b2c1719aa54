//! `POST /api/v1/members/{user_id}/erase`: a person's name and address, gone for ever.

use axum::extract::State;
use axum::http::StatusCode;
use projections::members;
use schemas::context::Context;
use schemas::ids::{SubjectId, UserId};
use schemas::tenant::EraseMember;
use uuid::Uuid;

use super::LIST;
use crate::Gateway;
use crate::auth::{invitation, leave, proof};
use crate::dispatch::Command;
use crate::erased::Line;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::{Asked, NoFields};

/// Erase a person
///
/// Of a member, or of one who has left. The key that opens what this tenant knows of
/// them is destroyed, so that no copy of the log tells it any more; what they did stays,
/// by `erased`, and so do names that anybody typed into a comment or a title. A member
/// leaves with it. Cannot be undone. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/members/{user_id}/erase", operation_id = "erase_member", tag = "tenant",
    params(("user_id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn erase(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(user): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let (user, scope) = (UserId(user), allowed.scope());
    let subject = members::subject(&gateway.db, scope, user).await?;
    let subject = subject.ok_or(Error::NotFound)?;
    proof::needed(&gateway, &allowed).await?;
    let mut withdrawn = 0;
    if let Some(member) = members::get(&gateway.db, &gateway.people(), scope, user).await? {
        let waiting = invitation::waiting_for(&gateway, scope, &member.email).await?;
        let lines = waiting.iter().map(|held| Line::Subject(SubjectId(held.id)));
        // Before they are revoked: who tries again does not find them any more.
        gateway.note_erased(&lines.collect::<Vec<_>>()).await?;
        let question = &asked.question;
        withdrawn = invitation::withdraw(&gateway, scope, question, &member.email, None).await?;
    }
    let question = invitation::after(&asked.question, withdrawn);
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let settled = gateway
        .send_to_tenant(&command, EraseMember { user, subject })
        .await?;
    gateway.erase(subject).await?;
    gateway.shown(&settled, &[LIST]).await?;
    leave::after(&gateway, scope.tenant(), user).await?;
    Ok(StatusCode::NO_CONTENT)
}
