//! Which passwords are refused: by length, because they are among the first that
//! anybody tries, or because they are the person's own name or address (NIST SP
//! 800-63B section 5.1.1.2). No rules about kinds of characters.

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::error::FieldError;

const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 256;

/// Where the list is from is in its first lines.
const COMMON: &str = include_str!("password_policy/common.txt");

/// What is wrong with `password`; `own` are words that stand for the person.
pub(super) fn problem(field: &str, password: &str, own: &[&str]) -> Option<FieldError> {
    let wrong = |message: String| Some(FieldError::new(field, message));
    if !(MIN_CHARS..=MAX_CHARS).contains(&password.chars().count()) {
        return wrong(format!("must have {MIN_CHARS} to {MAX_CHARS} characters"));
    }
    let lower = password.to_lowercase();
    if common().contains(lower.as_str()) {
        return wrong("is one of the most common passwords, and tried first".to_owned());
    }
    let is_own = |word: &&str| !word.trim().is_empty() && word.trim().to_lowercase() == lower;
    if own.iter().any(is_own) {
        return wrong("is the name or the address itself".to_owned());
    }
    None
}

fn common() -> &'static HashSet<&'static str> {
    static SET: OnceLock<HashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| {
        COMMON
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(password: &str) -> String {
        let own = ["ada@example.com", "Ada Lovelace"];
        problem("password", password, &own).map_or(String::new(), |wrong| wrong.message)
    }

    #[test]
    fn what_everybody_tries_first_is_refused_however_it_is_spelled() {
        for common in ["password", "PassWord", "12345678", "iloveyou", "qwertyuiop"] {
            assert!(message(common).contains("most common"), "{common}");
        }
        assert!(common().len() > 3_000, "{} passwords", common().len());
    }

    #[test]
    fn ones_own_name_and_lengths_are_refused_and_a_sentence_is_not() {
        assert!(message("ADA@example.com").contains("itself"));
        assert!(message("ada lovelace").contains("itself"));
        assert!(message("short").contains("8 to 256"));
        assert!(message(&"x".repeat(257)).contains("8 to 256"));
        assert_eq!(message("correct horse battery staple"), "");
    }

    #[test]
    fn the_list_holds_only_what_length_would_let_pass() {
        for word in common() {
            assert!(word.chars().count() >= MIN_CHARS, "{word}");
            assert_eq!(*word, word.to_lowercase());
        }
    }
}
