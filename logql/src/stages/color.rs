//! `decolorize`: text without the sequences that colour terminals.

use std::sync::LazyLock;

use regex::Regex;

/// As ECMA-48 has them: what ends with a bell or a terminator (titles of windows, links), what
/// ends with a letter (colours), and those of one character.
static SEQUENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let expression = concat!(
        r"(?:\x1B\]|\x{9D})[^\x07\x1B]*(?:\x07|\x1B\\)",
        r"|(?:\x1B\[|\x{9B})[0-?]*[ -/]*[@-~]",
        r"|\x1B[ -/]*[0-Z\\^-~]",
    );
    Regex::new(expression).ok()
});

pub(crate) fn without(text: &str) -> String {
    match &*SEQUENCE {
        Some(sequence) => sequence.replace_all(text, "").into_owned(),
        None => text.to_owned(),
    }
}
