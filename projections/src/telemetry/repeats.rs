//! Bodies that were sent again: a client that saw no answer repeats the same bytes.
//! Per partition the hashes of the last quarter of an hour, in memory and in
//! `seen_bodies`, so that a restart forgets none. One that comes again is kept as long from
//! then on: some clients repeat for hours what holds one line that is refused.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, Utc};
use eventlog::{Offset, Partition};
use schemas::time::Timestamp;
use sqlx::PgConnection;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::bodies::Body;

const KEPT_MS: i64 = 15 * 60_000;
/// A hash is not written anew each time that it comes, but after so long.
const RENEWED_MS: i64 = 60_000;
/// Per partition; the oldest are forgotten beyond it.
const MOST: usize = 1 << 20;

/// What one signal has seen.
#[derive(Debug)]
pub(crate) struct Repeats {
    signal: &'static str,
    loaded: bool,
    seen: BTreeMap<Partition, Seen>,
    /// Of the flush under way.
    fresh: BTreeMap<Partition, Fresh>,
}

#[derive(Debug, Default)]
struct Seen {
    newest: Timestamp,
    /// A hash that was renewed is there twice.
    order: VecDeque<(Timestamp, u128)>,
    last: HashMap<u128, Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    /// For so long that it is to be written anew.
    Renewed,
    Already,
}

#[derive(Debug)]
struct Fresh {
    from: Offset,
    newest: Timestamp,
    hashes: Vec<u8>,
}

impl Repeats {
    pub(crate) fn new(signal: &'static str) -> Self {
        Self {
            signal,
            loaded: false,
            seen: BTreeMap::new(),
            fresh: BTreeMap::new(),
        }
    }

    /// Reads what was stored, once.
    pub(crate) async fn load(&mut self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.loaded {
            return Ok(());
        }
        let stored: Vec<(i32, DateTime<Utc>, Vec<u8>)> = sqlx::query_as(
            "SELECT partition, newest, hashes FROM seen_bodies WHERE signal = $1
             ORDER BY partition, from_offset",
        )
        .bind(self.signal)
        .fetch_all(rows)
        .await?;
        for (partition, newest, hashes) in stored {
            let seen = self.seen.entry(partition).or_default();
            for hash in hashes.as_chunks().0 {
                seen.remember(newest.into(), u128::from_be_bytes(*hash));
            }
        }
        self.loaded = true;
        Ok(())
    }

    /// Whether the body has not been seen in its project; it has from now on.
    pub(crate) fn is_new(&mut self, body: &Body) -> bool {
        let (partition, received_at) = (body.position.partition, body.received.received_at);
        let hash = hash_of(body);
        let seen = self.seen.entry(partition).or_default();
        let known = seen.remember(received_at, hash);
        if known == Known::Already {
            return false;
        }
        let fresh = self.fresh.entry(partition).or_insert_with(|| Fresh {
            from: body.position.offset,
            newest: received_at,
            hashes: Vec::new(),
        });
        fresh.newest = fresh.newest.max(received_at);
        fresh.hashes.extend(hash.to_be_bytes());
        known == Known::New
    }

    /// Stores what is new since the last time and removes what is too old, which is found by
    /// the index as in `runtime::expire`: this is asked with each flush.
    pub(crate) async fn store(&mut self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return Ok(());
        }
        let (mut partitions, mut offsets, mut newest, mut hashes) =
            (vec![], vec![], vec![], vec![]);
        for (partition, new) in fresh {
            partitions.push(partition);
            offsets.push(new.from);
            newest.push(new.newest.datetime());
            hashes.push(new.hashes);
        }
        sqlx::query(
            "WITH fresh AS (
                 SELECT * FROM unnest($2::int[], $3::bigint[], $4::timestamptz[], $5::bytea[])
                     AS fresh (partition, from_offset, newest, hashes)
             ), gone AS (
                 DELETE FROM seen_bodies WHERE ctid = ANY (ARRAY(
                     SELECT old.place FROM fresh CROSS JOIN LATERAL (
                         SELECT seen.ctid AS place FROM seen_bodies seen
                         WHERE seen.signal = $1 AND seen.partition = fresh.partition
                           AND seen.newest >= '-infinity'
                           AND seen.newest < fresh.newest - interval '15 minutes'
                         OFFSET 0) old))
             )
             INSERT INTO seen_bodies (signal, partition, from_offset, newest, hashes)
             SELECT $1, * FROM fresh",
        )
        .bind(self.signal)
        .bind(partitions)
        .bind(offsets)
        .bind(newest)
        .bind(hashes)
        .execute(rows)
        .await
        .map(drop)
    }
}

impl Seen {
    fn remember(&mut self, at: Timestamp, hash: u128) -> Known {
        self.newest = self.newest.max(at);
        while let Some((oldest, gone)) = self.order.front().copied()
            && (self.newest.millis_since(oldest) > KEPT_MS || self.order.len() >= MOST)
        {
            self.order.pop_front();
            if self.last.get(&gone) == Some(&oldest) {
                self.last.remove(&gone);
            }
        }
        let known = match self.last.get(&hash) {
            None => Known::New,
            Some(last) if at.millis_since(*last) > RENEWED_MS => Known::Renewed,
            Some(_) => return Known::Already,
        };
        self.last.insert(hash, at);
        self.order.push_back((at, hash));
        known
    }
}

/// Two projects, two formats or two origins may well send the same bytes.
fn hash_of(body: &Body) -> u128 {
    let mut text = body.received.body_hash.clone();
    text.extend_from_slice(body.project.0.as_bytes());
    text.extend_from_slice(body.received.format.as_bytes());
    text.extend_from_slice(
        body.received
            .origin
            .as_deref()
            .unwrap_or_default()
            .as_bytes(),
    );
    xxh3_128_with_seed(&text, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_micros(minutes * 60_000_000)
    }

    #[test]
    fn a_hash_is_known_for_a_quarter_of_an_hour() {
        let mut seen = Seen::default();
        assert_eq!(seen.remember(at(100), 1), Known::New);
        assert_eq!(seen.remember(at(101), 1), Known::Already);
        assert_eq!(seen.remember(at(116), 2), Known::New);
        assert_eq!(seen.remember(at(116), 1), Known::New, "15 minutes are over");
        assert_eq!(
            seen.remember(at(90), 2),
            Known::Already,
            "late arrivals forget nothing"
        );
    }

    #[test]
    fn what_goes_on_being_repeated_stays_known() {
        let mut seen = Seen::default();
        assert_eq!(seen.remember(at(0), 1), Known::New);
        for minutes in (10..200).step_by(10) {
            assert_eq!(seen.remember(at(minutes), 1), Known::Renewed, "{minutes}");
            assert_eq!(seen.remember(at(minutes + 1), 1), Known::Already);
        }
        assert_eq!(seen.order.len(), 2, "what is over is forgotten");
        assert_eq!(seen.remember(at(206), 1), Known::New);
    }
}
