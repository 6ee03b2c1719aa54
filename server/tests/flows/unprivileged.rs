//! The program needs no root: an ordinary account runs it whole, Postgres included.

use nix::unistd::{Uid, User};

use crate::platform::Platform;
use crate::tools::{refusal, tool};

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
    let mut platform = Platform::start_as(nobody.uid.as_raw(), nobody.gid.as_raw()).await;
    let client = platform.register().await;
    assert!(client.incidents().await.is_empty());

    // Beside it anybody who may open its socket uses its tools. What root made in its log
    // alone would be root's, and it could not go on.
    let data = platform.folder().join("data");
    tool(&data, &["log", "stat"], &[]).await;
    tokio::task::block_in_place(|| platform.end());
    let said = refusal(&data, &["log", "stat"], &[]).await;
    assert!(said.contains("belongs to uid"), "{said}");
}
