//! The program needs no root: an ordinary account runs it whole, Postgres included.

use nix::unistd::{Uid, User};

use crate::platform::Platform;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unprivileged_account_runs_everything() {
    if !Uid::effective().is_root() {
        testkit::skipped(
            "flows::unprivileged",
            "not root, so every other test shows it",
        );
        return;
    }
    let Some(nobody) = User::from_name("nobody").unwrap() else {
        testkit::skipped("flows::unprivileged", "there is no account `nobody`");
        return;
    };
    let platform = Platform::start_as(nobody.uid.as_raw(), nobody.gid.as_raw()).await;
    let client = platform.register().await;
    assert!(client.incidents().await.is_empty());
}
