//! The stages of a pipeline, one file each: pure functions over a line.

pub(crate) mod color;
pub(crate) mod extract;
pub(crate) mod ip;
pub(crate) mod json;
pub(crate) mod label_filter;
pub(crate) mod label_format;
pub(crate) mod line_filter;
pub(crate) mod logfmt;
pub(crate) mod pattern;
pub(crate) mod pick;
pub(crate) mod unpack;
pub(crate) mod unwrap;

use crate::units;

/// A name as a label may have: letters, digits and underscores.
fn label_name(name: &str) -> String {
    let name = name.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    if found.starts_with(|c: char| c.is_ascii_digit()) {
        found.insert(0, '_');
    }
    found
}

/// What a value looks like, as Loki's field detection names it.
pub fn field_type(value: &str) -> &'static str {
    if value.parse::<i64>().is_ok() {
        "int"
    } else if value.parse::<f64>().is_ok() {
        "float"
    } else if matches!(value, "true" | "false") {
        "boolean"
    } else if units::duration_ns(value).is_some() {
        "duration"
    } else if units::bytes(value).is_some() {
        "bytes"
    } else {
        "string"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types() {
        assert_eq!(label_name("http.status-code"), "http_status_code");
        assert_eq!(label_name("5xx"), "_5xx");
        for (value, kind) in [
            ("5", "int"),
            ("5.5", "float"),
            ("true", "boolean"),
            ("5ms", "duration"),
            ("5KB", "bytes"),
            ("x", "string"),
        ] {
            assert_eq!(field_type(value), kind);
        }
    }
}
