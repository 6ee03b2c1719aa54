//! Whether a caller who was let in by the head of a request still is when its body has
//! come. A body may take half a minute, in which a session ends, a role is taken away or
//! a key is revoked; what is done then would be done without leave, and an API key that is
//! made so would outlive it.

use access::principal::Principal;

use crate::Gateway;
use crate::error::Error;

/// Travels with the request, for whoever reads its body.
#[derive(Clone)]
pub(crate) struct Readmission {
    gateway: Gateway,
    principal: Principal,
}

impl Readmission {
    pub(crate) fn of(gateway: &Gateway, principal: &Principal) -> Self {
        Self {
            gateway: gateway.clone(),
            principal: principal.clone(),
        }
    }

    /// To be asked once the body is there.
    pub(crate) fn ask(&self) -> Result<(), Error> {
        self.gateway
            .readmits(&self.principal)
            .map_err(Error::Denied)
    }
}
