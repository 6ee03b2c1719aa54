//! What a name that people read must not hold: it stands in lists, mails and the audit,
//! where it must look like what it is and stay on its line.

/// The first character of `name` that nobody sees, or that turns what follows around.
pub fn unseen(name: &str) -> Option<char> {
    name.chars().find(|c| is_unseen(*c))
}

/// The name without such characters, where nobody is there to be told of them.
pub fn seen(name: &str) -> String {
    name.chars().filter(|c| !is_unseen(*c)).collect()
}

fn is_unseen(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// What is wrong with a name that has such a character.
pub fn problem(name: &str) -> Option<String> {
    let code = u32::from(unseen(name)?);
    Some(format!(
        "must not hold U+{code:04X}, a character that nobody sees"
    ))
}

/// Marks and overrides of direction, separators of lines, and spaces without width. The
/// joiners stay: Persian and emoji are written with them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{61c}' | '\u{180e}'
        | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_it_looks_like() {
        for good in [
            "Ada Lovelace",
            "日本語",
            "می‌خواهم",
            "👩‍💻",
            "Größe – 2",
            "a\u{a0}b",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, code) in [
            ("a\0b", "U+0000"),
            ("a\r\nb", "U+000D"),
            ("\u{202e}nimda", "U+202E"),
            ("a\u{200b}b", "U+200B"),
            ("a\u{2028}b", "U+2028"),
            ("a\u{85}b", "U+0085"),
        ] {
            let said = problem(bad).unwrap_or_default();
            assert!(said.contains(code), "{bad:?}: {said}");
            assert_eq!(problem(&seen(bad)), None, "{bad:?}");
        }
        assert_eq!(seen("\u{202e}Ada\n Byron"), "Ada Byron");
    }
}
