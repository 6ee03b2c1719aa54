//! The API key that a message of RFC 5424 carries, since syslog has no header for one:
//! structured data `[srec@N key="…"]`, with any enterprise number N. It is taken out
//! of the message, because a log keeps no credentials.

use super::rfc5424::{value, word};

/// The name of the element, before its `@`.
const ELEMENT: &str = "srec";

/// A key, and the message without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub key: String,
    pub message: Vec<u8>,
}

/// None where the message carries no key.
pub fn credential(message: &[u8]) -> Option<Credential> {
    let text = String::from_utf8_lossy(message);
    let (_, rest) = text.strip_prefix('<')?.split_once('>')?;
    let mut rest = rest.strip_prefix("1 ")?;
    for _ in 0..5 {
        (_, rest) = word(rest)?;
    }
    let data = text.len() - rest.len();
    let mut elements = 0;
    let mut found = None;
    while rest.starts_with('[') {
        let start = text.len() - rest.len();
        let (id, key, after) = element(&rest[1..])?;
        if id.split('@').next() == Some(ELEMENT) && found.is_none() {
            found = Some((start..text.len() - after.len(), key?));
        } else {
            elements += 1;
        }
        rest = after;
    }
    let (span, key) = found?;
    let mut message = text.into_owned();
    message.replace_range(span, "");
    if elements == 0 {
        message.insert(data, '-');
    }
    Some(Credential {
        key,
        message: message.into_bytes(),
    })
}

/// An element's id, its parameter `key`, and what follows its bracket.
fn element(text: &str) -> Option<(&str, Option<String>, &str)> {
    let end = text.find([' ', ']'])?;
    let (id, mut rest) = text.split_at(end);
    let mut key = None;
    while let Some(parameter) = rest.strip_prefix(' ') {
        let (name, after) = parameter.split_once("=\"")?;
        let (value, after) = value(after)?;
        if name == "key" {
            key = Some(value.into_owned());
        }
        rest = after;
    }
    Some((id, key, rest.strip_prefix(']')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(message: &str) -> Option<(String, String)> {
        let found = credential(message.as_bytes())?;
        Some((found.key, String::from_utf8(found.message).unwrap()))
    }

    #[test]
    fn a_key_is_taken_out_of_its_message() {
        let both = |key: &str, message: &str| Some((key.to_owned(), message.to_owned()));
        assert_eq!(
            found("<14>1 - h a - - [srec@32473 key=\"srec_1\"] text [x]"),
            both("srec_1", "<14>1 - h a - - - text [x]")
        );
        assert_eq!(
            found("<14>1 - h a - - [a@1 b=\"]\\\"\"][srec@1 other=\"1\" key=\"k\"][c@2] text"),
            both("k", "<14>1 - h a - - [a@1 b=\"]\\\"\"][c@2] text")
        );
        assert_eq!(
            found("<14>1 - h a - - [srec@1 key=\"k\"]"),
            both("k", "<14>1 - h a - - -")
        );
    }

    #[test]
    fn others_have_none() {
        for message in [
            "<14>1 - h a - - - [srec@1 key=\"k\"]",
            "<14>1 - h a - - [srecx@1 key=\"k\"] text",
            "<14>1 - h a - - [srec@1 token=\"k\"] text",
            "<14>1 - h a - - [srec@1 key=\"k\" text",
            "<14>Sep 21 14:13:19 web-2 sshd[77]: [srec@1 key=\"k\"]",
            "[srec@1 key=\"k\"]",
            "",
        ] {
            assert_eq!(found(message), None, "{message}");
        }
    }
}
