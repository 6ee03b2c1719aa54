//! Locks of a session in Postgres that processes take in turn.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::timeout;
use tracing::dispatcher::{Dispatch, with_default};

/// What wait is long.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Waits until nobody else has the lock `key`, as long as it takes; the session has it from
/// then on. A wait that gets [`LONG`] is `told`, once.
pub(crate) async fn wait(
    rows: &mut PgConnection,
    key: i64,
    told: impl FnOnce() + Send,
) -> Result<(), sqlx::Error> {
    let taking = sqlx::query("SELECT pg_advisory_lock($1)").bind(key);
    let mut taking = Quietly::new(taking.execute(rows));
    if let Ok(taken) = timeout(LONG, &mut taking).await {
        return taken.map(drop);
    }
    told();
    taking.await.map(drop)
}

/// A statement of which nothing is logged: to wait is all that it is for, and after a second
/// the client warns of it as slow, also where it is given up at the end of the process.
struct Quietly<F>(Option<Pin<Box<F>>>);

impl<F> Quietly<F> {
    fn new(statement: F) -> Self {
        Self(Some(Box::pin(statement)))
    }
}

impl<F: Future> Future for Quietly<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let statement = self.0.as_mut().expect("it is there until this is dropped");
        with_default(&Dispatch::none(), || statement.as_mut().poll(context))
    }
}

impl<F> Drop for Quietly<F> {
    fn drop(&mut self) {
        with_default(&Dispatch::none(), || drop(self.0.take()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Waker;

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Counts what is logged.
    struct Counts(Arc<AtomicUsize>);

    impl Subscriber for Counts {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Relaxed);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// Logs when it is asked and when it is dropped.
    struct Loud;

    impl Future for Loud {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            tracing::warn!("asked");
            Poll::Pending
        }
    }

    impl Drop for Loud {
        fn drop(&mut self) {
            tracing::warn!("dropped");
        }
    }

    /// How much is logged of a future that is asked once and given up.
    fn logged(mut future: impl Future<Output = ()> + Unpin) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(Counts(count.clone()), || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut future).poll(&mut context).is_pending());
            drop(future);
        });
        count.load(Relaxed)
    }

    #[test]
    fn of_a_statement_that_waits_nothing_is_logged() {
        assert_eq!(logged(Loud), 2);
        assert_eq!(logged(Quietly::new(Loud)), 0);
    }
}
