//! Of an erased tenant nothing is left: not in the database, not after everything is
//! folded anew, not after an older backup was restored. The other tenant is whole.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::client::{Client, http};
use crate::database::Database;
use crate::notification::firing;
use crate::platform::Platform;
use crate::secrets::contains;
use crate::tools::tool;

pub(crate) const GONE: &str = "canary-gone-7d1f";
pub(crate) const KEPT: &str = "canary-kept-7d1f";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A tenant with something of every kind, each with the canary in it.
pub(crate) struct Filled {
    pub(crate) client: Client,
    key: String,
    email: String,
}

pub(crate) async fn fill(base: String, canary: &str) -> Filled {
    let email = format!("{canary}@example.com");
    let client = Client::register_as(base, &email).await;
    let key = client.new_key(&["ingest"]).await;
    client.webhook(&key, &firing(canary, canary)).await.unwrap();
    client
        .incidents_until("an incident", |found| !found.is_empty())
        .await;
    let title = json!({ "title": format!("of {canary}"), "severity": "SEV2" });
    let (status, answer) = client.post("/api/v1/incidents", &title).await;
    assert_eq!(status, 201, "{answer}");
    let colleague = json!({
        "email": format!("colleague-{canary}@example.com"), "name": format!("Colleague {canary}"),
        "role": "viewer", "password": PASSWORD,
    });
    let (status, answer) = client.post("/api/v1/members", &colleague).await;
    assert_eq!(status, 201, "{answer}");
    let word = canary.replace('-', "_");
    let metrics =
        json!({ "metrics": [{ "name": word, "labels": { "of": canary }, "value": 7.5 }] });
    let logs = json!({ "logs": [{ "service": canary, "message": format!("said {canary}") }] });
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let span = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "name": canary, "kind": 2,
        "startTimeUnixNano": (now - 1_000_000).to_string(), "endTimeUnixNano": now.to_string(),
    });
    let service = json!([{ "key": "service.name", "value": { "stringValue": canary } }]);
    let spans = json!({ "resourceSpans": [{
        "resource": { "attributes": service }, "scopeSpans": [{ "spans": [span] }],
    }] });
    let json = [("content-type", "application/json")];
    for (path, body) in [
        ("/api/v1/ingest/metrics", metrics),
        ("/api/v1/ingest/logs", logs),
        ("/v1/traces", spans),
    ] {
        let body = body.to_string().into_bytes();
        client.ingest(&key, path, &json, body).await;
    }
    let filled = Filled { client, key, email };
    eventually("all of it is shown", || async {
        let shown = filled.shown(canary).await;
        let all = shown.iter().all(|one| one.to_string().contains(canary));
        all.then_some(())
    })
    .await;
    filled
}

impl Filled {
    /// What the tenant's own pages show of what it has sent and done.
    pub(crate) async fn shown(&self, canary: &str) -> Vec<Value> {
        let word = canary.replace('-', "_");
        let mut shown = Vec::new();
        for path in [
            "/api/v1/incidents".to_owned(),
            "/api/v1/alerts".to_owned(),
            "/api/v1/members".to_owned(),
            format!("/prometheus/api/v1/series?match[]={word}"),
            format!("/api/v1/logs?service={canary}"),
            format!("/api/v1/traces?service={canary}"),
        ] {
            let asked = self.client.try_send(Method::GET, &path, None, None);
            let mut answer = asked.await.map_or(Value::Null, |(_, answer)| answer);
            // What was read for it: a replay lays the same records in other segments.
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("scanned");
            }
            shown.push(answer);
        }
        shown
    }

    pub(crate) async fn session(&self, base: &str) -> (u16, Value) {
        let login = json!({ "email": self.email, "password": PASSWORD });
        let url = format!("{base}/api/v1/auth/login");
        let answer = http().post(url).json(&login).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn sends(&self, base: &str) -> u16 {
        let url = format!("{base}/api/v1/ingest/logs");
        let body = json!({ "logs": [{ "service": "late", "message": "late" }] });
        let sent = http().post(url).bearer_auth(&self.key).json(&body).send();
        sent.await.unwrap().status().as_u16()
    }
}

/// Names of the tables whose rows hold `canary`, read without compression.
pub(crate) async fn tables_with(url: &str, canary: &str) -> Vec<String> {
    use sqlx::{Connection, PgConnection};
    let mut rows = PgConnection::connect(url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname IN ('read', 'history', 'telemetry', 'vault') ORDER BY 1",
    )
    .fetch_all(&mut rows)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT FROM {table} t WHERE to_jsonb(t)::text LIKE $1)");
        let holds: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(format!("%{canary}%"))
            .fetch_one(&mut rows)
            .await
            .unwrap();
        if holds {
            found.push(table);
        }
    }
    found
}

/// Whether anything of the tenant is in the database: its words, or its id but for the
/// record that it was erased.
pub(crate) async fn left(database: &Database, tenant: &str) -> Vec<String> {
    let mut found = tables_with(database.url(), GONE).await;
    found.extend(tables_with(database.url(), &GONE.replace('-', "_")).await);
    let named = tables_with(database.url(), tenant).await;
    found.extend(
        named
            .into_iter()
            .filter(|name| name != "vault.erased_tenants"),
    );
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_brings_an_erased_tenant_back() {
    let mut databases = Vec::new();
    for _ in 0..3 {
        match Database::start("flows::tenant_erasure").await {
            Some(database) => databases.push(database),
            None => return,
        }
    }
    let [first, second, third] = &databases[..] else {
        unreachable!()
    };
    let grace = [("SRE_COPILOT_TENANT_ERASURE_GRACE", "1s")];
    let platform = Platform::start_on(Some(first.url().to_owned()), &grace).await;
    let gone = fill(platform.base(), GONE).await;
    let kept = fill(platform.base(), KEPT).await;
    let (data, copy) = (
        platform.folder().join("data"),
        platform.folder().join("backup"),
    );
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;
    let (_, session) = gone.session(&platform.base()).await;
    let tenant = session["tenant_id"].as_str().unwrap().to_owned();
    // The search finds what is there.
    assert!(left(first, &tenant).await.len() > 10);
    let whole = kept.shown(KEPT).await;

    let owner = gone
        .client
        .at(platform.base(), session["access_token"].as_str().unwrap());
    let (status, answer) = owner
        .post("/api/v1/tenant/erasure", &json!({ "name": "Example" }))
        .await;
    assert_eq!(status, 200, "{answer}");
    eventually("the agent is refused", || async {
        (gone.sends(&platform.base()).await == 401).then_some(())
    })
    .await;
    let seen = std::sync::Mutex::new(Vec::new());
    let waited = tokio::time::timeout(std::time::Duration::from_secs(45), async {
        eventually("nothing is left", || async {
            let found = left(first, &tenant).await;
            let none = found.is_empty();
            *seen.lock().unwrap() = found;
            none.then_some(())
        })
        .await;
    });
    assert!(waited.await.is_ok(), "left in {:?}", seen.lock().unwrap());
    assert!(!contains(&first.dump().await, GONE));
    assert_eq!(gone.session(&platform.base()).await.0, 401);
    assert_eq!(kept.shown(KEPT).await, whole);

    // Folded anew, the telemetry that the log still has included.
    tool(&data, &["replay", "--all"], &[]).await;
    for signal in ["metrics", "logs", "spans", "history"] {
        tool(&data, &["replay", signal], &[]).await;
    }
    assert_eq!(left(first, &tenant).await, Vec::<String>::new());
    assert_eq!(kept.shown(KEPT).await, whole);

    // From a backup that is older than the erasure, with the list of the erased.
    let mut restored = restore(&platform, second, Some("erased")).await;
    assert_eq!(left(second, &tenant).await, Vec::<String>::new());
    restored.begin().await;
    let there = kept.client.at(restored.base(), &kept.client.token);
    there
        .incidents_until("the other is back", |found| found.len() == 2)
        .await;
    eventually("the agent is refused there", || async {
        (gone.sends(&restored.base()).await == 401).then_some(())
    })
    .await;
    assert_eq!(gone.session(&restored.base()).await.0, 401);
    assert_eq!(left(second, &tenant).await, Vec::<String>::new());
    drop(restored);

    // Without the list, all of it would be there again.
    let mut unlisted = restore(&platform, third, None).await;
    unlisted.begin().await;
    eventually("the tenant is back", || async {
        (left(third, &tenant).await.len() > 10).then_some(())
    })
    .await;
    assert_eq!(gone.session(&unlisted.base()).await.0, 200);
}

/// The backup of `platform` in a folder and a database of its own, not started yet.
async fn restore(platform: &Platform, to: &Database, list: Option<&str>) -> Platform {
    let elsewhere = platform.elsewhere(to.url());
    let (from, data) = (
        platform.folder().join("data"),
        elsewhere.folder().join("data"),
    );
    std::fs::create_dir_all(data.join("keys")).unwrap();
    for file in ["keys/master.key"].into_iter().chain(list) {
        std::fs::copy(from.join(file), data.join(file)).unwrap();
    }
    let copy = platform.folder().join("backup");
    let variables = [("DATABASE_URL", to.url())];
    tool(&data, &["restore", copy.to_str().unwrap()], &variables).await;
    elsewhere
}
