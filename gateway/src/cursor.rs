//! Cursors of lists: the read model's own position, signed for one tenant, project
//! and list, so that nobody can make one or take one elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::scope::Scope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::keys::Keys;
use crate::error::{Error, FieldError};

const SIGNATURE_BYTES: usize = 16;
const MAX_CHARS: usize = 1024;

/// A cursor as the client keeps it.
pub(crate) fn sign<C: Serialize>(
    keys: &Keys,
    scope: &Scope,
    list: &'static str,
    cursor: &C,
) -> Result<String, Error> {
    let position = serde_json::to_vec(cursor).map_err(|e| Error::Internal(e.to_string()))?;
    let signature = signature(keys, scope, list, &position);
    Ok(URL_SAFE_NO_PAD.encode([&signature[..], &position].concat()))
}

/// The position of a cursor that was signed here for the same list.
pub(crate) fn open<C: DeserializeOwned>(
    keys: &Keys,
    scope: &Scope,
    list: &'static str,
    text: &str,
) -> Result<C, Error> {
    opened(keys, scope, list, text).ok_or_else(|| {
        Error::Malformed(FieldError::quoting(
            "cursor",
            text,
            "is not a cursor of this list",
        ))
    })
}

fn opened<C: DeserializeOwned>(
    keys: &Keys,
    scope: &Scope,
    list: &'static str,
    text: &str,
) -> Option<C> {
    if text.len() > MAX_CHARS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (signed, position) = bytes.split_at_checked(SIGNATURE_BYTES)?;
    // Nothing secret follows from a cursor, so the comparison need not be constant.
    if signed != signature(keys, scope, list, position) {
        return None;
    }
    serde_json::from_slice(position).ok()
}

fn signature(
    keys: &Keys,
    scope: &Scope,
    list: &'static str,
    position: &[u8],
) -> [u8; SIGNATURE_BYTES] {
    let (tenant, project) = (scope.tenant().0, scope.project().0);
    let parts = [
        tenant.as_bytes(),
        project.as_bytes(),
        list.as_bytes(),
        position,
    ];
    let mut short = [0; SIGNATURE_BYTES];
    short.copy_from_slice(&keys.cursor(&parts)[..SIGNATURE_BYTES]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::ids::{ProjectId, TenantId};
    use schemas::scope::Actor;
    use uuid::Uuid;

    fn scope(tenant: u128) -> Scope {
        Scope::granted(
            TenantId(Uuid::from_u128(tenant)),
            ProjectId(Uuid::from_u128(2)),
            Actor::system("test"),
        )
    }

    #[test]
    fn opens_only_for_its_tenant_and_list_and_only_unchanged() {
        let keys = Keys::derive(&[1; 32]);
        let text = sign(&keys, &scope(1), "incidents", &(7, "x")).unwrap();
        let open =
            |scope: &Scope, list, text: &str| open::<(i64, String)>(&keys, scope, list, text).ok();
        assert_eq!(
            open(&scope(1), "incidents", &text),
            Some((7, "x".to_owned()))
        );
        assert_eq!(open(&scope(2), "incidents", &text), None);
        assert_eq!(open(&scope(1), "alerts", &text), None);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&scope(1), "incidents", &changed), None, "{at}");
        }
    }
}
