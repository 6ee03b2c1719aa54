//! Waiting for a condition instead of for time to pass.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Calls `probe` until it gives a value; fails the test after a generous minute.
pub async fn eventually<T, F, Fut>(what: &str, probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    eventually_within(Duration::from_secs(60), what, probe).await
}

/// The same with another limit.
pub async fn eventually_within<T, F, Fut>(limit: Duration, what: &str, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(
            Instant::now() < deadline,
            "waited {limit:?} in vain for: {what}"
        );
        sleep(Duration::from_millis(10)).await;
    }
}
