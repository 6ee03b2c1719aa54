//! The incident that a path names: by its id, or by the key that people say.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use projections::incidents;
use uuid::Uuid;

use crate::Gateway;
use crate::error::{Error, FieldError};
use crate::operations::Allowed;
use crate::parameters::{Path, quoted};

/// The id of the incident; for a key (`INC-12`) it is looked up in the caller's project.
pub struct Named(pub Uuid);

impl FromRequestParts<Gateway> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Error> {
        let allowed = Allowed::from_request_parts(parts, gateway).await?;
        let Path(name) = Path::<String>::from_request_parts(parts, gateway).await?;
        if let Ok(id) = name.parse() {
            return Ok(Self(id));
        }
        let number = incidents::number_of(&name).ok_or_else(|| {
            let message = format!("`{}` is neither a UUID nor a key as INC-12", quoted(&name));
            Error::Malformed(FieldError::new("id", message))
        })?;
        let found = incidents::numbered(&gateway.db, allowed.scope(), number).await?;
        found.map(|id| Self(id.0)).ok_or(Error::NotFound)
    }
}
