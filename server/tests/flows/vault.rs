//! `sre-copilot vault rotate` beside a running platform.

use serde_json::json;

use crate::client::{Client, http};
use crate::database::Database;
use crate::platform::Platform;
use crate::tools::{ANY_PORTS, refusal, tool};

async fn logs_in(base: &str) -> bool {
    let body = json!({"email": "ada@example.com", "password": "correct horse battery staple"});
    let answer = http()
        .post(format!("{base}/api/v1/auth/login"))
        .json(&body)
        .send()
        .await;
    answer.unwrap().status().is_success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_exchanged_while_people_work() {
    let Some(database) = Database::start("flows::vault").await else {
        return;
    };
    let mut platform = Platform::start(Some(database.url().to_owned())).await;
    let client: Client = platform.register().await;
    let data = platform.folder().join("data");
    let file = data.join("keys/master.key");
    let old = std::fs::read(&file).unwrap();
    let before = tool(&data, &["vault", "status"], &[]).await;
    assert!(before.contains("no exchange"), "{before}");

    let told = tool(&data, &["vault", "rotate"], &[]).await;
    assert!(told.contains("done"), "{told}");
    let new = std::fs::read(&file).unwrap();
    assert_ne!(old, new);
    assert_eq!(std::fs::read(file.with_extension("key.old")).unwrap(), old);
    assert!(logs_in(&platform.base()).await);
    client.get("/api/v1/members").await;
    let after = tool(&data, &["vault", "status"], &[]).await;
    assert_ne!(before, after);

    // A key of the operator's own choice, given as they would make it.
    let own = platform.folder().join("own.key");
    std::fs::write(&own, "5".repeat(64)).unwrap();
    let arguments = ["vault", "rotate", "--new-key", own.to_str().unwrap()];
    let told = tool(&data, &arguments, &[]).await;
    assert!(told.contains("done"), "{told}");

    platform.kill();
    platform.restart().await;
    assert!(logs_in(&platform.base()).await);
    client.get("/api/v1/members").await;

    // With a key from before, nothing begins.
    platform.end();
    std::fs::write(&file, &old).unwrap();
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_sre-copilot"))
        .args(["vault", "status"])
        .env("SRE_COPILOT_DATA_DIR", &data)
        .env("DATABASE_URL", database.url())
        .env_remove("KAFKA_BROKERS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("master key"),
        "{said}"
    );
}

/// With an empty database beside a log that knows people, every name would be gone without
/// a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_knows_people_gets_no_new_vault() {
    let Some(database) = Database::start("flows::vault").await else {
        return;
    };
    let Some(other) = Database::start("flows::vault").await else {
        return;
    };
    let mut platform = Platform::start(Some(database.url().to_owned())).await;
    let client: Client = platform.register().await;
    let data = platform.folder().join("data");
    let before = client.get("/api/v1/members").await;
    platform.end();

    let elsewhere = [("DATABASE_URL", other.url())];
    let status = ["vault", "status"];
    let refused =
        |said: &str| said.contains("the log knows people") && said.contains("DATABASE_URL");
    for arguments in [&ANY_PORTS[..], &status] {
        let said = refusal(&data, arguments, &elsewhere).await;
        assert!(refused(&said), "{said}");
    }
    // Nor is a key made that would lie where the right one has to be put.
    let key = data.join("keys/master.key");
    let kept = data.join("keys/kept");
    std::fs::rename(&key, &kept).unwrap();
    let said = refusal(&data, &ANY_PORTS, &elsewhere).await;
    assert!(refused(&said) && !key.exists(), "{said}");
    std::fs::rename(&kept, &key).unwrap();

    // Where it belongs, it goes on.
    platform.restart().await;
    assert_eq!(client.get("/api/v1/members").await, before);
}
