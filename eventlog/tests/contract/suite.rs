//! What every backend of the log promises. A backend is a way to open a log of
//! its own and to open the same log again; each test gets a fresh one.

#[path = "append.rs"]
pub(crate) mod append;
#[path = "groups.rs"]
pub(crate) mod groups;
#[path = "lag.rs"]
pub(crate) mod lag;
#[path = "model.rs"]
pub(crate) mod model;
#[path = "read.rs"]
pub(crate) mod read;
#[path = "records.rs"]
pub(crate) mod records;
#[path = "subscribe.rs"]
pub(crate) mod subscribe;

use std::time::Duration;

use async_trait::async_trait;
use eventlog::Log;

/// One log that can be closed and opened again.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    /// The log, as the last handle left it. At most one handle is open at a time.
    async fn open(&self) -> Log;
    /// A record body that is over the backend's limit.
    fn oversized_body(&self) -> usize;
    /// Whether a batch over two journals is refused.
    fn has_journals(&self) -> bool;
}

/// Closes `log` and opens it again.
pub(crate) async fn reopen(backend: &dyn Backend, log: Log) -> Log {
    log.close().await.expect("the log closes");
    drop(log);
    backend.open().await
}

/// Waits for what must happen, so that a hang becomes a failure.
pub(crate) async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), wait).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within a minute"),
    }
}

/// Every promise as a test of its own; `$backend` is an expression of type
/// `Option<impl Backend>`, where `None` means skipped and said so.
#[macro_export]
macro_rules! contract_suite {
    ($backend:expr) => {
        contract_suite! { $backend;
            append::returns_positions_in_order,
            append::keeps_the_order_of_a_partition,
            append::equal_keys_meet_in_one_partition,
            append::an_explicit_partition_wins,
            append::accepts_an_empty_batch,
            append::refuses_a_record_that_is_too_large,
            append::refuses_a_batch_over_two_journals,
            append::takes_a_batch_of_thousands,
            append::concurrent_appenders_keep_their_order,
            append::nothing_acknowledged_is_lost_by_a_reopen,
            read::returns_records_as_they_were,
            read::begins_anywhere,
            read::bounds_bytes_but_gives_at_least_one,
            read::is_empty_at_the_end,
            read::refuses_what_lies_past_the_end,
            read::acknowledged_is_durable,
            read::a_log_keeps_its_identity,
            read::usage_counts_records,
            subscribe::wakes_when_a_record_arrives,
            subscribe::follows_several_partitions,
            subscribe::begins_where_it_is_told,
            subscribe::a_dropped_wait_loses_nothing,
            groups::a_new_group_begins_as_declared,
            groups::is_assigned_every_partition_once,
            groups::commit_returns_the_records_positions,
            groups::finish_names_the_positions,
            groups::an_oversized_finish_commits_nothing,
            groups::resumes_after_its_last_commit,
            groups::a_crash_between_commits_repeats_only_the_rest,
            groups::groups_do_not_disturb_each_other,
            lag::a_fold_that_stands_still_falls_behind_and_catches_up,
            lag::a_group_that_does_not_commit_falls_behind,
            model::agrees_with_a_model,
        }
    };
    ($backend:expr; $($module:ident :: $case:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some(backend) = $backend {
                suite::$module::$case(&backend).await;
            }
        })+
    };
}
