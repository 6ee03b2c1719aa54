//! Go templates as `line_format` and `label_format` have them: text, fields, pipes with
//! functions, and `if`.

mod functions;
mod read;
mod value;

use crate::line::Line;
use value::Value;

/// Bytes that one template may make.
const MOST_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Action(Pipe),
    /// Conditions with what they show, and what is shown otherwise.
    If(Vec<(Pipe, Vec<Node>)>, Vec<Node>),
}

/// Calls, each of which gets the value of the one before as its last argument.
type Pipe = Vec<Call>;

#[derive(Debug, Clone, PartialEq)]
enum Call {
    Operand(Operand),
    Function(functions::Function, Vec<Operand>),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Field(String),
    Dot,
    Literal(Value),
    /// A function without arguments, as an argument.
    Bare(functions::Function),
    Inner(Pipe),
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        read::template(text).map(|nodes| Self { nodes })
    }

    pub(crate) fn render(&self, line: &Line) -> Result<String, String> {
        let mut out = String::new();
        show(&self.nodes, line, &mut out)?;
        Ok(out)
    }
}

fn show(nodes: &[Node], line: &Line, out: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Action(pipe) => out.push_str(&piped(pipe, line)?.to_string()),
            Node::If(branches, otherwise) => {
                let mut shown = otherwise;
                for (condition, nodes) in branches {
                    if piped(condition, line)?.is_true() {
                        shown = nodes;
                        break;
                    }
                }
                show(shown, line, out)?;
            }
        }
        if out.len() > MOST_BYTES {
            return Err(format!("the template makes more than {MOST_BYTES} bytes"));
        }
    }
    Ok(())
}

fn piped(pipe: &Pipe, line: &Line) -> Result<Value, String> {
    let mut before = None;
    for call in pipe {
        let value = match call {
            Call::Operand(operand) => operand_value(operand, line)?,
            Call::Function(function, operands) => {
                let arguments = operands.iter().map(|operand| operand_value(operand, line));
                let mut arguments = arguments.collect::<Result<Vec<_>, _>>()?;
                arguments.extend(before);
                function.call(line, arguments)?
            }
        };
        before = Some(value);
    }
    Ok(before.unwrap_or_default())
}

fn operand_value(operand: &Operand, line: &Line) -> Result<Value, String> {
    match operand {
        Operand::Field(name) => Ok(Value::Text(line.labels.text(name).to_owned())),
        Operand::Dot => Ok(Value::Text(String::new())),
        Operand::Literal(value) => Ok(value.clone()),
        Operand::Bare(function) => function.call(line, Vec::new()),
        Operand::Inner(pipe) => piped(pipe, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Origin;

    fn line() -> Line {
        let mut line = Line {
            time_ns: 1_700_000_000_123_000_000,
            text: "the line".to_owned(),
            ..Line::default()
        };
        for (name, value) in [
            ("a", "5"),
            ("b", "Mixed Case"),
            ("took", "1500ms"),
            ("e", ""),
        ] {
            line.labels.set(name, value, Origin::Parsed);
        }
        line
    }

    #[test]
    fn templates_show_what_go_would() {
        #[rustfmt::skip]
        let table = [
            ("plain", "plain"),
            ("{{.a}}-{{ .none }}-{{.b}}", "5--Mixed Case"),
            ("{{ __line__ }} {{ __timestamp__ | unixEpoch }}", "the line 1700000000"),
            ("{{ .b | lower | replace \" \" \"_\" }}", "mixed_case"),
            ("{{ ToUpper .b }}{{ Replace .b \"e\" \"E\" 1 }}", "MIXED CASEMixEd Case"),
            ("x {{- .a -}} y", "x5y"),
            ("{{/* nothing */}}{{ `raw` }}", "raw"),
            ("{{ if eq .a \"5\" }}five{{ else if .e }}e{{ else }}other{{ end }}", "five"),
            ("{{ if .e }}e{{ else }}other{{ end }}", "other"),
            ("{{ if and .a (not .e) }}yes{{ end }}", "yes"),
            ("{{ if or .e (gt (int .a) 4) }}yes{{ end }}", "yes"),
            ("{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 4 }}", "6 3 6 3 3"),
            ("{{ addf 1.5 2 }} {{ divf 1 4 }} {{ round 3.14159 2 }} {{ max 1 3 2 }} {{ floor 2.7 }}", "3.5 0.25 3.14 3 2"),
            ("{{ .b | trunc 5 }}{{ .b | trunc -4 }}{{ substr 0 2 .b }}", "MixedCaseMi"),
            ("{{ trimPrefix \"Mix\" .b }}{{ TrimSuffix .b \"Case\" }}{{ trim \"  x \" }}", "ed CaseMixed x"),
            ("{{ regexReplaceAll \"(M)ixed\" .b \"${1}x\" }}", "Mx Case"),
            ("{{ if contains \"Case\" .b }}c{{ end }}{{ if hasPrefix \"Mi\" .b }}p{{ end }}", "cp"),
            ("{{ printf \"%-4s|%03d|%.1f|%v\" .a 7 2.55 true }}", "5   |007|2.5|true"),
            ("{{ duration .took }} {{ bytes \"2KB\" }} {{ len .a }}", "1.5 2000 1"),
            ("{{ urlencode \"a b\" }}{{ b64enc \"hi\" }}{{ default \"-\" .e }}", "a+baGk=-"),
            ("{{ date \"2006-01-02 15:04:05\" __timestamp__ }}", "2023-11-14 22:13:20"),
            ("{{ alignLeft 3 .a }}|{{ alignRight 3 .a }}|{{ repeat 2 .a }}", "5  |  5|55"),
            ("{{ .a | float64 | mulf 2.5 }} {{ title \"ab cd\" }} {{ count \"a\" \"banana\" }}", "12.5 Ab Cd 3"),
        ];
        for (template, shown) in table {
            let found = Template::parse(template).and_then(|known| known.render(&line()));
            assert_eq!(found.as_deref(), Ok(shown), "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for wrong in [
            "{{",
            "{{ .a",
            "{{ end }}",
            "{{ if .a }}x",
            "{{ nothing .a }}",
            "{{ .a | }}",
            "{{ \"open }}",
            "{{ range .a }}{{ end }}",
            "{{ (.a }}",
        ] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in [
            "{{ div 1 0 }}",
            "{{ ToLower }}",
            "{{ repeat 9999999999 .a }}",
        ] {
            let found = Template::parse(wrong).and_then(|known| known.render(&line()));
            assert!(found.is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[a-c{}.|()\"` 0-9-]{0,40}") {
            if let Ok(template) = Template::parse(&format!("{{{{ {text}")) {
                drop(template.render(&line()));
            }
            drop(Template::parse(&text));
        }
    }
}
