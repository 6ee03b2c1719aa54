use protocols::logs::Level;

use super::super::{Comparison, Pattern, Value};
use super::*;

fn tests(text: &str) -> Vec<(bool, Test)> {
    let filter = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let clauses = filter.clauses.into_iter();
    clauses
        .map(|clause| (clause.negated, clause.test))
        .collect()
}

fn one(text: &str) -> Test {
    let mut all = tests(text);
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0).1
}

fn exactly(texts: &[&str]) -> Value {
    let patterns = texts
        .iter()
        .map(|text| Pattern::Exactly((*text).to_owned()));
    Value::AnyOf(patterns.collect())
}

#[test]
fn words_phrases_and_fields_are_told_apart() {
    assert_eq!(one(" Timeout "), Test::Word("timeout".to_owned()));
    assert_eq!(one("10.1.2.3"), Test::Phrase("10.1.2.3".to_owned()));
    assert_eq!(one("\"Out of\""), Test::Phrase("out of".to_owned()));
    assert_eq!(one("\"timeout\""), Test::Phrase("timeout".to_owned()));
    assert_eq!(
        one("level:WARN,fatal"),
        Test::Level(vec![Level::Warn, Level::Fatal])
    );
    assert_eq!(
        one("service:a,\"b, c\""),
        Test::Service(exactly(&["a", "b, c"]))
    );
    assert_eq!(
        one("a.b:\"say \\\"x\\\"\""),
        Test::Field("a.b".to_owned(), exactly(&["say \"x\""]))
    );
    assert_eq!(
        one("url:http://x/?a=b"),
        Test::Field("url".to_owned(), exactly(&["http://x/?a=b"]))
    );
    assert_eq!(
        one("resource.host:x"),
        Test::Resource("host".to_owned(), exactly(&["x"]))
    );
    assert_eq!(one("trace_id:4BF9"), Test::TraceId(exactly(&["4bf9"])));
    assert_eq!(one("a:*"), Test::Field("a".to_owned(), Value::Present));
    assert_eq!(one("body:\"No Route\""), Test::Body("no route".to_owned()));
    let prefix = Value::AnyOf(vec![Pattern::BeginsWith("/api/".to_owned())]);
    assert_eq!(one("path:/api/*"), Test::Field("path".to_owned(), prefix));
    let bound = Value::Compared(Comparison::AtLeast, 500.0);
    assert_eq!(one("status:>=500"), Test::Field("status".to_owned(), bound));
}

#[test]
fn all_must_hold_and_some_must_not() {
    let negated: Vec<bool> = tests("a -b -\"c d\" -e:f g:-1")
        .into_iter()
        .map(|t| t.0)
        .collect();
    assert_eq!(negated, [false, true, true, true, false]);
    assert!(tests("  ").is_empty());
}

#[test]
fn operators_of_other_search_boxes_mean_what_they_say() {
    let plain = tests("a b:c -d -\"e f\"");
    assert_eq!(tests("a AND b:c AND NOT d NOT \"e f\""), plain);
    assert_eq!(tests("and \"NOT\" ANDROID"), tests("and \"not\" android"));
    let phrase = Test::Phrase("timeout".to_owned());
    assert_eq!(tests("NOT \"timeout\""), [(true, phrase)]);
    assert_eq!(
        parse("a NOT ").unwrap_err().message,
        "`NOT` must stand before what is not wanted"
    );
}

#[test]
fn or_parts_what_must_all_hold() {
    let of = |text: &str| parse(text).unwrap().clauses;
    let either = Test::Any(vec![of("a b:c"), of("-d"), of("\"OR\" or")]);
    assert_eq!(one("a AND b:c OR NOT d OR \"OR\" or"), either);
    for (text, from, to) in [
        ("OR a", 0, 2),
        ("a OR OR b", 5, 7),
        ("ä OR ", 2, 4),
        ("a OR AND", 2, 4),
    ] {
        let refused = parse(text).unwrap_err();
        assert_eq!((refused.range.from, refused.range.to), (from, to), "{text}");
        assert!(refused.message.contains("between conditions"));
    }
    let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(tests(&deep(8)), tests("a"));
    let refused = |text: &str| parse(text).unwrap_err().message;
    assert!(refused(&deep(9)).contains("8 parentheses"));
    assert!(refused(&"a OR ".repeat(64)).contains("between conditions"));
    assert!(parse(&format!("{}a", "a OR ".repeat(63))).is_ok());
    assert!(refused(&format!("{}a", "a OR ".repeat(64))).contains("64 conditions"));
}

#[test]
fn parentheses_hold_together_what_or_parts() {
    let of = |text: &str| parse(text).unwrap().clauses;
    let either = Test::Any(vec![of("a:b,c"), of("f(x)")]);
    let all = tests("(a:b,c OR f(x)) d NOT (e \"f\") (g h)");
    assert_eq!(all[0], (false, either));
    assert_eq!(all[1..2], tests("d"));
    assert_eq!(all[2], (true, Test::Any(vec![of("e \"f\"")])));
    assert_eq!(all[3..], tests("g h"));
    assert_eq!(one("f(x)"), Test::Phrase("f(x)".to_owned()));
    assert_eq!(one("x)"), Test::Phrase("x)".to_owned()));
    for (text, from, message) in [
        (
            "ä (b",
            2,
            "a parenthesis is not closed; text that has one stands in quotes",
        ),
        ("()", 0, "the parentheses are empty"),
        ("(a)b", 3, "a space is missing before `b`"),
        ("(a OR )", 3, LONELY),
        (
            "a:(b OR c)",
            0,
            "`a:` takes several values as `a,b`; one with a parenthesis stands in quotes",
        ),
    ] {
        let refused = parse(text).unwrap_err();
        assert_eq!(
            (refused.range.from, &refused.message[..]),
            (from, message),
            "{text}"
        );
    }
}

#[test]
fn a_word_with_a_star_is_a_beginning() {
    assert_eq!(one("Cache*"), Test::Phrase("cache".to_owned()));
    assert_eq!(one("\"cache*\""), Test::Phrase("cache*".to_owned()));
    assert_eq!(one("*"), Test::Phrase("*".to_owned()));
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let at = |text: &str| {
        parse(text)
            .map_err(|e| (e.range.from, e.message))
            .unwrap_err()
    };
    assert_eq!(at("ä \"open").0, 2);
    assert_eq!(at("a:"), (0, "`a:` has no value".to_owned()));
    assert_eq!(at("x :5"), (2, "a field's name is missing".to_owned()));
    assert_eq!(
        at("status:>=many"),
        (9, "`many` is not a number".to_owned())
    );
    assert_eq!(at("a level:loud").0, 8);
    assert_eq!(at("a -").0, 2);
    assert_eq!(at("\"\"").1, "the quotes are empty");
    assert_eq!(at("a body:\"\""), (7, "the quotes are empty".to_owned()));
    assert_eq!(
        at("status:>=500,404"),
        (12, "a space is missing before `,`".to_owned())
    );
    assert_eq!(
        at("\"a\"b"),
        (3, "a space is missing before `b`".to_owned())
    );
    assert_eq!(at("a\"b\"").0, 1);
    // The first that is too much, and how much there is.
    let (from, message) = at(&"a ".repeat(65));
    assert!(
        from == 128 && message.contains("64 conditions"),
        "{message}"
    );
    let (_, message) = at(&"a".repeat(5_000));
    assert!(
        message.contains("4096") && message.contains("5000"),
        "{message}"
    );
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in "([a-c\"\\\\:*,<>= ()é-]|OR ){0,40}") {
        drop(parse(&text));
    }
}
