//! Everything that the gateway keeps sealed survives an exchange of the master key, and
//! nothing of it is left under the old one.

use std::sync::Arc;

use axum::http::Method;
use parking_lot::Mutex;
use projections::vault::rotation::{KeyFile, Rotation};
use projections::vault::{MasterKey, Place};
use schemas::context::Context;
use schemas::ids::TenantId;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Person};
use crate::second_factor::{app_code, clock, enable, login};

struct File(Mutex<[u8; 32]>);

impl KeyFile for File {
    fn starting(&self) -> Option<[u8; 32]> {
        Some(*self.0.lock())
    }

    fn keep(&self, key: &[u8; 32]) {
        *self.0.lock() = *key;
    }
}

/// Rows by table that do not begin with the mark of `key`.
async fn left(app: &App, key: [u8; 8]) -> Vec<(String, i64, i64)> {
    let mark = [&[2], key.as_slice()].concat();
    let mut found = Vec::new();
    for (table, column) in [
        ("canary", "wrapped"),
        ("derivation", "wrapped"),
        ("subject_keys", "wrapped"),
        ("signing_keys", "wrapped"),
        ("refresh_tokens", "successor_wrapped"),
        ("ws_tickets", "wrapped"),
        ("totp", "wrapped"),
        ("sign_on_secrets", "wrapped"),
        ("sign_on_attempts", "wrapped"),
        ("sign_on_sessions", "wrapped"),
        ("credentials", "wrapped"),
        ("mails", "wrapped"),
    ] {
        let sql = format!(
            "SELECT count({column}), count(*) FILTER (WHERE substring({column} FROM 1 FOR 9) <> $1)
             FROM vault.{table}"
        );
        let (all, others): (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(&mark)
            .fetch_one(app.gateway.db.writer())
            .await
            .unwrap();
        found.push((table.to_owned(), all, others));
    }
    found
}

/// What single sign-on keeps, without a provider, and a letter that nobody asks for: table, how it is stored, its row's name.
const LYING: [(&str, &str, &str); 4] = [
    (
        "sign_on_secrets",
        "(id, tenant_id, wrapped, created_at) VALUES ($1::uuid, $2, $3, now())",
        "01981f00-0000-7000-8000-000000000001",
    ),
    (
        "sign_on_attempts",
        "(state, tenant_id, browser, wrapped, return_to, fresh, created_at, expires_at)
         VALUES (decode($1, 'hex'), $2, '', $3, '/', false, now(), now() + interval '1 day')",
        "ab01",
    ),
    (
        "sign_on_sessions",
        "(id, tenant_id, user_id, issuer, client_id, subject, wrapped, checked_at)
         VALUES ($1::uuid, $2, $2, '', '', '', $3, now() + interval '1 day')",
        "01981f00-0000-7000-8000-000000000002",
    ),
    (
        "mails",
        "(id, tenant_id, owner_id, wrapped, due_at, created_at)
         VALUES ($1::uuid, $2, $2, $3, now(), now())",
        "01981f00-0000-7000-8000-000000000003",
    ),
];

fn place(tenant: TenantId, table: &'static str, row: &'static str) -> Place<'static> {
    Place {
        tenant: Some(tenant),
        table,
        row,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_factors_tickets_and_credentials_survive_another_master_key() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let (db, master) = (&app.gateway.db, &app.gateway.master);
    projections::vault::Vault::open(db, master.clone())
        .await
        .ok();
    let ada = app.register("Ada").await;
    // A rotated token remembers its successor.
    let ada = Person {
        email: ada.email.clone(),
        ..app.refreshed(&ada).await
    };
    let (secret, _) = enable(&app, &ada, &clock).await;
    app.send(
        Method::POST,
        "/api/v1/auth/ws-ticket",
        Some(&ada.token),
        None,
        &[],
    )
    .await;
    let body = json!({
        "name": "a", "kind": "loki", "url": "http://a:1",
        "credential": {"kind": "bearer", "token": "t"},
    });
    app.post("/api/v1/monitoring-integrations", &ada.token, body)
        .await
        .with(201);
    let invitation = json!({"email": "grace@example.com", "role": "viewer"});
    let invited = app
        .post("/api/v1/invitations", &ada.token, invitation)
        .await
        .with(201);

    let tenant = TenantId(ada.tenant.parse().unwrap());
    for (table, values, row) in LYING {
        let wrapped = master
            .wrap(place(tenant, table, row), row.as_bytes())
            .unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO vault.{table} {values}"
        )))
        .bind(row)
        .bind(tenant.0)
        .bind(wrapped)
        .execute(db.writer())
        .await
        .unwrap();
    }

    let before = master.id();
    let file = Arc::new(File(Mutex::new([0; 32])));
    let rotation = Rotation::new(db, master, file, Context::ambient(&clock).id(), "gateway");
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (rotation, stop) = (rotation.clone(), stop.clone());
        async move { rotation.run(stop).await }
    });
    let next = [9; 32];
    rotation.begin(next, clock.now()).await.unwrap();
    testkit::eventually("the exchange ends", || async {
        rotation.status().await.unwrap().is_none().then_some(())
    })
    .await;
    stop.cancel();
    running.await.unwrap();

    let after = MasterKey::from_bytes(next).id();
    assert_ne!(before, after);
    assert_eq!(master.id(), after, "the gateway wraps with the new one");
    for (table, all, others) in left(&app, after).await {
        // The canary is planted by the server, before there is anybody.
        assert!(
            all > 0 || table == "canary",
            "the test puts nothing into {table}"
        );
        assert_eq!(others, 0, "{table}");
    }
    for (table, _, row) in LYING {
        let sql = format!("SELECT wrapped FROM vault.{table} WHERE tenant_id = $1");
        let wrapped: Vec<u8> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(tenant.0)
            .fetch_one(db.writer())
            .await
            .unwrap();
        let opened = master.unwrap(place(tenant, table, row), &wrapped).unwrap();
        assert_eq!(opened.as_slice(), row.as_bytes(), "{table}");
    }
    // Addresses are found, codes and sessions count, the link still opens.
    clock.advance_millis(60_000);
    let code = app_code(&secret, clock.now());
    login(&app, &ada, Some(&code)).await.with(200);
    app.refreshed(&ada).await;
    app.gateway
        .tokens
        .load(db, master, clock.now())
        .await
        .unwrap();
    app.get("/api/v1/members", Some(&ada.token)).await.with(200);
    let link = invited["link"].as_str().unwrap();
    let token = link.split_once('#').unwrap().1;
    let seen = app
        .ask("/api/v1/auth/invitation", json!({"token": token}))
        .await;
    assert_eq!(seen.with(200)["email"], "grace@example.com");
}
