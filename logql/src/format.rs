//! A query as Loki's `format_query` writes it.

use std::fmt::Write;

use promql::number::shortest;

use crate::ast::*;
use crate::units;

/// Longer queries are divided.
const WIDTH: usize = 100;

pub fn pretty(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => pretty_log(log, 0),
        Expr::Metric(metric) => pretty_metric(metric, 0),
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty_log(log: &LogExpr, level: usize) -> String {
    let line = log_text(log);
    if level * 2 + line.len() <= WIDTH {
        return format!("{}{line}", indent(level));
    }
    let mut out = format!("{}{}", indent(level), selector(&log.matchers));
    for stage in &log.stages {
        out += &format!("\n{}{}", indent(level + 1), stage_text(stage));
    }
    out
}

fn pretty_metric(metric: &Metric, level: usize) -> String {
    let line = metric_text(metric, &mut range_text);
    if level * 2 + line.len() <= WIDTH {
        return format!("{}{line}", indent(level));
    }
    let (here, end) = (indent(level), indent(level));
    match metric {
        Metric::Range(range) => {
            let head = range_head(range);
            let tail = range_tail(range);
            let log = pretty_log(&range.log, level + 1);
            let grouping = spaced(&range.grouping);
            format!(
                "{here}{head}\n{log}\n{}{}\n{end}){grouping}",
                indent(level + 1),
                tail.trim_start()
            )
        }
        Metric::Vector(vector) => {
            let inner = pretty_metric(&vector.inner, level + 1);
            let parameter = match vector.parameter {
                Some(parameter) => format!("\n{}{parameter},", indent(level + 1)),
                None => String::new(),
            };
            format!("{here}{}{parameter}\n{inner}\n{end})", vector_head(vector))
        }
        Metric::Binary(binary) => {
            let left = pretty_metric(&binary.left, level + 1);
            let right = pretty_metric(&binary.right, level + 1);
            format!("{left}\n{here}{}\n{right}", operator(binary))
        }
        Metric::LabelReplace { inner, arguments } => {
            let inner = pretty_metric(inner, level + 1);
            let quoted = arguments.each_ref().map(|text| quoted(text)).join(", ");
            format!(
                "{here}label_replace(\n{inner},\n{}{quoted}\n{end})",
                indent(level + 1)
            )
        }
        Metric::Number(_) | Metric::Constant(_) => format!("{here}{line}"),
    }
}

fn selector(matchers: &[Matcher]) -> String {
    let matchers: Vec<String> = matchers.iter().map(matcher).collect();
    format!("{{{}}}", matchers.join(", "))
}

fn matcher(matcher: &Matcher) -> String {
    format!(
        "{}{}{}",
        matcher.name,
        matcher.op.sign(),
        quoted(&matcher.value)
    )
}

/// As Go's `strconv.Quote`, or in backquotes where that needs no escapes.
fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) && !text.contains('`') {
        return format!("`{text}`");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out += &format!("\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn log_text(log: &LogExpr) -> String {
    let mut out = selector(&log.matchers);
    for stage in &log.stages {
        out.push(' ');
        out += &stage_text(stage);
    }
    out
}

fn stage_text(stage: &Stage) -> String {
    match stage {
        Stage::LineFilter(filter) => {
            let needles: Vec<String> = filter.any_of.iter().map(needle).collect();
            format!("{} {}", filter.op.sign(), needles.join(" or "))
        }
        Stage::LabelFilter(filter) => format!("| {}", label_filter(filter)),
        Stage::Json(wanted) => format!("| json{}", extractions(wanted)),
        Stage::Logfmt {
            strict,
            keep_empty,
            wanted,
        } => {
            let strict = if *strict { " --strict" } else { "" };
            let keep_empty = if *keep_empty { " --keep-empty" } else { "" };
            format!("| logfmt{strict}{keep_empty}{}", extractions(wanted))
        }
        Stage::Pattern(text) => format!("| pattern {}", quoted(text)),
        Stage::Regexp(text) => format!("| regexp {}", quoted(text)),
        Stage::Unpack => "| unpack".to_owned(),
        Stage::Decolorize => "| decolorize".to_owned(),
        Stage::LineFormat(text) => format!("| line_format {}", quoted(text)),
        Stage::LabelFormat(formats) => {
            let formats: Vec<String> = formats
                .iter()
                .map(|format| match format {
                    LabelFormat::Rename { to, from } => format!("{to}={from}"),
                    LabelFormat::Template { to, template } => format!("{to}={}", quoted(template)),
                })
                .collect();
            format!("| label_format {}", formats.join(", "))
        }
        Stage::Drop(picks) => format!("| drop {}", picked(picks)),
        Stage::Keep(picks) => format!("| keep {}", picked(picks)),
    }
}

fn needle(needle: &Needle) -> String {
    match needle {
        Needle::Text(text) => quoted(text),
        Needle::Ip(range) => format!("ip({})", quoted(range)),
    }
}

fn extractions(wanted: &[Extraction]) -> String {
    let pair = |one: &Extraction| match one.label == one.expression {
        true => one.label.clone(),
        false => format!("{}={}", one.label, quoted(&one.expression)),
    };
    let pairs: Vec<String> = wanted.iter().map(pair).collect();
    match pairs.is_empty() {
        true => String::new(),
        false => format!(" {}", pairs.join(", ")),
    }
}

fn picked(picks: &[Pick]) -> String {
    let pick = |pick: &Pick| match pick {
        Pick::Name(name) => name.clone(),
        Pick::Value(one) => matcher(one),
    };
    let picks: Vec<String> = picks.iter().map(pick).collect();
    picks.join(", ")
}

fn label_filter(filter: &LabelFilter) -> String {
    match filter {
        LabelFilter::And(left, right) => {
            format!("({} and {})", label_filter(left), label_filter(right))
        }
        LabelFilter::Or(left, right) => {
            format!("({} or {})", label_filter(left), label_filter(right))
        }
        LabelFilter::Text(one) => matcher(one),
        LabelFilter::Ip {
            name,
            negated,
            range,
        } => {
            let sign = if *negated { "!=" } else { "=" };
            format!("{name}{sign}ip({})", quoted(range))
        }
        LabelFilter::Compared { name, op, bound } => {
            let bound = match bound {
                Bound::Number(number) => shortest(*number),
                Bound::DurationNs(_, text) | Bound::Bytes(_, text) => text.clone(),
            };
            format!("{name}{}{bound}", op.sign())
        }
    }
}

/// A metric in one line; `range` writes the aggregations over time.
pub(crate) fn metric_text(
    metric: &Metric,
    range: &mut impl FnMut(&RangeAggregation) -> String,
) -> String {
    match metric {
        Metric::Range(one) => range(one),
        Metric::Vector(vector) => {
            let parameter = vector.parameter.map(|parameter| format!("{parameter}, "));
            let inner = metric_text(&vector.inner, range);
            format!(
                "{}{}{inner})",
                vector_head(vector),
                parameter.unwrap_or_default()
            )
        }
        Metric::Binary(binary) => {
            let left = metric_text(&binary.left, range);
            let right = metric_text(&binary.right, range);
            format!("({left} {} {right})", operator(binary))
        }
        Metric::Number(value) => shortest(*value),
        Metric::Constant(value) => format!("vector({})", shortest(*value)),
        Metric::LabelReplace { inner, arguments } => {
            let inner = metric_text(inner, range);
            let quoted = arguments.each_ref().map(|text| quoted(text)).join(", ");
            format!("label_replace({inner}, {quoted})")
        }
    }
}

fn operator(binary: &Binary) -> String {
    let mut out = binary.sign.to_owned();
    if binary.returns_bool {
        out += " bool";
    }
    if let Some(matching) = &binary.matching {
        let word = if matching.on { "on" } else { "ignoring" };
        // Writing to a String fails never.
        write!(out, " {word} ({})", matching.labels.join(", ")).unwrap_or_default();
        if let Some((side, included)) = &matching.group {
            write!(out, " {side} ({})", included.join(", ")).unwrap_or_default();
        }
    }
    out
}

fn vector_head(vector: &VectorAggregation) -> String {
    match &vector.grouping {
        Some(grouping) => format!("{} {grouping} (", vector.op.name()),
        None => format!("{}(", vector.op.name()),
    }
}

fn spaced(grouping: &Option<Grouping>) -> String {
    let grouping = grouping.as_ref().map(|grouping| format!(" {grouping}"));
    grouping.unwrap_or_default()
}

fn range_head(range: &RangeAggregation) -> String {
    let parameter = range
        .parameter
        .map(|value| format!("{}, ", shortest(value)));
    format!("{}({}", range.op.name(), parameter.unwrap_or_default())
}

fn range_tail(range: &RangeAggregation) -> String {
    let mut out = String::new();
    if let Some(unwrap) = &range.unwrap {
        out += &match unwrap.conversion {
            Some(conversion) => format!(" | unwrap {}({})", conversion.name(), unwrap.label),
            None => format!(" | unwrap {}", unwrap.label),
        };
        for filter in &unwrap.filters {
            out += &format!(" | {}", label_filter(filter));
        }
    }
    out += &format!(" [{}]", units::spelled(range.range_ns));
    match range.offset_ns {
        0 => {}
        ns => out += &format!(" offset {}", units::spelled(ns)),
    }
    out
}

fn range_text(range: &RangeAggregation) -> String {
    let log = log_text(&range.log);
    let (head, tail) = (range_head(range), range_tail(range));
    let tail = match range.unwrap.is_some() || !range.log.stages.is_empty() {
        true => tail,
        false => tail.trim_start().to_owned(),
    };
    format!("{head}{log}{tail}){}", spaced(&range.grouping))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_written_reads_the_same() {
        for query in [
            "{app=\"shop\", env!~\"dev|test\"}",
            "{a=\"b\"} |= \"x\" or \"y\" != `a\"b` |~ \"z+\" !> \"<_> q\" |= ip(\"10.0.0.0/8\")",
            "{a=\"b\"} | json | logfmt --strict --keep-empty a, b=\"c\" | unpack | decolorize",
            "{a=\"b\"} | (status>=500 or (took>5s and size<1MB)) | ip=ip(\"::1\") | x=~\"y\"",
            "{a=\"b\"} | pattern \"<ip> x\" | regexp `(?P<a>\\d)` | line_format `{{.a}} \"q\"`",
            "{a=\"b\"} | label_format a=b, c=\"{{.d}}\" | drop e, f=\"g\" | keep h, i!=\"j\"",
            "sum by (a, b) (rate({a=\"b\"}[5m]))",
            "topk(3, sum without (x) (bytes_over_time({a=\"b\"} |= \"y\" [1h] offset 1d)))",
            "quantile_over_time(0.99, {a=\"b\"} | json | unwrap duration(took) | __error__=\"\" [1m30s]) by (x)",
            "((rate({a=\"b\"}[1m]) / on (x) group_left (y) rate({c=\"d\"}[1m])) > bool 5)",
            "label_replace(vector(1), \"a\", \"$1\", \"b\", `(.*)\"`)",
            "((1 + -2) or vector(1))",
        ] {
            let Ok(read) = parse(query) else {
                // Sets of literals are refused.
                assert!(query.contains(" or vector"), "{query}");
                continue;
            };
            let written = pretty(&read);
            assert_eq!(parse(&written).as_ref(), Ok(&read), "{query} → {written}");
            if query.len() <= WIDTH {
                assert_eq!(written, query);
            }
        }
    }

    #[test]
    fn long_queries_are_divided() {
        let long = "sum by (namespace) (rate({namespace=\"production\", container=\"checkout\"} |= \"error\" | json | status >= 500 [5m])) / sum by (namespace) (rate({namespace=\"production\"}[5m]))";
        let read = parse(long).unwrap();
        let written = pretty(&read);
        assert!(
            written.lines().count() > 3 && written.lines().all(|line| line.len() <= WIDTH),
            "{written}"
        );
        assert_eq!(parse(&written), Ok(read));
    }
}
