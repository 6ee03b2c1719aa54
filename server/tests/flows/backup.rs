//! A backup restored into an empty folder is the same platform.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use futures::TryStreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use projections::{DbConfig, migrate};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testkit::eventually;

use crate::client::{Client, http};
use crate::database::Database;
use crate::notification::firing;
use crate::platform::Platform;
use crate::tenant_erasure::{PASSWORD, tables_with};
use crate::tools::{refusal, tool};

/// What accounts are made with.
const INITIAL: &str = "a first word of somebody else";

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
    let grace = hire(&client, &platform.base(), "Grace").await;
    let linus = hire(&client, &platform.base(), "Linus").await;
    client
        .webhook(&key, &firing("Disk", "disk-1"))
        .await
        .unwrap();
    let incident = client.whole_incidents(1).await[0].clone();
    let incident = format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap());
    comment(&client, platform.base(), &grace, &incident).await;
    assert_eq!(who_said_it(&client, &incident).await, "Grace");
    send_telemetry(&platform.base(), &key).await;
    let told = telemetry(&client).await;
    let (data, copy) = (
        platform.folder().join("data"),
        platform.folder().join("backup"),
    );
    // So that there is something in every level.
    tool(&data, &["compact"], &[]).await;
    assert_eq!(telemetry(&client).await, told);
    let before = client.whole_incidents(1).await;
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
    let said = change_manifest(&copy, |manifest| manifest["schema"] = json!(99_990_000));
    let newer = refusal(&restored, &restore, &variables).await;
    assert!(
        newer.contains("newer version") && !restored.join("log").exists(),
        "{newer}"
    );
    std::fs::write(copy.join("manifest.json"), said).unwrap();
    // With a key that does not open it nothing stays, so that the right one may come.
    put_key(&data, &restored);
    std::fs::write(restored.join("keys/master.key"), [7; 32]).unwrap();
    let said = refusal(&restored, &restore, &variables).await;
    assert!(
        said.contains("nothing was restored") && !restored.join("log").exists(),
        "{said}"
    );
    assert!(
        !migrate::is_used(&DbConfig::new(second.url()))
            .await
            .unwrap()
    );
    put_key(&data, &restored);
    // After the backup, which still holds her account and the key that opens her name.
    let owner = log_in(&client, platform.base()).await;
    let path = format!("/api/v1/members/{}/erase", grace.id);
    let (status, answer) = owner.post(&path, &json!({})).await;
    assert_eq!(status, 204, "{answer}");
    assert_eq!(session(&platform.base(), &grace.email).await.0, 401);
    std::fs::copy(data.join("erased"), restored.join("erased")).unwrap();
    tool(&restored, &restore, &variables).await;
    elsewhere.begin().await;
    // The vault of a platform goes for nobody's backup.
    let third = elsewhere.folder().join("third");
    put_key(&data, &third);
    let said = refusal(&third, &restore, &variables).await;
    assert!(
        said.contains("used by a platform") && !third.join("log").exists(),
        "{said}"
    );

    // The password is in the vault, the incident in the log.
    let there = log_in(&client, elsewhere.base()).await;
    let after = there.whole_incidents(1).await;
    assert_eq!(after, before);
    assert_eq!(telemetry(&there).await, told);
    assert_eq!(who_said_it(&there, &incident).await, "erased");
    is_erased(&there, elsewhere.base(), &grace, &second).await;
    let (status, linus) = session(&elsewhere.base(), &linus.email).await;
    assert_eq!(status, 200, "{linus}");
    let linus = client.at(elsewhere.base(), linus["access_token"].as_str().unwrap());
    assert_eq!(linus.get("/api/v1/auth/me").await["role"], "engineer");
    // What comes now does not meet what was restored.
    send_telemetry(&elsewhere.base(), &key).await;
    eventually("what is sent now is there too", || async {
        (telemetry(&there).await[1].as_array()?.len() == 2).then_some(())
    })
    .await;
    let body = json!({});
    let path = format!("{incident}/acknowledge");
    let (status, answer) = there.post(&path, &body).await;
    assert_eq!(status, 200, "work goes on: {answer}");
}

/// Since then tables have got columns, and there are more of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_an_older_version_is_restored() {
    let Some(first) = Database::start("flows::backup").await else {
        return;
    };
    let Some(second) = Database::start("flows::backup").await else {
        return;
    };
    let platform = Platform::start(Some(first.url().to_owned())).await;
    let client = platform.register().await;
    let (data, copy) = (
        platform.folder().join("data"),
        platform.folder().join("backup"),
    );
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;
    make_older(&copy, first.url(), 69).await;

    let mut elsewhere = platform.elsewhere(second.url());
    let restored = elsewhere.folder().join("data");
    put_key(&data, &restored);
    let variables = [("DATABASE_URL", second.url())];
    let restore = ["restore", copy.to_str().unwrap()];
    // The control: its rows do not fit the tables of today.
    let versioned = change_manifest(&copy, |manifest| manifest["schema"] = Value::Null);
    let said = refusal(&restored, &restore, &variables).await;
    assert!(
        said.contains("does not say of which version") && !restored.join("log").exists(),
        "{said}"
    );
    std::fs::write(copy.join("manifest.json"), versioned).unwrap();
    tool(&restored, &restore, &variables).await;
    elsewhere.begin().await;
    log_in(&client, elsewhere.base()).await;
}

/// Half of a backup would be in the way of the next try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_stopped_takes_back_what_it_has_done() {
    let Some(first) = Database::start("flows::backup").await else {
        return;
    };
    let Some(second) = Database::start("flows::backup").await else {
        return;
    };
    let platform = Platform::start(Some(first.url().to_owned())).await;
    let (data, copy) = (
        platform.folder().join("data"),
        platform.folder().join("backup"),
    );
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;
    // A table whose rows do not end as long as this is open.
    let rows = copy.join("vault.canary.copy");
    std::fs::remove_file(&rows).unwrap();
    let made = Command::new("mkfifo").arg(&rows).status().unwrap();
    assert!(made.success());
    let endless = File::options().read(true).write(true).open(&rows);
    let endless = endless.unwrap();

    let restored = platform.folder().join("restored");
    put_key(&data, &restored);
    let process = Command::new(env!("CARGO_BIN_EXE_sre-copilot"))
        .args(["restore", copy.to_str().unwrap()])
        .env_remove("KAFKA_BROKERS")
        .env("SRE_COPILOT_DATA_DIR", &restored)
        .env("DATABASE_URL", second.url())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let config = DbConfig::new(second.url());
    eventually("its tables are made and it fills them", || async {
        let mut rows = PgConnection::connect(second.url()).await.ok()?;
        let version = migrate::version(&mut rows).await.ok()?;
        (version == migrate::newest()).then_some(())
    })
    .await;
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    eventually("it takes back what it has done", || async {
        let used = migrate::is_used(&config).await.ok()?;
        (!used).then_some(())
    })
    .await;
    drop(endless);
    let ended = tokio::task::spawn_blocking(move || process.wait_with_output());
    let ended = ended.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("nothing was restored: stopped by SIGTERM"),
        "{said}"
    );
    assert_eq!(ended.status.code(), Some(1));
    assert!(!restored.join("log").exists());
}

/// Makes a backup of the database at `url` one with the tables of an older version.
async fn make_older(copy: &Path, url: &str, version: i64) {
    let then = testkit::postgres().await.expect("there is Postgres");
    let shape = DbConfig::new(&then.url);
    migrate::migrate_to(&shape, version).await.unwrap();
    let mut then = PgConnection::connect(&then.url).await.unwrap();
    let mut now = PgConnection::connect(url).await.unwrap();
    let text = std::fs::read(copy.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    let mut tables = Vec::new();
    for table in manifest["tables"].as_array().unwrap() {
        let table = table.as_str().unwrap();
        let columns: Option<String> = sqlx::query_scalar(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        )
        .bind(table)
        .fetch_one(&mut then)
        .await
        .unwrap();
        let file = copy.join(format!("{table}.copy"));
        let Some(columns) = columns else {
            std::fs::remove_file(file).unwrap();
            continue;
        };
        let rows = format!("COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)");
        let chunks = now.copy_out_raw(&rows).await.unwrap();
        let chunks: Vec<_> = chunks.try_collect().await.unwrap();
        let bytes: Vec<u8> = chunks.concat();
        std::fs::write(file, bytes).unwrap();
        tables.push(table);
    }
    assert!(tables.len() < manifest["tables"].as_array().unwrap().len());
    change_manifest(copy, |manifest| {
        manifest["schema"] = json!(version);
        manifest["tables"] = json!(tables);
    });
}

/// Returns what the manifest was.
fn change_manifest(copy: &Path, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let file = copy.join("manifest.json");
    let before = std::fs::read(&file).unwrap();
    let mut manifest: Value = serde_json::from_slice(&before).unwrap();
    change(&mut manifest);
    std::fs::write(file, manifest.to_string()).unwrap();
    before
}

/// What opens the backup of the platform in `from`.
fn put_key(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("keys")).unwrap();
    std::fs::copy(from.join("keys/master.key"), to.join("keys/master.key")).unwrap();
}

/// The owner, by the password.
async fn log_in(client: &Client, base: String) -> Client {
    let (_, session) = session(&base, "ada@example.com").await;
    let token = session["access_token"]
        .as_str()
        .expect("the password opens the platform");
    client.at(base, token)
}

struct Hired {
    id: String,
    email: String,
}

/// An engineer with a password of their own.
async fn hire(client: &Client, base: &str, name: &str) -> Hired {
    let email = format!("{}@example.com", name.to_lowercase());
    let member = json!({
        "email": email, "name": name, "role": "engineer", "password": INITIAL,
    });
    let (status, member) = client.post("/api/v1/members", &member).await;
    assert_eq!(status, 201, "{member}");
    let own = json!({ "email": email, "password": INITIAL, "new_password": PASSWORD });
    let url = format!("{base}/api/v1/auth/initial-password");
    let answer = http().post(url).json(&own).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let id = member["user_id"].as_str().unwrap().to_owned();
    Hired { id, email }
}

/// Tries to log in: the status, and what came with it.
async fn session(base: &str, email: &str) -> (u16, Value) {
    let login = json!({ "email": email, "password": PASSWORD });
    let url = format!("{base}/api/v1/auth/login");
    let answer = http().post(url).json(&login).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn comment(client: &Client, base: String, hired: &Hired, incident: &str) {
    let (status, session) = session(&base, &hired.email).await;
    assert_eq!(status, 200, "{session}");
    let own = client.at(base, session["access_token"].as_str().unwrap());
    let body = json!({ "body": "I look at it" });
    let (status, said) = own.post(&format!("{incident}/comments"), &body).await;
    assert_eq!(status, 201, "{said}");
}

/// Whose comment it is, as the platform shows it, once it does.
async fn who_said_it(client: &Client, incident: &str) -> Value {
    eventually("the comment is there", || async {
        let entries = client.list(&format!("{incident}/timeline")).await;
        let said = entries.into_iter().find(|entry| entry["kind"] == "comment");
        said.map(|entry| entry["actor"]["name"].clone())
    })
    .await
}

/// Who was erased after the backup does not come in, and is nobody soon.
async fn is_erased(client: &Client, base: String, hired: &Hired, database: &Database) {
    assert_eq!(session(&base, &hired.email).await.0, 401);
    eventually("only the others are members", || async {
        let members = client.list("/api/v1/members").await;
        let names = members.iter().map(|member| member["name"].as_str());
        let names: Option<Vec<_>> = names.collect();
        (names? == ["Ada", "Linus"]).then_some(())
    })
    .await;
    eventually("the vault has forgotten the account", || async {
        let tables = tables_with(database.url(), &hired.id).await;
        let account = ["vault.logins", "vault.subject_keys", "vault.totp"];
        let left = account
            .iter()
            .any(|name| tables.contains(&(*name).to_owned()));
        (!left).then_some(())
    })
    .await;
    assert_eq!(session(&base, &hired.email).await.0, 401);
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
