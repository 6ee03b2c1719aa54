//! What bounds one item of a body, whatever the format: an item over a limit is left
//! out and counted, and the rest of the body is taken.

use std::borrow::Cow;

use crate::logs::Field;
use crate::refused::Refused;

/// Bytes of one log record or span on the wire, of a resource or of a stream's labels.
pub(crate) const MAX_ITEM_BYTES: usize = 1 << 20;
/// Fields of one item.
pub(crate) const MAX_FIELDS: usize = 1_024;
/// Values nested in values.
pub(crate) const MAX_DEPTH: usize = 32;

/// Refuses what is larger than an item may be, before anything of it is decoded.
pub(crate) fn check_size(bytes: usize) -> Result<(), Refused> {
    if bytes <= MAX_ITEM_BYTES {
        return Ok(());
    }
    let detail = format!("{bytes} bytes are over the limit of {MAX_ITEM_BYTES}");
    Err(Refused::new("", detail))
}

/// Adds a field, unless the item has its fill.
#[inline]
pub(crate) fn push<'a>(
    fields: &mut Vec<Field<'a>>,
    name: Cow<'a, str>,
    value: Cow<'a, str>,
) -> Result<(), Refused> {
    if fields.len() == MAX_FIELDS {
        let detail = format!("there are more than {MAX_FIELDS} fields");
        return Err(Refused::new(name, detail));
    }
    fields.push((name, value));
    Ok(())
}

/// For what an item has lists of, events and links: as many as fields.
pub(crate) fn at_most(items: usize, field: &str) -> Result<(), Refused> {
    if items <= MAX_FIELDS {
        return Ok(());
    }
    let detail = format!("there are more than {MAX_FIELDS}");
    Err(Refused::new(field, detail))
}
