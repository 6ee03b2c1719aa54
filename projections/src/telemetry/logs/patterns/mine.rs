//! Lines into groups of one shape: pure.

use std::collections::{BTreeMap, HashMap};

use chrono::DateTime;
use protocols::logs::Level;

use super::{LinePattern, PatternOverTime};

/// Words and bytes of a line that are looked at: groups are held, and a word may be long.
const MOST_WORDS: usize = 64;
const MOST_BYTES: usize = 4_096;
/// Groups that are told apart; further lines without one are in none.
const MOST_GROUPS: usize = 2_000;
/// A line belongs to a group if so many of ten words are equal.
const ALIKE_OF_TEN: usize = 6;
const ANYTHING: &str = "<*>";
const SAMPLE_CHARS: usize = 500;

/// Groups under way.
#[derive(Debug, Default)]
pub(super) struct Miner {
    groups: Vec<Group>,
    /// Groups by number of words and first word.
    tree: HashMap<(usize, String), Vec<usize>>,
    lines: usize,
    /// How long the stretches of time are that are counted apart.
    step_ns: Option<i64>,
}

#[derive(Debug)]
struct Group {
    words: Vec<String>,
    count: u64,
    sample: String,
    levels: [u64; Level::ALL.len()],
    first_ns: i64,
    last_ns: i64,
    over_time: BTreeMap<i64, u64>,
}

impl Miner {
    pub(super) fn stepping(step_ns: i64) -> Self {
        Self {
            step_ns: Some(step_ns.max(1)),
            ..Self::default()
        }
    }

    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    pub(super) fn add(&mut self, line: &str, level: Level, time_ns: i64) {
        self.lines += 1;
        let line = &line[..line.floor_char_boundary(MOST_BYTES)];
        let words: Vec<String> = line.split_whitespace().take(MOST_WORDS).map(mask).collect();
        let first = words.first().cloned().unwrap_or_default();
        let place = (words.len(), first);
        let near = self.tree.get(&place).map(Vec::as_slice).unwrap_or_default();
        let groups = &self.groups;
        let alike = |at: &&usize| likeness(&groups[**at].words, &words);
        let best = near.iter().max_by_key(alike).copied();
        let best = best
            .filter(|at| likeness(&groups[*at].words, &words) * 10 >= words.len() * ALIKE_OF_TEN);
        let at = match best {
            Some(at) => at,
            None if self.groups.len() >= MOST_GROUPS => return,
            None => {
                let near = self.tree.entry(place).or_default();
                near.push(self.groups.len());
                self.groups.push(Group {
                    words: words.clone(),
                    count: 0,
                    sample: line.chars().take(SAMPLE_CHARS).collect(),
                    levels: Default::default(),
                    first_ns: time_ns,
                    last_ns: time_ns,
                    over_time: BTreeMap::new(),
                });
                self.groups.len() - 1
            }
        };
        let group = &mut self.groups[at];
        group.take(&words, level, time_ns);
        if let Some(step_ns) = self.step_ns {
            let begin = time_ns.div_euclid(step_ns).saturating_mul(step_ns);
            *group.over_time.entry(begin).or_default() += 1;
        }
    }

    pub(super) fn finish(mut self, limit: usize) -> Vec<PatternOverTime> {
        self.groups
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.words.cmp(&b.words)));
        let groups = self.groups.into_iter().take(limit);
        groups
            .map(|group| PatternOverTime {
                line: LinePattern {
                    pattern: group.words.join(" "),
                    count: group.count,
                    level: group.level().name().to_owned(),
                    sample: group.sample,
                    first: DateTime::from_timestamp_nanos(group.first_ns),
                    last: DateTime::from_timestamp_nanos(group.last_ns),
                },
                counts: group.over_time.into_iter().collect(),
            })
            .collect()
    }
}

impl Group {
    fn take(&mut self, words: &[String], level: Level, time_ns: i64) {
        self.count += 1;
        self.levels[level as usize] += 1;
        self.first_ns = self.first_ns.min(time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        for (known, word) in self.words.iter_mut().zip(words) {
            if known != word && known != ANYTHING {
                *known = ANYTHING.to_owned();
            }
        }
    }
}

impl Group {
    fn level(&self) -> Level {
        let levels = Level::ALL.into_iter();
        let most = levels.max_by_key(|level| self.levels[*level as usize]);
        most.unwrap_or_default()
    }
}

/// How many words are equal; a place that differs already counts as equal.
fn likeness(known: &[String], words: &[String]) -> usize {
    let equal = known
        .iter()
        .zip(words)
        .filter(|(a, b)| a == b || *a == ANYTHING);
    equal.count()
}

/// A word with its numbers and ids replaced; `key=42,` keeps what is not a number.
fn mask(word: &str) -> String {
    let mut masked = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        mask_piece(piece, &mut masked);
        let marks = after.find(part).unwrap_or(after.len());
        masked.push_str(&after[..marks]);
        rest = &after[marks..];
    }
    masked
}

fn mask_piece(piece: &str, out: &mut String) {
    let trimmed = piece.trim_end_matches(['.', ':', '-']);
    let tail = &piece[trimmed.len()..];
    match known_shape(trimmed) {
        Some(name) => out.push_str(name),
        None if trimmed.contains(['.', ':', '-', '_']) => {
            // `ord-42` and `worker_7` keep their letters.
            for sub in trimmed.split_inclusive(['.', ':', '-', '_']) {
                let text = sub.trim_end_matches(['.', ':', '-', '_']);
                out.push_str(known_shape(text).unwrap_or(text));
                out.push_str(&sub[text.len()..]);
            }
        }
        None => out.push_str(trimmed),
    }
    out.push_str(tail);
}

fn known_shape(text: &str) -> Option<&'static str> {
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    if !has_digit {
        return None;
    }
    let only = |allowed: &dyn Fn(u8) -> bool| text.bytes().all(allowed);
    let hex = |b: u8| b.is_ascii_hexdigit();
    if uuid::Uuid::try_parse(text).is_ok() && text.len() == 36 {
        return Some("<uuid>");
    }
    if text.parse::<std::net::Ipv4Addr>().is_ok()
        || text.rsplit_once(':').is_some_and(|(ip, port)| {
            ip.parse::<std::net::Ipv4Addr>().is_ok() && port.parse::<u16>().is_ok()
        })
    {
        return Some("<ip>");
    }
    if text.len() >= 8
        && only(&|b| b.is_ascii_digit() || b"-:.TZ".contains(&b))
        && text.contains([':', '-'])
    {
        return Some("<time>");
    }
    if only(&|b| b.is_ascii_digit() || b == b'.' || b == b'-') && !text.starts_with('.') {
        return Some("<num>");
    }
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if [
        "ns", "us", "ms", "s", "m", "h", "kb", "mb", "gb", "KB", "MB", "GB", "B", "KiB", "MiB",
    ]
    .contains(&unit)
    {
        return Some("<num>");
    }
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (digits.len() >= 6 && digits.bytes().all(hex)).then_some("<hex>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_masked() {
        for (line, expected) in [
            ("user=42,", "user=<num>,"),
            ("took", "took"),
            ("12.5ms", "<num>"),
            ("10.1.2.3:8080", "<ip>"),
            ("2026-11-24T10:00:00.123Z", "<time>"),
            ("[10:22:33]", "[<time>]"),
            ("ord-77", "ord-<num>"),
            ("0192f0c1-2b3c-7d4e-8f50-123456789abc", "<uuid>"),
            ("0xdeadbeef01", "<hex>"),
            ("deadbeef", "deadbeef"),
            ("/cart/42/items", "/cart/<num>/items"),
            ("HTTP/1.1", "HTTP/<num>"),
            ("done.", "done."),
        ] {
            assert_eq!(mask(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_of_one_shape_are_one_pattern() {
        let mut miner = Miner::stepping(50);
        for n in 0..100 {
            let user = ["ada", "bob", "eve"][n % 3];
            miner.add(
                &format!("user {user} logged in from 10.0.0.{n} after {n} ms"),
                Level::Warn,
                n as i64,
            );
        }
        for n in 0..10 {
            miner.add(
                &format!("cache miss for key{n} and then some more"),
                Level::Info,
                7,
            );
        }
        miner.add("", Level::Info, 1);
        let found = miner.finish(10);
        assert_eq!(found[0].counts, [(0, 50), (50, 50)]);
        let patterns: Vec<LinePattern> = found.into_iter().map(|found| found.line).collect();
        assert_eq!(patterns.len(), 3, "{patterns:?}");
        assert_eq!(
            patterns[0].pattern,
            "user <*> logged in from <ip> after <num> ms"
        );
        assert_eq!((patterns[0].count, &patterns[0].level[..]), (100, "warn"));
        assert_eq!(
            patterns[0].sample,
            "user ada logged in from 10.0.0.0 after 0 ms"
        );
        assert_eq!(patterns[0].last.timestamp_subsec_nanos(), 99);
        assert_eq!(patterns[1].pattern, "cache miss for <*> and then some more");
        assert_eq!((patterns[1].count, patterns[2].count), (10, 1));
    }

    #[test]
    fn long_words_and_many_shapes_take_little() {
        let mut miner = Miner::default();
        for n in 0..MOST_GROUPS + 500 {
            // Of letters alone, so that no two are masked alike.
            let word: String = n.to_string().bytes().map(|b| (b + 49) as char).collect();
            miner.add(&word.repeat(10_000), Level::Info, 0);
        }
        assert_eq!(miner.lines(), MOST_GROUPS + 500);
        assert_eq!(
            (miner.groups.len(), miner.tree.len()),
            (MOST_GROUPS, MOST_GROUPS)
        );
        let held = miner.groups.iter().flat_map(|group| &group.words);
        assert!(held.map(String::len).all(|len| len <= MOST_BYTES));
    }

    proptest::proptest! {
        #[test]
        fn every_line_has_a_group(lines in proptest::collection::vec(".{0,60}", 0..40)) {
            let mut miner = Miner::default();
            lines.iter().for_each(|line| miner.add(line, Level::Info, 0));
            let counted: u64 = miner.finish(usize::MAX).iter().map(|p| p.line.count).sum();
            proptest::prop_assert_eq!(counted, lines.len() as u64);
        }
    }
}
