//! `/api/v1/tenant/erasure`: the end of a tenant, and that nothing is left of it.

use std::time::Duration;

use axum::http::Method;
use eventlog::{NewRecord, Record, Visibility};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::tenant::{EraseTenant, TenantCommand};
use schemas::tenant_keys::{EndTenantKeys, TenantKeysCommand};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use testkit::eventually;

use crate::app::{App, PASSWORD, Person, app};
use crate::logs;
use crate::ws;

const TENANT: &str = "/api/v1/tenant";
const ERASURE: &str = "/api/v1/tenant/erasure";
const CALL_OFF: &str = "/api/v1/tenant/erasure/call-off";
const ME: &str = "/api/v1/auth/me";

fn scope_of(person: &Person) -> Scope {
    let tenant = TenantId(person.tenant.parse().unwrap());
    let project = ProjectId(person.project.parse().unwrap());
    Scope::granted(tenant, project, Actor::system("test"))
}

/// What a worker sends to an aggregate of the tenant that has its id.
async fn command<M: MessageSet>(app: &App, person: &Person, message: M) {
    let context = Context::ambient(&Clock::System);
    let (scope, kind) = (scope_of(person), message.kind());
    let subject = person.tenant.clone();
    let mut envelope = Envelope::of(&scope, context.id(), kind, "/test", subject);
    envelope.time = context.now();
    let record = NewRecord::of(Topic::IdentityCommands, &envelope, &message).unwrap();
    app.log.append(vec![record]).await.unwrap();
}

async fn asked(app: &App, person: &Person, name: &str) -> crate::app::Answer {
    app.post(ERASURE, &person.token, json!({"name": name}))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_asks_by_name_and_with_a_proof_everybody_sees_it_and_another_calls_it_off() {
    let app = app!();
    let ada = app.register("Ada").await;
    let max = app.colleague(&ada, "Max", "admin").await;
    let vera = app.colleague(&ada, "Vera", "viewer").await;
    let olga = app.colleague(&ada, "Olga", "owner").await;
    for lower in [&max, &vera] {
        let refused = asked(&app, lower, "Ada Ltd").await;
        assert_eq!(refused.with(403)["rule"], "forbidden");
        let refused = app.post(CALL_OFF, &lower.token, json!({})).await;
        assert_eq!(refused.with(403)["rule"], "forbidden");
    }
    let wrong = asked(&app, &ada, "ada ltd").await;
    assert_eq!(wrong.with(422)["rule"], "other_name");
    let nothing = app.post(CALL_OFF, &ada.token, json!({})).await;
    assert_eq!(nothing.with(409)["rule"], "no_erasure");

    let due = asked(&app, &ada, "Ada Ltd").await.with(200)["erasure"]["due_at"].clone();
    let again = asked(&app, &olga, "Ada Ltd").await;
    assert_eq!(again.with(409)["rule"], "erasure_asked");
    let seen = app.get(TENANT, Some(&vera.token)).await.with(200);
    assert_eq!(seen["erasure"]["due_at"], due);
    assert_eq!(seen["erasure"]["asked_by"]["name"], "Ada Owner");
    let days = |text: &Value| Timestamp::parse(text.as_str().unwrap()).unwrap();
    let grace = days(&due).millis_since(days(&seen["erasure"]["asked_at"]));
    assert!(
        (604_799_000..=604_801_000).contains(&grace),
        "{grace} ms are 7 days"
    );
    // Everything goes on.
    app.incident(&max, "Disk").await;
    app.login(&vera.email).await;

    let body = json!({"reason": "we stay"});
    let off = app.post(CALL_OFF, &olga.token, body).await.with(200);
    assert_eq!(off["erasure"], Value::Null);
    let audit = eventually("both are audited", || async {
        let list = app.get("/api/v1/audit?limit=100", Some(&ada.token)).await;
        let entries = list.with(200)["items"].as_array().unwrap().clone();
        let of = |action: &str| {
            let done = |entry: &&Value| entry["action"] == action && entry["rule"].is_null();
            entries.iter().find(done).cloned()
        };
        Some((of("AskTenantErasure")?, of("CallOffTenantErasure")?))
    })
    .await;
    assert!(
        audit.0.to_string().contains("erasure.due_at"),
        "{}",
        audit.0
    );
    assert!(audit.1.to_string().contains("we stay"), "{}", audit.1);
    // What was called off is not carried out.
    let due_at = days(&due);
    command(&app, &ada, TenantCommand::from(EraseTenant { due_at })).await;
    app.incident(&ada, "Work goes on").await;
    app.get(ME, Some(&ada.token)).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_an_old_proof_nor_a_key_asks() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let key = json!({"name": "root", "scopes": ["admin"]});
    let key = app
        .post("/api/v1/api-keys", &ada.token, key)
        .await
        .with(201);
    let key = key["key"].as_str().unwrap().to_owned();
    eventually("the key works", || async {
        let answer = app.get(TENANT, Some(&key)).await;
        (answer.status.as_u16() == 200).then_some(())
    })
    .await;
    for path in [ERASURE, CALL_OFF] {
        app.post(path, &key, json!({"name": "Ada Ltd"}))
            .await
            .with(403);
    }
    clock.advance_millis(15 * 60_000 + 1);
    let ada = app.refreshed(&ada).await;
    let refused = asked(&app, &ada, "Ada Ltd").await;
    assert_eq!(refused.with(403)["rule"], "proof_needed");
    app.post(
        "/api/v1/auth/prove",
        &ada.token,
        json!({"password": PASSWORD}),
    )
    .await
    .with(204);
    asked(&app, &ada, "Ada Ltd").await.with(200);
}

/// Rows of the tenant in every table that names one, by table.
async fn rows_of(app: &App, tenant: &str) -> Vec<(String, i64)> {
    let db = app.gateway.db.writer();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> 'erased_tenants' ORDER BY 1",
    )
    .fetch_all(db)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = $1::uuid");
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(tenant)
            .fetch_one(db)
            .await
            .unwrap();
        if rows > 0 {
            found.push((table, rows));
        }
    }
    let history = "SELECT count(*) FROM history.events
        WHERE position(convert_to($1, 'UTF8') IN headers) > 0";
    let rows: i64 = sqlx::query_scalar(history)
        .bind(tenant)
        .fetch_one(db)
        .await
        .unwrap();
    if rows > 0 {
        found.push(("history.events".to_owned(), rows));
    }
    found
}

/// A body of logs as the tenant sent it; the log has it still.
async fn telemetry_of(app: &App, tenant: &str) -> Record {
    let topic = Topic::TelemetryLogs;
    for partition in 0..topic.partitions() {
        let range = app.log.range(topic, partition, Visibility::Durable);
        let from = range.await.unwrap().start;
        let read = app
            .log
            .read(topic, partition, from, 1 << 20, Visibility::Durable);
        let records = read.await.unwrap().records;
        let of = |record: &Record| record.headers.text("ce_tenant") == Some(tenant);
        if let Some(found) = records.into_iter().find(of) {
            return found;
        }
    }
    panic!("nothing was sent");
}

async fn subjects(app: &App) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM vault.subject_keys")
        .fetch_one(app.gateway.db.writer())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_tenant_is_nowhere_and_the_other_is_whole() {
    let Some(app) = App::with(|c| c.tenant_erasure_grace = Duration::ZERO, Clock::System).await
    else {
        return;
    };
    let (eve, ada) = (app.register("Eve").await, app.register("Ada").await);
    app.incident(&eve, "Disk of Eve").await;
    app.incident(&ada, "Disk of Ada").await;
    let carl = app.colleague(&ada, "Carl", "engineer").await;
    // Carl has his account here and is a guest at Eve's; an address is asked in.
    let invite = json!({"email": carl.email, "role": "engineer"});
    let invite = app
        .post("/api/v1/invitations", &eve.token, invite)
        .await
        .with(201);
    let link = invite["link"]
        .as_str()
        .unwrap()
        .split_once('#')
        .unwrap()
        .1
        .to_owned();
    app.post(
        "/api/v1/auth/accept-invitation",
        &carl.token,
        json!({"token": link}),
    )
    .await
    .with(200);
    let open = json!({"email": "somebody@example.com", "role": "viewer"});
    app.post("/api/v1/invitations", &ada.token, open)
        .await
        .with(201);
    let agent = logs::ingest_key(&app, &ada).await;
    logs::send(&app, &agent, json!([{"message": "of Ada"}])).await;
    let other = logs::ingest_key(&app, &eve).await;
    logs::send(&app, &other, json!([{"message": "of Eve"}])).await;
    eventually("telemetry is stored", || async {
        let found = rows_of(&app, &ada.tenant).await;
        found
            .iter()
            .any(|(table, _)| table == "telemetry.logs_l0")
            .then_some(())
    })
    .await;
    let port = ws::serve(&app).await;
    let mut socket = ws::join(port, &ada, "").await;
    ws::next(&mut socket).await;
    let whole = async || {
        let incidents = app.get("/api/v1/incidents", Some(&eve.token)).await;
        let logs = app.get("/api/v1/logs", Some(&eve.token)).await;
        (incidents.text, logs.with(200)["items"].to_string())
    };
    let of_eve = eventually("Eve's are shown", || async {
        let shown = whole().await;
        shown.1.contains("of Eve").then_some(shown)
    })
    .await;

    let due = asked(&app, &ada, "Ada Ltd").await.with(200);
    let due_at = Timestamp::parse(due["erasure"]["due_at"].as_str().unwrap()).unwrap();
    command(&app, &ada, TenantCommand::from(EraseTenant { due_at })).await;
    command(
        &app,
        &ada,
        TenantKeysCommand::from(EndTenantKeys { reason: None }),
    )
    .await;
    eventually("the session is over", || async {
        let answer = app.get(ME, Some(&ada.token)).await;
        (answer.status.as_u16() == 401).then_some(())
    })
    .await;
    assert_eq!(ws::close_code(&mut socket).await, 4401);
    eventually("the agent is refused", || async {
        let body = json!({"logs": []});
        let path = "/api/v1/ingest/logs";
        let answer = app
            .send(Method::POST, path, Some(&agent), Some(&body), &[])
            .await;
        (answer.status.as_u16() == 401).then_some(())
    })
    .await;
    eventually("nothing is left", || async {
        rows_of(&app, &ada.tenant).await.is_empty().then_some(())
    })
    .await;
    // Eve's, and Carl's as her guest.
    assert_eq!(subjects(&app).await, 2);
    let refresh = json!({"refresh_token": ada.refresh});
    app.ask("/api/v1/auth/refresh", refresh).await.with(401);
    let login = json!({"email": ada.email, "password": PASSWORD});
    app.ask("/api/v1/auth/login", login).await.with(401);

    // Whoever belongs elsewhere too goes on there; an address is free again.
    assert_eq!(app.login(&carl.email).await.tenant, eve.tenant);
    assert_eq!(whole().await, of_eve);
    let body =
        json!({"email": ada.email, "password": PASSWORD, "name": "Ada", "tenant_name": "Anew"});
    app.ask("/api/v1/auth/register", body).await.with(201);

    // What comes late is taken by no fold.
    let sent = telemetry_of(&app, &ada.tenant).await;
    let again = NewRecord {
        topic: Topic::TelemetryLogs,
        partition: None,
        key: sent.key,
        headers: sent.headers,
        body: sent.body,
    };
    let at = app.log.append(vec![again]).await.unwrap();
    let db = &app.gateway.db;
    let taken = projections::checkpoints::wait_until(db, "logs", &at, Duration::from_secs(20));
    assert!(taken.await.unwrap());
    assert_eq!(rows_of(&app, &ada.tenant).await, []);
}
