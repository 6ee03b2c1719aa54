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

pub(crate) trait ReadMore<'a> {
    fn text(&mut self) -> Result<&'a str, Damaged>;
    /// The number of a text.
    fn code(&mut self) -> Result<u32, Damaged>;
    /// The place of a row, or how many of something there are.
    fn size(&mut self) -> Result<usize, Damaged>;
}

impl<'a> ReadMore<'a> for Reader<'a> {
    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.count(1)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged("a text is not UTF-8"))
    }

    fn code(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.varint()?).map_err(|_| Damaged("a code is too large"))
    }

    fn size(&mut self) -> Result<usize, Damaged> {
        usize::try_from(self.varint()?).map_err(|_| Damaged("a size is too large"))
    }
}
