//! `decolorize`: text without the sequences that colour terminals.

use std::sync::LazyLock;

use regex::Regex;

static SEQUENCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;?]*[A-Za-z]").ok());

pub(crate) fn without(text: &str) -> String {
    match &*SEQUENCE {
        Some(sequence) => sequence.replace_all(text, "").into_owned(),
        None => text.to_owned(),
    }
}
