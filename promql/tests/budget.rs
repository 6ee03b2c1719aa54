//! An evaluation takes its memory from what all queries share, and keeps what its answer is.

mod memory;

use async_trait::async_trait;
use memory::Memory;
use promql::{
    Answer, Engine, Options, QueryError, Value,
    budget::{Budget, Share},
    source::{Labels, Samples, Selection, SeriesSet, SeriesSource, SourceError},
};
use std::{sync::Arc, time::Duration};

const BYTES: u64 = 400_000;
/// Of one series, 16 KB and more.
const STEPS: i64 = 1_000;

/// A query of what is in memory.
struct Query<'a> {
    memory: &'a Memory,
    share: Arc<Share>,
}

#[async_trait]
impl SeriesSource for Query<'_> {
    async fn select(&self, selection: &Selection) -> Result<Box<dyn SeriesSet>, SourceError> {
        self.memory.select(selection).await
    }

    fn share(&self) -> Arc<Share> {
        Arc::clone(&self.share)
    }
}

impl Query<'_> {
    async fn range(&self, query: &str) -> Result<Answer, QueryError> {
        let (times, options) = ((0, STEPS * 1000), Options::default());
        Engine::default()
            .range(self, query, times, 1000, options)
            .await
    }
}

/// Fifty series with a value at the end.
fn memory() -> Memory {
    let mut memory = Memory::default();
    for at in 0..50 {
        let pairs = [("__name__", "m".to_owned()), ("a", at.to_string())];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        let samples = Samples {
            times: vec![STEPS * 1000],
            values: vec![1.0],
            histograms: Vec::new(),
        };
        memory.append(Labels::new(pairs.to_vec()), samples);
    }
    memory
}

#[tokio::test]
async fn a_query_holds_no_more_than_there_is_and_in_the_end_its_answer() {
    let memory = memory();
    let budget = Budget::with_patience(BYTES, Duration::ZERO);
    let query = |share: Arc<Share>| Query {
        memory: &memory,
        share,
    };
    let large = query(budget.share());
    let refused = large.range("m").await.unwrap_err();
    assert!(
        matches!(&refused, QueryError::Execution(why) if why.contains("the 400000 bytes")),
        "{refused}"
    );
    assert_eq!(large.share.bytes(), 0, "nothing is left of it");
    // Series that are folded are not held.
    let folded = query(budget.share());
    folded.range("sum(m)").await.unwrap();
    let few = query(budget.share());
    let answer = few.range("m{a=~\"1.\"}").await.unwrap();
    let Value::Matrix(series) = answer.value else {
        panic!("no matrix");
    };
    assert_eq!(series.len(), 10);
    // Ten values and their labels, of ten thousand steps.
    let held = few.share.bytes();
    assert!((100..10_000).contains(&held), "{held}");
}

#[tokio::test]
async fn what_others_hold_is_told_from_what_is_too_large() {
    let memory = memory();
    let budget = Budget::with_patience(BYTES, Duration::ZERO);
    let others = budget.share();
    others.take(BYTES as usize - 10_000).await.unwrap();
    let one = Query {
        memory: &memory,
        share: budget.share(),
    };
    let refused = one.range("m{a=\"1\"}").await.unwrap_err();
    assert!(matches!(refused, QueryError::Unavailable(_)), "{refused}");
    drop(others);
    one.range("m{a=\"1\"}").await.unwrap();
}
