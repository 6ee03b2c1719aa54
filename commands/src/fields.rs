//! Bounds of the texts that people and agents hand in.

use schemas::names;

/// The rule that a refusal for [`InvalidField`] names.
pub const RULE: &str = "invalid";

/// The longest title of an incident, in characters.
pub const TITLE_CHARS: usize = 300;

/// The longest comment, description or note, in characters.
pub const PROSE_CHARS: usize = 10_000;

/// Of a slug that is none, so many characters are quoted.
const SLUG_QUOTED: usize = 80;

/// A field of a command is outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct InvalidField {
    pub field: &'static str,
    pub problem: String,
}

/// Refuses `value` unless it has something visible and at most `most` characters.
pub fn text(field: &'static str, value: &str, most: usize) -> Result<(), InvalidField> {
    if value.trim().is_empty() {
        return Err(invalid(field, "is empty"));
    }
    at_most(field, value, most)
}

/// Refuses what is no [`text`] or has characters that nobody sees.
pub fn name(field: &'static str, value: &str, most: usize) -> Result<(), InvalidField> {
    text(field, value, most)?;
    match names::problem(value) {
        Some(problem) => Err(InvalidField { field, problem }),
        None => Ok(()),
    }
}

/// Refuses an optional `value` of more than `most` characters.
pub fn optional(field: &'static str, value: Option<&str>, most: usize) -> Result<(), InvalidField> {
    value.map_or(Ok(()), |value| at_most(field, value, most))
}

/// Refuses `value` unless it reads well in an address: 1 to 63 lower-case
/// letters, digits and inner hyphens.
pub fn slug(field: &'static str, value: &str) -> Result<(), InvalidField> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let edges = value.starts_with(plain) && value.ends_with(plain);
    if edges && value.len() <= 63 && value.chars().all(|c| plain(c) || c == '-') {
        return Ok(());
    }
    let sent: String = value.chars().take(SLUG_QUOTED).collect();
    let problem = format!("`{sent}` is not 1 to 63 lower-case letters, digits and inner hyphens");
    Err(InvalidField { field, problem })
}

pub fn invalid(field: &'static str, problem: &str) -> InvalidField {
    InvalidField {
        field,
        problem: problem.to_owned(),
    }
}

fn at_most(field: &'static str, value: &str, most: usize) -> Result<(), InvalidField> {
    let length = value.chars().count();
    if length <= most {
        return Ok(());
    }
    Err(InvalidField {
        field,
        problem: format!("has {length} characters; at most {most} are allowed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_not_bytes() {
        assert_eq!(text("name", &"ü".repeat(300), 300), Ok(()));
        let refused = text("name", &"ü".repeat(301), 300).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`name` has 301 characters; at most 300 are allowed"
        );
        assert!(text("name", " \t", 300).is_err());
    }

    #[test]
    fn slugs_read_well_in_an_address() {
        for good in ["a", "shop", "shop-2", "0"] {
            assert_eq!(slug("slug", good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a-", "Shop", "a b", "ü", &"a".repeat(64)] {
            assert!(slug("slug", bad).is_err(), "{bad}");
        }
    }
}
