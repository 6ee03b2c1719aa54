//! The memory that all queries of a process share. Each takes from it as it grows, and what
//! it took goes back when it is dropped, also where nobody waits for its answer any more.

use crate::{
    QueryError,
    source::{Labels, SourceError},
};
use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How long a query that grows waits for what others hold.
const PATIENCE: Duration = Duration::from_secs(2);

/// A value that is held, with its place.
pub(crate) const VALUE_BYTES: usize = 16;

/// What a series takes besides its values and labels.
pub(crate) const SERIES_BYTES: usize = 128;

/// A native histogram, about.
pub(crate) const HISTOGRAM_BYTES: usize = 512;

/// Of texts on the heap, each.
const TEXT_BYTES: usize = size_of::<String>() + 8;

/// Why a query gets no more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMemory {
    #[error(
        "query processing would load too many samples into memory in query execution: it needs more than the {0} bytes that all queries may take together (query_memory_bytes); narrow it by labels or time, or ask for fewer steps"
    )]
    Alone(u64),
    #[error(
        "other queries hold the {0} bytes that all may take together (query_memory_bytes); try again"
    )]
    WithOthers(u64),
}

impl From<NoMemory> for QueryError {
    fn from(why: NoMemory) -> Self {
        match why {
            NoMemory::Alone(_) => Self::Execution(why.to_string()),
            NoMemory::WithOthers(_) => Self::Unavailable(why.to_string()),
        }
    }
}

impl From<NoMemory> for SourceError {
    fn from(why: NoMemory) -> Self {
        match why {
            NoMemory::Alone(_) => Self::TooMuch(why.to_string()),
            NoMemory::WithOthers(_) => Self::Unavailable(why.to_string()),
        }
    }
}

/// So much may be held by all queries together.
#[derive(Debug)]
pub struct Budget {
    most_bytes: u64,
    patience: Duration,
    taken: Mutex<u64>,
    /// Tells threads, and `told` tasks, that some was given back.
    freed: Condvar,
    told: Notify,
    gauge: metrics::Gauge,
}

impl Budget {
    pub fn new(most_bytes: u64) -> Arc<Self> {
        Self::with_patience(most_bytes, PATIENCE)
    }

    pub fn with_patience(most_bytes: u64, patience: Duration) -> Arc<Self> {
        for reason in ["too_large", "others"] {
            metrics::counter!("query_memory_refused_total", "reason" => reason).increment(0);
        }
        Arc::new(Self {
            most_bytes,
            patience,
            taken: Mutex::new(0),
            freed: Condvar::new(),
            told: Notify::new(),
            gauge: metrics::gauge!("query_memory_bytes"),
        })
    }

    /// For one query, which holds nothing yet.
    pub fn share(self: &Arc<Self>) -> Arc<Share> {
        Arc::new(Share {
            budget: Some(Arc::clone(self)),
            bytes: AtomicU64::new(0),
            refused: AtomicBool::new(false),
        })
    }

    fn taken(&self) -> MutexGuard<'_, u64> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one query holds of a budget; without a budget it may hold anything.
#[derive(Debug, Default)]
pub struct Share {
    budget: Option<Arc<Budget>>,
    /// Changes under the lock of the budget.
    bytes: AtomicU64,
    /// Counted: threads of one query may be refused each.
    refused: AtomicBool,
}

impl Share {
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What all may hold together; None where that is anything.
    pub fn most(&self) -> Option<u64> {
        self.budget.as_ref().map(|budget| budget.most_bytes)
    }

    /// Takes so much more, and waits a moment where others hold it.
    pub async fn take(&self, bytes: usize) -> Result<(), NoMemory> {
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        let granted = self.granted(budget, bytes);
        match tokio::time::timeout(budget.patience, granted).await {
            Ok(granted) => granted,
            Err(_) => Err(self.refused(NoMemory::WithOthers(budget.most_bytes))),
        }
    }

    async fn granted(&self, budget: &Budget, bytes: usize) -> Result<(), NoMemory> {
        loop {
            // Before it is tried: what is given back in between is told.
            let told = budget.told.notified();
            if self.try_take(budget, bytes)? {
                return Ok(());
            }
            told.await;
        }
    }

    fn try_take(&self, budget: &Budget, bytes: usize) -> Result<bool, NoMemory> {
        self.try_locked(budget, &mut budget.taken(), bytes)
    }

    /// The same for a thread that may stand still.
    pub fn take_blocking(&self, bytes: usize) -> Result<(), NoMemory> {
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        let mut taken = budget.taken();
        if self.try_locked(budget, &mut taken, bytes)? {
            return Ok(());
        }
        let until = Instant::now() + budget.patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.refused(NoMemory::WithOthers(budget.most_bytes)));
            }
            let waited = budget.freed.wait_timeout(taken, left);
            (taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if self.try_locked(budget, &mut taken, bytes)? {
                return Ok(());
            }
        }
    }

    /// Whether there was room for it.
    fn try_locked(&self, budget: &Budget, taken: &mut u64, bytes: usize) -> Result<bool, NoMemory> {
        let own = self.bytes().saturating_add(bytes as u64);
        if own > budget.most_bytes {
            return Err(self.refused(NoMemory::Alone(budget.most_bytes)));
        }
        let all = taken.saturating_add(bytes as u64);
        if all > budget.most_bytes {
            return Ok(false);
        }
        *taken = all;
        self.bytes.store(own, Ordering::Relaxed);
        budget.gauge.set(all as f64);
        Ok(true)
    }

    fn refused(&self, why: NoMemory) -> NoMemory {
        let reason = match why {
            NoMemory::Alone(_) => "too_large",
            NoMemory::WithOthers(_) => "others",
        };
        if !self.refused.swap(true, Ordering::Relaxed) {
            metrics::counter!("query_memory_refused_total", "reason" => reason).increment(1);
        }
        why
    }

    /// Holds no more than this from now on.
    pub fn keep(&self, bytes: usize) {
        let Some(budget) = &self.budget else {
            return;
        };
        let mut taken = budget.taken();
        let before = self.bytes();
        let after = before.min(bytes as u64);
        self.bytes.store(after, Ordering::Relaxed);
        *taken = taken.saturating_sub(before - after);
        budget.gauge.set(*taken as f64);
        drop(taken);
        budget.freed.notify_all();
        budget.told.notify_waiters();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.keep(0);
    }
}

/// Bytes in memory, about.
pub fn labels_bytes(labels: &Labels) -> usize {
    let pair = |(name, value): &(String, String)| name.len() + value.len() + 2 * TEXT_BYTES;
    SERIES_BYTES + labels.pairs().iter().map(pair).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_all_is_refused_at_once_and_what_others_hold_after_a_while() {
        let budget = Budget::with_patience(100, Duration::ZERO);
        let (first, second) = (budget.share(), budget.share());
        first.take_blocking(60).unwrap();
        assert_eq!(second.take_blocking(101), Err(NoMemory::Alone(100)));
        assert_eq!(second.take_blocking(41), Err(NoMemory::WithOthers(100)));
        second.take_blocking(40).unwrap();
        // It alone would be more than all by now, whatever others give back.
        assert_eq!(first.take_blocking(41), Err(NoMemory::Alone(100)));
        drop(first);
        second.take_blocking(60).unwrap();
        assert_eq!(second.bytes(), 100);
    }

    #[test]
    fn what_is_kept_is_all_that_is_held() {
        let budget = Budget::with_patience(100, Duration::ZERO);
        let (first, second) = (budget.share(), budget.share());
        first.take_blocking(90).unwrap();
        first.keep(20);
        first.keep(50);
        assert_eq!(first.bytes(), 20);
        second.take_blocking(80).unwrap();
        assert!(second.take_blocking(1).is_err());
    }

    #[test]
    fn a_thread_goes_on_when_another_query_is_dropped() {
        let budget = Budget::with_patience(100, Duration::from_secs(60));
        let (first, second) = (budget.share(), budget.share());
        first.take_blocking(80).unwrap();
        let waiting = std::thread::spawn(move || second.take_blocking(70));
        drop(first);
        assert_eq!(waiting.join().unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_task_goes_on_when_another_query_is_dropped() {
        let budget = Budget::with_patience(100, Duration::from_secs(60));
        let (first, second) = (budget.share(), budget.share());
        first.take(80).await.unwrap();
        let waiting = second.take(70);
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(first);
        assert_eq!(waiting.await, Ok(()));
    }

    #[test]
    fn without_a_budget_nothing_is_refused() {
        assert_eq!(Share::default().take_blocking(usize::MAX), Ok(()));
    }
}
