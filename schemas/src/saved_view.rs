//! Views of explorers that a project's people have given a name and share.

use crate::ids::ProjectId;
use crate::messages::{example, messages, record};

record! { "srecopilot.catalog",
    /// Saves what a page showed under a name. The record's key is
    /// [`SavedViewId::of`](crate::ids::SavedViewId::of) these three: saving again
    /// under the same name replaces the view.
    SaveView {
        pub project: ProjectId,
        /// `metrics`, `logs` or `traces`.
        pub page: String,
        pub name: String,
        /// What the page's address held, as a query string without the time range.
        pub search: String,
    }
    DeleteView { pub reason: Option<String> }
}

messages! {
    /// What aggregate `SavedView` is asked to do.
    SavedViewCommand in "catalog" { SaveView, DeleteView }
}

record! { "srecopilot.catalog",
    ViewSaved {
        pub project: ProjectId,
        pub page: String,
        pub name: String,
        pub search: String,
    }
    ViewDeleted { pub reason: Option<String> }
}

messages! {
    /// What has become of a view.
    SavedViewEvent in "catalog" { ViewSaved, ViewDeleted }
}

/// The committed examples.
mod examples {
    use super::*;
    use uuid::Uuid;

    fn project() -> ProjectId {
        ProjectId(Uuid::from_u128(0xF6))
    }

    example! {
        SaveView { project: project(), page: "logs".to_owned(), name: "Failed payments".to_owned(), search: "q=declined&level=error".to_owned() }
        DeleteView { reason: None }
        ViewSaved { project: project(), page: "logs".to_owned(), name: "Failed payments".to_owned(), search: "q=declined&level=error".to_owned() }
        ViewDeleted { reason: None }
    }
}
