//! Functions of templates: those of Loki's own, of Go, and of Sprig that Loki lists.

mod dates;
mod print;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::MOST_BYTES;
use super::value::Value;
use crate::line::Line;
use crate::{parse, units};

type Arguments = Vec<Value>;
type Body = fn(&Line, &[Value]) -> Result<Value, String>;

/// A function with the fewest and most arguments that it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    name: &'static str,
    least: usize,
    most: usize,
    body: Body,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Function {
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let known = FUNCTIONS.iter().find(|function| function.name == name);
        known
            .copied()
            .ok_or_else(|| format!("function {name:?} not defined"))
    }

    pub(super) fn call(&self, line: &Line, arguments: Arguments) -> Result<Value, String> {
        if !(self.least..=self.most).contains(&arguments.len()) {
            let count = arguments.len();
            return Err(format!(
                "wrong number of args for {}: got {count}",
                self.name
            ));
        }
        let unfit = arguments.iter().find_map(Value::unfit);
        match unfit.filter(|_| !TAKE_ANYTHING.contains(&self.name)) {
            Some(kind) => Err(format!("{} has no use for {kind}", self.name)),
            None => (self.body)(line, &arguments),
        }
    }
}

const fn function(name: &'static str, least: usize, most: usize, body: Body) -> Function {
    Function {
        name,
        least,
        most,
        body,
    }
}

const ANY: usize = 64;

/// All others are for texts and numbers.
const TAKE_ANYTHING: [&str; 13] = [
    "default", "print", "println", "printf", "eq", "ne", "and", "or", "not", "len", "index", "int",
    "float64",
];

#[rustfmt::skip]
static FUNCTIONS: &[Function] = &[
    function("__line__", 0, 0, |line, _| text(line.text.clone())),
    function("__timestamp__", 0, 0, |line, _| Ok(Value::Time(line.time_ns))),
    function("ToLower", 1, 1, |_, a| text(shown(a, 0).to_lowercase())),
    function("lower", 1, 1, |_, a| text(shown(a, 0).to_lowercase())),
    function("ToUpper", 1, 1, |_, a| text(shown(a, 0).to_uppercase())),
    function("upper", 1, 1, |_, a| text(shown(a, 0).to_uppercase())),
    function("title", 1, 1, |_, a| text(title(&shown(a, 0)))),
    function("Replace", 4, 4, |_, a| {
        let count = usize::try_from(a[3].int()).unwrap_or(usize::MAX);
        bounded(shown(a, 0).replacen(&shown(a, 1), &shown(a, 2), count))
    }),
    function("replace", 3, 3, |_, a| bounded(shown(a, 2).replace(&shown(a, 0), &shown(a, 1)))),
    function("Trim", 2, 2, |_, a| text(trimmed(a, 0, 1))),
    function("trimAll", 2, 2, |_, a| text(trimmed(a, 1, 0))),
    function("TrimLeft", 2, 2, |_, a| {
        let set = shown(a, 1);
        text(shown(a, 0).trim_start_matches(|c| set.contains(c)).to_owned())
    }),
    function("TrimRight", 2, 2, |_, a| {
        let set = shown(a, 1);
        text(shown(a, 0).trim_end_matches(|c| set.contains(c)).to_owned())
    }),
    function("TrimPrefix", 2, 2, |_, a| text(without_prefix(&shown(a, 0), &shown(a, 1)))),
    function("trimPrefix", 2, 2, |_, a| text(without_prefix(&shown(a, 1), &shown(a, 0)))),
    function("TrimSuffix", 2, 2, |_, a| text(without_suffix(&shown(a, 0), &shown(a, 1)))),
    function("trimSuffix", 2, 2, |_, a| text(without_suffix(&shown(a, 1), &shown(a, 0)))),
    function("TrimSpace", 1, 1, |_, a| text(shown(a, 0).trim().to_owned())),
    function("trim", 1, 1, |_, a| text(shown(a, 0).trim().to_owned())),
    function("trunc", 2, 2, |_, a| text(truncated(a[0].int(), &shown(a, 1)))),
    function("substr", 3, 3, |_, a| text(between(a[0].int(), a[1].int(), &shown(a, 2)))),
    function("contains", 2, 2, |_, a| Ok(Value::Bool(shown(a, 1).contains(&shown(a, 0))))),
    function("hasPrefix", 2, 2, |_, a| Ok(Value::Bool(shown(a, 1).starts_with(&shown(a, 0))))),
    function("hasSuffix", 2, 2, |_, a| Ok(Value::Bool(shown(a, 1).ends_with(&shown(a, 0))))),
    function("indent", 2, 2, |_, a| indented(a[0].int(), &shown(a, 1))),
    function("nindent", 2, 2, |_, a| indented(a[0].int(), &shown(a, 1)).map(|v| Value::Text(format!("\n{v}")))),
    function("repeat", 2, 2, |_, a| repeated(a[0].int(), &shown(a, 1))),
    function("alignLeft", 2, 2, |_, a| text(aligned(a[0].int(), &shown(a, 1), false))),
    function("alignRight", 2, 2, |_, a| text(aligned(a[0].int(), &shown(a, 1), true))),
    function("regexReplaceAll", 3, 3, |_, a| {
        bounded(pattern(a)?.replace_all(&shown(a, 1), shown(a, 2).as_str()).into_owned())
    }),
    function("regexReplaceAllLiteral", 3, 3, |_, a| {
        let with = shown(a, 2);
        bounded(pattern(a)?.replace_all(&shown(a, 1), regex::NoExpand(&with)).into_owned())
    }),
    function("count", 2, 2, |_, a| {
        Ok(Value::Int(i64::try_from(pattern(a)?.find_iter(&shown(a, 1)).count()).unwrap_or(0)))
    }),
    function("urlencode", 1, 1, |_, a| {
        text(form_urlencoded::byte_serialize(shown(a, 0).as_bytes()).collect())
    }),
    function("urldecode", 1, 1, |_, a| {
        let coded = format!("x={}", shown(a, 0).replace('&', "%26"));
        let mut pairs = form_urlencoded::parse(coded.as_bytes());
        text(pairs.next().map_or_else(String::new, |(_, value)| value.into_owned()))
    }),
    function("b64enc", 1, 1, |_, a| text(STANDARD.encode(shown(a, 0)))),
    function("b64dec", 1, 1, |_, a| {
        let bytes = STANDARD.decode(shown(a, 0)).map_err(|error| error.to_string())?;
        text(String::from_utf8_lossy(&bytes).into_owned())
    }),
    function("default", 2, 2, |_, a| Ok(if a[1].is_true() { a[1].clone() } else { a[0].clone() })),
    function("int", 1, 1, |_, a| Ok(Value::Int(a[0].int()))),
    function("float64", 1, 1, |_, a| Ok(Value::Float(a[0].float()))),
    function("add", 1, ANY, |_, a| ints(a, i64::checked_add)),
    function("sub", 2, 2, |_, a| ints(a, i64::checked_sub)),
    function("mul", 1, ANY, |_, a| ints(a, i64::checked_mul)),
    function("div", 2, 2, |_, a| ints(a, i64::checked_div)),
    function("mod", 2, 2, |_, a| ints(a, i64::checked_rem)),
    function("max", 1, ANY, |_, a| ints(a, |x, y| Some(x.max(y)))),
    function("min", 1, ANY, |_, a| ints(a, |x, y| Some(x.min(y)))),
    function("addf", 1, ANY, |_, a| floats(a, |x, y| x + y)),
    function("subf", 2, ANY, |_, a| floats(a, |x, y| x - y)),
    function("mulf", 1, ANY, |_, a| floats(a, |x, y| x * y)),
    function("divf", 2, ANY, |_, a| floats(a, |x, y| x / y)),
    function("maxf", 1, ANY, |_, a| floats(a, f64::max)),
    function("minf", 1, ANY, |_, a| floats(a, f64::min)),
    function("ceil", 1, 1, |_, a| Ok(Value::Float(a[0].float().ceil()))),
    function("floor", 1, 1, |_, a| Ok(Value::Float(a[0].float().floor()))),
    function("round", 2, 3, |_, a| {
        let scale = 10f64.powi(a[1].int().clamp(-30, 30) as i32);
        Ok(Value::Float((a[0].float() * scale).round() / scale))
    }),
    function("len", 1, 1, |_, a| length(&a[0])),
    function("index", 2, ANY, |_, a| indexed(&a[0], &a[1..])),
    // What is no JSON is nothing, as in Sprig.
    function("fromJson", 1, 1, |_, a| {
        Ok(serde_json::from_str::<serde_json::Value>(&shown(a, 0)).map_or(Value::Nothing, Value::from))
    }),
    function("bytes", 1, 1, |_, a| {
        let size = units::bytes(&shown(a, 0));
        size.map(Value::Float).ok_or_else(|| format!("{:?} is no size", shown(a, 0)))
    }),
    function("duration", 1, 1, |_, a| seconds(&shown(a, 0))),
    function("duration_seconds", 1, 1, |_, a| seconds(&shown(a, 0))),
    function("eq", 2, ANY, |_, a| {
        Ok(Value::Bool(a[1..].iter().any(|one| a[0].compare(one).is_some_and(|o| o.is_eq()))))
    }),
    function("ne", 2, 2, |_, a| Ok(Value::Bool(!a[0].compare(&a[1]).is_some_and(|o| o.is_eq())))),
    function("lt", 2, 2, |_, a| Ok(Value::Bool(a[0].compare(&a[1]).is_some_and(|o| o.is_lt())))),
    function("le", 2, 2, |_, a| Ok(Value::Bool(a[0].compare(&a[1]).is_some_and(|o| o.is_le())))),
    function("gt", 2, 2, |_, a| Ok(Value::Bool(a[0].compare(&a[1]).is_some_and(|o| o.is_gt())))),
    function("ge", 2, 2, |_, a| Ok(Value::Bool(a[0].compare(&a[1]).is_some_and(|o| o.is_ge())))),
    function("and", 1, ANY, |_, a| Ok(picked(a, |value| !value.is_true()))),
    function("or", 1, ANY, |_, a| Ok(picked(a, Value::is_true))),
    function("not", 1, 1, |_, a| Ok(Value::Bool(!a[0].is_true()))),
    function("print", 0, ANY, |_, a| bounded(a.iter().map(Value::to_string).collect())),
    function("println", 0, ANY, |_, a| {
        let words: Vec<String> = a.iter().map(Value::to_string).collect();
        bounded(words.join(" ") + "\n")
    }),
    function("printf", 1, ANY, |_, a| bounded(print::formatted(&shown(a, 0), &a[1..]))),
    function("date", 2, 2, |_, a| dates::date(&shown(a, 0), &a[1])),
    function("toDate", 2, 2, |_, a| dates::to_date(&shown(a, 0), &shown(a, 1))),
    function("unixToTime", 1, 1, |_, a| dates::from_unix(&shown(a, 0))),
    function("unixEpoch", 1, 1, |_, a| text((a[0].int().div_euclid(1_000_000_000)).to_string())),
    function("unixEpochMillis", 1, 1, |_, a| text((a[0].int().div_euclid(1_000_000)).to_string())),
    function("unixEpochNanos", 1, 1, |_, a| text(a[0].int().to_string())),
];

fn length(of: &Value) -> Result<Value, String> {
    let count = match of {
        Value::List(list) => list.len(),
        Value::Object(members) => members.len(),
        Value::Nothing => return Err("len of nil".to_owned()),
        other => other.to_string().len(),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// One member or element after the other.
fn indexed(of: &Value, path: &[Value]) -> Result<Value, String> {
    let mut value = of;
    for key in path {
        value = match value {
            Value::List(list) => {
                let at = usize::try_from(key.int()).ok();
                let found = at.and_then(|at| list.get(at));
                found.ok_or_else(|| format!("index out of range: {key}"))?
            }
            Value::Object(members) => match members.get(&key.to_string()) {
                Some(member) => member,
                None => return Ok(Value::Nothing),
            },
            other => return Err(format!("can't index item of {}", other.kind())),
        };
    }
    Ok(value.clone())
}

fn text(text: String) -> Result<Value, String> {
    Ok(Value::Text(text))
}

/// Of what may grow with every call.
fn bounded(made: String) -> Result<Value, String> {
    match made.len() <= MOST_BYTES {
        true => Ok(Value::Text(made)),
        false => Err(format!("a value has more than {MOST_BYTES} bytes")),
    }
}

fn shown(arguments: &[Value], at: usize) -> String {
    arguments[at].to_string()
}

fn pattern(arguments: &[Value]) -> Result<regex::Regex, String> {
    parse::regexp(&shown(arguments, 0)).map_err(|error| error.to_string())
}

fn trimmed(arguments: &[Value], of: usize, set: usize) -> String {
    let set = shown(arguments, set);
    let text = shown(arguments, of);
    text.trim_matches(|c| set.contains(c)).to_owned()
}

fn without_prefix(text: &str, prefix: &str) -> String {
    text.strip_prefix(prefix).unwrap_or(text).to_owned()
}

fn without_suffix(text: &str, suffix: &str) -> String {
    text.strip_suffix(suffix).unwrap_or(text).to_owned()
}

fn title(text: &str) -> String {
    let mut begins = true;
    let letters = text.chars().map(|c| {
        let shown = if begins { c.to_ascii_uppercase() } else { c };
        begins = c.is_whitespace();
        shown
    });
    letters.collect()
}

/// The first so many characters, or with a negative number the last.
fn truncated(count: i64, text: &str) -> String {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match count < 0 {
        false => text.chars().take(size).collect(),
        true => {
            let all = text.chars().count();
            text.chars().skip(all.saturating_sub(size)).collect()
        }
    }
}

/// From `start` to before `end`; a negative one is that of the text.
fn between(start: i64, end: i64, text: &str) -> String {
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    text.chars()
        .skip(start)
        .take(end.saturating_sub(start))
        .collect()
}

fn repeated(count: i64, text: &str) -> Result<Value, String> {
    let count = usize::try_from(count).unwrap_or(0);
    match count.saturating_mul(text.len()) <= MOST_BYTES {
        true => Ok(Value::Text(text.repeat(count))),
        false => Err(format!("a value has more than {MOST_BYTES} bytes")),
    }
}

fn indented(count: i64, text: &str) -> Result<Value, String> {
    let spaces = " ".repeat(usize::try_from(count).unwrap_or(0).min(1_000));
    bounded(format!(
        "{spaces}{}",
        text.replace('\n', &format!("\n{spaces}"))
    ))
}

/// Cut or filled with spaces to so many characters.
fn aligned(count: i64, text: &str, right: bool) -> String {
    let size = usize::try_from(count).unwrap_or(0).min(MOST_BYTES / 4);
    let cut: String = match right {
        false => text.chars().take(size).collect(),
        true => truncated(-i64::try_from(size).unwrap_or(0), text),
    };
    match right {
        false => format!("{cut:<size$}"),
        true => format!("{cut:>size$}"),
    }
}

fn ints(arguments: &[Value], op: fn(i64, i64) -> Option<i64>) -> Result<Value, String> {
    let mut values = arguments.iter().map(Value::int);
    let first = values.next().unwrap_or(0);
    let found = values.try_fold(first, op);
    found
        .map(Value::Int)
        .ok_or_else(|| "integer divide by zero or overflow".to_owned())
}

fn floats(arguments: &[Value], op: fn(f64, f64) -> f64) -> Result<Value, String> {
    let values = arguments.iter().map(Value::float);
    Ok(Value::Float(values.reduce(op).unwrap_or(0.0)))
}

/// The first that is as asked, else the last.
fn picked(arguments: &[Value], is: fn(&Value) -> bool) -> Value {
    let found = arguments.iter().find(|value| is(value));
    found.or(arguments.last()).cloned().unwrap_or_default()
}

fn seconds(text: &str) -> Result<Value, String> {
    let ns = units::duration_ns(text);
    ns.map(|ns| Value::Float(ns / 1e9))
        .ok_or_else(|| format!("time: invalid duration {text:?}"))
}
