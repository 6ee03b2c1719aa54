//! `/api/v1/audit`: every operation once, with what it changed; reads and tries too; and
//! a chain that shows where it was changed.

use access::seal;
use axum::http::Method;
use schemas::audit::chain::{Broken, Verified, Verifier};
use schemas::context::{Clock, Context};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::app::{App, PASSWORD, Person, app, unique_email};

/// How many operations the count is proven with.
fn operations() -> usize {
    match std::env::var_os("SRE_COPILOT_PROVE") {
        Some(_) => 2_000,
        None => 200,
    }
}

/// Entries of a filter, all pages.
pub(crate) async fn entries(app: &App, person: &Person, filter: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/audit?limit=200&{filter}&cursor={cursor}");
        let page = app.get(&path, Some(&person.token)).await.with(200);
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return found,
        }
    }
}

pub(crate) async fn entries_become(
    app: &App,
    person: &Person,
    filter: &str,
    count: usize,
) -> Vec<Value> {
    testkit::eventually(&format!("{count} audit entries of {filter}"), || async {
        let found = entries(app, person, filter).await;
        (found.len() >= count).then_some(found)
    })
    .await
}

async fn export(app: &App, person: &Person, query: &str) -> String {
    let path = format!("/api/v1/audit/export{query}");
    let file = app.get(&path, Some(&person.token)).await;
    assert_eq!(file.status.as_u16(), 200, "{file:?}");
    file.text
}

fn verify(file: &str) -> Result<Verified, Broken> {
    let mut verifier = Verifier::new(seal::verify);
    for line in file.lines() {
        verifier.take(line)?;
    }
    verifier.finish()
}

/// One step of many, each with a request id of its own; whether it is accepted.
async fn operate(app: &App, person: &Person, incident: &str, n: usize) -> (Uuid, bool) {
    let request = Context::ambient(&Clock::System).id();
    let headers = [("x-request-id", request.to_string())];
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, id)| (*name, id.as_str()))
        .collect();
    let (method, path, body, status) = match n % 4 {
        0 => ("PUT", "title", json!({"title": format!("Title {n}")}), 200),
        1 => {
            let severity = ["SEV1", "SEV3"][n / 4 % 2];
            ("PUT", "severity", json!({"severity": severity}), 200)
        }
        2 => (
            "POST",
            "comments",
            json!({"body": format!("Comment {n}")}),
            201,
        ),
        // An incident that was never resolved has nothing to learn from.
        _ => ("POST", "learn", json!({}), 409),
    };
    let path = format!("/api/v1/incidents/{incident}/{path}");
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let answer = app
        .send(method, &path, Some(&person.token), Some(&body), &headers)
        .await;
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    (request, status != 409)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_told_exactly_once_with_what_it_changed() {
    let app = app!();
    let ada = app.register("Ada").await;
    let incident = app.incident(&ada, "Title").await;
    let count = operations();
    let mut asked = Vec::new();
    for n in 0..count {
        asked.push(operate(&app, &ada, &incident, n).await);
    }
    // Declaring it came before.
    let filter = "kind=change&target_type=incident";
    let found = entries_become(&app, &ada, filter, count + 1).await;
    assert_eq!(found.len(), count + 1, "one entry an operation");
    for (request, accepted) in &asked {
        let id = request.to_string();
        let own: Vec<_> = found
            .iter()
            .filter(|e| e["request_id"] == id.as_str())
            .collect();
        let [entry] = own[..] else {
            panic!("{} entries of request {id}", own.len());
        };
        assert_eq!(entry["actor"]["id"], ada.user.as_str());
        assert_eq!(entry["target"], json!({"type": "incident", "id": incident}));
        assert_eq!(
            entry["result"],
            if *accepted { "accepted" } else { "refused" }
        );
        for side in ["before", "after"] {
            assert_eq!(entry[side].is_object(), *accepted, "{side}: {entry}");
        }
    }
    let file = export(&app, &ada, "").await;
    let verified = verify(&file).unwrap();
    assert_eq!(verified.sealed, verified.last);
    assert!(verified.signed && verified.is_proven(), "{verified:?}");
    eprintln!(
        "PROOF every_operation_is_told_exactly_once: {count} operations by API, {} entries, each with actor, request id and what it changed",
        found.len() - 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_shows_both_sides_and_no_secret_or_address() {
    let app = app!();
    let ada = app.register("Ada").await;
    let incident = app.incident(&ada, "Old").await;
    let path = format!("/api/v1/incidents/{incident}/title");
    let title = json!({"title": "New"});
    app.send(Method::PUT, &path, Some(&ada.token), Some(&title), &[])
        .await
        .with(200);
    let email = unique_email("hidden");
    let body =
        json!({"email": email, "name": "Hidden Name", "password": PASSWORD, "role": "viewer"});
    let bob = app
        .post("/api/v1/members", &ada.token, body)
        .await
        .with(201);
    let bob = bob["user_id"].as_str().unwrap().to_owned();
    let key = app
        .post(
            "/api/v1/api-keys",
            &ada.token,
            json!({"name": "ci", "scopes": ["read"]}),
        )
        .await
        .with(201);
    let text = key["key"].as_str().unwrap();
    let found = entries_become(&app, &ada, "kind=change&result=accepted", 6).await;
    let of = |action: &str| {
        found
            .iter()
            .find(|entry| entry["action"] == action)
            .unwrap()
    };
    let renamed = of("ChangeIncidentTitle");
    assert_eq!(renamed["before"], json!({"title": "Old"}));
    assert_eq!(renamed["after"], json!({"title": "New"}));
    let added = of("AddMember");
    assert_eq!(added["target"], json!({"type": "member", "id": bob}));
    let role = format!("members.{bob}.role");
    let until = format!("members.{bob}.initial_password_until");
    assert_eq!(added["after"][&role], "viewer");
    assert!(added["after"][&until].is_string(), "{added}");
    let created = of("CreateApiKey");
    assert_eq!(created["before"], Value::Null);
    assert_eq!(created["after"]["scopes"], json!(["read"]));
    let file = export(&app, &ada, "").await;
    let hash = hex::encode(access::api_key::hash(text));
    for secret in [PASSWORD, email.as_str(), "Hidden Name", text, hash.as_str()] {
        assert!(!file.contains(secret), "`{secret}` is in the audit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_sensitive_data_and_tries_without_leave_are_told() {
    let app = app!();
    let ada = app.register("Ada").await;
    let eve = app.colleague(&ada, "Eve", "viewer").await;
    app.get("/api/v1/members", Some(&ada.token)).await.with(200);
    let tried = app.post(
        "/api/v1/incidents",
        &eve.token,
        json!({"title": "x", "severity": "SEV1"}),
    );
    tried.await.with(403);
    app.get("/api/v1/audit", Some(&eve.token)).await.with(403);
    let key = app
        .post(
            "/api/v1/api-keys",
            &ada.token,
            json!({"name": "old", "scopes": ["read"]}),
        )
        .await
        .with(201);
    let (id, text) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    app.delete(&format!("/api/v1/api-keys/{id}"), &ada.token)
        .await
        .with(204);
    testkit::eventually("the key is revoked", || async {
        let answer = app.get("/api/v1/incidents", Some(text)).await;
        (answer.status.as_u16() == 401 && answer.rule() == "key_revoked").then_some(())
    })
    .await;
    let read = entries_become(&app, &ada, "kind=read&action=member.read", 1).await;
    assert_eq!(read[0]["target"]["id"], "GET /api/v1/members");
    assert_eq!(read[0]["actor"]["id"], ada.user.as_str());
    let denied = entries_become(&app, &ada, "kind=denied", 3).await;
    let told: Vec<_> = denied
        .iter()
        .map(|entry| {
            (
                entry["action"].as_str().unwrap(),
                entry["rule"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(told.contains(&("incident.open", "forbidden")), "{told:?}");
    assert!(told.contains(&("audit.read", "forbidden")), "{told:?}");
    assert!(told.contains(&("incident.read", "key_revoked")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_tenant_away_or_looks_at_links_is_told() {
    let app = app!();
    let ada = app.register("Ada").await;
    for _ in 0..2 {
        app.get("/api/v1/tenant/export", Some(&ada.token)).await;
        app.get("/api/v1/invitations", Some(&ada.token))
            .await
            .with(200);
    }
    let taken = entries_become(&app, &ada, "kind=read&action=tenant.export", 2).await;
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert_eq!(taken[0]["target"]["id"], "GET /api/v1/tenant/export");
    assert_eq!(taken[0]["actor"]["id"], ada.user.as_str());
    let looked = entries_become(&app, &ada, "kind=read&action=member.manage", 1).await;
    assert_eq!(looked.len(), 1, "{looked:?}");
    assert_eq!(looked[0]["target"]["id"], "GET /api/v1/invitations");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_in_the_store_is_found_at_its_entry() {
    let app = app!();
    let ada = app.register("Ada").await;
    let incident = app.incident(&ada, "Title").await;
    for n in 0..9 {
        operate(&app, &ada, &incident, n).await;
    }
    entries_become(&app, &ada, "kind=change", 11).await;
    gateway::audit::sealer::round(&app.gateway).await.unwrap();
    let whole = testkit::eventually("the chain is sealed", || async {
        let file = export(&app, &ada, "").await;
        (file.matches("\"seal\"").count() >= 2).then_some(file)
    })
    .await;
    assert!(verify(&whole).is_ok());
    let mut admin = PgConnection::connect(&app.database).await.unwrap();
    let change = "UPDATE read.audit SET target_id = overlay(target_id placing 'x' from 5 for 1) WHERE seq = 6";
    admin.execute(AssertSqlSafe(change)).await.unwrap();
    let broken = verify(&export(&app, &ada, "").await).unwrap_err();
    assert_eq!(broken.seq, 6, "{broken}");
    // Somebody who computes all hashes anew still lacks the key: the seal in the log
    // is of another chain.
    let gone = "DELETE FROM read.audit WHERE seq = 6; DELETE FROM read.audit_links WHERE seq = 6";
    admin.execute(sqlx::raw_sql(gone)).await.unwrap();
    let broken = verify(&export(&app, &ada, "").await).unwrap_err();
    assert_eq!(broken.seq, 6, "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_other_projects_stay_closed_and_the_chain_holds() {
    let app = app!();
    let ada = app.register("Ada").await;
    app.incident(&ada, "Secret of the first project").await;
    let other = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Other"}))
        .await
        .id();
    let body = json!({"refresh_token": ada.refresh, "project_id": other});
    let session = app
        .send(Method::POST, "/api/v1/auth/refresh", None, Some(&body), &[])
        .await;
    let there = Person::of(&session.with(200));
    app.incident(&there, "Of the second").await;
    entries_become(&app, &there, "action=OpenIncident", 1).await;
    let file = export(&app, &there, "").await;
    assert!(!file.contains("Secret of the first"), "{file}");
    let verified = verify(&file).unwrap();
    assert!(
        verified.withheld >= 2 && verified.entries >= 1,
        "{verified:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_search_counts_and_files_agree() {
    let app = app!();
    let ada = app.register("Ada").await;
    let incident = app.incident(&ada, "Title").await;
    for n in 0..8 {
        operate(&app, &ada, &incident, n).await;
    }
    // Also the tenant and its first session.
    entries_become(&app, &ada, "kind=change", 11).await;
    let count = |filter: &'static str| {
        let (app, ada) = (&app, &ada);
        async move { entries(app, ada, filter).await.len() }
    };
    assert_eq!(count("kind=change&result=refused").await, 2);
    assert_eq!(count("action=CommentIncident").await, 2);
    assert_eq!(count("q=comment%202").await, 1);
    assert_eq!(count("q=50%25").await, 0);
    assert_eq!(count("kind=change&to=2020-01-01T00:00:00Z").await, 0);
    let backwards = "/api/v1/audit?from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z";
    let backwards = app.get(backwards, Some(&ada.token)).await.with(400);
    assert_eq!(backwards["errors"][0]["field"], "from");
    let history = format!("target_type=incident&target_id={incident}");
    assert_eq!(entries(&app, &ada, &history).await.len(), 9);
    let stats = app
        .get("/api/v1/audit/stats?kind=change", Some(&ada.token))
        .await
        .with(200);
    assert_eq!(
        (&stats["total"], &stats["changes"]),
        (&json!(11), &json!(11))
    );
    let days = stats["days"].as_array().unwrap();
    let of_day = |day: &Value| day["accepted"].as_i64().unwrap() + day["refused"].as_i64().unwrap();
    assert_eq!(days.iter().map(of_day).sum::<i64>(), 11, "{stats}");
    let newest = entries(&app, &ada, "kind=change").await[0]["at"].clone();
    let day = days.last().unwrap()["name"].as_str().unwrap();
    assert!(newest.as_str().unwrap().starts_with(day), "{newest} {day}");
    let learned = stats["actions"].as_array().unwrap();
    let learned = learned
        .iter()
        .find(|count| count["name"] == "LearnIncident");
    assert_eq!(learned.unwrap()["refused"], 2);
    let part = export(&app, &ada, "?action=LearnIncident").await;
    let verified = verify(&part).unwrap();
    assert_eq!((verified.entries, verified.head.complete), (2, false));
    assert!(verified.is_proven(), "{verified:?}");
    assert_eq!(verified.head.filter["action"], "LearnIncident");
    // Nothing of it can be another, or be missing.
    let forged = part.replacen("illegal_transition", "other_transition", 1);
    assert!(verify(&forged).is_err(), "{forged}");
    let lines: Vec<_> = part.lines().collect();
    let fewer = [lines[0], lines[1], lines[3]].join("\n");
    let fewer = fewer.replace("\"entries\":2", "\"entries\":1");
    let broken = verify(&fewer).unwrap_err();
    assert!(broken.why.contains("signature is wrong"), "{broken}");
    let csv = export(&app, &ada, "?format=csv&action=LearnIncident").await;
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.contains("illegal_transition"), "{csv}");
    for wrong in ["kind=x", "result=x", "actor=x"] {
        let path = format!("/api/v1/audit?{wrong}");
        app.get(&path, Some(&ada.token)).await.with(400);
    }
    app.get("/api/v1/audit/export?format=xml", Some(&ada.token))
        .await
        .with(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sets_how_long_entries_are_kept_and_nobody_switches_them_off() {
    let app = app!();
    let ada = app.register("Ada").await;
    let max = app.colleague(&ada, "Max", "admin").await;
    let set = |person: &Person, days: i64| {
        let (app, token) = (&app, person.token.clone());
        async move {
            let body = json!({"days": days});
            let path = "/api/v1/audit/retention";
            app.send(Method::PUT, path, Some(&token), Some(&body), &[])
                .await
        }
    };
    set(&max, 90).await.with(403);
    for days in [-1, 0, 29, 401] {
        assert_eq!(set(&ada, days).await.with(422)["rule"], "invalid");
    }
    set(&ada, 90).await.with(200);
    testkit::eventually("the retention is shown", || async {
        let shown = app
            .get("/api/v1/audit/retention", Some(&ada.token))
            .await
            .with(200);
        (shown["days"] == 90).then_some(())
    })
    .await;
    let told = entries_become(&app, &ada, "action=SetAuditRetention&result=accepted", 1).await;
    assert_eq!(told[0]["before"], json!({"days": 400}));
    assert_eq!(told[0]["after"], json!({"days": 90}));
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_on_is_told_once_a_quarter_of_an_hour_and_session() {
    let clock = Clock::manual(Context::ambient(&Clock::System).now());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let phone = app.login(&ada.email).await;
    let look = async |person: &Person| {
        app.get("/api/v1/members", Some(&person.token))
            .await
            .with(200);
    };
    for _ in 0..3 {
        look(&ada).await;
    }
    look(&phone).await;
    clock.advance_millis(14 * 60_000);
    look(&ada).await;
    clock.advance_millis(60_000);
    let ada = app.refreshed(&ada).await;
    look(&ada).await;
    // What comes after them all is there, so all of them are.
    let name = json!({"name": "Renamed"});
    app.send(
        Method::PATCH,
        "/api/v1/tenant",
        Some(&ada.token),
        Some(&name),
        &[],
    )
    .await
    .with(200);
    entries_become(&app, &ada, "action=RenameTenant", 1).await;
    let told = entries(&app, &ada, "action=member.read").await;
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_an_account_is_told_under_its_name_and_request() {
    let app = app!();
    let ada = app.register("Ada").await;
    let wrong = json!({"password": "not the password", "new_password": "a horse and a staple"});
    let right = json!({"password": PASSWORD, "new_password": "a horse and a staple"});
    let unproven = json!({"password": "not the password"});
    let proven = json!({"password": PASSWORD});
    let new = json!({"password": "a horse and a staple"});
    let steps = [
        ("prove", &unproven, 401, "Prove", json!("bad_credentials")),
        (
            "password",
            &wrong,
            401,
            "ChangePassword",
            json!("bad_credentials"),
        ),
        ("prove", &proven, 204, "Prove", Value::Null),
        ("password", &right, 204, "ChangePassword", Value::Null),
        ("prove", &new, 204, "Prove", Value::Null),
    ];
    for (path, body, status, operation, rule) in steps {
        let request = Context::ambient(&Clock::System).id().to_string();
        let path = format!("/api/v1/auth/{path}");
        let headers = [("x-request-id", request.as_str())];
        let answer = app
            .post_with(&path, &ada.token, body.clone(), &headers)
            .await;
        answer.with(status);
        assert_eq!(answer.headers["x-request-id"], request.as_str());
        let found = entries_become(&app, &ada, &format!("q={request}"), 1).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (&found[0]["action"], &found[0]["rule"]),
            (&json!(operation), &rule)
        );
        assert_eq!(
            found[0]["target"],
            json!({"type": "account", "id": ada.user})
        );
    }
    // A session that begins is told under the request that began it.
    let request = Context::ambient(&Clock::System).id().to_string();
    let login = json!({"email": ada.email, "password": "a horse and a staple"});
    let headers = [("x-request-id", request.as_str())];
    let path = "/api/v1/auth/login";
    app.send(Method::POST, path, None, Some(&login), &headers)
        .await
        .with(200);
    let found = entries_become(&app, &ada, &format!("q={request}"), 1).await;
    assert_eq!(found[0]["action"], "BeginSession");
}
