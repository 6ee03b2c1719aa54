//! Tenants are apart, on every operation that the document knows.

use axum::http::Method;
use eventlog::NewRecord;
use schemas::alert_group::{AlertGroupCommand, AlertReport, ReceiveAlerts};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{GroupId, ProjectId, TenantId};
use schemas::labels::Label;
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::severity::Severity;
use schemas::telemetry_limits::SeriesLimitReached;
use schemas::topic::Topic;
use serde_json::{Map, Value, json};

use crate::app::{App, Person, app};
use crate::logs;
use crate::openapi::{document, is_secured, operations};
use crate::telemetry_limits;
use crate::traces::{TRACE, send_trace};

/// Stands in everything that the victim owns.
const CANARY: &str = "canary7f3a";
pub(crate) const SOME_ID: &str = "0192f0c1-2b3c-7d4e-8f50-123456789abc";
pub(crate) const REQUEST: [(&str, &str); 1] = [("x-request-id", SOME_ID)];

/// One of everything that the victim owns, by the resource in the path.
pub(crate) struct Victim {
    pub(crate) person: Person,
    ids: Vec<(&'static str, String)>,
}

impl Victim {
    pub(crate) async fn furnish(app: &App) -> Self {
        let person = app.register(CANARY).await;
        let token = &person.token;
        let incident = app.incident(&person, &format!("{CANARY} is down")).await;
        let comment = json!({"body": format!("{CANARY} says")});
        let path = format!("/api/v1/incidents/{incident}/comments");
        app.post(&path, token, comment).await.with(201);
        let project = json!({"name": format!("{CANARY} shop")});
        let project = app.post("/api/v1/projects", token, project).await.id();
        let key = json!({"name": format!("{CANARY} key"), "scopes": ["read"]});
        let key = app.post("/api/v1/api-keys", token, key).await.id();
        let account = json!({"name": format!("{CANARY} program")});
        let account = app
            .post("/api/v1/service-accounts", token, account)
            .await
            .id();
        let invitation = json!({"email": format!("{CANARY}@example.com"), "role": "viewer"});
        let invitation = app
            .post("/api/v1/invitations", token, invitation)
            .await
            .id();
        let sessions = app
            .get("/api/v1/auth/sessions", Some(token))
            .await
            .with(200);
        let session = sessions["items"][0]["id"].as_str().unwrap().to_owned();
        let view = json!({"page": "logs", "name": format!("{CANARY} view"), "search": CANARY});
        let view = app
            .send(
                Method::PUT,
                "/api/v1/saved-views",
                Some(token),
                Some(&view),
                &[],
            )
            .await
            .id();
        let sign_on = json!({
            "issuer": format!("https://{CANARY}.example.com"), "client_id": CANARY,
            "group_roles": [{"group": CANARY, "role": "viewer"}],
        });
        app.put("/api/v1/single-sign-on", token, sign_on)
            .await
            .with(200);
        let integration = json!({
            "name": format!("{CANARY} prometheus"), "kind": "prometheus",
            "url": format!("http://{CANARY}.example:9090"),
        });
        let integration = app
            .post("/api/v1/monitoring-integrations", token, integration)
            .await
            .id();
        let command = pending_command(app, &person, &incident).await;
        let alert = fire_alert(app, &person).await;
        have_refused(app, &person);
        have_reached_a_limit(app, &person).await;
        send_trace(app, &person, CANARY).await;
        let log = have_logged(app, &person).await;
        let ids = vec![
            ("incidents", incident),
            ("projects", project),
            ("api-keys", key),
            ("saved-views", view),
            ("monitoring-integrations", integration),
            ("members", person.user.clone()),
            ("invitations", invitation),
            ("service-accounts", account),
            ("auth", session),
            ("commands", command),
            ("alerts", alert),
            ("traces", TRACE.to_owned()),
            ("logs", log),
        ];
        Self { person, ids }
    }

    pub(crate) fn id_for(&self, path: &str) -> &str {
        let resource = resource_of(path);
        let found = self.ids.iter().find(|(name, _)| *name == resource);
        let (_, id) = found.unwrap_or_else(|| panic!("furnish the victim with one of {path}"));
        id
    }
}

/// The id of a command that the victim sent, as its outcome shows.
async fn pending_command(app: &App, person: &Person, incident: &str) -> String {
    let path = format!("/api/v1/incidents/{incident}/acknowledge");
    let keyed = [("idempotency-key", CANARY)];
    app.post_with(&path, &person.token, json!({}), &keyed)
        .await
        .with(200);
    let tenant = TenantId(person.tenant.parse().unwrap());
    let actor = format!("user:{}", person.user);
    let route = format!("POST {path}");
    let command = schemas::ids::CommandId::of_request(tenant, &actor, &route, CANARY);
    let status = format!("/api/v1/commands/{command}");
    app.get(&status, Some(&person.token)).await.with(200);
    command.to_string()
}

/// What a sender of the victim's got a 400 for.
fn have_refused(app: &App, person: &Person) {
    let (tenant, project) = (person.tenant.parse(), person.project.parse());
    let scope = Scope::granted(
        TenantId(tenant.unwrap()),
        ProjectId(project.unwrap()),
        Actor::system("test"),
    );
    let now = Context::ambient(&Clock::System).now();
    let (reason, body) = (format!("{CANARY} is missing"), CANARY.as_bytes());
    let refused = &app.gateway.refused;
    refused.note(&scope, "alertmanager", now, reason, &body.into());
}

/// A limit that the victim met with a metric of its own.
async fn have_reached_a_limit(app: &App, person: &Person) {
    let reached = SeriesLimitReached {
        limit: "active_series".to_owned(),
        most: 1,
        day: telemetry_limits::today(),
        offender: CANARY.to_owned(),
    };
    telemetry_limits::note(app, person, reached).await;
}

/// The id of a log record of the victim's.
async fn have_logged(app: &App, person: &Person) -> String {
    let key = logs::ingest_key(app, person).await;
    let line = json!({"message": CANARY, "service": CANARY, "attributes": {CANARY: CANARY}});
    logs::send(app, &key, json!([line])).await;
    let found = logs::found(app, person, "", 1).await;
    found[0]["id"].as_str().unwrap().to_owned()
}

/// Sends what the incident opener sends for an alert, and finds the alert.
async fn fire_alert(app: &App, person: &Person) -> String {
    let project = ProjectId(person.project.parse().unwrap());
    let tenant = TenantId(person.tenant.parse().unwrap());
    let scope = Scope::granted(tenant, project, Actor::system("test"));
    let context = Context::ambient(&Clock::System);
    let label = |name: &str| {
        vec![Label {
            name: name.to_owned(),
            value: CANARY.to_owned(),
        }]
    };
    let command = AlertGroupCommand::from(ReceiveAlerts {
        group_key: CANARY.to_owned(),
        receiver: "test".to_owned(),
        title: CANARY.to_owned(),
        severity: Severity::Sev3,
        alerts: vec![AlertReport {
            fingerprint: "f".to_owned(),
            firing: true,
            name: CANARY.to_owned(),
            labels: label("alertname"),
            annotations: label("summary"),
            starts_at: context.now(),
            ends_at: None,
            generator_url: None,
        }],
        truncated: 0,
        group_resolved: false,
    });
    let group = GroupId::of(project, CANARY).to_string();
    let mut envelope = Envelope::of(&scope, context.id(), command.kind(), "/workers/test", group);
    envelope.time = context.now();
    let record = NewRecord::of(Topic::IncidentCommands, &envelope, &command).unwrap();
    app.log.append(vec![record]).await.unwrap();
    testkit::eventually("the alert is listed", || async {
        let list = app
            .get("/api/v1/alerts", Some(&person.token))
            .await
            .with(200);
        list["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await
}

/// A value of the schema's shape.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return example(
            document,
            document.pointer(reference.trim_start_matches('#')).unwrap(),
        );
    }
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let some = choices.iter().find(|choice| choice["type"] != "null");
        return example(document, some.unwrap());
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").unwrap().clone(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("object") => {
            let none = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&none);
            let values = properties
                .iter()
                .map(|(name, of)| (name.clone(), example(document, of)));
            Value::Object(values.collect())
        }
        Some("array") => json!([example(document, &schema["items"])]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("string") => match schema["format"].as_str() {
            Some("uuid") => json!(SOME_ID),
            Some("date-time") => json!("2099-11-01T02:41:00Z"),
            _ => json!("text"),
        },
        _ => Value::Null,
    }
}

pub(crate) fn body_of(document: &Value, operation: &Value) -> Option<Value> {
    let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
    Some(example(document, schema))
}

/// What stands behind the API in the path, and behind the version of Jaeger's.
pub(crate) fn resource_of(path: &str) -> &str {
    let mut behind = path.split('/').skip(3);
    behind.find(|part| *part != "v3").unwrap()
}

/// A label's name and an index are no ids.
pub(crate) fn names_a_thing(path: &str) -> bool {
    path.contains('{') && !path.contains("{name}") && !path.contains("{index}")
}

pub(crate) fn with_id(path: &str, id: &str) -> String {
    let (before, rest) = path.split_once('{').unwrap();
    let (_, after) = rest.split_once('}').unwrap();
    format!("{before}{id}{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_nothing_secured_answers() {
    let app = app!();
    let document = document();
    let mut asked = 0;
    for (verb, path, operation) in operations(&document) {
        if !is_secured(&operation) {
            continue;
        }
        let path = path.replace("{id}", SOME_ID).replace("{user_id}", SOME_ID);
        let method: Method = verb.parse().unwrap();
        let body = body_of(&document, &operation);
        let answer = app.send(method, &path, None, body.as_ref(), &[]).await;
        assert_eq!(answer.status.as_u16(), 401, "{verb} {path}: {answer:?}");
        asked += 1;
    }
    assert!(asked > 25, "only {asked} operations were asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_is_like_an_unknown_one() {
    let app = app!();
    let (victim, intruder) = (Victim::furnish(&app).await, app.register("Eve").await);
    let document = document();
    let mut asked = 0;
    for (verb, path, operation) in operations(&document) {
        // Where people come in is tested in `sign_on`.
        if !names_a_thing(&path) || !is_secured(&operation) {
            continue;
        }
        let body = body_of(&document, &operation);
        let call = async |id: &str| {
            let method: Method = verb.parse().unwrap();
            let token = Some(intruder.token.as_str());
            app.send(method, &with_id(&path, id), token, body.as_ref(), &REQUEST)
                .await
        };
        let foreign = call(victim.id_for(&path)).await;
        let unknown = call("0192ffff-2b3c-7d4e-8f50-123456789abc").await;
        assert_eq!(foreign.status.as_u16(), 404, "{verb} {path}: {foreign:?}");
        assert_eq!(foreign.text, unknown.text, "{verb} {path}");
        asked += 1;
    }
    assert!(asked > 15, "only {asked} operations were asked");
    intact(&app, &victim).await;
}

/// What the intruder tried has changed nothing.
async fn intact(app: &App, victim: &Victim) {
    let path = format!("/api/v1/incidents/{}", victim.id_for("/api/v1/incidents"));
    let incident = app.get(&path, Some(&victim.person.token)).await.with(200);
    assert_eq!(
        (&incident["version"], &incident["status"]),
        (&json!(3), &json!("acknowledged"))
    );
    let keys = app
        .get("/api/v1/api-keys", Some(&victim.person.token))
        .await
        .with(200);
    assert_eq!(keys["items"][0]["revoked_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_shows_what_is_foreign() {
    let app = app!();
    let (victim, intruder) = (Victim::furnish(&app).await, app.register("Eve").await);
    testkit::eventually("the victim's audit is written", || async {
        let audit = app.get("/api/v1/audit", Some(&victim.person.token)).await;
        audit.text.contains(CANARY).then_some(())
    })
    .await;
    let mut shown = Vec::new();
    for (verb, path, operation) in operations(&document()) {
        if verb != "GET" || path.contains('{') || !is_secured(&operation) {
            continue;
        }
        let theirs = app.get(&path, Some(&victim.person.token)).await;
        if theirs.text.contains(CANARY) {
            shown.push(path.clone());
        }
        let ours = app.get(&path, Some(&intruder.token)).await;
        assert!(!ours.text.contains(CANARY), "{path}: {ours:?}");
        for (resource, id) in &victim.ids {
            assert!(
                !ours.text.contains(id),
                "{path} shows a foreign id of {resource}"
            );
        }
    }
    // The control: these lists do show their owner what is looked for.
    let expected = [
        "/api/v1/alerts",
        "/api/v1/api-keys",
        "/api/v1/audit",
        "/api/v1/audit/export",
        "/api/v1/audit/stats",
        "/api/v1/auth/me",
        "/api/v1/incidents",
        "/api/v1/invitations",
        "/api/v1/logs",
        "/api/v1/logs/export",
        "/api/v1/logs/fields",
        "/api/v1/logs/patterns",
        "/api/v1/logs/services",
        "/api/v1/members",
        "/api/v1/monitoring-integrations",
        "/api/v1/projects",
        "/api/v1/saved-views",
        "/api/v1/service-accounts",
        "/api/v1/single-sign-on",
        "/api/v1/telemetry/limits",
        "/api/v1/tenant",
        "/api/v1/tenant/export",
        "/api/v1/traces",
        "/api/v1/traces/durations",
        "/api/v1/traces/operations",
        "/api/v1/traces/red",
        "/api/v1/traces/service-map",
        "/api/v1/traces/services",
        "/api/v1/webhooks/refused",
        "/jaeger/api/dependencies",
        "/jaeger/api/services",
        "/jaeger/api/traces",
        "/jaeger/api/v3/services",
        "/jaeger/api/v3/traces",
        "/loki/api/v1/detected_fields",
        "/loki/api/v1/index/volume",
        "/loki/api/v1/index/volume_range",
        "/loki/api/v1/patterns",
        "/loki/api/v1/series",
    ];
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_leads_nowhere_else() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    for _ in 0..2 {
        app.incident(&ada, "x").await;
    }
    let page = app
        .get("/api/v1/incidents?limit=1", Some(&ada.token))
        .await
        .with(200);
    let path = format!(
        "/api/v1/incidents?cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    app.get(&path, Some(&ada.token)).await.with(200);
    app.get(&path, Some(&eve.token)).await.with(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projects_of_one_tenant_are_apart_too() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let other = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Other"}))
        .await
        .id();
    let body = json!({"refresh_token": ada.refresh, "project_id": other});
    let session = app
        .send(Method::POST, "/api/v1/auth/refresh", None, Some(&body), &[])
        .await;
    let there = Person::of(&session.with(200));
    app.get(&format!("/api/v1/incidents/{id}"), Some(&there.token))
        .await
        .with(404);
    let list = app
        .get("/api/v1/incidents", Some(&there.token))
        .await
        .with(200);
    assert_eq!(list["items"], json!([]));
    let path = format!("/api/v1/incidents/{id}/acknowledge");
    app.post(&path, &there.token, json!({})).await.with(404);
}
