//! Why a decoder does not take a body.

/// The whole body is refused (400); nothing of it was stored. Says which field and
/// quotes the offence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Refused {
    /// Where in the body: `timeseries[3].labels[0].name`, `streams[1].values[0]`.
    pub field: String,
    pub detail: String,
}

impl Refused {
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
        }
    }
}

/// Items that were left out while the rest of the body was taken (partial success).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    pub items: u64,
    /// Why, for the first of them.
    pub first: Option<String>,
}

impl Skipped {
    pub fn note(&mut self, why: impl FnOnce() -> String) {
        self.items += 1;
        self.first.get_or_insert_with(why);
    }
}

impl Refused {
    /// The same, its field named from further out.
    pub(crate) fn within(mut self, outer: &impl std::fmt::Display) -> Self {
        self.field = match &*self.field {
            "" => outer.to_string(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl crate::protobuf::Malformed {
    /// Names the field.
    #[cold]
    pub(crate) fn at(self, field: &str) -> Refused {
        Refused::new(field, self.to_string())
    }
}
