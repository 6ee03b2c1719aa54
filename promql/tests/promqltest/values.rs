//! The value notation of promqltest: `1+2x5 _ stale {{schema:0 count:3}}x4`.

use promql::histogram;
use promql::source::NativeHistogram;
use protocols::metrics::{CounterReset, STALE, Span};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Point {
    Missing,
    Float(f64),
    Histogram(NativeHistogram),
}

/// A number as scripts spell it.
pub(crate) fn number(text: &str) -> Option<f64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match rest.to_ascii_lowercase().as_str() {
        "inf" => Some(sign * f64::INFINITY),
        "nan" => Some(f64::NAN),
        "stale" => Some(f64::from_bits(STALE)),
        _ if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            rest.parse::<f64>().ok().map(|value| sign * value)
        }
        _ => None,
    }
}

/// All values of a series.
pub(crate) fn sequence(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    for word in words(text) {
        item(&word, &mut points).ok_or_else(|| format!("value {word:?}"))?;
    }
    Ok(points)
}

/// Splits at spaces outside of histograms.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if letter.is_whitespace() && depth == 0 {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn item(word: &str, points: &mut Vec<Point>) -> Option<()> {
    if word.starts_with("{{") {
        return histograms(word, points);
    }
    let (body, times) = match word.rsplit_once('x') {
        Some((body, times)) => (body, Some(times.parse::<usize>().ok()?)),
        None => (word, None),
    };
    if body == "_" {
        points.extend(std::iter::repeat_n(Point::Missing, times.unwrap_or(1)));
        return Some(());
    }
    let Some(times) = times else {
        points.push(Point::Float(number(body)?));
        return Some(());
    };
    // The last sign that is neither the first letter nor an exponent's parts base and step.
    let bytes = body.as_bytes();
    let sign = (1..bytes.len())
        .rev()
        .find(|at| matches!(bytes[*at], b'+' | b'-') && !matches!(bytes[at - 1], b'e' | b'E'));
    let (base, step) = match sign {
        Some(at) => (number(&body[..at])?, number(&body[at..])?),
        None => (number(body)?, 0.0),
    };
    let mut value = base;
    for _ in 0..=times {
        points.push(Point::Float(value));
        value += step;
    }
    Some(())
}

fn histograms(word: &str, points: &mut Vec<Point>) -> Option<()> {
    let end = word.find("}}")? + 2;
    let first = histogram(&word[2..end - 2])?;
    let rest = &word[end..];
    if rest.is_empty() {
        points.push(Point::Histogram(first));
        return Some(());
    }
    let (step, times) = match rest.strip_prefix('x') {
        Some(times) => (None, times),
        None => {
            let (step, times) = rest.rsplit_once('x')?;
            let sign = if step.starts_with('-') { -1.0 } else { 1.0 };
            let step = histogram(step[1..].strip_prefix("{{")?.strip_suffix("}}")?)?;
            (Some((step, sign)), times)
        }
    };
    let mut value = first;
    for _ in 0..=times.parse::<usize>().ok()? {
        points.push(Point::Histogram(value.clone()));
        if let Some((step, sign)) = &step {
            histogram::add(&mut value, step, *sign).ok()?;
        }
    }
    Some(())
}

fn list(text: &str) -> Option<Vec<f64>> {
    text.split_whitespace().map(number).collect()
}

fn histogram(text: &str) -> Option<NativeHistogram> {
    let mut found = NativeHistogram::default();
    let mut offsets = [0, 0];
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':')?;
        let end = if after.starts_with('[') {
            after.find(']')? + 1
        } else {
            after.find(char::is_whitespace).unwrap_or(after.len())
        };
        let value = &after[..end];
        let inner = value.trim_matches(['[', ']']);
        match key {
            "schema" => found.schema = value.parse().ok()?,
            "sum" => found.sum = number(value)?,
            "count" => found.count = number(value)?,
            "z_bucket" => found.zero_count = number(value)?,
            "z_bucket_w" => found.zero_threshold = number(value)?,
            "custom_values" => found.custom_bounds = list(inner)?,
            "buckets" => found.positive = list(inner)?,
            "n_buckets" => found.negative = list(inner)?,
            "offset" => offsets[0] = value.parse().ok()?,
            "n_offset" => offsets[1] = value.parse().ok()?,
            "counter_reset_hint" => {
                found.reset = match value {
                    "gauge" => CounterReset::Gauge,
                    "reset" => CounterReset::Yes,
                    "not_reset" => CounterReset::No,
                    _ => CounterReset::Unknown,
                }
            }
            _ => return None,
        }
        rest = after[end..].trim_start();
    }
    let span = |offset: i32, counts: &[f64]| {
        let length = counts.len() as u32;
        (length > 0)
            .then_some(Span { offset, length })
            .into_iter()
            .collect()
    };
    found.positive_spans = span(offsets[0], &found.positive);
    found.negative_spans = span(offsets[1], &found.negative);
    Some(found)
}

/// Equal but for rounding, as the upstream runner has it.
pub(crate) fn close(a: f64, b: f64) -> bool {
    const TOLERANCE: f64 = 1e-6;
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    a == b || (a - b).abs() <= TOLERANCE * (a.abs() + b.abs()).min(f64::MAX)
}

pub(crate) fn close_histograms(expected: &NativeHistogram, found: &NativeHistogram) -> bool {
    let buckets = |h| histogram::buckets(h);
    let (a, b) = (buckets(expected), buckets(found));
    expected.schema == found.schema
        && close(expected.count, found.count)
        && close(expected.sum, found.sum)
        && close(expected.zero_threshold, found.zero_threshold)
        && expected.custom_bounds == found.custom_bounds
        && (expected.reset == CounterReset::Unknown || expected.reset == found.reset)
        && a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| {
            close(a.lower, b.lower) && close(a.upper, b.upper) && close(a.count, b.count)
        })
}
