//! A named view of an explorer, shared by the people of a project.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::saved_view::{
    DeleteView, SaveView, SavedViewCommand, SavedViewEvent, ViewDeleted, ViewSaved,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const PAGES: [&str; 3] = ["metrics", "logs", "traces"];
const NAME_CHARS: usize = 100;
const SEARCH_CHARS: usize = 8_000;
const REASON_CHARS: usize = 1_000;

/// The view whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// What it shows; None before it was saved and after it was deleted.
    search: Option<String>,
}

/// Why a view refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedViewRefusal {
    #[error("there is no such view")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for SavedViewRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Invalid(_) => fields::RULE,
        }
    }
}

type Decision = Result<Vec<SavedViewEvent>, SavedViewRefusal>;

impl SavedView {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: SavedViewCommand) -> Decision {
        match command {
            SavedViewCommand::SaveView(c) => self.save(c),
            SavedViewCommand::DeleteView(c) => self.delete(c),
        }
    }

    /// Saving what is saved already changes nothing.
    fn save(&self, c: SaveView) -> Decision {
        if !PAGES.contains(&c.page.as_str()) {
            return Err(fields::invalid("page", "must be metrics, logs or traces").into());
        }
        fields::name("name", &c.name, NAME_CHARS)?;
        fields::optional("search", Some(&c.search), SEARCH_CHARS)?;
        if self.search.as_ref() == Some(&c.search) {
            return Ok(Vec::new());
        }
        let saved = ViewSaved {
            project: c.project,
            page: c.page,
            name: c.name,
            search: c.search,
        };
        Ok(vec![saved.into()])
    }

    fn delete(&self, c: DeleteView) -> Decision {
        fields::optional("reason", c.reason.as_deref(), REASON_CHARS)?;
        match self.search {
            None => Err(SavedViewRefusal::NotFound),
            Some(_) => Ok(vec![ViewDeleted { reason: c.reason }.into()]),
        }
    }
}

impl Aggregate for SavedView {
    const TYPE: &'static str = "saved_view";
    type Command = SavedViewCommand;
    type Event = SavedViewEvent;
    type Error = SavedViewRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: SavedViewCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), SavedViewRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SavedViewEvent) {
        self.search = match event {
            SavedViewEvent::ViewSaved(e) => Some(e.search),
            SavedViewEvent::ViewDeleted(_) => None,
        };
    }
}

impl Audited for SavedView {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("search", before.search.as_ref(), after.search.as_ref());
    }

    fn tell(event: &SavedViewEvent, changes: &mut Changes) {
        match event {
            SavedViewEvent::ViewSaved(e) => {
                changes.said("page", &e.page);
                changes.said("name", &e.name);
            }
            SavedViewEvent::ViewDeleted(e) => {
                if let Some(reason) = &e.reason {
                    changes.said("reason", reason);
                }
            }
        }
    }
}

impl Hosted for SavedView {
    const COMMANDS: Topic = Topic::CatalogCommands;
    const EVENTS: Topic = Topic::CatalogEvents;
    const REACH: Reach = Reach::Project;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(events: Vec<SavedViewEvent>) -> AggregateTestExecutor<SavedView> {
        let now = Timestamp::from_micros(1_790_000_000_000_000);
        let context = Context::decision(now, CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn save() -> SaveView {
        SaveView::example()
    }

    fn saved() -> SavedViewEvent {
        ViewSaved::example().into()
    }

    fn deleted() -> SavedViewEvent {
        ViewDeleted::example().into()
    }

    #[test]
    fn saving_again_replaces_what_it_shows() {
        given(vec![])
            .when(save().into())
            .then_expect_events(vec![saved()]);
        given(vec![saved()])
            .when(save().into())
            .then_expect_events(vec![]);
        let other = || "q=other".to_owned();
        let command = SaveView {
            search: other(),
            ..save()
        };
        let event = ViewSaved {
            search: other(),
            ..ViewSaved::example()
        };
        given(vec![saved()])
            .when(command.into())
            .then_expect_events(vec![event.into()]);
    }

    #[test]
    fn what_is_deleted_can_be_saved_anew_and_not_deleted_again() {
        let delete = || SavedViewCommand::from(DeleteView::example());
        given(vec![])
            .when(delete())
            .then_expect_error(SavedViewRefusal::NotFound);
        given(vec![saved()])
            .when(delete())
            .then_expect_events(vec![deleted()]);
        given(vec![saved(), deleted()])
            .when(delete())
            .then_expect_error(SavedViewRefusal::NotFound);
        given(vec![saved(), deleted()])
            .when(save().into())
            .then_expect_events(vec![saved()]);
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let wrong = [
            (
                "page",
                SaveView {
                    page: "billing".to_owned(),
                    ..save()
                },
            ),
            (
                "name",
                SaveView {
                    name: " ".to_owned(),
                    ..save()
                },
            ),
            (
                "search",
                SaveView {
                    search: "x".repeat(SEARCH_CHARS + 1),
                    ..save()
                },
            ),
        ];
        for (field, command) in wrong {
            let refused = given(vec![]).when(command.into()).inspect_result();
            let detail = refused.unwrap_err().to_string();
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
        }
    }
}
