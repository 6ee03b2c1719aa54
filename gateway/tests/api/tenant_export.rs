//! `/api/v1/tenant/export`

use projections::export::{self, Part, Snapshot, Table};
use projections::vault::SubjectKeys;
use schemas::ids::{ProjectId, TenantId};
use schemas::scope::{Actor, Scope};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::api_keys::until_known;
use crate::app::{App, Person, app};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_whole_and_of_one_tenant() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    app.incident(&ada, "Disk of Ada").await;
    app.incident(&eve, "Disk of Eve").await;
    let other = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Other"}))
        .await
        .id();
    let body = json!({"refresh_token": ada.refresh, "project_id": other});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    app.incident(&there, "Disk in the other").await;
    let rule = json!({"signal": "traces", "stream": "shop", "days": 90});
    app.put("/api/v1/telemetry/retention", &ada.token, rule)
        .await
        .with(200);
    for of in ["project", "tenant"] {
        let asked = json!({"of": of});
        let deletion = app.post("/api/v1/telemetry/deletions", &ada.token, asked);
        let status = deletion.await.status;
        assert!(status.is_success(), "{status}");
    }
    crate::audit::entries_become(&app, &ada, "action=CreateProject", 1).await;
    // An entry may belong to no project; people's have the one that they were in.
    let mut admin = PgConnection::connect(&app.database).await.unwrap();
    let freed = "UPDATE read.audit SET project_id = NULL WHERE action = 'CreateProject'";
    admin.execute(freed).await.unwrap();
    let export = app.get("/api/v1/tenant/export", Some(&ada.token)).await;
    assert_eq!(export.headers["content-type"], "application/x-ndjson");
    let lines: Vec<Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["format"], "sre-copilot.tenant/1");
    let last = lines.last().unwrap();
    assert_eq!(last["rows"], json!(lines.len() - 2));
    for word in ["Disk of Ada", "Disk in the other", ada.email.as_str()] {
        assert!(export.text.contains(word), "{word}");
    }
    for word in ["Disk of Eve", eve.email.as_str(), eve.tenant.as_str()] {
        assert!(!export.text.contains(word), "{word}");
    }
    let of = |table: &str| -> Vec<&Value> {
        let found = lines.iter().filter(|line| line["table"] == table);
        found.collect()
    };
    let rules = of("telemetry_retention");
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0]["project"], ada.project.as_str());
    let rule = &rules[0]["row"];
    assert_eq!(
        (&rule["signal"], &rule["days"]),
        (&json!("traces"), &json!(90))
    );
    let deletions = of("telemetry_deletions");
    let projects: Vec<_> = deletions.iter().map(|line| &line["project"]).collect();
    assert_eq!(projects, [&Value::Null, &json!(ada.project)]);
    let of_none: Vec<_> = of("audit")
        .into_iter()
        .filter(|line| line["project"].is_null())
        .map(|line| &line["row"]["action"])
        .collect();
    assert_eq!(of_none, [&json!("CreateProject")]);
}

fn scope(person: &Person) -> Scope {
    Scope::granted(
        TenantId(person.tenant.parse().unwrap()),
        ProjectId(person.project.parse().unwrap()),
        Actor::system("test"),
    )
}

/// The titles of all incidents.
async fn titles(snapshot: &mut Snapshot, app: &App, scope: &Scope, tables: &[Table]) -> Vec<Value> {
    let table = tables.iter().find(|table| table.name == "incidents");
    snapshot
        .open(scope, table.unwrap(), Part::Project)
        .await
        .unwrap();
    let mut titles = Vec::new();
    let people = SubjectKeys::new(app.gateway.master.clone());
    while let Some(rows) = snapshot.next(&app.gateway.db, &people).await.unwrap() {
        titles.extend(rows.into_iter().map(|row| row["title"].clone()));
    }
    titles
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_of_one_moment_whatever_is_written_or_swapped_meanwhile() {
    let app = app!();
    let ada = app.register("Ada").await;
    app.incident(&ada, "Before").await;
    let (db, scope) = (&app.gateway.db, scope(&ada));
    let tables = export::tables(db).await.unwrap();
    let mut snapshot = Snapshot::begin(db, &scope, &tables).await.unwrap();
    app.incident(&ada, "After").await;
    // A replay would put another table in its place, and has to wait.
    let mut admin = PgConnection::connect(&app.database).await.unwrap();
    let swap = "SET lock_timeout = '100ms'; ALTER TABLE read.incidents RENAME TO replaced";
    let refused = admin.execute(sqlx::raw_sql(swap)).await.unwrap_err();
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
    let seen = titles(&mut snapshot, &app, &scope, &tables).await;
    assert_eq!(seen, [json!("Before")]);
}

/// As docs/export.md has it: no scope of a key is enough.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_an_owners_and_no_keys() {
    let app = app!();
    let ada = app.register("Ada").await;
    let grace = app.colleague(&ada, "Grace", "admin").await;
    let body = json!({"name": "agent", "scopes": ["admin"]});
    let made = app.post("/api/v1/api-keys", &ada.token, body).await;
    let made = made.with(201);
    let key = made["key"].as_str().unwrap();
    until_known(&app, key).await;
    for token in [key, grace.token.as_str()] {
        app.get("/api/v1/tenant/export", Some(token))
            .await
            .with(403);
    }
    let export = app.get("/api/v1/tenant/export", Some(&ada.token)).await;
    assert_eq!(export.status.as_u16(), 200, "{}", export.text);
}
