//! Regular expressions as Go writes them, respelled for Rust's `regex`, which reads some of
//! them otherwise: a brace that begins no repetition and a bracket within a class are errors
//! to it where Go takes them as they are (`/users/{id}`, `[^[]+`), doubled signs within a
//! class mean sets, `\<` is a boundary, and `\d`, `\s`, `\w` and `\b` are Unicode's.

/// What matches the same to Rust. What Go refuses is refused by Rust in most cases.
pub fn respelled(expression: &str) -> String {
    let mut reader = Reader {
        rest: expression,
        out: String::with_capacity(expression.len()),
    };
    while let Some(next) = reader.next() {
        match next {
            '\\' => reader.escape(),
            '[' => reader.class(),
            '{' if !begins_repetition(reader.rest) => reader.out.push_str("\\{"),
            other => reader.out.push(other),
        }
    }
    reader.out
}

/// Whether this follows the brace of `{2}`, `{2,}` or `{2,5}`.
fn begins_repetition(rest: &str) -> bool {
    let is_count = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    rest.split_once('}').is_some_and(|(counts, _)| {
        let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
        is_count(least) && (most.is_empty() || is_count(most))
    })
}

/// The members of the class that a letter behind a backslash names, and whether all others
/// are meant.
fn named_class(letter: char) -> Option<(&'static str, bool)> {
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\x0C\\r ",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((members, letter.is_ascii_uppercase()))
}

/// Whether this follows the bracket of `[:alpha:]`.
fn is_posix(rest: &str) -> bool {
    rest.strip_prefix(':').is_some_and(|name| {
        name.split_once(":]")
            .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'^'))
    })
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Takes so many characters over as they are.
    fn copy(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(next) = self.next() {
                self.out.push(next);
            }
        }
    }

    /// To and with the end, or all where it is not there.
    fn copy_to(&mut self, end: &str) {
        let bytes = self.rest.find(end).map(|at| at + end.len());
        let (text, rest) = self.rest.split_at(bytes.unwrap_or(self.rest.len()));
        self.out.push_str(text);
        self.rest = rest;
    }

    /// What follows a backslash outside of a class.
    fn escape(&mut self) {
        let Some(next) = self.next() else {
            self.out.push('\\');
            return;
        };
        match (next, named_class(next)) {
            (_, Some((members, false))) => self.out.push_str(&format!("[{members}]")),
            (_, Some((members, true))) => self.out.push_str(&format!("[^{members}]")),
            ('b' | 'B', None) => self.out.push_str(&format!("(?-u:\\{next})")),
            ('Q', None) => {
                let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(text));
                self.rest = rest;
            }
            (other, None) => self.escaped(other),
        }
    }

    /// A character, or a class by its name, behind a backslash.
    fn escaped(&mut self, next: char) {
        match next {
            '<' => return self.out.push_str("\\x3C"),
            '>' => return self.out.push_str("\\x3E"),
            _ => self.out.extend(['\\', next]),
        }
        match next {
            'p' | 'P' | 'x' if self.rest.starts_with('{') => self.copy_to("}"),
            'p' | 'P' => self.copy(1),
            'x' => self.copy(2),
            _ => {}
        }
    }

    /// What follows the bracket of a class, to its end.
    fn class(&mut self) {
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        // A bracket closes nothing where it comes first.
        let mut is_first = true;
        while let Some(next) = self.next() {
            if next == ']' && !is_first {
                self.out.push(']');
                return;
            }
            is_first = false;
            let named = self.rest.chars().next().and_then(named_class);
            match (next, named) {
                ('[', _) if is_posix(self.rest) => {
                    self.out.push('[');
                    self.copy_to(":]");
                }
                ('\\', Some((members, negated))) => {
                    self.next();
                    match negated {
                        false => self.out.push_str(members),
                        true => self.out.push_str(&format!("[^{members}]")),
                    }
                }
                _ => self.range(next),
            }
        }
    }

    /// One member of a class, or from one to another.
    fn range(&mut self, first: char) {
        self.member(first);
        let mut after = self.rest.chars();
        let is_range = after.next() == Some('-') && after.next().is_some_and(|last| last != ']');
        if is_range {
            self.copy(1);
            if let Some(last) = self.next() {
                self.member(last);
            }
        }
    }

    fn member(&mut self, next: char) {
        match next {
            '\\' => match self.next() {
                Some(next) => self.escaped(next),
                None => self.out.push('\\'),
            },
            '[' | ']' | '&' | '~' | '-' | '^' => self.out.extend(['\\', next]),
            other => self.out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::respelled;

    #[test]
    fn what_rust_reads_otherwise_is_spelled_anew() {
        for (go, rust) in [
            ("/users/{id}", "/users/\\{id}"),
            ("{.*}", "\\{.*}"),
            ("a{2}b{2,}c{2,3}", "a{2}b{2,}c{2,3}"),
            ("a{,3}{}", "a\\{,3}\\{}"),
            ("[^[]+", "[^\\[]+"),
            ("[]a]|[^]]", "[\\]a]|[^\\]]"),
            ("[[:^alpha:]_]", "[[:^alpha:]_]"),
            ("[[:x]", "[\\[:x]"),
            ("[a-z&&~~.-]", "[a-z\\&\\&\\~\\~.\\-]"),
            ("[+--]", "[+-\\-]"),
            ("[\\d.-]\\D", "[0-9.\\-][^0-9]"),
            ("[\\W{}]", "[[^0-9A-Za-z_]{}]"),
            ("\\bx\\B", "(?-u:\\b)x(?-u:\\B)"),
            ("\\<a\\>", "\\x3Ca\\x3E"),
            ("\\p{Greek}\\pL\\x{41}\\x41", "\\p{Greek}\\pL\\x{41}\\x41"),
            ("[\\x{41}-\\x{5A}\\pL-]", "[\\x{41}-\\x{5A}\\pL\\-]"),
            ("\\Qa.{b\\E+", "a\\.\\{b+"),
            ("\\{\\\\[", "\\{\\\\["),
            ("(?i)(?P<name>a|b)*?$", "(?i)(?P<name>a|b)*?$"),
        ] {
            assert_eq!(respelled(go), rust, "{go}");
        }
    }

    #[test]
    fn it_matches_what_go_s_matches() {
        for (go, text, matches) in [
            ("/users/{id}", "/users/{id}", true),
            (".*\\[([^[]+)\\]", "at [here]", true),
            ("[[a]+", "[a[", true),
            ("[a&&b]+", "a&b", true),
            ("[--/]", ".", true),
            ("\\w+", "na\u{ef}ve", false),
            ("\\d", "\u{664}", false),
            ("[^\\D]", "7", true),
            ("a\\sb", "a\u{a0}b", false),
            (".*\\bb.*", "a b", true),
            ("\\Qa.b\\E", "axb", false),
            ("(?i)stra\u{df}e", "STRA\u{df}E", true),
            ("(", "", false),
            ("[a", "a", false),
        ] {
            let found = crate::anchored(go).is_ok_and(|regex| regex.is_match(text));
            assert_eq!(found, matches, "{go}: {text}");
        }
    }

    proptest::proptest! {
        /// Whatever is written, a text that was escaped is what its pattern matches.
        #[test]
        fn escaped_text_matches_itself(text in "[a-c{}\\[\\]()<>&~^$.*+?|\\\\ \u{e9}-]{0,20}") {
            let escaped = regex::escape(&text);
            let regex = crate::anchored(&escaped).unwrap();
            proptest::prop_assert!(regex.is_match(&text));
            let quoted = crate::anchored(&format!("\\Q{text}\\E")).unwrap();
            proptest::prop_assert!(quoted.is_match(&text));
        }
    }
}
