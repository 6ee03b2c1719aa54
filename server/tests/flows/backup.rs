//! A backup restored into an empty folder is the same platform.

use serde_json::{Value, json};

use crate::client::http;
use crate::database::Database;
use crate::notification::firing;
use crate::platform::Platform;
use crate::tools::tool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_the_same_platform() {
    let Some(first) = Database::start("flows::backup").await else {
        return;
    };
    let Some(second) = Database::start("flows::backup").await else {
        return;
    };
    let platform = Platform::start(Some(first.url().to_owned())).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    client
        .webhook(&key, &firing("Disk", "disk-1"))
        .await
        .unwrap();
    let before = client
        .incidents_until("a numbered incident", |found| {
            found
                .first()
                .is_some_and(|incident| incident["number"] == 1)
        })
        .await;
    let (data, copy) = (
        platform.folder().join("data"),
        platform.folder().join("backup"),
    );
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;

    let mut elsewhere = platform.elsewhere(second.url());
    let restored = elsewhere.folder().join("data");
    std::fs::create_dir_all(restored.join("keys")).unwrap();
    std::fs::copy(
        data.join("keys/master.key"),
        restored.join("keys/master.key"),
    )
    .unwrap();
    let variables = [("DATABASE_URL", second.url())];
    tool(&restored, &["restore", copy.to_str().unwrap()], &variables).await;
    elsewhere.begin().await;

    // The password is in the vault, the incident in the log.
    let login = json!({ "email": "ada@example.com", "password": "correct horse battery staple" });
    let url = format!("{}/api/v1/auth/login", elsewhere.base());
    let session: Value = http()
        .post(url)
        .json(&login)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = session["access_token"]
        .as_str()
        .expect("the old password opens the new platform");
    let there = client.at(elsewhere.base(), token);
    let after = there
        .incidents_until("the incident is back", |found| !found.is_empty())
        .await;
    assert_eq!(after, before);
    let body = json!({});
    let path = format!(
        "/api/v1/incidents/{}/acknowledge",
        after[0]["id"].as_str().unwrap()
    );
    let (status, answer) = there.post(&path, &body).await;
    assert_eq!(status, 200, "work goes on: {answer}");
}
