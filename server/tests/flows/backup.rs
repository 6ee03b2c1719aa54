//! A backup restored into an empty folder is the same platform.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::client::{Client, http};
use crate::database::Database;
use crate::notification::firing;
use crate::platform::Platform;
use crate::tools::{refusal, tool};

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
    let grace = hire(&client).await;
    client
        .webhook(&key, &firing("Disk", "disk-1"))
        .await
        .unwrap();
    let before = client.whole_incidents(1).await;
    send_telemetry(&platform.base(), &key).await;
    let told = telemetry(&client).await;
    let (data, copy) = (
        platform.folder().join("data"),
        platform.folder().join("backup"),
    );
    // So that there is something in every level.
    tool(&data, &["compact"], &[]).await;
    assert_eq!(telemetry(&client).await, told);
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;

    let mut elsewhere = platform.elsewhere(second.url());
    let restored = elsewhere.folder().join("data");
    let variables = [("DATABASE_URL", second.url())];
    let restore = ["restore", copy.to_str().unwrap()];
    let said = refusal(&restored, &restore, &variables).await;
    assert!(
        said.contains("master key") && !restored.join("log").exists(),
        "{said}"
    );
    std::fs::create_dir_all(restored.join("keys")).unwrap();
    std::fs::copy(
        data.join("keys/master.key"),
        restored.join("keys/master.key"),
    )
    .unwrap();
    // After the backup, which still holds the key that opens her name.
    let owner = log_in(&client, platform.base()).await;
    let (status, answer) = owner
        .post(&format!("/api/v1/members/{grace}/erase"), &json!({}))
        .await;
    assert_eq!(status, 204, "{answer}");
    std::fs::copy(data.join("erased"), restored.join("erased")).unwrap();
    tool(&restored, &restore, &variables).await;
    elsewhere.begin().await;

    // The password is in the vault, the incident in the log.
    let there = log_in(&client, elsewhere.base()).await;
    let after = there.whole_incidents(1).await;
    assert_eq!(after, before);
    assert_eq!(telemetry(&there).await, told);
    assert_eq!(name_of(&there, &grace).await, "erased");
    // What comes now does not meet what was restored.
    send_telemetry(&elsewhere.base(), &key).await;
    eventually("what is sent now is there too", || async {
        (telemetry(&there).await[1].as_array()?.len() == 2).then_some(())
    })
    .await;
    let body = json!({});
    let path = format!(
        "/api/v1/incidents/{}/acknowledge",
        after[0]["id"].as_str().unwrap()
    );
    let (status, answer) = there.post(&path, &body).await;
    assert_eq!(status, 200, "work goes on: {answer}");
}

/// The owner, by the password.
async fn log_in(client: &Client, base: String) -> Client {
    let login = json!({ "email": "ada@example.com", "password": "correct horse battery staple" });
    let url = format!("{base}/api/v1/auth/login");
    let answer = http().post(url).json(&login).send().await.unwrap();
    let session: Value = answer.json().await.unwrap();
    let token = session["access_token"]
        .as_str()
        .expect("the password opens the platform");
    client.at(base, token)
}

/// A member whose id is returned.
async fn hire(client: &Client) -> String {
    let grace = json!({
        "email": "grace@example.com", "name": "Grace Hopper", "role": "viewer",
        "password": "correct horse battery staple",
    });
    let (status, member) = client.post("/api/v1/members", &grace).await;
    assert_eq!(status, 201, "{member}");
    let id = member["user_id"].as_str().unwrap().to_owned();
    assert_eq!(name_of(client, &id).await, "Grace Hopper");
    id
}

/// The name of a member as the platform shows it, once it does.
async fn name_of(client: &Client, id: &str) -> String {
    eventually("the member is listed", || async {
        let list = client.try_send(Method::GET, "/api/v1/members", None, None);
        let (_, list) = list.await.ok()?;
        let mut members = list["items"].as_array()?.iter();
        let member = members.find(|member| member["user_id"] == id)?;
        member["name"].as_str().map(str::to_owned)
    })
    .await
}

/// A sample of one time, and a record of now.
async fn send_telemetry(base: &str, key: &str) {
    let metrics = json!({ "metrics": [{ "name": "kept", "labels": {}, "value": 7.5 }] });
    let logs = json!({ "logs": [{ "service": "shop", "message": "kept as well" }] });
    for (signal, body) in [("metrics", metrics), ("logs", logs)] {
        let url = format!("{base}/api/v1/ingest/{signal}");
        let sent = http().post(url).bearer_auth(key).json(&body).send().await;
        let answer = sent.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }
}

/// The sample's value and the messages, once there are some.
async fn telemetry(client: &Client) -> [Value; 2] {
    eventually("telemetry is there", || async {
        let ask = |path| client.try_send(Method::GET, path, None, None);
        let (_, value) = ask("/prometheus/api/v1/query?query=last_over_time(kept%5B1h%5D)")
            .await
            .ok()?;
        let (_, logs) = ask("/api/v1/logs?service=shop").await.ok()?;
        let value = value["data"]["result"].get(0)?["value"][1].clone();
        let records = logs["items"].as_array().filter(|items| !items.is_empty())?;
        let messages = records
            .iter()
            .map(|record| record["body"].clone())
            .collect();
        Some([value, Value::Array(messages)])
    })
    .await
}
