//! How bodies are compressed, and unpacking them within a bound: what ingest reads
//! from the wire and the projection from the log.

use std::borrow::Cow;
use std::io::Read;

/// `Content-Encoding`, and the field `encoding` of telemetry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
    /// The block format, which declares its length; framed snappy is not taken.
    Snappy,
}

/// Why a body could not be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpacked {
    /// `unpacked` bytes came out before that was known, never more than one over the limit.
    #[error("the body is over the limit of {limit} bytes")]
    TooLarge { limit: usize, unpacked: usize },
    #[error("the body does not decompress as {}: {detail}", encoding.name())]
    Undecodable { encoding: Encoding, detail: String },
}

impl Encoding {
    pub const ALL: [Self; 5] = [
        Self::Identity,
        Self::Gzip,
        Self::Deflate,
        Self::Zstd,
        Self::Snappy,
    ];

    /// On disk in log records: it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
        }
    }

    /// From a header's value or a record's field.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if name.is_empty() {
            return Some(Self::Identity);
        }
        if is("x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|encoding| is(encoding.name()))
    }
}

/// The largest window of zstd that every decoder should take (RFC 8878, 3.1.1.1.2), as
/// its logarithm: what a window needs is allocated before anything comes out.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Unpacks `sent`, at most `limit` bytes of it; what is not compressed is borrowed.
pub fn decompress(
    encoding: Encoding,
    sent: &[u8],
    limit: usize,
) -> Result<Cow<'_, [u8]>, Unpacked> {
    let mut room = Vec::new();
    match decompress_into(encoding, sent, limit, &mut room)? {
        _ if encoding == Encoding::Identity => Ok(Cow::Borrowed(sent)),
        _ => Ok(Cow::Owned(room)),
    }
}

/// The same into `room`, whose memory serves for one body after the other.
pub fn decompress_into<'a>(
    encoding: Encoding,
    sent: &'a [u8],
    limit: usize,
    room: &'a mut Vec<u8>,
) -> Result<&'a [u8], Unpacked> {
    let undecodable = |error: &dyn std::fmt::Display| Unpacked::Undecodable {
        encoding,
        detail: error.to_string(),
    };
    let too_large = |unpacked| Unpacked::TooLarge { limit, unpacked };
    match encoding {
        Encoding::Identity if sent.len() > limit => return Err(too_large(0)),
        Encoding::Identity => return Ok(sent),
        Encoding::Gzip => bounded(flate2::read::MultiGzDecoder::new(sent), limit, room),
        Encoding::Deflate => bounded(flate2::read::ZlibDecoder::new(sent), limit, room),
        Encoding::Zstd => zstd::Decoder::with_buffer(sent).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            bounded(decoder, limit, room)
        }),
        Encoding::Snappy => {
            // Before anything is allocated: the length is the sender's word.
            let declared = snap::raw::decompress_len(sent).map_err(|e| undecodable(&e))?;
            if declared > limit {
                return Err(too_large(0));
            }
            room.resize(declared, 0);
            let unpacked = snap::raw::Decoder::new().decompress(sent, room);
            unpacked.map(|n| room.truncate(n)).map_err(Into::into)
        }
    }
    .map_err(|e| undecodable(&e))?;
    match room.len() > limit {
        true => Err(too_large(room.len())),
        false => Ok(room),
    }
}

/// One byte more than `limit` tells that there is more.
fn bounded(reader: impl Read, limit: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    out.clear();
    reader.take(limit as u64 + 1).read_to_end(out).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn packed(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => gzip(plain),
            Encoding::Deflate => {
                let mut zlib =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                zlib.write_all(plain).unwrap();
                zlib.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(plain, 1).unwrap(),
            Encoding::Snappy => snap::raw::Encoder::new().compress_vec(plain).unwrap(),
        }
    }

    #[test]
    fn unpacks_each_encoding_up_to_its_limit() {
        let plain = b"{\"alerts\":[]}".repeat(50);
        for encoding in Encoding::ALL {
            let sent = packed(encoding, &plain);
            assert_eq!(
                decompress(encoding, &sent, plain.len()).as_deref(),
                Ok(&plain[..])
            );
            let limit = plain.len() - 1;
            let refused = decompress(encoding, &sent, limit);
            assert!(matches!(refused, Err(Unpacked::TooLarge { .. })));
        }
    }

    #[test]
    fn a_bomb_is_refused_without_being_unpacked() {
        let limit = 1 << 20;
        let plain = vec![0; 64 << 20];
        for encoding in Encoding::ALL.into_iter().skip(1) {
            let bomb = packed(encoding, &plain);
            let Err(Unpacked::TooLarge { unpacked, .. }) = decompress(encoding, &bomb, limit)
            else {
                panic!("{encoding:?} is no bomb");
            };
            // What snappy declares is enough to know.
            let expected = if encoding == Encoding::Snappy {
                0
            } else {
                limit + 1
            };
            assert_eq!(unpacked, expected, "{encoding:?}");
        }
    }

    #[test]
    fn a_length_or_window_that_is_only_declared_takes_no_memory() {
        let snappy = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert!(decompress(Encoding::Snappy, &snappy, 1 << 20).is_err());
        // A frame without a size: its window descriptor says 2^(10 + 17) bytes.
        let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 1, 0, 0];
        let refused = decompress(Encoding::Zstd, &zstd, 1 << 20).map(drop);
        let Err(Unpacked::Undecodable { detail, .. }) = refused else {
            panic!("taken");
        };
        assert!(detail.contains("memory"), "{detail}");
    }

    #[test]
    fn a_cut_body_is_undecodable() {
        let plain: Vec<u8> = (0..4096u32).flat_map(|n| n.to_le_bytes()).collect();
        for encoding in Encoding::ALL.into_iter().skip(1) {
            let whole = packed(encoding, &plain);
            let cut = decompress(encoding, &whole[..whole.len() / 2], 1 << 20);
            assert!(
                matches!(cut, Err(Unpacked::Undecodable { .. })),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn names_are_read_as_headers_spell_them() {
        for encoding in Encoding::ALL {
            assert_eq!(Encoding::parse(encoding.name()), Some(encoding));
        }
        assert_eq!(Encoding::parse(" X-GZip "), Some(Encoding::Gzip));
        assert_eq!(Encoding::parse("br"), None);
    }
}
