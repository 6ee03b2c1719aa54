//! What is refused, where errors point, and how expressions are laid out.

fn error(query: &str) -> String {
    promql::parse(query).expect_err(query).to_string()
}

#[test]
fn errors_say_where_and_why() {
    for (query, expected) in [
        ("", "1:1: parse error: no expression found in input"),
        ("sum(", "1:5: parse error: unexpected end of input"),
        (
            "foo{",
            "1:5: parse error: unexpected end of input in label matching",
        ),
        (
            "rate(foo)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
        (
            "nope(foo)",
            "1:1: parse error: unknown function with name \"nope\"",
        ),
        (
            "{a=\"\"}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        (
            "1 == 2",
            "1:1: parse error: comparisons between scalars must use BOOL modifier",
        ),
        ("a\n+ b c", "2:5: parse error: unexpected identifier \"c\""),
        (
            "foo[5m] offset 1m offset 2m",
            "1:1: parse error: offset may not be set multiple times",
        ),
        (
            "foo{a=~\"(\"}",
            "1:8: parse error: invalid regular expression",
        ),
        (
            "1 and foo",
            "1:1: parse error: set operator \"and\" not allowed in binary scalar expression",
        ),
        ("\"open", "1:1: parse error: unterminated quoted string"),
    ] {
        let found = error(query);
        assert!(found.starts_with(expected), "{query:?}: {found}");
    }
}

#[test]
fn hostile_depth_is_an_error() {
    for query in [
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        "-".repeat(100_000) + "1",
        vec!["1"; 100_000].join("+"),
    ] {
        assert!(promql::parse(&query).is_err());
    }
}

#[test]
fn limits_are_named_with_what_met_them() {
    let chain = error(&vec!["1"; 502].join("+"));
    let expected = "1:1002: parse error: expression has too many operators: this is number 501, of 500 at most";
    assert_eq!(chain, expected);
    let deep = error(&format!("{}1{}", "(".repeat(300), ")".repeat(300)));
    let expected = "expression is nested too deeply: more than 200 levels";
    assert!(deep.ends_with(expected), "{deep}");
}

proptest::proptest! {
    #[test]
    fn whatever_is_sent_is_answered(query in "[a-z0-9 (){}\\[\\]\"'\\\\@:,=~!<>+*/^%.é-]{0,40}") {
        if let Ok(expr) = promql::parse(&query) {
            let again = promql::parse(&expr.to_string());
            proptest::prop_assert!(again.is_ok(), "{query:?} became {expr}");
        }
    }
}

#[test]
fn expressions_are_laid_out() {
    for (query, expected) in [
        (
            "sum  by(a)(rate(foo{b='c'}[5m] ))",
            "sum by (a) (rate(foo{b=\"c\"}[5m]))",
        ),
        ("a+on(b)group_left(c)d", "a + on (b) group_left (c) d"),
        (
            "foo[1h:5m]@end()  offset -1m",
            "foo[1h:5m] @ end() offset -1m",
        ),
        ("{\"a.b\",x!=\"y\"}", "{\"a.b\",x!=\"y\"}"),
        ("1e3 >bool Inf", "1000 > bool +Inf"),
        ("foo @ -0.5", "foo @ -0.500"),
        ("{a='\u{9b}\\x07'}", "{a=\"\\u009b\\x07\"}"),
    ] {
        let formatted = promql::format(query).unwrap();
        assert_eq!(formatted, expected);
        assert_eq!(promql::format(&formatted).unwrap(), expected);
    }
    let long = "sum by (job) (rate(http_requests_total{code=~\"5..\",job=\"api\"}[5m])) / \
                sum by (job) (rate(http_requests_total{job=\"api\"}[5m]))";
    assert_eq!(
        promql::format(long).unwrap(),
        "  sum by (job) (rate(http_requests_total{code=~\"5..\",job=\"api\"}[5m]))\n/\n  sum by \
         (job) (rate(http_requests_total{job=\"api\"}[5m]))"
    );
}
