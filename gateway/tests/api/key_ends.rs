//! `/api/v1/api-keys`: how keys end where a step of it is late or was never taken.

use eventlog::NewRecord;
use schemas::api_key::{ApiKeyCommand, CreateApiKey, EndApiKey};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ApiKeyId, CommandId, ProjectId, ServiceAccountId, TenantId, UserId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::service_account::{DisableServiceAccount, ServiceAccountCommand};
use schemas::tenant::{ArchiveProject, TenantCommand};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::api_keys::until_known;
use crate::app::{App, Person, app};

const KEYS: &str = "/api/v1/api-keys";
const DAY_MS: i64 = 86_400_000;

fn scope_of(person: &Person) -> Scope {
    let uuid = |text: &str| text.parse::<Uuid>().unwrap();
    Scope::granted(
        TenantId(uuid(&person.tenant)),
        ProjectId(uuid(&person.project)),
        Actor::User(UserId(uuid(&person.user))),
    )
}

/// A command as the gateway gives it, without what it looks at before.
async fn command<M: MessageSet>(app: &App, person: &Person, subject: Uuid, message: M) {
    let context = Context::ambient(&app.gateway.clock);
    let (scope, kind) = (scope_of(person), message.kind());
    let mut envelope = Envelope::of(&scope, context.id(), kind, "/test", subject.to_string());
    envelope.time = context.now();
    let record = NewRecord::of(Topic::IdentityCommands, &envelope, &message).unwrap();
    app.log.append(vec![record]).await.unwrap();
}

async fn shown(app: &App, person: &Person, id: Uuid) -> Option<Value> {
    let list = app.get(KEYS, Some(&person.token)).await.with(200);
    let mut items = list["items"].as_array().unwrap().iter();
    items.find(|key| key["id"] == json!(id)).cloned()
}

async fn refused_with(app: &App, key: &str, rule: &str) {
    eventually(rule, || async {
        let answer = app.get("/api/v1/incidents", Some(key)).await;
        (answer.status == 401 && answer.rule() == rule).then_some(())
    })
    .await;
}

/// Its maker had looked at the account before it was disabled.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_after_the_end_of_its_account_is_never_good() {
    let app = app!();
    let ada = app.register("Ada").await;
    let account = json!({"name": "deploys"});
    let account = app
        .post("/api/v1/service-accounts", &ada.token, account)
        .await;
    account.with(201);
    let path = format!("/api/v1/service-accounts/{}", account.id());
    app.delete(&path, &ada.token).await.with(204);
    let (key, id) = (access::api_key::generate(), Uuid::from_u128(0xA7));
    let late = CreateApiKey {
        name: "late".to_owned(),
        project: scope_of(&ada).project(),
        hash: hex::encode(key.hash),
        prefix: key.prefix.clone(),
        scopes: vec!["admin".to_owned()],
        expires_at: None,
        service_account: Some(ServiceAccountId(account.id().parse().unwrap())),
    };
    command(&app, &ada, id, ApiKeyCommand::from(late)).await;
    refused_with(&app, &key.text, "key_revoked").await;
    let key = eventually("the key is shown", || shown(&app, &ada, id)).await;
    assert_eq!(key["revoked_at"], key["created_at"]);
    // Nor does another take its place.
    let again = app
        .post(&format!("{KEYS}/{id}/rotate"), &ada.token, json!({}))
        .await;
    assert_eq!(again.with(409)["rule"], "key_revoked");
}

/// Somebody in a second project, and in the first.
async fn in_a_shop(app: &App) -> (Person, Person) {
    let ada = app.register("Ada").await;
    let shop = json!({"name": "Shop"});
    let shop = app.post("/api/v1/projects", &ada.token, shop).await;
    shop.with(201);
    let there = moved_to(app, &ada, &shop.id()).await;
    (there, app.login(&ada.email).await)
}

async fn moved_to(app: &App, person: &Person, project: &str) -> Person {
    let body = json!({"refresh_token": person.refresh, "project_id": project});
    Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200))
}

async fn reading_key(app: &App, person: &Person, name: &str) -> (Uuid, String) {
    let body = json!({"name": name, "scopes": ["read"]});
    let made = app.post(KEYS, &person.token, body).await.with(201);
    let key = made["key"].as_str().unwrap().to_owned();
    until_known(app, &key).await;
    (made["id"].as_str().unwrap().parse().unwrap(), key)
}

/// Its maker was let in before the project was archived.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_after_the_archive_of_its_project_is_never_good() {
    let app = app!();
    let (there, ada) = in_a_shop(&app).await;
    let (early_id, early) = reading_key(&app, &there, "early").await;
    let archive = format!("/api/v1/projects/{}/archive", there.project);
    app.post(&archive, &ada.token, json!(null)).await.with(200);
    refused_with(&app, &early, "key_revoked").await;
    let (late, late_id) = (access::api_key::generate(), Uuid::from_u128(0xA8));
    let create = CreateApiKey {
        name: "late".to_owned(),
        project: scope_of(&there).project(),
        hash: hex::encode(late.hash),
        prefix: late.prefix.clone(),
        scopes: vec!["admin".to_owned()],
        expires_at: None,
        service_account: None,
    };
    command(&app, &there, late_id, ApiKeyCommand::from(create)).await;
    refused_with(&app, &late.text, "key_revoked").await;
    // Restored, it has new keys; the old ones stay what they are.
    let restore = format!("/api/v1/projects/{}/restore", there.project);
    app.post(&restore, &ada.token, json!(null)).await.with(200);
    let there = moved_to(&app, &ada, &there.project).await;
    let (new_id, new) = reading_key(&app, &there, "new").await;
    app.get("/api/v1/incidents", Some(&new)).await.with(200);
    for old in [early.as_str(), late.text.as_str()] {
        let refused = app.get("/api/v1/incidents", Some(old)).await;
        assert_eq!(refused.with(401)["rule"], "key_revoked");
    }
    let late = shown(&app, &there, late_id).await.unwrap();
    assert_eq!(late["revoked_at"], late["created_at"]);
    let early = shown(&app, &there, early_id).await.unwrap();
    assert!(early["revoked_at"].is_string(), "{early}");
    let new = shown(&app, &there, new_id).await.unwrap();
    assert!(new["revoked_at"].is_null(), "{new}");
    let again = format!("{KEYS}/{late_id}/rotate");
    let again = app.post(&again, &there.token, json!({})).await;
    assert_eq!(again.with(409)["rule"], "key_revoked");
}

/// As after a crash between the two: whoever archives it again finishes the work.
#[tokio::test(flavor = "multi_thread")]
async fn archiving_again_ends_the_keys_that_were_left() {
    let app = app!();
    let (there, ada) = in_a_shop(&app).await;
    let (_, key) = reading_key(&app, &there, "left").await;
    let project = scope_of(&there).project();
    let tenant = ada.tenant.parse().unwrap();
    let archive = TenantCommand::from(ArchiveProject { project });
    command(&app, &ada, tenant, archive).await;
    eventually("the project is archived", || async {
        let list = app.get("/api/v1/projects", Some(&ada.token)).await;
        let list = list.with(200);
        let mut items = list["items"].as_array().unwrap().iter();
        let archived = items.any(|project| project["archived_at"].is_string());
        archived.then_some(())
    })
    .await;
    // Nothing but the keyring was left out, and a session ends by itself.
    app.get("/api/v1/incidents", Some(&key)).await.with(200);
    let path = format!("/api/v1/projects/{}/archive", there.project);
    app.post(&path, &ada.token, json!(null)).await.with(200);
    refused_with(&app, &key, "key_revoked").await;
}

/// As after a crash between the two: whoever disables it again finishes the work.
#[tokio::test(flavor = "multi_thread")]
async fn disabling_again_ends_the_keys_that_were_left() {
    let app = app!();
    let ada = app.register("Ada").await;
    let account = json!({"name": "deploys"});
    let account = app
        .post("/api/v1/service-accounts", &ada.token, account)
        .await;
    account.with(201);
    let body = json!({"name": "k", "scopes": ["read"], "service_account_id": account.id()});
    let made = app.post(KEYS, &ada.token, body).await.with(201);
    let key = made["key"].as_str().unwrap();
    until_known(&app, key).await;
    let disable = ServiceAccountCommand::from(DisableServiceAccount { reason: None });
    command(&app, &ada, account.id().parse().unwrap(), disable).await;
    let id = made["id"].as_str().unwrap().parse().unwrap();
    eventually("the account is disabled", || async {
        let key = shown(&app, &ada, id).await?;
        key["revoked_at"].is_string().then_some(())
    })
    .await;
    let path = format!("/api/v1/service-accounts/{}", account.id());
    app.delete(&path, &ada.token).await.with(204);
    refused_with(&app, key, "key_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_leaked_ends_with_its_rotation() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = json!({"name": "agent", "scopes": ["read"]});
    let old = app.post(KEYS, &ada.token, body).await.with(201);
    let (id, old) = (old["id"].as_str().unwrap(), old["key"].as_str().unwrap());
    until_known(&app, old).await;
    let path = format!("{KEYS}/{id}/rotate");
    let new = app
        .post(&path, &ada.token, json!({"overlap_hours": 0}))
        .await
        .with(201);
    refused_with(&app, old, "key_expired").await;
    let new = new["key"].as_str().unwrap();
    until_known(&app, new).await;
    app.get("/api/v1/incidents", Some(new)).await.with(200);
    let twice = app.post(&path, &ada.token, json!({})).await;
    assert_eq!(twice.with(409)["rule"], "key_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ends_before_the_overlap_is_rotated_once_too() {
    let app = app!();
    let ada = app.register("Ada").await;
    let ends = app.gateway.clock.now().plus_millis(DAY_MS / 2).datetime();
    let body = json!({"name": "agent", "scopes": ["read"], "expires_at": ends});
    let old = app.post(KEYS, &ada.token, body).await;
    old.with(201);
    let path = format!("{KEYS}/{}/rotate", old.id());
    app.post(&path, &ada.token, json!({})).await.with(201);
    let twice = app.post(&path, &ada.token, json!({})).await;
    assert_eq!(twice.with(409)["rule"], "key_rotated");
    let old = shown(&app, &ada, old.id().parse().unwrap()).await.unwrap();
    assert!(old["rotated_at"].is_string(), "{old}");
}

/// The first attempt ended the key and got no further.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_makes_the_successor_that_a_crash_left_out() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let ends = clock.now().plus_millis(90 * DAY_MS).datetime();
    let body = json!({"name": "agent", "scopes": ["read"], "expires_at": ends});
    let old = app.post(KEYS, &ada.token, body).await;
    old.with(201);
    let (path, id) = (format!("{KEYS}/{}/rotate", old.id()), old.id());
    let scope = scope_of(&ada);
    let (actor, route) = (scope.actor().to_string(), format!("POST {path}"));
    let first = CommandId::of_request(scope.tenant(), &actor, &route, "once");
    let successor = Uuid::new_v5(&first.0, b"aggregate");
    let end = ApiKeyCommand::from(EndApiKey {
        expires_at: clock.now().plus_millis(DAY_MS),
        successor: Some(ApiKeyId(successor)),
    });
    let id = id.parse().unwrap();
    command(&app, &ada, id, end).await;
    eventually("the key is rotated", || async {
        let old = shown(&app, &ada, id).await?;
        old["rotated_at"].is_string().then_some(())
    })
    .await;
    let other = app.post(&path, &ada.token, json!({})).await;
    assert_eq!(other.with(409)["rule"], "key_rotated");
    let retry = app
        .post_with(&path, &ada.token, json!({}), &[("idempotency-key", "once")])
        .await
        .with(201);
    assert_eq!(retry["id"], json!(successor));
    // It lives as long as the old key was made to, not as long as what is left of it.
    let expires = Timestamp::parse(retry["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(expires, clock.now().plus_millis(90 * DAY_MS));
}
