//! What the audit record of a command tells of its aggregate: the fields that the
//! command changed, as they were and as they are.

use cqrs_es::Aggregate;
use serde::Serialize;

/// A value of more bytes is told by its size.
const VALUE_BYTES: usize = 2_000;
/// A record of more bytes names no further fields.
const RECORD_BYTES: usize = 16_000;

/// Enough for most.
const USUAL_BYTES: usize = 128;

/// An aggregate that can say what a command did to it.
pub trait Audited: Aggregate {
    /// Whether it is in force before anybody has set it: then the first command changes
    /// what was there, and creates nothing.
    const STANDS: bool = false;

    /// Compares what the public may know of both states, field by field. Personal
    /// values are sealed and stay away; of a secret, nothing is told.
    fn compare(before: &Self, after: &Self, changes: &mut Changes);

    /// What an event says that no state keeps, for instance a comment.
    fn tell(_event: &Self::Event, _changes: &mut Changes) {}

    /// The part of the aggregate that a command is about, as type and id.
    fn part(_command: &Self::Command) -> Option<(&'static str, String)> {
        None
    }
}

/// Two JSON objects as they grow.
#[derive(Debug, Default)]
pub struct Changes {
    before: String,
    after: String,
    /// The command created the aggregate.
    created: bool,
}

impl Changes {
    /// Nothing was there before.
    pub fn created() -> Self {
        Self {
            created: true,
            ..Self::default()
        }
    }

    /// Notes `name` if the values differ; None = there is none.
    pub fn field<T: Serialize + PartialEq>(
        &mut self,
        name: &str,
        before: Option<T>,
        after: Option<T>,
    ) {
        if before == after || self.before.len() + self.after.len() > RECORD_BYTES {
            return;
        }
        if !self.created {
            push(&mut self.before, name, &before);
        }
        push(&mut self.after, name, &after);
    }

    /// Notes something that was said, and changed nothing that was there.
    pub fn said<T: Serialize>(&mut self, name: &str, value: &T) {
        if self.after.len() <= RECORD_BYTES {
            push(&mut self.after, name, value);
        }
    }

    /// `{"before": {...}, "after": {...}}`; None where nothing changed.
    pub fn finish(self) -> Option<String> {
        if self.after.is_empty() {
            return None;
        }
        let mut text = String::with_capacity(self.before.len() + self.after.len() + 32);
        text.push_str("{\"before\":");
        match self.created {
            true => text.push_str("null"),
            false => text.extend(["{", &self.before, "}"]),
        }
        text.extend([",\"after\":{", &self.after, "}}"]);
        Some(text)
    }
}

fn push<T: Serialize>(object: &mut String, name: &str, value: &T) {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    if object.is_empty() {
        object.reserve(USUAL_BYTES);
    } else {
        object.push(',');
    }
    object.extend(["\"", name, "\":"]);
    match json.len() {
        0..=VALUE_BYTES => object.push_str(&json),
        bytes => object.push_str(&format!("\"({bytes} bytes)\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let mut changes = Changes::default();
        changes.field("title", Some("a \"b\""), Some("c"));
        changes.field("status", Some("open"), Some("open"));
        changes.field("assignee", None, Some("ada"));
        let expected = r#"{"before":{"title":"a \"b\"","assignee":null},"after":{"title":"c","assignee":"ada"}}"#;
        assert_eq!(changes.finish().as_deref(), Some(expected));
        assert_eq!(Changes::default().finish(), None);
    }

    #[test]
    fn what_was_created_has_no_before() {
        let mut changes = Changes::created();
        changes.field("name", None, Some("x"));
        assert_eq!(
            changes.finish().as_deref(),
            Some(r#"{"before":null,"after":{"name":"x"}}"#)
        );
    }

    #[test]
    fn a_record_stays_small() {
        let mut changes = Changes::default();
        for n in 0..100 {
            changes.field(
                &n.to_string(),
                Some("x".repeat(1_000)),
                Some("y".repeat(3_000)),
            );
        }
        let text = changes.finish().unwrap();
        assert!(text.len() < 20_000 && text.contains("\"0\":\"(3002 bytes)\""));
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}
