//! Stages, ready to run.

use crate::ast::{LogExpr, Stage};
use crate::line::Line;
use crate::stages::{
    color, extract::Extractor, json::Json, label_filter, label_format::Format, line_filter,
    logfmt::Logfmt, pattern, pick::Picks, unpack,
};
use crate::template::Template;

/// The stages of a query.
#[derive(Debug)]
pub struct Pipeline {
    stages: Vec<Ready>,
}

#[derive(Debug)]
enum Ready {
    LineFilter(line_filter::Filter),
    LabelFilter(label_filter::Filter),
    Json(Json),
    Logfmt(Logfmt),
    Pattern(pattern::Captures),
    Regexp(Extractor),
    Unpack,
    LineFormat(Template),
    LabelFormat(Format),
    Drop(Picks),
    Keep(Picks),
    Decolorize,
}

impl Pipeline {
    /// The query was parsed, so that its patterns and templates are good.
    pub fn of(log: &LogExpr) -> Result<Self, String> {
        let stages: Result<_, String> = log.stages.iter().map(ready).collect();
        Ok(Self { stages: stages? })
    }

    /// Whether the line is wanted; it and its labels become what the stages make of them.
    pub fn run(&self, line: &mut Line) -> bool {
        self.stages.iter().all(|stage| stage.run(line))
    }
}

fn ready(stage: &Stage) -> Result<Ready, String> {
    Ok(match stage {
        Stage::LineFilter(filter) => Ready::LineFilter(line_filter::Filter::of(filter)?),
        Stage::LabelFilter(filter) => Ready::LabelFilter(label_filter::Filter::of(filter)?),
        Stage::Json(wanted) => Ready::Json(Json::of(wanted)?),
        Stage::Logfmt {
            strict,
            keep_empty,
            wanted,
        } => Ready::Logfmt(Logfmt::of(*strict, *keep_empty, wanted)),
        Stage::Pattern(text) => Ready::Pattern(pattern::Captures::of(text)?),
        Stage::Regexp(text) => Ready::Regexp(Extractor::of(text)?),
        Stage::Unpack => Ready::Unpack,
        Stage::LineFormat(text) => Ready::LineFormat(Template::parse(text)?),
        Stage::LabelFormat(formats) => Ready::LabelFormat(Format::of(formats)?),
        Stage::Drop(picks) => Ready::Drop(Picks::of(picks)?),
        Stage::Keep(picks) => Ready::Keep(Picks::of(picks)?),
        Stage::Decolorize => Ready::Decolorize,
    })
}

impl Ready {
    fn run(&self, line: &mut Line) -> bool {
        match self {
            Self::LineFilter(filter) => return filter.holds(&line.text),
            Self::LabelFilter(filter) => return filter.holds(&mut line.labels),
            Self::Json(json) => json.run(line),
            Self::Logfmt(logfmt) => logfmt.run(line),
            Self::Pattern(captures) => captures.run(line),
            Self::Regexp(extractor) => extractor.run(line),
            Self::Unpack => unpack::run(line),
            Self::LineFormat(template) => match template.render(line) {
                Ok(text) => line.text = text,
                Err(why) => line.labels.fail("TemplateFormatErr", why),
            },
            Self::LabelFormat(format) => format.run(line),
            Self::Drop(picks) => picks.drop_from(&mut line.labels),
            Self::Keep(picks) => picks.keep_in(&mut line.labels),
            Self::Decolorize => line.text = color::without(&line.text),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Origin;
    use crate::parse_log;

    fn run(query: &str, text: &str) -> Option<Line> {
        let log = parse_log(&format!("{{app=\"shop\"}} {query}")).unwrap();
        let mut line = Line {
            time_ns: 1_700_000_000_000_000_000,
            text: text.to_owned(),
            ..Line::default()
        };
        line.labels.set("app", "shop", Origin::Stream);
        Pipeline::of(&log).unwrap().run(&mut line).then_some(line)
    }

    /// Each line of the table: stages, a line, and the text and labels that come of it.
    #[test]
    fn stages_do_as_loki_says() {
        let json = r#"{"a":{"b":1},"list":[{"x":"y"}],"level":"warn","n":null,"t":true,"app":"z"}"#;
        let access = "10.1.2.3 - - \"GET /cart HTTP/1.1\" 500 12kB";
        #[rustfmt::skip]
        let table = [
            ("|= `500` != \"404\"", access, "", ""),
            ("|~ `5..` or `zzz`", access, "", ""),
            ("|= ip(\"10.0.0.0/8\")", access, "", ""),
            ("|> `<_>GET <_> HTTP<_>`", access, "", ""),
            ("| json", json, "", "a_b=1 app_extracted=z level=warn t=true"),
            ("| json x=`list[0].x`, b=`a[\"b\"]`, none=`q`", json, "", "b=1 x=y"),
            ("| json", "no json", "", "__error__=JSONParserErr"),
            ("| json x=`[1].a`, y=`[9]`", "[0, {\"a\": 7}]", "", "x=7"),
            ("| json", "[0]", "", "__error__=JSONParserErr"),
            ("| logfmt", "a=1 b=\"x y\" c= d", "", "a=1 b=x y"),
            ("| logfmt --keep-empty", "a=1 c= d", "", "a=1 c= d="),
            ("| logfmt --strict", "a=1 \"b", "", "a=1 __error__=LogfmtParserErr"),
            ("| logfmt q=`b`, a", "a=1 b=2 c=3", "", "a=1 q=2"),
            ("| pattern `<ip> - - \"<method> <path> <_>\" <status> <_>`", access, "", "ip=10.1.2.3 method=GET path=/cart status=500"),
            ("| regexp `\"(?P<method>\\w+) (?P<path>\\S+)`", access, "", "method=GET path=/cart"),
            ("| unpack", r#"{"pod":"p1","n":5,"_entry":"the line"}"#, "the line", "pod=p1"),
            ("| logfmt | a > 5 and (b = \"x\" or c < 2s)", "a=6 b=y c=1500ms", "", "a=6 b=y c=1500ms"),
            ("| logfmt | size >= 1KB, from = ip(\"10.0.0.1-10.0.0.9\")", "size=1.5kb from=10.0.0.5", "", "from=10.0.0.5 size=1.5kb"),
            ("| logfmt | from = ip(\"10.0.0.0/8\")", "from=10.0.0.5:80", "", "from=10.0.0.5:80"),
            ("| logfmt | a > 5 | a = ip(\"10.0.0.0/8\")", "a=x", "", "a=x __error__=LabelFilterErr"),
            ("| logfmt | a > 5", "a=x", "", "a=x __error__=LabelFilterErr"),
            ("| logfmt | line_format `{{.a}}:{{ .b | ToUpper }}`", "a=1 b=x", "1:X", "a=1 b=x"),
            ("| logfmt | label_format c=a, d=`{{.b}}!`", "a=1 b=x", "", "b=x c=1 d=x!"),
            ("| logfmt | label_format a=`{{.b}}`, b=`{{.a}}`", "a=1 b=x", "", "a=x b=1"),
            ("| logfmt | drop a, b=\"x\", c=~\"q.*\"", "a=1 b=x c=d", "", "c=d"),
            ("| logfmt | keep a, c=\"d\"", "a=1 b=x c=d", "", "a=1 c=d"),
            ("| decolorize", "\u{1b}[31mred\u{1b}[0m text", "red text", ""),
            ("| decolorize", "\u{1b}]0;a title\u{7}\u{1b}(B\u{9b}1;4mred\u{1b}[m [x]", "red [x]", ""),
            ("|~ `\"list\":[[]{` | json x=`a.b`", json, "", "x=1"),
            ("| json | drop __error__", "no json", "", ""),
        ];
        for (query, text, becomes, labels) in table {
            let line = run(query, text).unwrap_or_else(|| panic!("{query} drops {text}"));
            let becomes = if becomes.is_empty() { text } else { becomes };
            assert_eq!(line.text, becomes, "{query}");
            let mut found: Vec<_> = line
                .labels
                .iter()
                .filter(|(name, ..)| *name != "app" && *name != "__error_details__")
                .map(|(name, value, _)| format!("{name}={value}"))
                .collect();
            found.sort();
            assert_eq!(found.join(" "), sorted(labels), "{query}");
        }
    }

    /// Values may have spaces, so that words without a sign belong to the one before.
    fn sorted(labels: &str) -> String {
        let mut found: Vec<String> = Vec::new();
        for word in labels.split(' ').filter(|word| !word.is_empty()) {
            match (word.contains('='), found.last_mut()) {
                (false, Some(last)) => {
                    last.push(' ');
                    last.push_str(word);
                }
                _ => found.push(word.to_owned()),
            }
        }
        found.sort();
        found.join(" ")
    }

    #[test]
    fn what_does_not_hold_is_left_out() {
        for (query, text) in [
            ("|= \"x\"", "abc"),
            ("!= \"a\"", "abc"),
            ("!= \"q\" or \"a\"", "abc"),
            ("|~ \"^b\"", "abc"),
            ("!> `a<_>`", "abc"),
            ("!= ip(\"10.0.0.0/8\")", "from 10.9.8.7 it came"),
            ("| logfmt | a < 5", "a=6"),
            ("| logfmt | a = \"\"", "a=6"),
            ("| logfmt | b > 5", "a=6"),
            (
                "| logfmt | __error__ = \"\" | a > 5 | __error__ = \"\"",
                "a=x",
            ),
        ] {
            assert_eq!(run(query, text), None, "{query}");
        }
    }

    proptest::proptest! {
        /// No line makes a stage panic, and no parser loses the labels of the stream.
        #[test]
        fn no_line_is_too_odd(text in "[a-e{}\\[\\]\"=:,0-9. \\\\\u{1b}m\u{e9}]{0,40}") {
            for query in [
                "| json", "| json a=`b[0].c`", "| logfmt", "| logfmt --strict --keep-empty",
                "| pattern `<a> <b>=<_>`", "| regexp `(?P<a>\\w+)`", "| unpack", "| decolorize",
                "|= ip(\"1.2.3.4\")", "|> `a<_>b`",
                "| logfmt | line_format `{{ .a | trunc 3 | upper }}{{ substr 1 2 .b }}`",
            ] {
                if let Some(line) = run(query, &text) {
                    proptest::prop_assert_eq!(line.labels.get("app"), Some("shop"));
                }
            }
        }
    }
}
