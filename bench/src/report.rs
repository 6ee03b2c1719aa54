//! What a comparison found, as a section of `docs/benchmarks.md`.

use std::fmt::Write as _;

use crate::machine::Machine;
use crate::spread::Spread;

/// A ratio (or a size) with the bar it must clear and the aim beyond it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What is divided by what.
    pub what: &'static str,
    pub measured: Spread,
    pub unit: Unit,
    pub better: Better,
    pub first_bar: f64,
    /// None where only a first bar is set.
    pub aim: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Ratio,
    Megabytes,
    Seconds,
    Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
}

/// The findings of one comparison.
#[derive(Debug, Clone)]
pub struct Section {
    pub title: &'static str,
    /// What was done on both sides, and what was not.
    pub method: String,
    pub verdicts: Vec<Verdict>,
    pub figures: Vec<Figure>,
}

/// One measured line: its name and its value with the unit.
#[derive(Debug, Clone)]
pub struct Figure {
    pub name: String,
    pub value: String,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }

    /// A figure of several rounds, as median and range.
    pub fn spread(name: impl Into<String>, spread: Spread, unit: &str) -> Self {
        let range = format!("{} to {}", short(spread.least), short(spread.most));
        Self::new(name, format!("{} {unit} ({range})", short(spread.median)))
    }
}

impl Verdict {
    fn reached(&self) -> &'static str {
        match (
            self.clears(self.first_bar),
            self.aim.map(|aim| self.clears(aim)),
        ) {
            (false, _) => "**missed**",
            (true, Some(true)) => "aim reached",
            (true, Some(false) | None) => "bar cleared",
        }
    }

    fn clears(&self, bar: f64) -> bool {
        match self.better {
            Better::Lower => self.measured.median <= bar,
            Better::Higher => self.measured.median >= bar,
        }
    }

    fn row(&self) -> String {
        let sign = match self.better {
            Better::Lower => "≤",
            Better::Higher => "≥",
        };
        let unit = match self.unit {
            Unit::Ratio => "",
            Unit::Megabytes => " MB",
            Unit::Seconds => " s",
            Unit::Bytes => " B",
        };
        let bar = |value: f64| format!("{sign} {}{unit}", short(value));
        let Spread {
            median,
            least,
            most,
        } = self.measured;
        format!(
            "| {} | {}{unit} | {} to {} | {} | {} | {} |\n",
            self.what,
            short(median),
            short(least),
            short(most),
            bar(self.first_bar),
            self.aim.map_or_else(|| "-".to_owned(), bar),
            self.reached(),
        )
    }
}

/// The page; `sections` come with the name that reproduces each.
pub fn page(machine: &Machine, sections: &[(&'static str, Section)]) -> String {
    let verdicts = sections.iter().flat_map(|(_, section)| &section.verdicts);
    let mut page = format!(
        "# Benchmarks\n\nWritten by `make bench`; every figure is from one run. Both sides of a ratio \
         ran in turns in that run, on the same disk and in the same minutes; a ratio is the median \
         over the rounds, beside the range.\n\n{}\n\n{}",
        machine.line(),
        table(verdicts),
    );
    for (name, section) in sections {
        page.push('\n');
        page.push_str(&render(name, section));
    }
    page
}

/// One section, without its verdicts in the page's first table.
pub fn render(name: &str, section: &Section) -> String {
    let mut text = format!("## {}\n\n{}\n\n", section.title, section.method);
    text.push_str(&table(section.verdicts.iter()));
    text.push_str("\n| Figure | Value |\n|---|---|\n");
    for Figure { name, value } in &section.figures {
        // Writing to a String cannot fail.
        writeln!(text, "| {name} | {value} |").ok();
    }
    text.push_str(&format!(
        "\nAgain: `cargo run --release -p bench -- {name}`\n"
    ));
    text
}

fn table<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> String {
    let mut table = String::from(
        "| What | Measured | Range | First bar | Aim | |\n|---|---|---|---|---|---|\n",
    );
    table.extend(verdicts.map(Verdict::row));
    table
}

/// Three significant digits, and thousands kept apart.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1_000.0 => grouped(value),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 || v == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for chunk in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(chunk.iter().map(|byte| char::from(*byte)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(better: Better, measured: f64) -> Verdict {
        Verdict {
            what: "a ÷ b",
            measured: Spread::of([measured]),
            unit: Unit::Ratio,
            better,
            first_bar: 2.0,
            aim: Some(if better == Better::Lower { 1.5 } else { 10.0 }),
        }
    }

    #[test]
    fn a_verdict_knows_its_direction() {
        assert_eq!(verdict(Better::Lower, 1.4).reached(), "aim reached");
        assert_eq!(verdict(Better::Lower, 2.0).reached(), "bar cleared");
        assert_eq!(verdict(Better::Lower, 2.1).reached(), "**missed**");
        assert_eq!(verdict(Better::Higher, 1.9).reached(), "**missed**");
        assert_eq!(verdict(Better::Higher, 10.0).reached(), "aim reached");
        assert_eq!(verdict(Better::Higher, f64::NAN).reached(), "**missed**");
    }

    #[test]
    fn numbers_stay_readable() {
        let texts = [0.1234, 1.234, 12.34, 123.4, 1_234.5, 1_234_567.0].map(short);
        assert_eq!(
            texts,
            ["0.123", "1.23", "12.3", "123", "1,234", "1,234,567"]
        );
    }
}
