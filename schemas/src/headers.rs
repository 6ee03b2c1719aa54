//! The headers of a record in one piece of memory, laid out as the embedded log
//! keeps them: `(u16 name length, name, u32 value length, value)*`, little endian.
//! A reader pays for the headers that it looks at, not for all that there are.

use std::fmt;
use std::io::Write as _;

use bytes::Bytes;
use uuid::Uuid;

const NAME_LEN: usize = 2;
const VALUE_LEN: usize = 4;

/// Names and values in order. A name is at most 65,535 bytes, a value 4 GiB; what
/// is longer is cut (no name of ours has more than twenty).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    count: usize,
    packed: Bytes,
}

impl Headers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the first `count` headers off `bytes`, without copying them; `None`
    /// where they are not there.
    pub fn split_from(bytes: &mut Bytes, count: usize) -> Option<Self> {
        let mut rest = &bytes[..];
        for _ in 0..count {
            let (name, _, after) = split_first(rest)?;
            if !name.is_ascii() {
                std::str::from_utf8(name).ok()?;
            }
            rest = after;
        }
        let packed = bytes.split_to(bytes.len() - rest.len());
        Some(Self { count, packed })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them in the layout of this module.
    pub fn packed(&self) -> &Bytes {
        &self.packed
    }

    /// The value of the first header named `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut rest = &self.packed[..];
        while let Some((key, value, after)) = split_first(rest) {
            if key == name.as_bytes() {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    /// The same as text, where it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // Names were text when they came in.
        let text = |name| std::str::from_utf8(name).unwrap_or_default();
        self.raw().map(move |(name, value)| (text(name), value))
    }

    /// Names and values as bytes.
    pub fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.packed[..];
        std::iter::from_fn(move || {
            let (name, value, after) = split_first(rest)?;
            rest = after;
            Some((name, value))
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = |(name, value)| (name, String::from_utf8_lossy(value));
        f.debug_map().entries(self.iter().map(lossy)).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut all = Self::new();
        all.extend(headers);
        all
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const K: usize> From<[(N, V); K]> for Headers {
    fn from(headers: [(N, V); K]) -> Self {
        headers.into_iter().collect()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, headers: I) {
        let mut packer = Packer::with_capacity(self.packed.len() + 256);
        packer.out.extend_from_slice(&self.packed);
        packer.count = self.count;
        for (name, value) in headers {
            packer.bytes(name.as_ref(), value.as_ref());
        }
        *self = packer.finish();
    }
}

/// Writes headers one behind the other.
pub struct Packer {
    count: usize,
    out: Vec<u8>,
}

impl Packer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            count: 0,
            out: Vec::with_capacity(bytes),
        }
    }

    pub fn bytes(&mut self, name: &str, value: &[u8]) {
        self.begin(name);
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.out.extend_from_slice(&len.to_le_bytes());
        self.out.extend_from_slice(&value[..len as usize]);
    }

    pub fn uuid(&mut self, name: &str, value: Uuid) {
        let mut text = Uuid::encode_buffer();
        let text = value.hyphenated().encode_lower(&mut text);
        self.bytes(name, text.as_bytes());
    }

    /// A value as it displays itself.
    pub fn display(&mut self, name: &str, value: impl fmt::Display) {
        self.begin(name);
        let at = self.out.len();
        self.out.extend_from_slice(&[0; VALUE_LEN]);
        write!(self.out, "{value}").expect("a vector takes every write");
        let value_at = at + VALUE_LEN;
        let len = u32::try_from(self.out.len() - value_at).unwrap_or(u32::MAX);
        self.out.truncate(value_at + len as usize);
        self.out[at..value_at].copy_from_slice(&len.to_le_bytes());
    }

    pub fn finish(self) -> Headers {
        Headers {
            count: self.count,
            packed: self.out.into(),
        }
    }

    fn begin(&mut self, name: &str) {
        let name = &name[..name.floor_char_boundary(usize::from(u16::MAX))];
        self.count += 1;
        self.out
            .extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.out.extend_from_slice(name.as_bytes());
    }
}

/// Name, value, and what follows them.
fn split_first(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<NAME_LEN>()?;
    let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
    let (len, rest) = rest.split_first_chunk::<VALUE_LEN>()?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some((name, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_on_disk_for_ever() {
        let headers = Headers::from([("ab", b"xyz".as_slice()), ("c", b"")]);
        assert_eq!(
            headers.packed().as_ref(),
            b"\x02\0ab\x03\0\0\0xyz\x01\0c\0\0\0\0"
        );
        let mut displayed = Packer::with_capacity(0);
        displayed.display("ab", "xyz");
        displayed.display("c", "");
        assert_eq!(displayed.finish(), headers);
    }

    #[test]
    fn finds_the_first_of_a_name_and_keeps_all() {
        let mut headers = Headers::from([("a", "1"), ("b", "2")]);
        headers.extend([("a", b"\xFF")]);
        assert_eq!(
            (headers.len(), headers.get("a")),
            (3, Some(b"1".as_slice()))
        );
        assert_eq!((headers.text("b"), headers.text("d")), (Some("2"), None));
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "a"]);
    }

    #[test]
    fn takes_its_own_bytes_and_leaves_the_rest() {
        let headers = Headers::from([("a", "1"), ("b", "2")]);
        let packed = [headers.packed(), b"body".as_slice()].concat();
        let mut bytes = Bytes::from(packed);
        assert_eq!(Headers::split_from(&mut bytes, 2), Some(headers));
        assert_eq!(bytes, "body");
        assert_eq!(Headers::split_from(&mut bytes, 1), None);
        assert_eq!(bytes, "body");
    }

    #[test]
    fn a_name_that_is_no_text_is_refused() {
        let mut bytes = Bytes::from_static(b"\x01\0\xFF\0\0\0\0");
        assert_eq!(Headers::split_from(&mut bytes, 1), None);
    }
}
