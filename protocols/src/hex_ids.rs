//! Trace and span ids as hexadecimal text, in either case.

use crate::refused::Refused;

/// The id that `text` spells: exactly `N` bytes, not all of them zero.
pub(crate) fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut id = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    (id != [0; N]).then_some(id)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// None where nothing or only zeros were sent; an error where it is no id.
pub(crate) fn optional<const N: usize>(
    text: &str,
    field: &str,
) -> Result<Option<[u8; N]>, Refused> {
    match parse(text) {
        Some(id) => Ok(Some(id)),
        None if text.bytes().all(|byte| byte == b'0') => Ok(None),
        None => Err(not_an_id::<N>(text, field)),
    }
}

pub(crate) fn required<const N: usize>(text: &str, field: &str) -> Result<[u8; N], Refused> {
    parse(text).ok_or_else(|| not_an_id::<N>(text, field))
}

fn not_an_id<const N: usize>(text: &str, field: &str) -> Refused {
    let start: String = text.chars().take(64).collect();
    let detail = format!("{start:?} is not {} hexadecimal digits, not all 0", 2 * N);
    Refused::new(field, detail)
}
