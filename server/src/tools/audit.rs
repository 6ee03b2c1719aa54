//! `audit verify`: checks an exported audit without a server, a database or a network.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use access::seal;
use anyhow::{Context, bail};
use schemas::audit::chain::{Verified, Verifier};

/// A line of ours is far shorter; what is longer is not read into memory.
const MOST_LINE: u64 = 1 << 20;

/// The file holds together, and yet nobody signed for all of it: the program's exit
/// code is one of its own.
#[derive(Debug, thiserror::Error)]
#[error("not proven: {0}")]
pub struct Unproven(String);

/// What a file that holds together says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) text: String,
    /// What of it nothing proves.
    pub(super) unproven: Option<Unproven>,
}

/// Reads `file` line by line and says what it proves, or names the first bad entry.
/// With `key`, signatures by any other key count as wrong.
pub(super) fn verify(file: &Path, key: Option<&str>) -> anyhow::Result<Told> {
    let name = file.display();
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {name}"))?;
    let signed = |by: &str, text: &str, signature: &str| {
        key.is_none_or(|key| key == by) && seal::verify(by, text, signature)
    };
    let mut verifier = Verifier::new(signed);
    let mut reader = std::io::BufReader::new(opened);
    loop {
        let mut line = Vec::new();
        let mut bounded = std::io::Read::take(&mut reader, MOST_LINE);
        let read = bounded
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read {name}"))?;
        if read == 0 {
            break;
        }
        if line.pop() != Some(b'\n') {
            bail!("{name}: the last line is cut off");
        }
        // What is not UTF-8 cannot be JSON, and is told as such with its line.
        let text = String::from_utf8_lossy(&line);
        if text.starts_with("seq,at,kind,") {
            bail!("{name} is CSV, which has no chain: export it with format=jsonl");
        }
        verifier
            .take(&text)
            .with_context(|| format!("{name} was changed"))?;
    }
    let verified = verifier
        .finish()
        .with_context(|| format!("{name} was changed"))?;
    Ok(Told {
        text: told(&verified, key),
        unproven: unproven(&verified).map(Unproven),
    })
}

fn told(verified: &Verified, key: Option<&str>) -> String {
    let Verified { head, .. } = verified;
    let mut lines = vec![format!(
        "tenant {}: {} entries hold together, {} of them as hashes only",
        head.tenant,
        verified.entries + verified.withheld,
        verified.withheld,
    )];
    match head.complete {
        true => lines.push(format!(
            "entries {} to {}, last hash {}",
            head.after + 1,
            verified.last,
            verified.hash
        )),
        false => lines.push(format!(
            "the export was filtered{}: each entry is whole, others may be missing",
            by(&head.filter)
        )),
    }
    if verified.sealed > 0 {
        lines.push(format!("sealed up to entry {}", verified.sealed));
    }
    if verified.signed {
        lines.push("signed as a whole: nothing was changed since it was written".to_owned());
    }
    for key in &verified.keys {
        lines.push(format!("signed by {key}"));
    }
    if key.is_none() && !verified.keys.is_empty() {
        let advice = "compare the key with the one that you noted, or give that by --key: \
            a forger signs too";
        lines.push(advice.to_owned());
    }
    lines.join("\n")
}

fn by(filter: &BTreeMap<String, String>) -> String {
    if filter.is_empty() {
        return String::new();
    }
    // Quoted: a forger's line breaks would look like lines of ours.
    let parts = filter
        .iter()
        .map(|(name, value)| format!("{name:?}={value:?}"));
    format!(" by {}", parts.collect::<Vec<_>>().join(", "))
}

/// Hashes show only that the entries belong together: whoever changes one can compute
/// those of all later ones.
fn unproven(verified: &Verified) -> Option<String> {
    if verified.is_proven() {
        return None;
    }
    if verified.keys.is_empty() {
        let why = "there is no seal and no signature, so nothing proves who wrote the entries";
        return Some(why.to_owned());
    }
    let of = verified.unproven?;
    Some(format!(
        "{} of the entries {} to {} are covered by no seal, so nothing proves who wrote them",
        of.entries, of.first, of.last
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::token::SigningKey;
    use schemas::audit::chain::{self, Entry, Head, Line, Seal};
    use std::io::Write as _;
    use uuid::Uuid;

    fn lines(key: &SigningKey) -> Vec<Line> {
        let (tenant, origin) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let start = chain::start(tenant, origin);
        let entry = Entry {
            seq: 1,
            id: origin,
            tenant,
            project: None,
            at: "2026-11-01T00:00:00.000000Z".to_owned(),
            kind: "change".to_owned(),
            actor: "user:x".to_owned(),
            action: "RenameTenant".to_owned(),
            target_type: "tenant".to_owned(),
            target_id: "1".to_owned(),
            rule: None,
            version: 2,
            request: Uuid::nil(),
            changes: None,
        };
        let hash = chain::next(&start, &chain::content(&entry.text()));
        let text = chain::sealed_text(tenant, origin, 1, &hash);
        let seal = Seal {
            origin,
            seq: 1,
            hash: hash.clone(),
            key: seal::public_key(key),
            signature: seal::sign(key, &text).unwrap(),
        };
        let head = Head {
            format: 1,
            tenant,
            origin,
            complete: true,
            after: 0,
            hash: start,
            filter: BTreeMap::new(),
        };
        vec![
            Line::Head(head),
            Line::Entry {
                entry,
                hash,
                prev: None,
            },
            Line::Seal(seal),
            Line::End {
                entries: 1,
                signed: None,
            },
        ]
    }

    fn written(lines: &[Line]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines {
            writeln!(file, "{}", serde_json::to_string(line).unwrap()).unwrap();
        }
        file
    }

    #[test]
    fn a_file_is_checked_with_real_signatures_and_a_pinned_key() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let other = SigningKey::from_seed([2; 32]).unwrap();
        let file = written(&lines(&key));
        let public = seal::public_key(&key);
        let told = verify(file.path(), Some(&public)).unwrap();
        assert!(told.unproven.is_none(), "{told:?}");
        assert!(told.text.contains("sealed up to entry 1"), "{told:?}");
        assert!(told.text.contains(&public), "{told:?}");
        assert!(!told.text.contains("--key"), "{told:?}");
        let any = verify(file.path(), None).unwrap();
        assert!(any.text.contains("--key"), "{any:?}");
        let refused = verify(file.path(), Some(&seal::public_key(&other))).unwrap_err();
        assert!(
            format!("{refused:#}").contains("line 3, entry 1"),
            "{refused:#}"
        );
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        let mut lines = lines(&SigningKey::from_seed([1; 32]).unwrap());
        if let Line::Entry { entry, .. } = &mut lines[1] {
            entry.actor = "user:y".to_owned();
        }
        let refused = verify(written(&lines).path(), None).unwrap_err();
        let told = format!("{refused:#}");
        assert!(told.contains("line 2, entry 1"), "{told}");
    }

    #[test]
    fn without_a_seal_nothing_is_proven_with_or_without_a_key() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let mut lines = lines(&key);
        lines.remove(2);
        let file = written(&lines);
        let public = seal::public_key(&key);
        for key in [None, Some(public.as_str())] {
            let told = verify(file.path(), key).unwrap();
            let why = told.unproven.unwrap().to_string();
            assert!(why.contains("no seal and no signature"), "{why}");
        }
    }

    #[test]
    fn what_is_for_spreadsheets_is_told_so() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "seq,at,kind,actor,action").unwrap();
        let told = format!("{:#}", verify(file.path(), None).unwrap_err());
        assert!(
            told.contains("format=jsonl") && !told.contains("was changed"),
            "{told}"
        );
    }
}
