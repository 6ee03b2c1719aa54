//! What templates make of a line.

use super::*;
use proptest::prelude::*;

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

/// A line whose labels hold JSON, as in the examples of Loki's documentation.
fn json_line() -> Line {
    let mut line = line();
    for (name, value) in [
        (
            "queries",
            r#"[{"query":"sum(rate(a[5m]))","took":3},{"query":"count(b)","took":12.5}]"#,
        ),
        ("obj", r#"{"b":{"c":[1,2,null]},"a":true,"n":null}"#),
        ("none", "[]"),
        ("broken", "{"),
    ] {
        line.labels.set(name, value, Origin::Parsed);
    }
    line
}

#[test]
fn loops_variables_and_json_are_go_s() {
    #[rustfmt::skip]
    let table = [
        // From "Template functions" in Loki's documentation.
        ("{{ range $q := fromJson .queries }} {{ $q.query }} {{ end }}", " sum(rate(a[5m]))  count(b) "),
        ("{{ with fromJson .obj }}{{ .b.c }}{{ end }}", "[1 2 <nil>]"),
        ("{{ range fromJson .queries }}{{ .query }};{{ end }}", "sum(rate(a[5m]));count(b);"),
        ("{{ range $i, $q := fromJson .queries }}{{ $i }}={{ $q.took }} {{ end }}", "0=3 1=12.5 "),
        ("{{ range $k, $v := fromJson .obj }}{{ $k }}:{{ $v }} {{ end }}", "a:true b:map[c:[1 2 <nil>]] n:<no value> "),
        ("{{ range fromJson .none }}x{{ else }}none{{ end }}", "none"),
        ("{{ range fromJson .broken }}x{{ else }}none{{ end }}", "none"),
        ("{{ range $i := 3 }}{{ $i }}{{ end }}", "012"),
        ("{{ range 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}", "02"),
        // The dot is the element; the line stays at hand as `$`.
        ("{{ range fromJson .queries }}{{ $.a }}{{ .took }}|{{ end }}{{ .a }}", "53|512.5|5"),
        ("{{ range fromJson .queries }}{{ range fromJson $.queries }}{{ .took }},{{ end }};{{ end }}", "3,12.5,;3,12.5,;"),
        ("{{ with .a }}{{ . }}{{ end }}{{ with .e }}x{{ else }}empty{{ end }}", "5empty"),
        ("{{ with .e }}x{{ else with .b }}{{ . }}{{ else }}y{{ end }}", "Mixed Case"),
        ("{{ with $x := .a }}{{ $x }}{{ . }}{{ end }}", "55"),
        ("{{ if $x := .e }}{{ $x }}{{ else }}no {{ $x }}{{ end }}", "no "),
        // Variables end with what declares them; `=` changes the outer one.
        ("{{ $x := 1 }}{{ if .a }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ $x := 1 }}{{ if .a }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $sum := 0 }}{{ range 4 }}{{ $sum = add $sum . }}{{ end }}{{ $sum }}", "6"),
        ("{{ $x := .b | lower }}{{ $x }}{{ $x | len }}", "mixed case10"),
        ("{{ $o := fromJson .obj }}{{ $o.b.c }} {{ index $o.b.c 1 }} {{ (index $o \"b\").c | len }}", "[1 2 <nil>] 2 3"),
        ("{{ $o := fromJson .obj }}{{ $o.none }}|{{ $o.n.x }}|{{ if $o.n }}x{{ end }}|{{ default \"-\" $o.n }}", "<no value>|<no value>||-"),
        ("{{ fromJson \"{\\\"foo\\\": 55}\" }}", "map[foo:55]"),
        ("{{ fromJson \"[1e6, 123456, 0.00001, -2.50, 1e300]\" }}", "[1e+06 123456 1e-05 -2.5 1e+300]"),
        ("{{ (fromJson .obj).a }}{{ (.b) }}", "trueMixed Case"),
        ("{{ if .e }}1{{ else if eq .a \"6\" }}2{{ else if .a }}3{{ else }}4{{ end }}", "3"),
    ];
    for (template, shown) in table {
        let found = Template::parse(template).and_then(|known| known.render(&json_line()));
        assert_eq!(found.as_deref(), Ok(shown), "{template}");
    }
}

#[test]
fn the_dot_of_a_line_is_its_labels() {
    let mut line = Line::default();
    line.labels.set("b", "2", Origin::Stream);
    line.labels.set("a", "1", Origin::Parsed);
    let render = |text: &str| Template::parse(text).unwrap().render(&line);
    assert_eq!(render("{{ . }}").as_deref(), Ok("map[a:1 b:2]"));
    let listed = render("{{ range $name, $value := . }}{{ $name }}={{ $value }} {{ end }}");
    assert_eq!(listed.as_deref(), Ok("a=1 b=2 "));
}

#[test]
fn what_go_refuses_of_loops_and_variables_is_refused() {
    for wrong in [
        "{{ range }}{{ end }}",
        "{{ range .a }}",
        "{{ range $a, $b, $c := .a }}{{ end }}",
        "{{ with .a }}{{ else if .b }}{{ end }}",
        "{{ if .a }}{{ else with .b }}{{ end }}",
        "{{ if .a }}{{ else }}{{ else }}{{ end }}",
        "{{ range .a }}{{ else }}{{ else }}{{ end }}",
        "{{ $x }}",
        "{{ $x = 1 }}",
        "{{ $x := $x }}",
        "{{ $x, $y := .a }}",
        "{{ if .a }}{{ $x := 1 }}{{ end }}{{ $x }}",
        "{{ range $x := .a }}{{ end }}{{ $x }}",
        "{{ break }}",
        "{{ if .a }}{{ continue }}{{ end }}",
        "{{ range .a }}{{ else }}{{ break }}{{ end }}",
        "{{ $ := .a }}",
        "{{ $x.y := .a }}",
        "{{ .a := .b }}",
        "{{ := .b }}",
        "{{ .a, .b }}",
    ] {
        assert!(Template::parse(wrong).is_err(), "{wrong}");
    }
    for (wrong, why) in [
        (
            "{{ range .b }}{{ end }}",
            "range can't iterate over Mixed Case",
        ),
        ("{{ .a.x }}", "can't evaluate field x in type string"),
        (
            "{{ $o := fromJson .queries }}{{ $o.x }}",
            "can't evaluate field x in type []interface {}",
        ),
        ("{{ index (fromJson .none) 0 }}", "index out of range: 0"),
        (
            "{{ (fromJson .obj).n | ToUpper }}",
            "ToUpper has no use for nil",
        ),
        (
            "{{ ToUpper (fromJson .none) }}",
            "ToUpper has no use for type []interface {}",
        ),
    ] {
        let found = Template::parse(wrong).and_then(|known| known.render(&json_line()));
        assert_eq!(found, Err(why.to_owned()), "{wrong}");
    }
}

#[test]
fn loops_and_what_they_make_end() {
    let render = |text: &str| Template::parse(text).unwrap().render(&json_line());
    let turns = Err(format!(
        "the template's loops take more than {MOST_TURNS} turns"
    ));
    assert_eq!(render("{{ range 9999999999 }}{{ end }}"), turns);
    // All loops of a line are counted together.
    assert_eq!(
        render("{{ range 200 }}{{ range 200 }}{{ end }}{{ end }}"),
        turns
    );
    assert_eq!(
        render("{{ range 90 }}{{ range 100 }}{{ end }}{{ end }}x").as_deref(),
        Ok("x")
    );
    let long = render("{{ range 9000 }}{{ repeat 100 \"x\" }}{{ end }}").unwrap_err();
    assert!(long.contains("the template makes more than"), "{long}");
    let doubled = "{{ $x := \"xxxxxxxx\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}";
    let long = render(doubled).unwrap_err();
    assert!(long.contains("a value has more than"), "{long}");
    let deep = format!("{}{}", "{{ range 1 }}".repeat(40), "{{ end }}".repeat(40));
    assert_eq!(Template::parse(&deep), Err("nested too deeply".to_owned()));
}

/// Pieces of templates, well formed or not.
const PIECES: &[&str] = &[
    "{{ range fromJson .queries }}",
    "{{ range $k, $v := . }}",
    "{{ range 3 }}",
    "{{ with .obj }}",
    "{{ if $x }}",
    "{{ $x := .a }}",
    "{{ $x = . }}",
    "{{ $x.b }}",
    "{{ .took }}",
    "{{ . }}",
    "{{ else }}",
    "{{ else if .a }}",
    "{{ else with .b }}",
    "{{ end }}",
    "{{ break }}",
    "{{ continue }}",
    "{{- /* c */ -}}",
    "text ",
    "{{ (fromJson $.obj).b.c }}",
];

fn piece() -> impl Strategy<Value = String> {
    proptest::sample::select(PIECES).prop_map(str::to_owned)
}

proptest::proptest! {
    /// Whatever is read is carried out within its bounds or says why not.
    #[test]
    fn what_is_read_ends_within_its_bounds(pieces in proptest::collection::vec(piece(), 0..24)) {
        if let Ok(template) = Template::parse(&pieces.concat())
            && let Ok(made) = template.render(&json_line())
        {
            proptest::prop_assert!(made.len() < 2 * MOST_BYTES);
        }
    }

    /// A sum over a loop is the sum of its numbers: variables outside of it are changed in order.
    #[test]
    fn a_loop_sees_every_element_in_order(numbers in proptest::collection::vec(-1000i64..1000, 0..50)) {
        let mut line = Line::default();
        line.labels.set("n", serde_json::to_string(&numbers).unwrap(), Origin::Parsed);
        let text = "{{ $s := 0 }}{{ range $i, $n := fromJson .n }}{{ $s = add $s $n }}{{ $i }}:{{ $n }},{{ end }}{{ $s }}";
        let shown: String = numbers.iter().enumerate().map(|(at, n)| format!("{at}:{n},")).collect();
        let expected = format!("{shown}{}", numbers.iter().sum::<i64>());
        let made = Template::parse(text).unwrap().render(&line);
        proptest::prop_assert_eq!(made, Ok(expected));
    }
}
