//! Mailing an invitation. The letter is sealed here, where the link can be made, and sent
//! by a worker once the log has the request.

use axum::Json;
use axum::extract::State;
use projections::invitations;
use projections::projects;
use projections::vault::mails::{self, Letter, New};
use schemas::context::Context;
use schemas::ids::{InvitationId, MailId};
use schemas::tenant::{MailInvitation, TenantCommand};
use schemas::topic::Topic;
use uuid::Uuid;

use super::{Invitation, LIST, shown};
use crate::Gateway;
use crate::auth::invitation::{self, Named};
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::{Asked, NoFields};

/// Send an invitation by mail
///
/// The link goes to the invited address. What became of it is in `mail`; another try is
/// the same request a minute later.
#[utoipa::path(post, path = "/api/v1/invitations/{id}/send", operation_id = "send_invitation", tag = "tenant",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Invitation), (status = 202, body = Pending), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn send(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<Json<Invitation>, Error> {
    let invitation = InvitationId(id);
    let letter = letter(&gateway, &allowed, invitation).await?;
    if !gateway.config.mail {
        let detail = "this installation sends no mail: give the link instead";
        return Err(Error::refused_here("mail_off", detail));
    }
    let (scope, now) = (allowed.scope(), gateway.clock.now());
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let new = New {
        id: MailId(command.created()),
        tenant: scope.tenant(),
        invitation,
    };
    let kept = mails::keep(&gateway.db, &gateway.master, &new, &letter, now).await;
    kept.map_err(|e| Error::Internal(e.to_string()))?;
    let message = TenantCommand::from(MailInvitation {
        invitation,
        mail: new.id,
    });
    let (topic, tenant) = (Topic::IdentityCommands, scope.tenant());
    let settled = gateway.send(&command, topic, tenant, message).await;
    if let Err(Error::Refused(_) | Error::RefusedHere(_)) = &settled {
        let removed = mails::remove(&gateway.db, new.id).await;
        removed.map_err(|e| Error::Internal(e.to_string()))?;
    }
    let settled = settled?;
    gateway.shown(&settled, &[LIST]).await?;
    let found = invitations::get(&gateway.db, &gateway.people(), scope, invitation).await?;
    let found = found.ok_or(Error::NotYet(settled.command))?;
    shown(&gateway, &allowed, found).map(Json)
}

/// What the mail says; 404 where nobody waits.
async fn letter(gateway: &Gateway, allowed: &Allowed, id: InvitationId) -> Result<Letter, Error> {
    let scope = allowed.scope();
    let found = invitations::get(&gateway.db, &gateway.people(), scope, id).await?;
    let found = found.ok_or(Error::NotFound)?;
    let tenant = projects::tenant(&gateway.db, scope).await?;
    let named = Named {
        tenant: scope.tenant(),
        invitation: id,
    };
    Ok(Letter {
        to: found.email,
        tenant_name: tenant.ok_or(Error::NotFound)?.name,
        invited_by: found.invited_by.map(|person| person.name),
        role: found.role,
        expires_at: found.expires_at.into(),
        link: invitation::link(gateway, named)?,
    })
}
