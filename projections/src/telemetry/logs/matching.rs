//! A filter over one segment. Columns are unpacked when first asked for, and text
//! is looked for in a whole column at once.

#[cfg(test)]
mod drawn;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use memchr::memmem::Finder;

use super::filter::{Clause, Filter, Test, Value, label_name};
use super::record::{StreamView, hex};
use super::rows::Rows;
use super::segment::{FieldColumn, Segment};
use super::texts::Texts;
use super::tokens::is_token_byte;
use crate::telemetry::arrival::was_known;
use crate::telemetry::bytes::Damaged;

/// The rows that a filter wants, at `from_ns` and after, before `to_ns`.
pub(super) fn matching(
    segment: &Segment<'_>,
    filter: &Filter,
    from_ns: i64,
    to_ns: i64,
) -> Result<Rows, Damaged> {
    let times = segment.times()?;
    let rows = Rows::those(times.len(), |row| (from_ns..to_ns).contains(&times[row]));
    Open::new(segment).those(rows, &filter.clauses)
}

/// Columns in lower case, as text is looked for.
struct Open<'a> {
    segment: &'a Segment<'a>,
    bodies: OnceCell<Texts>,
    /// By the numbers of their columns, as far as anything was looked for in them.
    fields: BTreeMap<usize, OnceCell<FieldColumn>>,
    other_fields: OnceCell<Vec<FieldColumn>>,
}

impl<'a> Open<'a> {
    fn new(segment: &'a Segment<'a>) -> Self {
        Self {
            segment,
            bodies: OnceCell::new(),
            fields: segment
                .field_columns()
                .map(|at| (at, OnceCell::new()))
                .collect(),
            other_fields: OnceCell::new(),
        }
    }

    /// Those of `rows` that meet all of `clauses`.
    fn those(&self, mut rows: Rows, clauses: &[Clause]) -> Result<Rows, Damaged> {
        // What is cheap to ask comes first.
        let mut clauses: Vec<_> = clauses.iter().collect();
        clauses.sort_by_key(|clause| self.cost(&clause.test));
        for clause in clauses {
            if rows.is_empty() {
                break;
            }
            let held = self.held(&clause.test, &rows)?;
            match clause.negated {
                true => rows.remove_all(&held),
                false => rows.keep(&held),
            }
        }
        Ok(rows)
    }

    fn cost(&self, test: &Test) -> u8 {
        match test {
            Test::Level(_) | Test::Service(_) | Test::Stream(_) | Test::Resource(..) => 0,
            Test::TraceId(_) | Test::SpanId(_) | Test::KnownAt(_) => 1,
            Test::Field(..) => 2,
            Test::Label(..) => 1,
            Test::Body(_) | Test::Line(_) | Test::LineMatches(_) => 3,
            Test::Word(_) | Test::Phrase(_) => 4,
            Test::Any(_) => 5,
        }
    }

    /// Rows for which the test holds; those outside of `candidates` may be left out.
    fn held(&self, test: &Test, candidates: &Rows) -> Result<Rows, Damaged> {
        let rows = self.segment.len();
        match test {
            Test::Level(levels) => {
                let found = self.segment.levels()?;
                Ok(Rows::those(rows, |row| levels.contains(&found[row])))
            }
            Test::Service(value) => self.streams(|stream| value.holds(stream.service)),
            Test::Resource(name, value) => {
                self.streams(|stream| stream.get(name).is_some_and(|text| value.holds(text)))
            }
            Test::Stream(wanted) => {
                let (streams, codes) = self.segment.streams()?;
                let held: Vec<bool> = streams.iter().map(|stream| stream == wanted).collect();
                Ok(Rows::those(rows, |row| held[codes[row] as usize]))
            }
            Test::TraceId(value) => Ok(of_ids(&self.segment.trace_ids()?, value)),
            Test::SpanId(value) => Ok(of_ids(&self.segment.span_ids()?, value)),
            Test::KnownAt(as_of_ns) => self.known(*as_of_ns),
            Test::Field(name, value) => self.field(name, value),
            Test::Label(name, value) => self.label(name, value),
            Test::Line(text) => {
                let mut found = Rows::none(rows);
                Needle::piece(text).each(&self.segment.bodies()?, |row| found.insert(row));
                Ok(found)
            }
            Test::LineMatches(pattern) => {
                let bodies = self.segment.bodies()?;
                let matches = |row| candidates.contains(row) && pattern.is_match(bodies.str(row));
                Ok(Rows::those(rows, matches))
            }
            Test::Any(alternatives) => {
                let mut found = Rows::none(rows);
                for all in alternatives {
                    found.add(&self.those(candidates.clone(), all)?);
                }
                Ok(found)
            }
            Test::Body(text) => self.in_bodies(&Needle::piece(text)),
            Test::Word(word) => self.anywhere(&Needle::word(word), candidates),
            Test::Phrase(text) => self.anywhere(&Needle::piece(text), candidates),
        }
    }

    fn known(&self, as_of_ns: i64) -> Result<Rows, Damaged> {
        let times = self.segment.times()?;
        let mut rows = Rows::those(times.len(), |row| was_known(times[row], 0, as_of_ns));
        for (row, late_ns) in self.segment.late()? {
            let time_ns = *times.get(row).ok_or(Damaged("a late row is none"))?;
            if !was_known(time_ns, late_ns, as_of_ns) {
                rows.remove(row);
            }
        }
        Ok(rows)
    }

    fn streams(&self, mut holds: impl FnMut(&StreamView<'_>) -> bool) -> Result<Rows, Damaged> {
        let (streams, codes) = self.segment.streams()?;
        let held: Result<Vec<bool>, Damaged> = streams
            .iter()
            .map(|stream| Ok(holds(&StreamView::read(stream)?)))
            .collect();
        let held = held?;
        Ok(Rows::those(self.segment.len(), |row| {
            held[codes[row] as usize]
        }))
    }

    /// The record's own field where it has one, else its resource's.
    fn field(&self, name: &str, value: &Value) -> Result<Rows, Damaged> {
        let mut rows =
            self.streams(|stream| stream.get(name).is_some_and(|text| value.holds(text)))?;
        if let Some(column) = self.segment.field(name)? {
            let texts = &column.values.texts;
            let held: Vec<bool> = (0..texts.len())
                .map(|at| value.holds(texts.str(at)))
                .collect();
            column.each_code(|row, code| match held[code] {
                true => rows.insert(row as usize),
                false => rows.remove(row as usize),
            });
        }
        Ok(rows)
    }

    /// The stream's field of that name, else what every record has: a service and a
    /// level.
    fn label(&self, name: &str, value: &Value) -> Result<Rows, Damaged> {
        let (streams, codes) = self.segment.streams()?;
        let mut of_stream = Vec::with_capacity(streams.len());
        for stream in streams.iter() {
            let stream = StreamView::read(stream)?;
            let mut fields = stream.fields.iter();
            let own = fields.find(|(known, _)| label_name(known) == name);
            of_stream.push(match own {
                Some((_, text)) => Some(value.holds(text)),
                None if name == "service_name" => Some(value.holds(stream.service)),
                None if name == "level" || name == "detected_level" => None,
                None => Some(value.holds("")),
            });
        }
        let levels = self.segment.levels()?;
        let held = |row: usize| {
            let of_stream = of_stream[codes[row] as usize];
            of_stream.unwrap_or_else(|| value.holds(levels[row].name()))
        };
        Ok(Rows::those(self.segment.len(), held))
    }

    fn in_bodies(&self, needle: &Needle) -> Result<Rows, Damaged> {
        if self.bodies.get().is_none() {
            let bodies = self.segment.lowered_bodies()?;
            self.bodies.get_or_init(|| bodies);
        }
        let mut rows = Rows::none(self.segment.len());
        if let Some(bodies) = self.bodies.get() {
            needle.each(bodies, |row| rows.insert(row));
        }
        Ok(rows)
    }

    fn anywhere(&self, needle: &Needle, candidates: &Rows) -> Result<Rows, Damaged> {
        let mut rows = self.in_bodies(needle)?;
        if candidates.is_within(&rows) {
            return Ok(rows);
        }
        if needle.may_be_in_id(16) {
            needle.in_ids(&self.segment.trace_ids()?, &mut rows);
        }
        if needle.may_be_in_id(8) {
            needle.in_ids(&self.segment.span_ids()?, &mut rows);
        }
        for (at, field) in &self.fields {
            if field.get().is_none() {
                let holds = |bytes: &[u8]| needle.is_in(bytes);
                let found = self.segment.field_with(*at, &needle.text, holds)?;
                let Some(found) = found else { continue };
                field.get_or_init(|| lowered(found));
            }
            field
                .get()
                .into_iter()
                .for_each(|field| needle.in_field(field, &mut rows));
        }
        if self.other_fields.get().is_none() {
            let found = self.segment.other_fields()?.into_iter();
            let found = found.map(|(_, column)| lowered(column)).collect();
            self.other_fields.get_or_init(|| found);
        }
        for field in self.other_fields.get().into_iter().flatten() {
            needle.in_field(field, &mut rows);
        }
        Ok(rows)
    }
}

fn lowered(mut field: FieldColumn) -> FieldColumn {
    field.values.texts.bytes.make_ascii_lowercase();
    field
}

fn of_ids<const N: usize>(ids: &[Option<[u8; N]>], value: &Value) -> Rows {
    Rows::those(ids.len(), |row| {
        ids[row].is_some_and(|id| value.holds(&hex(&id)))
    })
}

/// A text in lower case that is looked for in texts in lower case.
struct Needle {
    text: String,
    finder: Finder<'static>,
    /// No letter or digit may stand before or after it.
    whole: bool,
}

impl Needle {
    fn word(text: &str) -> Self {
        Self::new(text, true)
    }

    fn piece(text: &str) -> Self {
        Self::new(text, false)
    }

    fn new(text: &str, whole: bool) -> Self {
        Self {
            text: text.to_owned(),
            finder: Finder::new(text.as_bytes()).into_owned(),
            whole,
        }
    }

    /// Calls `take` with each text that has it, once each, in order.
    fn each(&self, texts: &Texts, mut take: impl FnMut(usize)) {
        let len = self.text.len();
        let (mut at, mut text) = (0, 0);
        while let Some(found) = self.finder.find(&texts.bytes[at..]) {
            let begin = at + found;
            let ahead = texts.ends[text..].partition_point(|end| *end as usize <= begin);
            text += ahead;
            if text >= texts.len() {
                return;
            }
            let (first, end) = (texts.begin(text), texts.ends[text] as usize);
            if begin + len > end {
                // It runs into the next text.
                at = begin + 1;
            } else if self.whole && !stands_alone(&texts.bytes[first..end], begin - first, len) {
                at = begin + len;
            } else {
                take(text);
                at = end;
                text += 1;
            }
        }
    }

    /// Whether it is somewhere in these bytes, in any case.
    fn is_in(&self, bytes: &[u8]) -> bool {
        self.finder.find(&bytes.to_ascii_lowercase()).is_some()
    }

    /// Whether ids of so many bytes can have it.
    fn may_be_in_id(&self, bytes: usize) -> bool {
        let fits = match self.whole {
            true => self.text.len() == 2 * bytes,
            false => self.text.len() <= 2 * bytes,
        };
        fits && self.text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    fn in_ids<const N: usize>(&self, ids: &[Option<[u8; N]>], rows: &mut Rows) {
        for (row, id) in ids.iter().enumerate() {
            if id.is_some_and(|id| hex(&id).contains(&self.text)) {
                rows.insert(row);
            }
        }
    }

    fn in_field(&self, field: &FieldColumn, rows: &mut Rows) {
        let mut held = vec![false; field.values.texts.len()];
        let mut any = false;
        self.each(&field.values.texts, |at| (held[at], any) = (true, true));
        if any {
            field.each_code(|row, code| {
                if held[code] {
                    rows.insert(row as usize);
                }
            });
        }
    }
}

fn stands_alone(text: &[u8], begin: usize, len: usize) -> bool {
    let before = begin.checked_sub(1).and_then(|at| text.get(at));
    let after = text.get(begin + len);
    ![before, after]
        .into_iter()
        .flatten()
        .any(|byte| is_token_byte(*byte))
}

#[cfg(test)]
mod tests {
    use super::super::bloom;
    use super::super::samples;
    use super::super::segment::{Bloom, Writer};
    use super::super::table::Table;
    use super::*;

    /// Answers of columns and of plain records must be the same, and no filter over
    /// tokens may deny a segment that has an answer.
    #[test]
    fn columns_answer_as_a_look_at_every_record_would() {
        let mut table = samples::table(3000);
        samples::push_odd(&mut table);
        let written = Writer::new()
            .and_then(|mut writer| writer.write(&table, &table.sorted(), Bloom::With))
            .expect("writes");
        let segment = Segment::open(&written.data[..]).expect("opens");
        let mut records = Table::default();
        segment.append(None, &mut records).expect("reads");
        for (text, at_least) in samples::QUERIES {
            let filter = Filter::parse(text).expect(text);
            let rows = matching(&segment, &filter, i64::MIN, i64::MAX).expect("reads");
            let expected = Rows::those(records.len(), |row| {
                samples::wants(&filter, &records.record(0, row).expect("reads"))
            });
            assert_eq!(rows, expected, "{text}");
            assert!(rows.count() >= *at_least, "{text} finds {}", rows.count());
            if !rows.is_empty() {
                let sets = filter.tokens();
                let bloom = segment.directory().bloom().expect("a filter");
                let filter = &written.data[bloom.frame];
                let may_hold = |hash: &u64| bloom::may_hold(filter, bloom.probes, *hash);
                let may = |tokens: &Vec<u64>| tokens.iter().all(may_hold);
                assert!(sets.is_empty() || sets.iter().any(may), "{text}");
            }
        }
    }

    #[test]
    fn labels_and_lines_answer_as_loki_would() {
        let mut table = samples::table(300);
        samples::push_odd(&mut table);
        let written = Writer::new()
            .and_then(|mut writer| writer.write(&table, &table.sorted(), Bloom::With))
            .expect("writes");
        let segment = Segment::open(&written.data[..]).expect("opens");
        let count = |narrow: &dyn Fn(&mut Filter)| {
            let mut filter = Filter::default();
            narrow(&mut filter);
            let rows = matching(&segment, &filter, i64::MIN, i64::MAX).expect("reads");
            rows.count()
        };
        let carts = count(&|f| f.label(false, "service_name", "cart"));
        assert!(carts > 20 && carts < 150, "{carts}");
        assert_eq!(
            count(&|f| f.label(true, "service_name", "cart")),
            302 - carts
        );
        assert_eq!(
            count(&|f| f.label(false, "k8s_pod_name", "")),
            2,
            "absent is empty"
        );
        assert_eq!(count(&|f| f.label(true, "k8s_pod_name", "")), 300);
        let pods = |pattern: &'static str| {
            count(&|f| {
                f.label_matches(false, "k8s_pod_name", pattern)
                    .expect("a pattern")
            })
        };
        assert_eq!(pods("cart-."), carts);
        assert_eq!(pods("cart"), 0, "the whole label must match");
        assert_eq!(pods(".*"), 302);
        assert_eq!(count(&|f| f.label(false, "level", "fatal")), 1);
        assert_eq!(count(&|f| f.line(false, "KERNEL")), 1);
        assert_eq!(
            count(&|f| f.line(false, "kernel")),
            0,
            "lines keep their case"
        );
        assert_eq!(
            count(&|f| f.line_matches(false, "pid=[0-9]+").expect("a pattern")),
            1
        );
        assert_eq!(
            count(&|f| f.line_matches(true, ".+").expect("a pattern")),
            1
        );
        assert!(Filter::default().line_matches(false, "(").is_err());
    }

    #[test]
    fn time_narrows() {
        let table = samples::table(100);
        let written = Writer::new()
            .and_then(|mut writer| writer.write(&table, &table.sorted(), Bloom::Without))
            .expect("writes");
        let segment = Segment::open(&written.data[..]).expect("opens");
        let times = segment.times().expect("reads");
        let rows = matching(&segment, &Filter::default(), times[10], times[20]).expect("reads");
        assert_eq!(
            rows.iter().collect::<Vec<_>>(),
            (10..20).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_text_does_not_reach_into_the_next() {
        let mut texts = Texts::default();
        for text in ["ab", "cd", "", "abcd abc", "abc"] {
            texts.push(text.as_bytes());
        }
        let found = |needle: Needle| {
            let mut found = Vec::new();
            needle.each(&texts, |at| found.push(at));
            found
        };
        assert_eq!(found(Needle::piece("bc")), [3, 4]);
        assert_eq!(found(Needle::word("abc")), [3, 4]);
        assert_eq!(found(Needle::word("ab")), [0]);
        assert_eq!(found(Needle::piece("b")), [0, 3, 4]);
    }
}
