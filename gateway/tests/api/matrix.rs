//! Every operation with an id × whose id it is × who asks. Whatever is not the
//! caller's own answers as if it were not there, and what is refused by role or
//! credential answers before anybody looks whether it is.
//!
//! Run with both walls, with the application's filter alone (row-level security off),
//! with row-level security alone (no query has a condition on tenant or project), and
//! with neither, where it leaks: a matrix that cannot fail is no test.

use access::permissions::Action;
use axum::http::Method;
use schemas::scope::MemberRole;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::app::{Answer, App, Person, app};
use crate::isolation::{REQUEST, SOME_ID, Victim, body_of, names_a_thing, resource_of, with_id};
use crate::openapi::{document, is_secured, operations};

/// Nobody's.
const UNKNOWN: &str = "0192ffff-2b3c-7d4e-8f50-123456789abc";

/// Resources that belong to a project; the rest belongs to the tenant or a person.
const OF_A_PROJECT: [&str; 7] = [
    "incidents",
    "alerts",
    "api-keys",
    "service-accounts",
    "monitoring-integrations",
    "traces",
    "logs",
];

/// An operation on one thing.
struct Operation {
    method: Method,
    path: String,
    body: Option<Value>,
    action: String,
}

fn on_one_thing() -> Vec<Operation> {
    let document = document();
    let all = operations(&document).into_iter();
    let with_ids = all.filter(|(_, path, operation)| names_a_thing(path) && is_secured(operation));
    let operations = with_ids.map(|(verb, path, operation)| Operation {
        method: verb.parse().unwrap(),
        body: body_of(&document, &operation),
        action: operation["x-action"].as_str().unwrap().to_owned(),
        path,
    });
    operations.collect()
}

impl Operation {
    async fn on(&self, app: &App, token: Option<&str>, id: &str) -> Answer {
        let path = with_id(&self.path, id);
        let (method, body) = (self.method.clone(), self.body.as_ref());
        app.send(method, &path, token, body, &REQUEST).await
    }

    fn is_of_a_project(&self) -> bool {
        OF_A_PROJECT.contains(&resource_of(&self.path))
    }

    fn allows(&self, role: MemberRole) -> bool {
        let mut actions = Action::all();
        let action = actions.find(|action| action.name() == self.action);
        action.unwrap().allows(role)
    }
}

/// Asks for a foreign id and for none, and compares.
async fn alike(app: &App, operation: &Operation, token: &str, foreign: &str) {
    let answer = operation.on(app, Some(token), foreign).await;
    let unknown = operation.on(app, Some(token), UNKNOWN).await;
    let name = format!("{} {}", operation.method, operation.path);
    assert_eq!(answer.status.as_u16(), 404, "{name}: {answer:?}");
    assert_eq!(answer.text, unknown.text, "{name}");
}

async fn without_row_security(app: &App) {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'read' AND rowsecurity",
    )
    .fetch_all(app.gateway.db.writer())
    .await
    .unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    for table in tables {
        let sql = format!("ALTER TABLE read.{table} DISABLE ROW LEVEL SECURITY");
        app.gateway
            .db
            .writer()
            .execute(AssertSqlSafe(sql))
            .await
            .unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "`make prove` says so")]
fn tenants() -> usize {
    let proving = std::env::var("SRE_COPILOT_PROVE").is_ok_and(|text| !text.is_empty());
    if proving { 200 } else { 20 }
}

/// The tenants among which everybody asks for the things of the next.
async fn across_tenants(app: &App) -> usize {
    let operations = on_one_thing();
    let victim = Victim::furnish(app).await;
    for operation in operations
        .iter()
        .filter(|operation| operation.method == Method::GET)
    {
        let id = victim.id_for(&operation.path);
        let own = operation.on(app, Some(&victim.person.token), id).await;
        // The control: these ids are good for their owner.
        own.with(200);
    }
    let mut asked = 0;
    for n in 0..tenants() {
        let intruder = app.register(&format!("Eve{n}")).await;
        for operation in &operations {
            alike(
                app,
                operation,
                &intruder.token,
                victim.id_for(&operation.path),
            )
            .await;
            asked += 1;
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_see_nothing() {
    let app = app!();
    let asked = across_tenants(&app).await;
    println!(
        "PROOF isolation_matrix: {} tenants, {asked} tries, 0 leaks",
        tenants()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_see_nothing_by_the_applications_filter_alone() {
    let app = app!();
    without_row_security(&app).await;
    let asked = across_tenants(&app).await;
    println!(
        "PROOF isolation_matrix_without_rls: {} tenants, {asked} tries, 0 leaks",
        tenants()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_see_nothing_by_row_level_security_alone() {
    let app = app!();
    app.wire.take_filters_out();
    let asked = across_tenants(&app).await;
    println!(
        "PROOF isolation_matrix_by_rls_alone: {} tenants, {asked} tries, 0 leaks",
        tenants()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_neither_wall_the_matrix_leaks() {
    let app = app!();
    let victim = Victim::furnish(&app).await;
    let intruder = app.register("Eve").await;
    without_row_security(&app).await;
    app.wire.take_filters_out();
    let mut leaks = Vec::new();
    for operation in on_one_thing() {
        if operation.method == Method::GET {
            let id = victim.id_for(&operation.path);
            let answer = operation.on(&app, Some(&intruder.token), id).await;
            if answer.status.is_success() {
                leaks.push(operation.path);
            }
        }
    }
    for path in ["/api/v1/incidents/{id}", "/api/v1/alerts/{id}"] {
        assert!(leaks.iter().any(|leak| leak == path), "{leaks:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_project_of_the_same_owner_sees_nothing() {
    let app = app!();
    let victim = Victim::furnish(&app).await;
    let other = json!({"name": "Other"});
    let other = app
        .post("/api/v1/projects", &victim.person.token, other)
        .await
        .id();
    let body = json!({"refresh_token": victim.person.refresh, "project_id": other});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    let mut asked = 0;
    for operation in on_one_thing()
        .iter()
        .filter(|operation| operation.is_of_a_project())
    {
        alike(
            &app,
            operation,
            &there.token,
            victim.id_for(&operation.path),
        )
        .await;
        asked += 1;
    }
    assert!(asked > 15, "only {asked} operations were asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_role_learns_nothing_from_a_refusal() {
    let app = app!();
    let victim = Victim::furnish(&app).await;
    let mut refused = 0;
    for role in [MemberRole::Viewer, MemberRole::Engineer, MemberRole::Admin] {
        let low = app
            .colleague(&victim.person, role.name(), role.name())
            .await;
        for operation in on_one_thing()
            .iter()
            .filter(|operation| !operation.allows(role))
        {
            let own = operation
                .on(&app, Some(&low.token), victim.id_for(&operation.path))
                .await;
            let unknown = operation.on(&app, Some(&low.token), UNKNOWN).await;
            let name = format!("{} {} as {}", operation.method, operation.path, role.name());
            assert_eq!(own.with(403)["rule"], "forbidden", "{name}");
            assert_eq!(own.text, unknown.text, "{name}");
            refused += 1;
        }
    }
    assert!(refused > 20, "only {refused} operations were refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_and_none_learn_nothing() {
    let app = app!();
    let victim = Victim::furnish(&app).await;
    let key = json!({"name": "old", "scopes": ["admin"]});
    let key = app
        .post("/api/v1/api-keys", &victim.person.token, key)
        .await
        .with(201);
    let path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    let text = key["key"].as_str().unwrap();
    testkit::eventually("the key works", || async {
        let answer = app.get("/api/v1/incidents", Some(text)).await;
        (answer.status.as_u16() == 200).then_some(())
    })
    .await;
    app.delete(&path, &victim.person.token).await.with(204);
    testkit::eventually("the key is revoked", || async {
        let answer = app.get("/api/v1/incidents", Some(text)).await;
        (answer.status.as_u16() == 401).then_some(())
    })
    .await;
    for operation in on_one_thing() {
        for (token, rule) in [(Some(text), "key_revoked"), (None, "credential_missing")] {
            let own = operation
                .on(&app, token, victim.id_for(&operation.path))
                .await;
            let unknown = operation.on(&app, token, SOME_ID).await;
            let said = own.with(401);
            let told = match operation.path.as_str() {
                // Jaeger's answers have no place for a rule.
                path if path.starts_with("/jaeger/api/v3/") => said["error"]["httpCode"] == 401,
                path if path.starts_with("/jaeger/") => said["errors"][0]["code"] == 401,
                _ => said["rule"] == rule,
            };
            assert!(told, "{}: {own:?}", operation.path);
            assert_eq!(own.text, unknown.text, "{}", operation.path);
        }
    }
}
