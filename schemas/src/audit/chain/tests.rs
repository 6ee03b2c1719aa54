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
            RawValue::from_string(r#"{"before":{"title":"a"},"after":{"title":"b"}}"#.to_owned())
                .unwrap(),
        ),
    }
}

/// A file of format 1 with five entries, the third withheld, sealed at the fourth.
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
        filter: BTreeMap::new(),
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
    lines.push(end(5));
    lines.iter().map(json).collect()
}

fn json(line: &Line) -> String {
    serde_json::to_string(line).unwrap()
}

fn end(entries: i64) -> Line {
    let signed = None;
    Line::End { entries, signed }
}

/// The same lines as format 2 has them: a head, and an end that signs them.
fn signed(mut lines: Vec<String>, change: impl Fn(&mut Head)) -> Vec<String> {
    let Line::Head(mut head) = serde_json::from_str(&lines[0]).unwrap() else {
        unreachable!("the first line is the head");
    };
    let Line::End { entries, .. } = serde_json::from_str(lines.last().unwrap()).unwrap() else {
        unreachable!("the last line is the end");
    };
    lines.pop();
    head.format = FORMAT;
    change(&mut head);
    lines[0] = json(&Line::Head(head.clone()));
    let mut digest = FileDigest::default();
    for line in &lines {
        digest.add(&format!("{line}\n"));
    }
    let text = digest.signed_text(&head, entries);
    let signed = Some(FileSignature {
        key: "k".to_owned(),
        signature: content(&format!("k{text}")),
    });
    lines.push(json(&Line::End { entries, signed }));
    lines
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
    // The seal stands at the fourth.
    let fifth = Unproven {
        first: 5,
        last: 5,
        entries: 1,
    };
    assert_eq!((seen.unproven, seen.is_proven()), (Some(fifth), false));
}

#[test]
fn a_signed_file_is_proven_to_its_end() {
    let lines = signed(file(), |_| {});
    let seen = verify(lines.iter().map(String::as_str)).unwrap();
    assert!(seen.signed && seen.is_proven(), "{seen:?}");
}

#[test]
fn hashes_alone_prove_nothing() {
    let mut lines = file();
    lines.remove(5);
    let seen = verify(lines.iter().map(String::as_str)).unwrap();
    let unproven = seen.unproven.unwrap();
    assert_eq!((unproven.first, unproven.last, unproven.entries), (1, 5, 5));
    assert!(!seen.is_proven());
    // Nor does an empty file, which has no entry that would wait for a seal.
    let empty = [lines[0].clone(), json(&end(0))];
    let seen = verify(empty.iter().map(String::as_str)).unwrap();
    assert!(seen.unproven.is_none() && !seen.is_proven());
}

/// The entries 1, 2 and 4 with the hashes before them, sealed at the fourth.
fn filtered() -> Vec<String> {
    let mut lines = file();
    lines[0] = lines[0].replace("\"complete\":true", "\"complete\":false");
    let Line::Withheld { hash, .. } = serde_json::from_str(&lines[3]).unwrap() else {
        unreachable!("the third entry is withheld");
    };
    let Line::Entry {
        entry, hash: own, ..
    } = serde_json::from_str(&lines[4]).unwrap()
    else {
        unreachable!("the fourth is an entry");
    };
    lines[4] = json(&Line::Entry {
        entry,
        hash: own,
        prev: Some(hash),
    });
    lines.remove(6);
    lines.remove(3);
    *lines.last_mut().unwrap() = json(&end(3));
    lines
}

#[test]
fn a_seal_behind_a_gap_proves_only_what_follows_the_gap() {
    let lines = filtered();
    let seen = verify(lines.iter().map(String::as_str)).unwrap();
    let unproven = seen.unproven.unwrap();
    assert_eq!((unproven.first, unproven.last, unproven.entries), (1, 2, 2));
    assert_eq!((seen.sealed, seen.is_proven()), (4, false));
}

#[test]
fn a_signed_file_that_was_filtered_is_proven_with_its_filter() {
    let filter = |head: &mut Head| {
        let by = ("action".to_owned(), "ChangeIncidentTitle".to_owned());
        head.filter.extend([by]);
    };
    let lines = signed(filtered(), filter);
    let seen = verify(lines.iter().map(String::as_str)).unwrap();
    assert!(seen.is_proven() && !seen.head.complete, "{seen:?}");
    let told = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        verify(lines.iter().map(String::as_str)).unwrap_err().why
    };
    let other = told(&|lines| lines[0] = lines[0].replace("ChangeIncidentTitle", "Other"));
    assert_eq!(other, "the file's signature is wrong");
    // Left out with its seal, and counted anew.
    let fewer = told(&|lines| {
        lines.drain(3..5);
        lines[3] = lines[3].replace("\"entries\":3", "\"entries\":2");
    });
    assert_eq!(fewer, "the file's signature is wrong");
    let unsigned = told(&|lines| *lines.last_mut().unwrap() = json(&end(3)));
    assert_eq!(unsigned, "the file's signature is missing");
    let shown_as_whole = told(&|lines| {
        lines[0] = lines[0].replace("\"complete\":false", "\"complete\":true");
    });
    assert!(shown_as_whole.contains("is due"), "{shown_as_whole}");
}

#[test]
fn every_flipped_byte_is_found_at_its_line() {
    let lines = signed(file(), |_| {});
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
