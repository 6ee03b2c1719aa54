//! One transaction of the runner.

use eventlog::{Finish, NewRecord, Position, Transaction};

use super::settlement::{Answer, OutcomeDraft};

/// Answers that go out together, and how far that takes the group.
pub(super) struct Plan {
    pub(super) answers: Vec<Answer>,
    pub(super) consumed: Vec<Position>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.consumed.is_empty()
    }

    /// Builds the transaction; equal each time, so that it can be tried again. The
    /// events come first, because the outcomes name their positions.
    pub(super) fn transaction(&self) -> Transaction {
        let events = self.answers.iter().flat_map(Answer::event_records);
        let sides = self.answers.iter().flat_map(Answer::side_records);
        let drafts = self.answers.iter().map(|a| (a.draft(), a.events()));
        let drafts: Vec<_> = drafts.collect();
        let finish: Finish = Box::new(move |positions| outcomes(drafts, positions));
        Transaction {
            consumed: self.consumed.clone(),
            records: events.chain(sides).collect(),
            finish: Some(finish),
        }
    }

    /// Each answer with the positions of its own events.
    pub(super) fn with_positions<'a>(
        &'a self,
        mut positions: &'a [Position],
    ) -> impl Iterator<Item = (&'a Answer, &'a [Position])> {
        self.answers.iter().map(move |answer| {
            let (own, rest) = positions.split_at(answer.events());
            positions = rest;
            (answer, own)
        })
    }
}

fn outcomes(
    drafts: Vec<(Option<OutcomeDraft>, usize)>,
    mut positions: &[Position],
) -> Vec<NewRecord> {
    let record = |(draft, events): (Option<OutcomeDraft>, usize)| {
        let (own, rest) = positions.split_at(events);
        positions = rest;
        draft.map(|draft| draft.record(own))
    };
    drafts.into_iter().filter_map(record).collect()
}
