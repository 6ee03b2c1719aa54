//! What is taken away is over for requests, sockets, files and agents, whoever took it
//! away.

use std::time::{Duration, Instant};

use access::permissions::KeyScope;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use eventlog::NewRecord;
use futures::StreamExt;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ApiKeyId, ProjectId, TenantId, UserId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, MemberRole, Scope};
use schemas::tenant::{ArchiveProject, ChangeMemberRole, RemoveMember, TenantCommand};
use schemas::topic::Topic;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use testkit::eventually;
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::app::{Answer, App, Person, app};
use crate::logs;
use crate::ws;

const ME: &str = "/api/v1/auth/me";
const REFRESH: &str = "/api/v1/auth/refresh";

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

/// Keeps the read model of members as it is, for whoever reads it, until this is rolled
/// back.
async fn hold_members(app: &App) -> PgConnection {
    let mut held = PgConnection::connect(&app.database).await.unwrap();
    held.execute("BEGIN").await.unwrap();
    held.execute("LOCK TABLE read.members IN SHARE MODE")
        .await
        .unwrap();
    held
}

/// Whether `token` is good for nothing, or for no more than `role`.
async fn is_over_or(app: &App, token: &str, role: &str) -> bool {
    let me = app.get(ME, Some(token)).await;
    match me.status.as_u16() {
        401 => true,
        _ => me.with(200)["role"] == role,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_token_of_a_role_that_a_change_not_shown_yet_has_ended() {
    let quick =
        |config: &mut gateway::config::Config| config.read_wait = Duration::from_millis(300);
    let Some(app) = App::with(quick, Clock::System).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "admin").await;
    let mut held = hold_members(&app).await;
    let (user, role) = (UserId(bob.user.parse().unwrap()), MemberRole::Viewer);
    command(&app, &ada, ChangeMemberRole { user, role }).await;
    until_refused(&app, (Method::GET, ME), &bob.token, "session_ended").await;

    // The read model says `admin` for as long as it is held.
    let refresh = json!({"refresh_token": bob.refresh});
    for _ in 0..3 {
        let answer = app.ask(REFRESH, refresh.clone()).await;
        answer.with(503);
        assert!(answer.headers.contains_key("retry-after"));
    }
    let login = json!({"email": bob.email, "password": crate::app::PASSWORD});
    app.ask("/api/v1/auth/login", login).await.with(503);
    app.refreshed(&ada).await;

    held.execute("ROLLBACK").await.unwrap();
    let answer = eventually("the refresh token is still good", || async {
        let answer = app.ask(REFRESH, refresh.clone()).await;
        (answer.status.as_u16() != 503).then_some(answer)
    })
    .await;
    let less = Person::of(&answer.with(200));
    let me = app.get(ME, Some(&less.token)).await.with(200);
    assert_eq!(me["role"], "viewer");
    let key = json!({"name": "k", "scopes": ["admin"]});
    app.post("/api/v1/api-keys", &less.token, key)
        .await
        .with(403);
    // What was made of the new role is not ended again by the same change.
    app.gateway.look_for_ends(None).await.unwrap();
    app.get(ME, Some(&less.token)).await.with(200);
}

/// Refreshes over and over while the role changes, as pages do whose socket was closed.
async fn refreshing(app: &App, refresh: &str) -> Vec<Person> {
    let body = json!({"refresh_token": refresh});
    let mut got = Vec::new();
    for _ in 0..8 {
        let answer: Answer = app.ask(REFRESH, body.clone()).await;
        match answer.status.as_u16() {
            503 => {}
            _ => got.push(Person::of(&answer.with(200))),
        }
    }
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_at_the_moment_of_the_change_keeps_no_old_role() {
    let app = app!();
    let ada = app.register("Ada").await;
    let mut bob = app.colleague(&ada, "Bob", "admin").await;
    let path = format!("/api/v1/members/{}", bob.user);
    let mut old = 0;
    for round in 0..12 {
        let role = ["viewer", "admin"][round % 2];
        let change = app.patch(&path, &ada.token, json!({"role": role}));
        let (changed, first, second) = tokio::join!(
            change,
            refreshing(&app, &bob.refresh),
            refreshing(&app, &bob.refresh)
        );
        changed.with(200);
        let made = [first, second].concat();
        for person in &made {
            assert!(is_over_or(&app, &person.token, role).await, "{round}");
        }
        old += made.len();
        bob = app.refreshed(&bob).await;
        let me = app.get(ME, Some(&bob.token)).await.with(200);
        assert_eq!(me["role"], role, "{round}");
    }
    println!("PROOF demoted_and_refreshed: {old} tokens made meanwhile, none with an old role");
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

/// Sends a request whose body comes when `meanwhile` is done, which begins when the
/// request was let in and its body is asked for.
async fn held_back(
    app: &App,
    (path, token): (&str, &str),
    body: Value,
    meanwhile: impl Future<Output = ()>,
) -> Answer {
    let (asked, is_asked) = oneshot::channel();
    let (go, may_go) = oneshot::channel();
    let pieces = futures::stream::once(async move {
        asked.send(()).unwrap();
        may_go.await.unwrap();
        Ok::<_, std::io::Error>(body.to_string())
    });
    let request = Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from_stream(pieces))
        .unwrap();
    let meanwhile = async {
        is_asked.await.unwrap();
        meanwhile.await;
        go.send(()).unwrap();
    };
    tokio::join!(app.call(request), meanwhile).0
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_out_while_their_body_comes_makes_no_key() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "admin").await;
    let body = json!({"name": "back door", "scopes": ["admin"]});
    let path = format!("/api/v1/members/{}", bob.user);
    let answer = held_back(
        &app,
        ("/api/v1/api-keys", bob.token.as_str()),
        body,
        async {
            app.delete(&path, &ada.token).await.with(204);
        },
    );
    assert_eq!(answer.await.with(401)["rule"], "session_ended");
    let keys = app.get("/api/v1/api-keys", Some(&ada.token)).await;
    assert_eq!(keys.with(200)["items"], json!([]));
}

/// Until a key that was let in with scope `write` would be again, or would not.
async fn until_known_as(app: &App, key: ApiKeyId, good: bool) {
    eventually("the keyring knows it", || async {
        let now = app.gateway.clock.now();
        let again = app.gateway.keyring.readmit(key, &[KeyScope::Write], now);
        (again.is_ok() == good).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_or_changed_while_a_body_comes_does_nothing_with_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let keys = "/api/v1/api-keys";
    for (revoked, rule) in [(true, "key_revoked"), (false, "key_changed")] {
        let body = json!({"name": "writer", "scopes": ["write"]});
        let made = app.post(keys, &ada.token, body).await;
        let path = format!("{keys}/{}", made.id());
        let key = made.with(201)["key"].as_str().unwrap().to_owned();
        let id = ApiKeyId(made.id().parse().unwrap());
        until_known_as(&app, id, true).await;
        let body = json!({"title": "x", "severity": "SEV1"});
        let answer = held_back(&app, ("/api/v1/incidents", key.as_str()), body, async {
            match revoked {
                true => app.delete(&path, &ada.token).await.with(204),
                false => {
                    let fewer = json!({"scopes": ["read"]});
                    app.patch(&path, &ada.token, fewer).await.with(200)
                }
            };
            until_known_as(&app, id, false).await;
        });
        assert_eq!(answer.await.with(401)["rule"], rule);
    }
    let incidents = app.get("/api/v1/incidents", Some(&ada.token)).await;
    assert_eq!(incidents.with(200)["items"], json!([]));
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
