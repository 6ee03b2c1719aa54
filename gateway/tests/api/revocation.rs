//! What is taken away is over for requests, sockets, files and agents, whoever took it
//! away.

use std::time::Instant;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use eventlog::NewRecord;
use futures::StreamExt;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, MemberRole, Scope};
use schemas::tenant::{ArchiveProject, ChangeMemberRole, RemoveMember, TenantCommand};
use schemas::topic::Topic;
use serde_json::json;
use testkit::eventually;
use tower::ServiceExt;

use crate::app::{App, Person, app};
use crate::logs;
use crate::ws;

const ME: &str = "/api/v1/auth/me";

/// Sends a command that no request of this gateway waits for, as if the one that did
/// had died.
async fn command(app: &App, person: &Person, command: impl Into<TenantCommand>) {
    let tenant = TenantId(person.tenant.parse().unwrap());
    let project = ProjectId(person.project.parse().unwrap());
    let owner = Actor::User(UserId(person.user.parse().unwrap()));
    let scope = Scope::granted(tenant, project, owner);
    let (context, command) = (Context::ambient(&Clock::System), command.into());
    let subject = tenant.to_string();
    let mut envelope = Envelope::of(&scope, context.id(), command.kind(), "/test", subject);
    envelope.time = context.now();
    let record = NewRecord::of(Topic::IdentityCommands, &envelope, &command).unwrap();
    app.log.append(vec![record]).await.unwrap();
}

/// How long it takes until `token` is refused at `path` with `rule`.
async fn until_refused(app: &App, (method, path): (Method, &str), token: &str, rule: &str) -> u128 {
    let began = Instant::now();
    eventually("it is refused", || async {
        let body = json!({"logs": []});
        let answer = app
            .send(method.clone(), path, Some(token), Some(&body), &[])
            .await;
        (answer.status.as_u16() == 401 && answer.rule() == rule).then_some(())
    })
    .await;
    began.elapsed().as_millis()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_no_request_waited_for_ends_tokens_and_sockets() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "admin").await;
    let user = UserId(bob.user.parse().unwrap());
    app.get(ME, Some(&bob.token)).await.with(200);
    let port = ws::serve(&app).await;
    let mut socket = ws::join(port, &bob, "").await;
    ws::next(&mut socket).await;

    let role = MemberRole::Viewer;
    command(&app, &ada, ChangeMemberRole { user, role }).await;
    let taken = until_refused(&app, (Method::GET, ME), &bob.token, "session_ended").await;
    println!("PROOF revoked_role: refused after {taken} ms");
    assert_eq!(ws::close_code(&mut socket).await, 4401);
    let less = eventually("a new token has the new role", || async {
        let less = app.refreshed(&bob).await;
        let me = app.get(ME, Some(&less.token)).await;
        (me.status.as_u16() == 200 && me.json()["role"] == "viewer").then_some(less)
    })
    .await;

    command(&app, &ada, RemoveMember { user }).await;
    let taken = until_refused(&app, (Method::GET, ME), &less.token, "session_ended").await;
    println!("PROOF removed_member: refused after {taken} ms");
    app.get(ME, Some(&ada.token)).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_project_ends_its_tokens() {
    let app = app!();
    let ada = app.register("Ada").await;
    let other = json!({"name": "Other"});
    let other = app.post("/api/v1/projects", &ada.token, other).await.id();
    let body = json!({"refresh_token": ada.refresh, "project_id": other});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    let project = ProjectId(other.parse().unwrap());
    command(&app, &ada, ArchiveProject { project }).await;
    until_refused(&app, (Method::GET, ME), &there.token, "session_ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_sends_and_reads_nothing_more() {
    let app = app!();
    let ada = app.register("Ada").await;
    let agent = logs::ingest_key(&app, &ada).await;
    logs::send(&app, &agent, json!([{"message": "hello"}])).await;
    let reader = json!({"name": "reader", "scopes": ["read"]});
    let reader = app
        .post("/api/v1/api-keys", &ada.token, reader)
        .await
        .with(201);
    let reader = reader["key"].as_str().unwrap().to_owned();
    eventually("the key works", || async {
        let answer = app.get("/api/v1/incidents", Some(&reader)).await;
        (answer.status.as_u16() == 200).then_some(())
    })
    .await;
    let keys = app
        .get("/api/v1/api-keys", Some(&ada.token))
        .await
        .with(200);
    for key in keys["items"].as_array().unwrap() {
        let path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
        app.delete(&path, &ada.token).await.with(204);
    }
    let ingest = (Method::POST, "/api/v1/ingest/logs");
    let sent = until_refused(&app, ingest, &agent, "key_revoked").await;
    let api = (Method::GET, "/api/v1/incidents");
    let read = until_refused(&app, api, &reader, "key_revoked").await;
    println!("PROOF revoked_key: ingest after {sent} ms, API after {read} ms");
}

const RECORDS: &str = "/api/v1/logs/export";
/// More than one piece of a file has.
const MANY: usize = 2_500;

/// A file of which the first piece was taken.
async fn begun(app: &App, path: &str, token: &str) -> BodyDataStream {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    let mut pieces = answer.into_body().into_data_stream();
    assert!(!pieces.next().await.unwrap().unwrap().is_empty());
    pieces
}

/// Asserts that nothing more comes of a file, and that its reader learns of it.
async fn broken_off(pieces: BodyDataStream) {
    let rest: Vec<_> = pieces.collect().await;
    assert!(!rest.is_empty() && rest.iter().all(Result::is_err));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_under_way_is_broken_off() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "admin").await;
    let agent = logs::ingest_key(&app, &ada).await;
    let lines: Vec<_> = (0..MANY)
        .map(|n| json!({"message": format!("line {n}")}))
        .collect();
    logs::send(&app, &agent, json!(lines)).await;
    eventually("all records are found", || async {
        let file = app.get(RECORDS, Some(&ada.token)).await;
        (file.text.lines().count() >= MANY).then_some(())
    })
    .await;

    let reader = json!({"name": "reader", "scopes": ["read"]});
    let made = app
        .post("/api/v1/api-keys", &ada.token, reader)
        .await
        .with(201);
    let (id, reader) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    eventually("the key works", || async {
        let answer = app.get("/api/v1/incidents", Some(reader)).await;
        (answer.status.as_u16() == 200).then_some(())
    })
    .await;
    let file = begun(&app, RECORDS, reader).await;
    let path = format!("/api/v1/api-keys/{id}");
    app.delete(&path, &ada.token).await.with(204);
    let api = (Method::GET, "/api/v1/incidents");
    until_refused(&app, api, reader, "key_revoked").await;
    broken_off(file).await;

    let file = begun(&app, RECORDS, &bob.token).await;
    let user = UserId(bob.user.parse().unwrap());
    command(&app, &ada, RemoveMember { user }).await;
    until_refused(&app, (Method::GET, ME), &bob.token, "session_ended").await;
    broken_off(file).await;

    let whole = begun(&app, RECORDS, &ada.token).await;
    assert!(whole.collect::<Vec<_>>().await.iter().all(Result::is_ok));
    let file = begun(&app, "/api/v1/tenant/export", &ada.token).await;
    ws::log_out(&app, &ada).await;
    until_refused(&app, (Method::GET, ME), &ada.token, "session_ended").await;
    broken_off(file).await;
}
