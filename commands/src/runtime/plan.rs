//! One transaction of the runner.

use std::sync::Arc;

use eventlog::{Finish, NewRecord, Position, Transaction};

use super::settlement::Answer;

/// Answers that go out together, and how far that takes the group.
pub(super) struct Plan {
    pub(super) answers: Arc<Vec<Answer>>,
    pub(super) consumed: Vec<Position>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.consumed.is_empty()
    }

    /// Builds the transaction; equal each time, so that it can be tried again.
    pub(super) fn transaction(&self) -> Transaction {
        let answers = self.answers.clone();
        let finish: Finish = Box::new(move |positions| closing_records(&answers, positions));
        Transaction {
            consumed: self.consumed.clone(),
            records: self
                .answers
                .iter()
                .flat_map(Answer::event_records)
                .collect(),
            finish: Some(finish),
        }
    }

    /// Each answer with the positions of its own events.
    pub(super) fn with_positions<'a>(
        &'a self,
        positions: &'a [Position],
    ) -> impl Iterator<Item = (&'a Answer, &'a [Position])> {
        with_positions(&self.answers, positions)
    }
}

fn closing_records(answers: &[Answer], positions: &[Position]) -> Vec<NewRecord> {
    with_positions(answers, positions)
        .flat_map(|(answer, own)| answer.closing_records(own))
        .collect()
}

fn with_positions<'a>(
    answers: &'a [Answer],
    mut positions: &'a [Position],
) -> impl Iterator<Item = (&'a Answer, &'a [Position])> {
    answers.iter().map(move |answer| {
        let (own, rest) = positions.split_at(answer.events());
        positions = rest;
        (answer, own)
    })
}
