//! One line on its way through a pipeline.

/// Where a label is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Stream,
    /// Of the line alone, not in its text.
    Structured,
    /// Known beside the line; told only to who asks for it by name.
    Hidden,
    Parsed,
}

pub(crate) const ERROR: &str = "__error__";
pub(crate) const DETAILS: &str = "__error_details__";
/// Labels that one line may have.
const MOST_LABELS: usize = 250;

/// Labels of a line, each name once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelSet {
    entries: Vec<(String, String, Origin)>,
}

impl LabelSet {
    fn place(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|(known, ..)| known == name)
    }

    /// A level is known by both of its names.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.place(name).or_else(|| match name {
            "level" => self.place("detected_level"),
            _ => None,
        });
        at.map(|at| self.entries[at].1.as_str())
    }

    /// Text of a label that may be absent.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn origin(&self, name: &str) -> Option<Origin> {
        self.place(name).map(|at| self.entries[at].2)
    }

    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>, origin: Origin) {
        let name = name.into();
        match self.place(&name) {
            Some(at) => self.entries[at] = (name, value.into(), origin),
            None if self.entries.len() < MOST_LABELS => {
                self.entries.push((name, value.into(), origin));
            }
            None => {}
        }
    }

    /// A label that a parser found: it never hides one of the stream, and the first of a
    /// name counts.
    pub(crate) fn extract(&mut self, name: &str, value: impl Into<String>) {
        match self.origin(name) {
            Some(Origin::Stream) => {
                let name = format!("{name}_extracted");
                if self.place(&name).is_none() {
                    self.set(name, value, Origin::Parsed);
                }
            }
            Some(Origin::Parsed) => {}
            Some(Origin::Structured | Origin::Hidden) | None => {
                self.set(name, value, Origin::Parsed);
            }
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|(known, ..)| known != name);
    }

    /// Whoever names what is known beside the line sees it.
    pub(crate) fn show(&mut self) {
        for (_, _, origin) in &mut self.entries {
            if *origin == Origin::Hidden {
                *origin = Origin::Structured;
            }
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.entries.retain(|(name, value, _)| keep(name, value));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, Origin)> {
        let entries = self.entries.iter();
        entries.map(|(name, value, origin)| (name.as_str(), value.as_str(), *origin))
    }

    /// What went wrong with this line; the first counts.
    pub(crate) fn fail(&mut self, kind: &str, details: impl Into<String>) {
        if self.place(ERROR).is_none() {
            self.set(ERROR, kind, Origin::Parsed);
            self.set(DETAILS, details, Origin::Parsed);
        }
    }
}

/// A line on its way through the stages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    pub time_ns: i64,
    pub text: String,
    pub labels: LabelSet,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_extracted_hides_no_label_of_the_stream() {
        let mut labels = LabelSet::default();
        labels.set("app", "shop", Origin::Stream);
        labels.set("status", "1", Origin::Hidden);
        labels.set("detected_level", "warn", Origin::Structured);
        for (name, value) in [("app", "x"), ("app", "y"), ("status", "2"), ("status", "3")] {
            labels.extract(name, value);
        }
        assert_eq!(labels.get("app"), Some("shop"));
        assert_eq!(labels.get("app_extracted"), Some("x"));
        assert_eq!(labels.get("status"), Some("2"));
        assert_eq!(labels.get("level"), Some("warn"));
        labels.extract("level", "error");
        assert_eq!(labels.get("level"), Some("error"));
    }
}
