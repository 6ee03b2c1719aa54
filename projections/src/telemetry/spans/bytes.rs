//! What segments of spans read and write besides numbers and columns.

use crate::telemetry::bytes::{Damaged, Reader, put_varint};

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What a column was before packing.
pub(crate) fn unpack(frame: &[u8]) -> Result<Vec<u8>, Damaged> {
    Reader::new(frame).column().map(Into::into)
}

pub(crate) trait ReadMore {
    /// The number of a text.
    fn code(&mut self) -> Result<u32, Damaged>;
}

impl ReadMore for Reader<'_> {
    fn code(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.varint()?).map_err(|_| Damaged("a code is too large"))
    }
}
