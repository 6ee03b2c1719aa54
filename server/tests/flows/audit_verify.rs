//! `audit verify`: what it says of files that nobody touched and of forged ones, and with
//! which exit code.

use std::collections::BTreeMap;
use std::path::Path;

use access::seal;
use access::token::SigningKey;
use schemas::audit::chain::{self, Entry, FORMAT, FileDigest, FileSignature, Head, Line, Seal};
use uuid::Uuid;

use crate::tools::ended;

const TENANT: Uuid = Uuid::from_u128(1);
const ENTRIES: i64 = 40;

fn entry(seq: i64) -> Entry {
    Entry {
        seq,
        id: Uuid::from_u128(100 + u128::try_from(seq).unwrap()),
        tenant: TENANT,
        project: None,
        at: "2026-11-01T00:00:00.000000Z".to_owned(),
        kind: "change".to_owned(),
        actor: "user:ada".to_owned(),
        action: "RenameTenant".to_owned(),
        target_type: "tenant".to_owned(),
        target_id: "1".to_owned(),
        rule: None,
        version: seq,
        request: Uuid::nil(),
        changes: None,
    }
}

/// The head, `ENTRIES` entries as `change` leaves them with hashes that fit, and a seal by
/// `key` behind entry `sealed`.
fn lines(key: &SigningKey, sealed: Option<i64>, change: impl Fn(&mut Entry)) -> Vec<Line> {
    let origin = entry(1).id;
    let mut hash = chain::start(TENANT, origin);
    let mut lines = vec![Line::Head(Head {
        format: 1,
        tenant: TENANT,
        origin,
        complete: true,
        after: 0,
        hash: hash.clone(),
        filter: BTreeMap::new(),
    })];
    for seq in 1..=ENTRIES {
        let mut entry = entry(seq);
        change(&mut entry);
        hash = chain::next(&hash, &chain::content(&entry.text()));
        lines.push(Line::Entry {
            entry,
            hash: hash.clone(),
            prev: None,
        });
        if sealed == Some(seq) {
            let text = chain::sealed_text(TENANT, origin, seq, &hash);
            lines.push(Line::Seal(Seal {
                origin,
                seq,
                hash: hash.clone(),
                key: seal::public_key(key),
                signature: seal::sign(key, &text).unwrap(),
            }));
        }
    }
    lines
}

fn text(lines: &[Line]) -> String {
    let lines = lines
        .iter()
        .map(|line| serde_json::to_string(line).unwrap() + "\n");
    lines.collect()
}

fn unsigned(entries: i64) -> Line {
    let signed = None;
    Line::End { entries, signed }
}

/// As a gateway writes it: filtered or not, signed as a whole.
fn signed(key: &SigningKey, mut lines: Vec<Line>, complete: bool) -> Vec<Line> {
    let Some(Line::Head(head)) = lines.first_mut() else {
        unreachable!("the head is first");
    };
    (head.format, head.complete) = (FORMAT, complete);
    let head = head.clone();
    let mut digest = FileDigest::default();
    digest.add(&text(&lines));
    let told = digest.signed_text(&head, ENTRIES);
    let signed = Some(FileSignature {
        key: seal::public_key(key),
        signature: seal::sign(key, &told).unwrap(),
    });
    let entries = ENTRIES;
    lines.push(Line::End { entries, signed });
    lines
}

/// How `audit verify` ends for a file, with the key or without.
async fn verified(folder: &Path, text: &str, key: Option<&str>) -> (i32, String) {
    let file = folder.join("audit.jsonl");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let mut arguments = vec!["audit", "verify", file];
    arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
    let (code, said, complained) = ended(folder, &arguments).await;
    (code.unwrap(), said + &complained)
}

#[tokio::test]
async fn only_what_is_signed_for_ends_with_zero() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = SigningKey::from_seed([1; 32]).unwrap();
    let public = seal::public_key(&key);
    let pinned = Some(public.as_str());
    let same = |_: &mut Entry| {};

    // As they are written, and as they were.
    for complete in [true, false] {
        let file = signed(&key, lines(&key, Some(ENTRIES), same), complete);
        for key in [pinned, None] {
            let (code, said) = verified(folder, &text(&file), key).await;
            assert_eq!(code, 0, "{said}");
            assert!(said.contains("signed as a whole"), "{said}");
        }
    }
    let old = |sealed, change: fn(&mut Entry)| {
        let mut lines = lines(&key, sealed, change);
        lines.push(unsigned(ENTRIES));
        lines
    };
    let (code, said) = verified(folder, &text(&old(Some(ENTRIES), same)), pinned).await;
    assert_eq!(code, 0, "{said}");

    // Another actor, all hashes computed anew, no seal.
    let forge = |entry: &mut Entry| {
        if entry.seq == 20 {
            entry.actor = "user:eve".to_owned();
        }
    };
    for key in [pinned, None] {
        let (code, said) = verified(folder, &text(&old(None, forge)), key).await;
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("40 entries hold together"), "{said}");
        assert!(said.contains("nothing proves who wrote"), "{said}");
    }
    // The same behind the seal of what came before.
    let late = |entry: &mut Entry| {
        if entry.seq == 35 {
            entry.actor = "user:eve".to_owned();
        }
    };
    let (code, said) = verified(folder, &text(&old(Some(30), late)), pinned).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("10 of the entries 31 to 40"), "{said}");
    // Shown as filtered, its tail and its seal dropped.
    let mut short = lines(&key, None, forge);
    short.truncate(31);
    short.push(unsigned(30));
    let short = text(&short).replace("\"complete\":true", "\"complete\":false");
    let (code, said) = verified(folder, &short, pinned).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("filtered"), "{said}");
    // Signed by the forger.
    let other = SigningKey::from_seed([2; 32]).unwrap();
    let forged = text(&signed(&other, lines(&other, Some(ENTRIES), forge), true));
    let (code, said) = verified(folder, &forged, pinned).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("was changed"), "{said}");
    let (_, said) = verified(folder, &forged, None).await;
    assert!(said.contains("a forger signs too"), "{said}");
    // Changed where nothing was computed anew.
    let touched = text(&old(Some(ENTRIES), same)).replacen("user:ada", "user:eve", 1);
    let (code, said) = verified(folder, &touched, pinned).await;
    assert_eq!(code, 1, "{said}");
}
