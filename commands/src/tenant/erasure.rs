//! The end of a tenant: asked for, called off or carried out. Everything goes on as it
//! did until it is carried out; nothing does afterwards.

use schemas::tenant::{
    AskTenantErasure, CallOffTenantErasure, EraseTenant, TenantErased, TenantErasureAsked,
    TenantErasureCalledOff,
};
use schemas::time::Timestamp;

use super::{Decision, Tenant, TenantRefusal};
use crate::fields;

const REASON_CHARS: usize = 1_000;
/// Longer than this nobody waits for what they asked.
const LONGEST_GRACE_MS: i64 = 366 * 86_400_000;

impl Tenant {
    /// The name that was typed must be the tenant's, to the letter.
    pub(super) fn ask_erasure(&self, c: AskTenantErasure, name: &str, now: Timestamp) -> Decision {
        if c.name != name {
            return Err(TenantRefusal::OtherName);
        }
        if let Some(due_at) = self.erasure {
            return Err(TenantRefusal::ErasureAsked(due_at));
        }
        let grace = c.due_at.millis_since(now);
        if !(0..=LONGEST_GRACE_MS).contains(&grace) {
            return Err(fields::invalid("due_at", "must lie within a year from now").into());
        }
        Ok(vec![TenantErasureAsked { due_at: c.due_at }.into()])
    }

    pub(super) fn call_off_erasure(&self, c: CallOffTenantErasure) -> Decision {
        fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
        let due_at = self.erasure.ok_or(TenantRefusal::NoErasure)?;
        let reason = c.reason;
        Ok(vec![TenantErasureCalledOff { due_at, reason }.into()])
    }

    /// Whoever looks at the clock may be late or wrong: what was called off, or asked
    /// for another time since, stays.
    pub(super) fn erase(&self, c: &EraseTenant, now: Timestamp) -> Decision {
        let due_at = self.erasure.filter(|due_at| *due_at == c.due_at);
        let due_at = due_at.ok_or(TenantRefusal::NoErasure)?;
        if now < due_at {
            return Err(TenantRefusal::ErasureNotDue(due_at));
        }
        Ok(vec![TenantErased { due_at }.into()])
    }
}
