//! The hash chain over a tenant's audit entries, and the file that carries it.
//!
//! `content = SHA-256(entry as JSON)`, `hash = SHA-256(previous hash ‖ content)`; the
//! first hash follows from the tenant and the id of its first entry. Whoever has a
//! part of the entries only still checks the chain, with the contents of the others.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One entry. What is hashed is this as JSON, with the fields in this order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counts from 1 within the chain.
    pub seq: i64,
    pub id: Uuid,
    pub tenant: Uuid,
    pub project: Option<Uuid>,
    /// RFC 3339 in UTC with microseconds.
    pub at: String,
    /// `change`, `read` or `denied`.
    pub kind: String,
    /// In text form, `user:<id>`.
    pub actor: String,
    pub action: String,
    pub target_type: String,
    pub target_id: String,
    /// None = done.
    pub rule: Option<String>,
    /// The target's version afterwards; 0 where it has none.
    pub version: i64,
    pub request: Uuid,
    pub changes: Option<Box<RawValue>>,
}

impl Entry {
    /// The text that is hashed.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and JSON are JSON")
    }
}

/// SHA-256 of an entry's text, in hex.
pub fn content(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The hash after an entry with this content.
pub fn next(previous: &str, content: &str) -> String {
    hex::encode(Sha256::digest(format!("{previous}{content}")))
}

/// The hash before the first entry, whose id is `origin`.
pub fn start(tenant: Uuid, origin: Uuid) -> String {
    let text = format!("sre-copilot audit chain v1\n{tenant}\n{origin}");
    hex::encode(Sha256::digest(text))
}

/// What a seal signs.
pub fn sealed_text(tenant: Uuid, origin: Uuid, seq: i64, hash: &str) -> String {
    format!("sre-copilot audit seal v1\n{tenant}\n{origin}\n{seq}\n{hash}")
}

/// A line of an export: the head first, then entries in their order, seals, the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "one line at a time is in memory")]
pub enum Line {
    Head(Head),
    Entry {
        entry: Entry,
        hash: String,
        /// The hash before it, where the file leaves entries out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prev: Option<String>,
    },
    /// An entry of a project that the reader does not reach.
    Withheld {
        seq: i64,
        content: String,
        hash: String,
    },
    Seal(Seal),
    /// Nothing was cut off.
    End {
        entries: i64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// 1
    pub format: u8,
    pub tenant: Uuid,
    pub origin: Uuid,
    /// Whether every entry after `after` is there; false where the file was filtered.
    pub complete: bool,
    /// The last entry that retention removed, and its hash.
    pub after: i64,
    pub hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub origin: Uuid,
    pub seq: i64,
    pub hash: String,
    pub key: String,
    pub signature: String,
}

/// The first line that cannot be true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, entry {seq}: {why}")]
pub struct Broken {
    pub line: usize,
    /// The entry that the line is, or should have been.
    pub seq: i64,
    pub why: String,
}

/// What a file that holds together says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub head: Head,
    pub entries: i64,
    pub withheld: i64,
    pub seals: i64,
    /// The last sealed entry; 0 without any seal of this chain.
    pub sealed: i64,
    pub last: i64,
    pub hash: String,
    /// Keys that signed, each once.
    pub keys: Vec<String>,
}

/// Reads a file line by line; `signed` says whether a signature (key, text,
/// signature) is right.
pub struct Verifier<S> {
    signed: S,
    line: usize,
    seen: Option<Verified>,
    ended: bool,
}

impl<S: Fn(&str, &str, &str) -> bool> Verifier<S> {
    pub fn new(signed: S) -> Self {
        Self {
            signed,
            line: 0,
            seen: None,
            ended: false,
        }
    }

    /// Takes the next line, without its line break.
    pub fn take(&mut self, text: &str) -> Result<(), Broken> {
        self.line += 1;
        let line: Line = serde_json::from_str(text)
            .map_err(|e| self.broken(self.due(), format!("cannot be read: {e}")))?;
        // Spelled otherwise = changed, even where it reads alike.
        let again = serde_json::to_string(&line).unwrap_or_default();
        if again != text {
            return Err(self.broken(self.due(), "is not spelled as it was written".to_owned()));
        }
        if self.ended {
            return Err(self.broken(self.due(), "follows the end".to_owned()));
        }
        match line {
            Line::Head(head) => self.head(head),
            Line::Entry { entry, hash, prev } => self.entry(&entry, &hash, prev.as_deref()),
            Line::Withheld { seq, content, hash } => {
                self.link(seq, &content, &hash, None)?;
                self.seen_mut().withheld += 1;
                Ok(())
            }
            Line::Seal(seal) => self.seal(&seal),
            Line::End { entries } => self.end(entries),
        }
    }

    /// After the last line.
    pub fn finish(self) -> Result<Verified, Broken> {
        if !self.ended {
            return Err(self.broken(self.due(), "the file ends too early".to_owned()));
        }
        self.seen.ok_or(Broken {
            line: 1,
            seq: 0,
            why: "the file is empty".to_owned(),
        })
    }

    fn head(&mut self, head: Head) -> Result<(), Broken> {
        if self.seen.is_some() || head.format != 1 {
            return Err(self.broken(self.due(), "is no head of a known format".to_owned()));
        }
        if head.after == 0 && head.hash != start(head.tenant, head.origin) {
            return Err(self.broken(1, "the chain does not begin where it should".to_owned()));
        }
        self.seen = Some(Verified {
            entries: 0,
            withheld: 0,
            seals: 0,
            sealed: 0,
            last: head.after,
            hash: head.hash.clone(),
            keys: Vec::new(),
            head,
        });
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, hash: &str, prev: Option<&str>) -> Result<(), Broken> {
        self.begun()?;
        if entry.tenant != self.seen_mut().head.tenant {
            return Err(self.broken(entry.seq, "belongs to another tenant".to_owned()));
        }
        self.link(entry.seq, &content(&entry.text()), hash, prev)?;
        self.seen_mut().entries += 1;
        Ok(())
    }

    fn link(
        &mut self,
        seq: i64,
        content: &str,
        hash: &str,
        prev: Option<&str>,
    ) -> Result<(), Broken> {
        self.begun()?;
        let seen = self.seen_mut();
        let (complete, due) = (seen.head.complete, seen.last + 1);
        let gap = seq != due;
        if (complete && gap) || seq < due {
            return Err(self.broken(due, format!("entry {seq} stands where {due} is due")));
        }
        let previous = match prev {
            Some(prev) if !complete => {
                if !gap && prev != seen.hash {
                    return Err(self.broken(seq, "does not follow the entry before it".to_owned()));
                }
                prev.to_owned()
            }
            _ => seen.hash.clone(),
        };
        if next(&previous, content) != hash {
            return Err(self.broken(seq, "its hash does not follow from its content".to_owned()));
        }
        let seen = self.seen_mut();
        seen.last = seq;
        hash.clone_into(&mut seen.hash);
        Ok(())
    }

    /// A seal stands behind the entry that it seals.
    fn seal(&mut self, seal: &Seal) -> Result<(), Broken> {
        self.begun()?;
        let tenant = self.seen_mut().head.tenant;
        let text = sealed_text(tenant, seal.origin, seal.seq, &seal.hash);
        if !(self.signed)(&seal.key, &text, &seal.signature) {
            return Err(self.broken(seal.seq, "the signature of its seal is wrong".to_owned()));
        }
        let seen = self.seen_mut();
        if (seal.origin, seal.seq) != (seen.head.origin, seen.last) || seal.hash != seen.hash {
            return Err(self.broken(seal.seq, "its seal was given to another entry".to_owned()));
        }
        if !seen.keys.contains(&seal.key) {
            seen.keys.push(seal.key.clone());
        }
        seen.seals += 1;
        seen.sealed = seal.seq;
        Ok(())
    }

    fn end(&mut self, entries: i64) -> Result<(), Broken> {
        self.begun()?;
        let seen = self.seen_mut();
        let (found, last) = (seen.entries + seen.withheld, seen.last);
        if entries != found {
            let why = format!("the file has {found} entries, not {entries}");
            return Err(self.broken(last + 1, why));
        }
        self.ended = true;
        Ok(())
    }

    fn begun(&self) -> Result<(), Broken> {
        match self.seen {
            Some(_) => Ok(()),
            None => Err(self.broken(0, "the head is missing".to_owned())),
        }
    }

    fn seen_mut(&mut self) -> &mut Verified {
        self.seen
            .as_mut()
            .expect("every line after the head asks `begun` first")
    }

    /// The entry that is due.
    fn due(&self) -> i64 {
        self.seen.as_ref().map_or(0, |seen| seen.last + 1)
    }

    fn broken(&self, seq: i64, why: String) -> Broken {
        Broken {
            line: self.line,
            seq,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);

    fn entry(seq: i64) -> Entry {
        Entry {
            seq,
            id: Uuid::from_u128(100 + u128::try_from(seq).unwrap()),
            tenant: TENANT,
            project: None,
            at: "2026-11-01T00:00:00.000000Z".to_owned(),
            kind: "change".to_owned(),
            actor: "user:x".to_owned(),
            action: "ChangeIncidentTitle".to_owned(),
            target_type: "incident".to_owned(),
            target_id: "i".to_owned(),
            rule: None,
            version: seq,
            request: Uuid::from_u128(7),
            changes: Some(
                RawValue::from_string(
                    r#"{"before":{"title":"a"},"after":{"title":"b"}}"#.to_owned(),
                )
                .unwrap(),
            ),
        }
    }

    /// A file of five entries, the third withheld, sealed at the fourth.
    fn file() -> Vec<String> {
        let origin = entry(1).id;
        let mut hash = start(TENANT, origin);
        let mut lines = vec![Line::Head(Head {
            format: 1,
            tenant: TENANT,
            origin,
            complete: true,
            after: 0,
            hash: hash.clone(),
        })];
        for seq in 1..=5 {
            let content = content(&entry(seq).text());
            hash = next(&hash, &content);
            let hash = hash.clone();
            lines.push(match seq {
                3 => Line::Withheld { seq, content, hash },
                _ => Line::Entry {
                    entry: entry(seq),
                    hash,
                    prev: None,
                },
            });
            if seq == 4 {
                let hash = match lines.last() {
                    Some(Line::Entry { hash, .. }) => hash.clone(),
                    _ => unreachable!("the fourth line is an entry"),
                };
                lines.push(sealed(origin, seq, hash));
            }
        }
        lines.push(Line::End { entries: 5 });
        lines
            .iter()
            .map(|line| serde_json::to_string(line).unwrap())
            .collect()
    }

    fn sealed(origin: Uuid, seq: i64, hash: String) -> Line {
        let signature = content(&format!("k{}", sealed_text(TENANT, origin, seq, &hash)));
        Line::Seal(Seal {
            origin,
            seq,
            hash,
            key: "k".to_owned(),
            signature,
        })
    }

    fn verify<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Verified, Broken> {
        let mut verifier = Verifier::new(|key: &str, text: &str, signature: &str| {
            signature == content(&format!("{key}{text}"))
        });
        for line in lines {
            verifier.take(line)?;
        }
        verifier.finish()
    }

    #[test]
    fn a_whole_file_holds() {
        let lines = file();
        let seen = verify(lines.iter().map(String::as_str)).unwrap();
        assert_eq!(
            (seen.entries, seen.withheld, seen.sealed, seen.last),
            (4, 1, 4, 5)
        );
    }

    #[test]
    fn every_flipped_byte_is_found_at_its_line() {
        let lines = file();
        for at in 0..lines.len() {
            for byte in 0..lines[at].len() {
                let mut changed = lines[at].clone().into_bytes();
                changed[byte] ^= 1;
                let Ok(changed) = String::from_utf8(changed) else {
                    continue;
                };
                let read = lines.iter().enumerate();
                let read = read.map(|(n, line)| if n == at { changed.as_str() } else { line });
                let broken = verify(read).unwrap_err();
                // A head that names another chain shows at the first entry.
                let found = if at == 0 {
                    broken.line <= 2
                } else {
                    broken.line == at + 1
                };
                assert!(found, "line {at}, byte {byte}: {broken}");
            }
        }
    }

    #[test]
    fn what_is_left_out_moved_or_cut_off_is_found() {
        let lines = file();
        let without = |left_out: usize| {
            let kept = lines
                .iter()
                .enumerate()
                .filter(move |(n, _)| *n != left_out);
            verify(kept.map(|(_, line)| line.as_str()))
        };
        for n in (1..lines.len()).filter(|n| *n != 5) {
            assert!(without(n).is_err(), "line {n} was left out");
        }
        let mut swapped = lines.clone();
        swapped.swap(1, 2);
        assert_eq!(
            verify(swapped.iter().map(String::as_str)).unwrap_err().seq,
            1
        );
    }

    #[test]
    fn a_new_history_needs_the_key() {
        let mut lines = file();
        // Everything is computed anew from the second entry on, but for the seal.
        let origin = entry(1).id;
        let first = content(&entry(1).text());
        let mut hash = next(&start(TENANT, origin), &first);
        for seq in 2..=4_i64 {
            let mut forged = entry(seq);
            forged.action = "Other".to_owned();
            hash = next(&hash, &content(&forged.text()));
            let line = Line::Entry {
                entry: forged,
                hash: hash.clone(),
                prev: None,
            };
            lines[usize::try_from(seq).unwrap()] = serde_json::to_string(&line).unwrap();
        }
        let broken = verify(lines.iter().map(String::as_str)).unwrap_err();
        assert_eq!((broken.line, broken.seq), (6, 4));
    }
}
