//! Names that are one thing's within a project. Things are told apart by their ids; names
//! are for people, and nobody knows which of two of one name is meant.

use uuid::Uuid;

use crate::Gateway;
use crate::auth::vault::held_names;
use crate::dispatch::Command;
use crate::error::Error;

/// Does `give`, which looks whether a name is free and sends `command`, with nobody else
/// giving the same name until the read model shows it. `name` is an id that all who write
/// the name alike get; `what` is the kind of thing, for the refusal.
pub(crate) async fn giving<T>(
    gateway: &Gateway,
    name: Uuid,
    what: &str,
    command: &Command,
    give: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let (db, command) = (&gateway.db, command.id());
    if !held_names::hold(db, name, command, gateway.clock.now()).await? {
        return Err(taken(what));
    }
    let given = give.await;
    // What is not yet shown keeps its name until it runs out.
    if !matches!(given, Err(Error::NotYet(_)))
        && let Err(error) = held_names::release(db, name, command).await
    {
        tracing::debug!(%error, "a name that was given is held until it runs out");
    }
    given
}

/// The refusal of a name that another one has or is being given.
pub(crate) fn taken(what: &str) -> Error {
    let detail = format!("the project has {what} of this name already");
    Error::refused_here("name_taken", detail)
}
