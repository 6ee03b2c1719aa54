//! Secrets and addresses of people are found in no segment, backup, dump or
//! output of the process, however they were used.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::http;
use crate::database::Database;
use crate::notification::firing;
use crate::platform::Platform;
use crate::tools::tool;

const PASSWORD: &str = "canary-password-0b5e8c";
const CLIENT_SECRET: &str = "canary-client-secret-0b5e8c";
const EMAIL: &str = "canary-0b5e8c@example.com";

/// Files below `folder` that contain `needle`.
pub(crate) fn holding(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, needle)) {
            found.push(path.display().to_string());
        }
    }
    found
}

pub(crate) fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn canaries_are_found_nowhere() {
    let Some(database) = Database::start("flows::secrets").await else {
        return;
    };
    let platform = Platform::start(Some(database.url().to_owned())).await;
    let url = |path: &str| format!("{}{path}", platform.base());
    let body =
        json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada", "tenant_name": "Canary" });
    let answer = http()
        .post(url("/api/v1/auth/register"))
        .json(&body)
        .send()
        .await
        .unwrap();
    let cookies: Vec<String> = answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| {
            cookie
                .to_str()
                .ok()?
                .split(';')
                .next()?
                .split('=')
                .nth(1)
                .map(str::to_owned)
        })
        .filter(|value| value.len() > 20)
        .collect();
    let session: Value = answer.json().await.unwrap();
    let token = session["access_token"].as_str().unwrap().to_owned();
    let made = http().post(url("/api/v1/api-keys")).bearer_auth(&token);
    let made = made.json(&json!({ "name": "canary", "scopes": ["ingest", "read"] }));
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let key = made["key"].as_str().unwrap().to_owned();
    let wrong = json!({ "email": EMAIL, "password": format!("{PASSWORD}x") });
    http()
        .post(url("/api/v1/auth/login"))
        .json(&wrong)
        .send()
        .await
        .unwrap();
    for path in ["/api/v1/members", "/api/v1/incidents"] {
        http()
            .request(Method::GET, url(path))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
    }
    // A provider with a secret of ours, and people on their way to it.
    let sign_on = json!({
        "issuer": format!("http://127.0.0.1:{}", testkit::free_port()), "client_id": "canary",
        "client_secret": CLIENT_SECRET, "group_roles": [{ "group": "ops", "role": "viewer" }],
    });
    let set = http()
        .put(url("/api/v1/single-sign-on"))
        .bearer_auth(&token);
    let set = set.json(&sign_on).send().await.unwrap();
    assert!(set.status().is_success(), "{set:?}");
    let start = format!(
        "/api/v1/auth/oidc/{}/start",
        session["tenant_id"].as_str().unwrap()
    );
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let sent = browser
        .build()
        .unwrap()
        .get(url(&start))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status().as_u16(), 303);
    let hook = http()
        .post(url("/api/v1/webhooks/alertmanager"))
        .header("X-API-Key", &key);
    hook.json(&firing("Disk", "disk-1")).send().await.unwrap();

    let copy = platform.folder().join("backup");
    let data = platform.folder().join("data");
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;
    let dump = database.dump().await;
    let mut canaries = vec![PASSWORD.to_owned(), EMAIL.to_owned(), token, key];
    canaries.push(CLIENT_SECRET.to_owned());
    canaries.extend(cookies);
    for canary in &canaries {
        let found = holding(platform.folder(), canary);
        assert!(found.is_empty(), "{canary} is in {found:?}");
        assert!(!contains(&dump, canary), "{canary} is in the database");
    }
    // The search itself must be able to find something.
    assert!(!holding(platform.folder(), "IncidentOpened").is_empty());
    assert!(contains(&dump, "Canary"));
}
