//! Reads a segment from its first group to its end and tells a torn tail, which
//! was never acknowledged and is cut, from damage, which is reported.

use std::fs::File;
use std::io;

use bytes::Bytes;

use super::group::{self, BLOCK, Damage, Found, Group, GroupHeader};
use super::segment::{FIRST_GROUP, Segment};

const CHUNK: usize = 1 << 20;

/// What a segment holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// Where the next group belongs: after the last that counts.
    pub(super) end: u64,
    pub(super) damage: Vec<Damage>,
    /// The bytes after `end` are not all zero: a torn write.
    pub(super) torn: bool,
}

/// Passes every record to `each`, damaged ones without payload. Bytes before
/// `durable_to` were synced once; so was everything in front of a valid group.
pub(super) fn scan(
    segment: &Segment,
    durable_to: u64,
    each: &mut dyn FnMut(&Found),
) -> io::Result<Scan> {
    let file = &segment.file;
    let incarnation = segment.header.incarnation;
    let len = file.metadata()?.len();
    let mut damage = Vec::new();
    let mut position = FIRST_GROUP;
    while position < len {
        let read = match header_at(file, incarnation, position)? {
            Some(header) => intact_or_durable(file, incarnation, header, durable_to, len)?,
            None => salvaged(file, incarnation, position, durable_to, len)?,
        };
        let Some(group) = read else { break };
        group.found.iter().for_each(&mut *each);
        if group.dirty_padding {
            damage.push(Damage {
                byte: position,
                bytes: group.end - position,
                record: None,
                detail: "the padding after the group is not zero; no record is hit".to_owned(),
            });
        }
        damage.extend(group.damage);
        position = group.end;
    }
    Ok(Scan {
        end: position,
        damage,
        torn: content_end(file, position, len)? > position,
    })
}

/// The group under a valid header, unless it is torn.
fn intact_or_durable(
    file: &File,
    incarnation: u64,
    header: GroupHeader,
    durable_to: u64,
    len: u64,
) -> io::Result<Option<Group>> {
    let group = group::read(file, incarnation, header)?;
    let counts = group.damage.is_empty()
        || group.end <= durable_to
        || next_group(file, incarnation, group.end, len)?.is_some();
    Ok(counts.then_some(group))
}

/// What is left of a group whose header is gone, unless nothing durable was there.
fn salvaged(
    file: &File,
    incarnation: u64,
    position: u64,
    durable_to: u64,
    len: u64,
) -> io::Result<Option<Group>> {
    let next = next_group(file, incarnation, position + BLOCK, len)?;
    let Some(end) = next.or((position < durable_to).then_some(durable_to)) else {
        return Ok(None);
    };
    let mut bytes = vec![0; (end - position) as usize];
    let read = group::read_up_to(file, &mut bytes, position)?;
    let bytes = Bytes::from(bytes).slice(group::HEADER.min(read)..read);
    let (found, mut damage) = group::walk(&bytes, incarnation, position + group::HEADER as u64);
    let detail = format!(
        "the group's header is damaged; {} records were found without it",
        found.len()
    );
    damage.push(Damage {
        byte: position,
        bytes: end - position,
        record: None,
        detail,
    });
    Ok(Some(Group {
        end,
        found,
        damage,
        dirty_padding: false,
    }))
}

pub(super) fn header_at(
    file: &File,
    incarnation: u64,
    position: u64,
) -> io::Result<Option<GroupHeader>> {
    let mut bytes = [0; group::HEADER];
    let read = group::read_up_to(file, &mut bytes, position)?;
    Ok(GroupHeader::parse(&bytes[..read], incarnation, position))
}

/// The first block at or after `from` where a valid group begins.
pub(super) fn next_group(
    file: &File,
    incarnation: u64,
    from: u64,
    len: u64,
) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; CHUNK];
    let mut at = group::align(from);
    while at < len {
        let read = group::read_up_to(file, &mut chunk, at)?;
        let blocks = chunk[..read].chunks(BLOCK as usize);
        let here = blocks.enumerate().find_map(|(n, block)| {
            let position = at + n as u64 * BLOCK;
            GroupHeader::parse(block, incarnation, position).map(|_| position)
        });
        if here.is_some() {
            return Ok(here);
        }
        at += CHUNK as u64;
    }
    Ok(None)
}

/// The end of the last block between `from` and `len` that is not all zero;
/// `from` where there is none.
pub(super) fn content_end(file: &File, from: u64, len: u64) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK];
    let (mut at, mut end) = (from, from);
    while at < len {
        let read = group::read_up_to(file, &mut chunk, at)?;
        let last = chunk[..read].iter().rposition(|byte| *byte != 0);
        if let Some(last) = last {
            end = group::align(at + last as u64 + 1);
        }
        at += CHUNK as u64;
    }
    Ok(end)
}
