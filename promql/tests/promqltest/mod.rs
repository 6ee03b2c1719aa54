//! Runs promqltest scripts against anything that can hold series and answer queries.

pub(crate) mod script;
pub(crate) mod values;

use promql::{
    Answer, Sample, Value,
    source::{Labels, Matcher, NativeHistogram, Samples},
};
use protocols::metrics::NAME;
use script::{Command, Eval, Load, When};
use std::{collections::BTreeMap, path::PathBuf};
use values::{Point, close, close_histograms};

/// What a script runs against.
#[allow(async_fn_in_trait)]
pub(crate) trait Subject {
    async fn clear(&mut self);
    async fn load(&mut self, series: Vec<(Labels, Samples)>);
    async fn instant(&self, query: &str, time_ms: i64) -> Result<Answer, String>;
    async fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Answer, String>;
    /// Whether the query reads native histograms.
    fn is_native(&self, query: &str) -> bool;
    /// Whether answers tell native histograms whole; evaluations of them are left out
    /// where they do not.
    fn tells_natives(&self) -> bool;
}

/// Whether `finds` says so of a selector of the query.
pub(crate) fn any_selector(query: &str, finds: impl FnMut(&[Matcher]) -> bool) -> bool {
    promql::parse(query).is_ok_and(|expr| expr.selectors().into_iter().any(finds))
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) floats: (usize, usize),
    pub(crate) natives: (usize, usize),
    /// Each a text, and whether it is of native histograms.
    pub(crate) failures: Vec<(bool, String)>,
}

impl Tally {
    /// Says what passed and what did not; how many evaluations of floats failed.
    pub(crate) fn report(&self, file: &str) -> usize {
        println!(
            "{file}: floats {} of {}, native histograms {} of {}",
            self.floats.0, self.floats.1, self.natives.0, self.natives.1
        );
        for (native, why) in &self.failures {
            let kind = if *native { "native histogram" } else { "float" };
            println!("{kind}: {file} {why}");
        }
        self.floats.1 - self.floats.0
    }
}

/// Names and texts of the scripts, where they are.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told of their environment"
)]
pub(crate) fn scripts() -> Option<Vec<(String, String)>> {
    let root = PathBuf::from(std::env::var("CONFORMANCE_DIR").ok()?);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join("promqltest")).ok()? {
        let path = entry.ok()?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "test")
        {
            let name = path.file_name()?.to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).ok()?));
        }
    }
    found.sort();
    Some(found)
}

pub(crate) async fn run(text: &str, subject: &mut impl Subject) -> Result<Tally, String> {
    let mut tally = Tally::default();
    subject.clear().await;
    for command in script::parse(text)? {
        match command {
            Command::Clear => subject.clear().await,
            Command::Load(load) => subject.load(samples(&load)).await,
            Command::Eval(eval) => {
                let native = subject.is_native(&eval.query)
                    || eval
                        .series
                        .iter()
                        .any(|(_, points)| points.iter().any(is_histogram));
                if native && !subject.tells_natives() {
                    continue;
                }
                let outcome = evaluate(&eval, subject).await;
                let counts = if native {
                    &mut tally.natives
                } else {
                    &mut tally.floats
                };
                counts.1 += 1;
                match outcome {
                    Ok(()) => counts.0 += 1,
                    Err(why) => tally
                        .failures
                        .push((native, format!("line {}: {}: {why}", eval.line, eval.query))),
                }
            }
        }
    }
    Ok(tally)
}

fn is_histogram(point: &Point) -> bool {
    matches!(point, Point::Histogram(_))
}

fn samples(load: &Load) -> Vec<(Labels, Samples)> {
    let mut found = Vec::new();
    for (labels, points) in &load.series {
        let mut samples = Samples::default();
        for (at, point) in points.iter().enumerate() {
            let time = load.step_ms * at as i64;
            match point {
                Point::Missing => {}
                Point::Float(value) => {
                    samples.times.push(time);
                    samples.values.push(*value);
                }
                Point::Histogram(h) => samples.histograms.push((time, h.clone())),
            }
        }
        found.push((labels.clone(), samples));
    }
    if load.with_nhcb {
        found.extend(custom(load));
    }
    found
}

/// Classic histograms as native ones with the same bounds.
fn custom(load: &Load) -> Vec<(Labels, Samples)> {
    #[derive(Default)]
    struct Parts {
        buckets: BTreeMap<i64, Vec<(f64, f64)>>,
        sums: BTreeMap<i64, f64>,
    }
    let mut all: BTreeMap<Labels, Parts> = BTreeMap::new();
    for (labels, points) in &load.series {
        let name = labels.get(NAME).unwrap_or_default();
        let (base, part) = match name.rsplit_once('_') {
            Some((base, part @ ("bucket" | "sum"))) => (base, part),
            _ => continue,
        };
        let mut pairs = labels.pairs().to_vec();
        pairs.retain(|(name, _)| name != NAME && name != "le");
        pairs.push((NAME.to_owned(), base.to_owned()));
        let parts = all.entry(Labels::new(pairs)).or_default();
        let bound = labels.get("le").and_then(values::number);
        for (at, point) in points.iter().enumerate() {
            let time = load.step_ms * at as i64;
            match (point, part, bound) {
                (Point::Float(value), "bucket", Some(bound)) => {
                    parts.buckets.entry(time).or_default().push((bound, *value));
                }
                (Point::Float(value), "sum", _) => {
                    parts.sums.insert(time, *value);
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    for (labels, parts) in all {
        let mut samples = Samples::default();
        for (time, mut buckets) in parts.buckets {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            buckets.dedup_by(|later, first| later.0 == first.0);
            let mut h = NativeHistogram {
                schema: -53,
                sum: parts.sums.get(&time).copied().unwrap_or_default(),
                ..NativeHistogram::default()
            };
            let mut before = 0.0;
            for (bound, count) in buckets {
                if bound.is_finite() {
                    h.custom_bounds.push(bound);
                }
                h.positive.push(count - before);
                before = count;
            }
            if h.positive.len() == h.custom_bounds.len() {
                h.positive.push(0.0);
            }
            h.count = before;
            h.positive_spans = vec![protocols::metrics::Span {
                offset: 0,
                length: h.positive.len() as u32,
            }];
            samples.histograms.push((time, h));
        }
        found.push((labels, samples));
    }
    found
}

async fn evaluate(eval: &Eval, subject: &impl Subject) -> Result<(), String> {
    let answer = match eval.when {
        When::Instant(at) => subject.instant(&eval.query, at).await,
        When::Range { start, end, step } => subject.range(&eval.query, start, end, step).await,
    };
    let answer = match (answer, &eval.expect.fail) {
        (Ok(answer), Some(_)) => return Err(format!("did not fail: {:?}", answer.value)),
        (Err(error), Some(expected)) if expected.fits(&error) => return Ok(()),
        (Err(error), Some(expected)) => {
            return Err(format!("failed with {error:?}, not {expected:?}"));
        }
        (Err(error), None) => return Err(format!("failed: {error}")),
        (Ok(answer), None) => answer,
    };
    check_notes(
        "warn",
        &answer.warnings,
        &eval.expect.warn,
        eval.expect.no_warn,
    )?;
    check_notes(
        "info",
        &answer.infos,
        &eval.expect.info,
        eval.expect.no_info,
    )?;
    match eval.when {
        When::Instant(at) => {
            check_instant(eval, &answer)?;
            // The same in the middle of a range, where the query does not ask for it.
            let asks = ["range()", "step()", "start()", "end()"];
            if eval.expect.ordered
                || eval.expect.string.is_some()
                || asks.iter().any(|word| eval.query.contains(word))
            {
                return Ok(());
            }
            let minute = 60_000;
            let answer = subject
                .range(&eval.query, at - minute, at + minute, minute)
                .await
                .map_err(|error| format!("as a range: {error}"))?;
            check_instant(eval, &middle(answer, at)).map_err(|error| format!("as a range: {error}"))
        }
        When::Range { start, step, .. } => check_range(eval, &answer, start, step),
    }
}

fn check_notes(
    kind: &str,
    found: &[String],
    expected: &[script::Text],
    none: bool,
) -> Result<(), String> {
    if none && !found.is_empty() {
        return Err(format!("unexpected {kind}: {found:?}"));
    }
    for text in expected {
        if !found.iter().any(|note| text.fits(note)) {
            return Err(format!("no {kind} {text:?} in {found:?}"));
        }
    }
    Ok(())
}

/// One step of a range's answer as an instant's.
fn middle(answer: Answer, at: i64) -> Answer {
    let Value::Matrix(series) = answer.value else {
        return answer;
    };
    let found = series.into_iter().filter_map(|(labels, samples)| {
        let sample = samples.into_iter().find(|(time, _)| *time == at)?;
        Some((labels, sample.1))
    });
    Answer {
        value: Value::Vector(at, found.collect()),
        ..answer
    }
}

fn fits(expected: &Point, found: &Sample) -> bool {
    match (expected, found) {
        (Point::Float(a), Sample::Float(b)) => close(*a, *b),
        (Point::Histogram(a), Sample::Histogram(b)) => close_histograms(a, b),
        _ => false,
    }
}

fn check_instant(eval: &Eval, answer: &Answer) -> Result<(), String> {
    let wrong = || format!("answered {:?}", answer.value);
    match &answer.value {
        Value::Text(_, text) => match &eval.expect.string {
            Some(expected) if expected == text => Ok(()),
            _ => Err(wrong()),
        },
        Value::Scalar(_, value) => match eval.scalar {
            Some(expected) if close(expected, *value) => Ok(()),
            _ => Err(wrong()),
        },
        Value::Vector(_, found) => {
            if let (Some(expected), [(_, Sample::Float(value))]) = (eval.scalar, found.as_slice()) {
                return if close(expected, *value) {
                    Ok(())
                } else {
                    Err(wrong())
                };
            }
            if found.len() != eval.series.len() {
                return Err(wrong());
            }
            for (at, (labels, points)) in eval.series.iter().enumerate() {
                let place = if eval.expect.ordered {
                    found.get(at).filter(|(known, _)| known == labels)
                } else {
                    found.iter().find(|(known, _)| known == labels)
                };
                let same = place.is_some_and(|(_, sample)| {
                    points.first().is_some_and(|point| fits(point, sample))
                });
                if !same {
                    return Err(format!("{labels:?}: {}", wrong()));
                }
            }
            Ok(())
        }
        Value::Matrix(_) => Err(wrong()),
    }
}

fn check_range(eval: &Eval, answer: &Answer, start: i64, step: i64) -> Result<(), String> {
    let Value::Matrix(found) = &answer.value else {
        return Err(format!("answered {:?}", answer.value));
    };
    let expected: Vec<_> = eval
        .series
        .iter()
        .filter(|(_, points)| points.iter().any(|point| *point != Point::Missing))
        .collect();
    if expected.len() != found.len() {
        return Err(format!("answered {found:?}"));
    }
    for (labels, points) in expected {
        let Some((_, samples)) = found.iter().find(|(known, _)| known == labels) else {
            return Err(format!("{labels:?} is missing in {found:?}"));
        };
        let there: Vec<_> = points
            .iter()
            .enumerate()
            .filter(|(_, point)| **point != Point::Missing)
            .collect();
        let same = there.len() == samples.len()
            && there
                .iter()
                .zip(samples)
                .all(|((at, point), (time, sample))| {
                    start + step * *at as i64 == *time && fits(point, sample)
                });
        if !same {
            return Err(format!("{labels:?}: answered {samples:?}"));
        }
    }
    Ok(())
}
