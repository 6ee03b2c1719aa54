//! The promqltest language: commands of a `.test` file.

use super::values::{self, Point};
use promql::{parse::ast::Kind, source::Labels};
use protocols::metrics::NAME;

#[derive(Debug, Clone)]
pub(crate) enum Command {
    Clear,
    Load(Load),
    Eval(Eval),
}

#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) step_ms: i64,
    /// Also as native histograms with the classic ones' bounds.
    pub(crate) with_nhcb: bool,
    pub(crate) series: Vec<(Labels, Vec<Point>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    Any,
    Is(String),
    Matches(String),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Expect {
    pub(crate) fail: Option<Text>,
    pub(crate) warn: Vec<Text>,
    pub(crate) info: Vec<Text>,
    pub(crate) no_warn: bool,
    pub(crate) no_info: bool,
    pub(crate) ordered: bool,
    pub(crate) string: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Eval {
    pub(crate) line: usize,
    pub(crate) when: When,
    pub(crate) query: String,
    pub(crate) expect: Expect,
    pub(crate) series: Vec<(Labels, Vec<Point>)>,
    pub(crate) scalar: Option<f64>,
}

impl Text {
    fn of(rest: &str) -> Self {
        let rest = rest.trim();
        if let Some(text) = rest.strip_prefix("msg:") {
            Self::Is(text.trim().to_owned())
        } else if let Some(text) = rest.strip_prefix("regex:") {
            Self::Matches(text.trim().to_owned())
        } else {
            Self::Any
        }
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => wanted == text,
            Self::Matches(wanted) => {
                regex::Regex::new(wanted).is_ok_and(|regex| regex.is_match(text))
            }
        }
    }
}

/// A duration, or seconds without unit.
fn time(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let ms = promql::duration::parse(rest).or_else(|| {
        let seconds: f64 = rest.parse().ok()?;
        Some((seconds * 1000.0) as i64)
    });
    ms.map(|ms| sign * ms)
        .ok_or_else(|| format!("time {text:?}"))
}

/// `name{a="b"}` and what follows it.
fn series(line: &str) -> Result<(Labels, &str), String> {
    let mut quote = None;
    let mut depth = 0;
    let mut escaped = false;
    let mut end = line.len();
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') => depth -= 1,
            (None, _) if letter.is_whitespace() && depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let (name, rest) = line.split_at(end);
    // `{}` alone is no selector; a name makes it one, and is taken away again.
    let text = match name.split_once('{') {
        Some(("", inner)) => format!("x{{{inner}"),
        _ => name.to_owned(),
    };
    let parsed = promql::parse(&text);
    let bare = name.starts_with('{');
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(_) if bare => promql::parse(name).map_err(|e| e.to_string())?,
        Err(error) => return Err(error.to_string()),
    };
    let Kind::Selector(selector) = parsed.kind else {
        return Err(format!("series {name:?}"));
    };
    let given = bare && text != name && !name.contains(NAME);
    let pairs = selector
        .matchers
        .into_iter()
        .filter(|matcher| !(given && matcher.name == NAME))
        .map(|matcher| (matcher.name, matcher.value))
        .collect();
    Ok((Labels::new(pairs), rest.trim()))
}

pub(crate) fn parse(text: &str) -> Result<Vec<Command>, String> {
    let mut commands = Vec::new();
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.starts_with('#'))
        .peekable();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let mut body = Vec::new();
        if !line.starts_with("clear") {
            while let Some((_, next)) = lines.next_if(|(_, line)| !line.is_empty()) {
                body.push(next);
            }
        }
        let command = command(number, line, &body);
        commands.push(command.map_err(|error| format!("line {number}: {error}"))?);
    }
    Ok(commands)
}

fn command(number: usize, line: &str, body: &[&str]) -> Result<Command, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match word {
        "clear" => Ok(Command::Clear),
        "load" | "load_with_nhcb" => {
            let mut load = Load {
                step_ms: time(rest.trim())?,
                with_nhcb: word == "load_with_nhcb",
                series: Vec::new(),
            };
            for line in body {
                let (labels, values) = series(line)?;
                let values = values::sequence(values)?;
                // A series given twice in one command is what it was given last.
                load.series.retain(|(known, _)| *known != labels);
                load.series.push((labels, values));
            }
            Ok(Command::Load(load))
        }
        "eval" | "eval_fail" | "eval_warn" | "eval_info" | "eval_ordered" => {
            eval(number, word, rest, body).map(Command::Eval)
        }
        _ => Err(format!("command {word:?}")),
    }
}

fn eval(number: usize, word: &str, rest: &str, body: &[&str]) -> Result<Eval, String> {
    let (when, query) = when(rest)?;
    let mut expect = Expect::default();
    match word {
        "eval_fail" => expect.fail = Some(Text::Any),
        "eval_warn" => expect.warn.push(Text::Any),
        "eval_info" => expect.info.push(Text::Any),
        "eval_ordered" => expect.ordered = true,
        _ => {}
    }
    let mut found = Eval {
        line: number,
        when,
        query: query.to_owned(),
        expect,
        series: Vec::new(),
        scalar: None,
    };
    for line in body {
        if let Some(rest) = line.strip_prefix("expect ") {
            let (what, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            match what {
                "fail" => found.expect.fail = Some(Text::of(rest)),
                "warn" => found.expect.warn.push(Text::of(rest)),
                "info" => found.expect.info.push(Text::of(rest)),
                "no_warn" => found.expect.no_warn = true,
                "no_info" => found.expect.no_info = true,
                "ordered" => found.expect.ordered = true,
                "string" => {
                    let text = promql::parse(rest).map_err(|error| error.to_string())?;
                    let Kind::Text(text) = text.kind else {
                        return Err(format!("string {rest:?}"));
                    };
                    found.expect.string = String::from_utf8(text).ok();
                }
                _ => return Err(format!("expect {what:?}")),
            }
        } else if let Some(value) = values::number(line) {
            found.scalar = Some(value);
        } else {
            let (labels, values) = series(line)?;
            found.series.push((labels, values::sequence(values)?));
        }
    }
    Ok(found)
}

fn when(rest: &str) -> Result<(When, &str), String> {
    let mut words = rest.splitn(4, char::is_whitespace);
    let mut next = || words.next().ok_or("the command ends early".to_owned());
    match (next()?, next()?) {
        ("instant", "at") => {
            let at = time(next()?)?;
            Ok((When::Instant(at), next()?))
        }
        ("range", "from") => {
            let start = time(next()?)?;
            let mut words = next()?.splitn(5, char::is_whitespace);
            let mut next = || words.next().ok_or("the command ends early".to_owned());
            next()?;
            let end = time(next()?)?;
            next()?;
            let step = time(next()?)?;
            Ok((When::Range { start, end, step }, next()?))
        }
        _ => Err(format!("when {rest:?}")),
    }
}
