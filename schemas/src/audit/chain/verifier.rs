//! Reads a file and says what it proves, or which line cannot be true.

use super::{
    Entry, FORMAT, FileDigest, FileSignature, Head, Line, Seal, content, next, sealed_text, start,
};

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
    /// Whether one of them signed the file as a whole.
    pub signed: bool,
    /// What no signature covers.
    pub unproven: Option<Unproven>,
}

impl Verified {
    /// Whether somebody has signed for all that the file says.
    pub fn is_proven(&self) -> bool {
        !self.keys.is_empty() && self.unproven.is_none()
    }

    fn note_key(&mut self, key: &str) {
        if !self.keys.iter().any(|known| known == key) {
            self.keys.push(key.to_owned());
        }
    }
}

/// Entries that whoever can compute hashes may have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproven {
    pub first: i64,
    pub last: i64,
    pub entries: i64,
}

impl Unproven {
    /// These and those that follow them in the file.
    fn and(this: Option<Self>, more: Option<Self>) -> Option<Self> {
        match (this, more) {
            (Some(this), Some(more)) => Some(Self {
                first: this.first,
                last: more.last,
                entries: this.entries + more.entries,
            }),
            (this, more) => this.or(more),
        }
    }
}

/// Reads a file line by line; `signed` says whether a signature (key, text,
/// signature) is right.
pub struct Verifier<S> {
    signed: S,
    line: usize,
    digest: FileDigest,
    seen: Option<Verified>,
    /// Entries that follow each other without a gap and wait for a seal.
    waiting: Option<Unproven>,
    /// Entries that no seal can cover any more.
    unproven: Option<Unproven>,
    ended: bool,
}

impl<S: Fn(&str, &str, &str) -> bool> Verifier<S> {
    pub fn new(signed: S) -> Self {
        Self {
            signed,
            line: 0,
            digest: FileDigest::default(),
            seen: None,
            waiting: None,
            unproven: None,
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
        // The last line signs those before it.
        if !matches!(line, Line::End { .. }) {
            self.digest.add(text);
            self.digest.add("\n");
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
            Line::End { entries, signed } => self.end(entries, signed.as_ref()),
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
        if self.seen.is_some() || !(1..=FORMAT).contains(&head.format) {
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
            signed: false,
            unproven: None,
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
        self.wait(seq, gap);
        Ok(())
    }

    /// Behind a gap the hash before an entry is only what the file says it is, and a
    /// seal of later entries proves nothing of those before the gap.
    fn wait(&mut self, seq: i64, gap: bool) {
        if gap {
            self.unproven = Unproven::and(self.unproven, self.waiting.take());
        }
        let own = Unproven {
            first: seq,
            last: seq,
            entries: 1,
        };
        self.waiting = Unproven::and(self.waiting, Some(own));
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
        seen.note_key(&seal.key);
        seen.seals += 1;
        seen.sealed = seal.seq;
        self.waiting = None;
        Ok(())
    }

    fn end(&mut self, entries: i64, signed: Option<&FileSignature>) -> Result<(), Broken> {
        self.begun()?;
        let seen = self.seen_mut();
        let (found, last) = (seen.entries + seen.withheld, seen.last);
        if entries != found {
            let why = format!("the file has {found} entries, not {entries}");
            return Err(self.broken(last + 1, why));
        }
        match signed {
            Some(signed) => self.file(entries, signed)?,
            None if self.seen_mut().head.format > 1 => {
                return Err(self.broken(last + 1, "the file's signature is missing".to_owned()));
            }
            None => {
                let unproven = Unproven::and(self.unproven, self.waiting);
                self.seen_mut().unproven = unproven;
            }
        }
        self.ended = true;
        Ok(())
    }

    /// Whoever signs the file signs for each of its lines.
    fn file(&mut self, entries: i64, signed: &FileSignature) -> Result<(), Broken> {
        let digest = self.digest.clone();
        let text = digest.signed_text(&self.seen_mut().head, entries);
        if !(self.signed)(&signed.key, &text, &signed.signature) {
            let why = "the file's signature is wrong".to_owned();
            return Err(self.broken(self.due(), why));
        }
        let seen = self.seen_mut();
        seen.note_key(&signed.key);
        seen.signed = true;
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
