//! The hash chain over a tenant's audit entries, and the file that carries it.
//!
//! `content = SHA-256(entry as JSON)`, `hash = SHA-256(previous hash ‖ content)`; the
//! first hash follows from the tenant and the id of its first entry. Whoever has a
//! part of the entries only still checks the chain, with the contents of the others.
//! Who can compute hashes can compute them anew: only signatures, of seals and of the
//! whole file, prove who wrote it.

mod verifier;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use verifier::{Broken, Unproven, Verified, Verifier};

/// Of files that are written now. Those of format 1 are not signed as a whole.
pub const FORMAT: u8 = 2;

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

/// What the last line of a file signs: every line before it.
#[derive(Clone, Default)]
pub struct FileDigest(Sha256);

impl FileDigest {
    /// Takes the next part of the file, line breaks too.
    pub fn add(&mut self, text: &str) {
        self.0.update(text);
    }

    /// The text to sign where the file ends here, after so many entries.
    pub fn signed_text(self, head: &Head, entries: i64) -> String {
        let (tenant, origin) = (head.tenant, head.origin);
        let digest = hex::encode(self.0.finalize());
        format!("sre-copilot audit file v1\n{tenant}\n{origin}\n{entries}\n{digest}")
    }
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
        /// None in files of format 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<FileSignature>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// 1 or 2
    pub format: u8,
    pub tenant: Uuid,
    pub origin: Uuid,
    /// Whether every entry after `after` is there; false where the file was filtered.
    pub complete: bool,
    /// The last entry that retention removed, and its hash.
    pub after: i64,
    pub hash: String,
    /// By what it was filtered, as the query had it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, String>,
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

/// Over a [`FileDigest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSignature {
    pub key: String,
    pub signature: String,
}

#[cfg(test)]
mod tests;
