//! `/api/v1/invitations` and what their links lead to.

use axum::http::Method;
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use crate::api_keys::until_known;
use crate::app::{App, PASSWORD, Person, app, unique_email};
use crate::audit::entries;

const SEE: &str = "/api/v1/auth/invitation";
const JOIN: &str = "/api/v1/auth/join";
const ACCEPT: &str = "/api/v1/auth/accept-invitation";

/// The invitation and the token of its link.
async fn invite(app: &App, by: &Person, email: &str, role: &str) -> (Value, String) {
    let body = json!({"email": email, "role": role});
    let invitation = app.post("/api/v1/invitations", &by.token, body).await;
    let invitation = invitation.with(201);
    let link = invitation["link"].as_str().unwrap();
    let token = link.strip_prefix("http://localhost:8580/join#").unwrap();
    (invitation.clone(), token.to_owned())
}

fn newcomer(token: &str) -> Value {
    json!({"token": token, "name": "Grace", "password": PASSWORD})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_joins_once_by_the_link() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = unique_email("Grace");
    let (_, token) = invite(&app, &ada, &email, "engineer").await;
    let seen = app.ask(SEE, json!({"token": token})).await.with(200);
    assert_eq!(seen["tenant_name"], "Ada Ltd");
    assert_eq!(seen["email"], json!(email));
    assert_eq!(
        (&seen["role"], &seen["has_account"]),
        (&json!("engineer"), &json!(false))
    );
    let grace = Person::of(&app.ask(JOIN, newcomer(&token)).await.with(201));
    assert_eq!((&grace.tenant, &grace.email), (&ada.tenant, &email));
    let me = app
        .get("/api/v1/auth/me", Some(&grace.token))
        .await
        .with(200);
    assert_eq!(me["role"], "engineer");
    app.ask(JOIN, newcomer(&token)).await.with(404);
    app.ask(SEE, json!({"token": token})).await.with(404);
    assert_eq!(app.login(&email).await.user, grace.user);
    let list = app
        .get("/api/v1/invitations", Some(&ada.token))
        .await
        .with(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_account_joins_with_it_and_works_in_both() {
    let app = app!();
    let (ada, bob) = (app.register("Ada").await, app.register("Bob").await);
    let (_, token) = invite(&app, &ada, &bob.email.to_uppercase(), "viewer").await;
    let seen = app.ask(SEE, json!({"token": token})).await.with(200);
    assert_eq!(seen["has_account"], true);
    assert_eq!(
        app.ask(JOIN, newcomer(&token)).await.with(409)["rule"],
        "email_taken"
    );
    let other = app.post(ACCEPT, &ada.token, json!({"token": token})).await;
    assert_eq!(other.with(403)["rule"], "invitation_for_another");
    let joined = app.post(ACCEPT, &bob.token, json!({"token": token})).await;
    assert_eq!(joined.with(200)["tenant_id"], json!(ada.tenant));
    let body = json!({"refresh_token": bob.refresh, "tenant_id": ada.tenant});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    assert_eq!((&there.user, &there.tenant), (&bob.user, &ada.tenant));
    let me = app
        .get("/api/v1/auth/me", Some(&there.token))
        .await
        .with(200);
    assert_eq!(me["role"], "viewer");
    assert_eq!(me["tenants"].as_array().unwrap().len(), 2);
    // Leaving the one leaves the account in the other.
    app.post("/api/v1/auth/leave", &there.token, json!(null))
        .await
        .with(204);
    let denied = app.get("/api/v1/auth/me", Some(&there.token)).await;
    assert_eq!(denied.with(401)["rule"], "session_ended");
    let again = app.login(&bob.email).await;
    assert_eq!(again.tenant, bob.tenant);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_goes_on_where_it_was_a_guest() {
    let app = app!();
    let (ada, bob) = (app.register("Ada").await, app.register("Bob").await);
    let carl = app.colleague(&bob, "Carl", "engineer").await;
    let (_, token) = invite(&app, &ada, &carl.email, "engineer").await;
    app.post(ACCEPT, &carl.token, json!({"token": token}))
        .await
        .with(200);
    let path = format!("/api/v1/members/{}", carl.user);
    app.delete(&path, &bob.token).await.with(204);
    assert_eq!(app.login(&carl.email).await.tenant, ada.tenant);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_expired_link_and_a_made_up_one_open_nothing() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let (invitation, token) = invite(&app, &ada, "r@example.com", "viewer").await;
    let path = format!("/api/v1/invitations/{}", invitation["id"].as_str().unwrap());
    app.delete(&path, &ada.token).await.with(204);
    app.ask(JOIN, newcomer(&token)).await.with(404);
    app.delete(&path, &ada.token).await.with(404);
    let (_, token) = invite(&app, &ada, "e@example.com", "viewer").await;
    // The address is another tenant's, under the MAC of this one.
    let other = if token.as_bytes()[8] == b'A' {
        "B"
    } else {
        "A"
    };
    let made_up = format!("{}{other}{}", &token[..8], &token[9..]);
    app.ask(SEE, json!({"token": made_up})).await.with(404);
    clock.advance_millis(7 * 86_400_000);
    let late = app.ask(JOIN, newcomer(&token)).await;
    assert_eq!(late.with(409)["rule"], "invitation_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_not_invited_and_owners_by_owners_only() {
    let app = app!();
    let ada = app.register("Ada").await;
    let max = app.colleague(&ada, "Max", "admin").await;
    let body = json!({"email": max.email, "role": "viewer"});
    let member = app.post("/api/v1/invitations", &ada.token, body).await;
    assert_eq!(member.with(409)["rule"], "already_member");
    let owner = json!({"email": "o@example.com", "role": "owner"});
    app.post("/api/v1/invitations", &max.token, owner)
        .await
        .with(403);
    let engineer = app.colleague(&ada, "Eve", "engineer").await;
    app.get("/api/v1/invitations", Some(&engineer.token))
        .await
        .with(403);
}

async fn send(app: &App, by: &Person, id: &Value) -> crate::app::Answer {
    let path = format!("/api/v1/invitations/{}/send", id.as_str().unwrap());
    app.post(&path, &by.token, Value::Null).await
}

async fn letters(app: &App) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM vault.mails")
        .fetch_one(app.gateway.db.writer())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_asked_for_once_a_minute_by_who_may_and_ends_with_the_invitation() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|config| config.mail = true, clock.clone()).await else {
        return;
    };
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let me = app.get("/api/v1/auth/me", Some(&ada.token)).await;
    assert_eq!(me.with(200)["sends_mail"], true);
    let (invitation, _) = invite(&app, &ada, &unique_email("Grace"), "viewer").await;
    let id = &invitation["id"];
    assert_eq!(invitation["mail"], Value::Null);
    send(&app, &eve, id).await.with(404);
    let engineer = app.colleague(&ada, "Engineer", "engineer").await;
    send(&app, &engineer, id).await.with(403);
    assert_eq!(letters(&app).await, 0);
    let sent = send(&app, &ada, id).await.with(200);
    assert_eq!(sent["mail"]["state"], "waiting");
    assert_eq!(
        send(&app, &ada, id).await.with(409)["rule"],
        "mailed_just_now"
    );
    assert_eq!(letters(&app).await, 1, "a refused one leaves no letter");
    clock.advance_millis(61_000);
    send(&app, &ada, id).await.with(200);
    assert_eq!(letters(&app).await, 2);
    let path = format!("/api/v1/invitations/{}", id.as_str().unwrap());
    app.delete(&path, &ada.token).await.with(204);
    assert_eq!(letters(&app).await, 0);
    send(&app, &ada, id).await.with(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_without_mail_says_so_and_keeps_no_letter() {
    let app = app!();
    let ada = app.register("Ada").await;
    let me = app.get("/api/v1/auth/me", Some(&ada.token)).await;
    assert_eq!(me.with(200)["sends_mail"], false);
    let (invitation, _) = invite(&app, &ada, &unique_email("Grace"), "viewer").await;
    let refused = send(&app, &ada, &invitation["id"]).await;
    assert_eq!(refused.with(409)["rule"], "mail_off");
    assert_eq!(letters(&app).await, 0);
}

/// The open invitations as `by` sees them.
async fn open(app: &App, by: &Person) -> Vec<Value> {
    let list = app.get("/api/v1/invitations", Some(&by.token)).await;
    list.with(200)["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_makes_an_owner_is_shown_to_owners_alone() {
    let app = app!();
    let ada = app.register("Ada").await;
    let admin = app.colleague(&ada, "Adam", "admin").await;
    let (owner, _) = invite(&app, &ada, &unique_email("Olga"), "owner").await;
    invite(&app, &ada, &unique_email("Vera"), "viewer").await;
    let body = json!({"name": "admin", "scopes": ["admin"]});
    let key = app.post("/api/v1/api-keys", &ada.token, body).await;
    let key = key.with(201)["key"].as_str().unwrap().to_owned();
    until_known(&app, &key).await;
    for token in [&admin.token, &key] {
        let list = app.get("/api/v1/invitations", Some(token)).await.with(200);
        let shown = list["items"].as_array().unwrap();
        let with_link = shown.iter().filter(|held| held["link"].is_string());
        let roles: Vec<_> = with_link.map(|held| held["role"].clone()).collect();
        assert_eq!((shown.len(), roles), (2, vec![json!("viewer")]));
    }
    let links = open(&app, &ada).await.into_iter();
    assert!(
        links
            .map(|held| held["link"].clone())
            .all(|link| link.is_string())
    );
    // Mailing it is another's way to the same link.
    let path = format!("/api/v1/invitations/{}/send", owner["id"].as_str().unwrap());
    let sent = app.post(&path, &admin.token, json!(null)).await;
    assert!(!sent.text.contains("srei_"), "{}", sent.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_takes_the_place_of_what_waited_for_the_address() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = unique_email("Grace");
    let (_, first) = invite(&app, &ada, &email, "admin").await;
    invite(&app, &ada, &unique_email("Hedy"), "viewer").await;
    let (second, token) = invite(&app, &ada, &email.to_uppercase(), "viewer").await;
    app.ask(SEE, json!({"token": first})).await.with(404);
    let held = open(&app, &ada).await;
    assert_eq!((held.len(), &held[0]["id"]), (2, &second["id"]));
    let grace = Person::of(&app.ask(JOIN, newcomer(&token)).await.with(201));
    let me = app.get("/api/v1/auth/me", Some(&grace.token)).await;
    assert_eq!(me.with(200)["role"], "viewer");
}

/// The ways in which somebody goes.
const GOING: [&str; 3] = ["remove", "erase", "leave"];

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_has_no_second_way_in() {
    let app = app!();
    let ada = app.register("Ada").await;
    for way in GOING {
        let email = unique_email(way);
        let (_, token) = invite(&app, &ada, &email, "admin").await;
        // Comes in by another door, so that the invitation goes on waiting.
        let gone = app.colleague_at(&ada, &email, "Grace", "viewer").await;
        app.ask(SEE, json!({"token": token})).await.with(200);
        let member = format!("/api/v1/members/{}", gone.user);
        let answer = match way {
            "remove" => app.delete(&member, &ada.token).await,
            "erase" => {
                app.post(&format!("{member}/erase"), &ada.token, json!(null))
                    .await
            }
            _ => {
                app.post("/api/v1/auth/leave", &gone.token, json!(null))
                    .await
            }
        };
        answer.with(204);
        app.ask(SEE, json!({"token": token})).await.with(404);
        app.ask(JOIN, newcomer(&token)).await.with(404);
    }
    assert!(open(&app, &ada).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_goes_with_whoever_made_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let (_, kept) = invite(&app, &ada, &unique_email("kept"), "viewer").await;
    for way in [&GOING[..], &["demote"]].concat() {
        let max = app.colleague(&ada, "Max", "admin").await;
        let (invitation, token) = invite(&app, &max, &unique_email(way), "admin").await;
        let member = format!("/api/v1/members/{}", max.user);
        let none = json!(null);
        let answer = match way {
            "remove" => app.delete(&member, &ada.token).await,
            "erase" => app.post(&format!("{member}/erase"), &ada.token, none).await,
            "leave" => app.post("/api/v1/auth/leave", &max.token, none).await,
            _ => {
                app.patch(&member, &ada.token, json!({"role": "viewer"}))
                    .await
            }
        };
        assert!(answer.status.is_success(), "{way}: {answer:?}");
        let joined = app.ask(JOIN, newcomer(&token)).await;
        assert_eq!(joined.status.as_u16(), 404, "{way}: {joined:?}");
        let id = invitation["id"].as_str().unwrap();
        let field = format!("invitations.{id}.role");
        testkit::eventually("the audit tells that it is revoked", || async {
            let found = entries(&app, &ada, "kind=change&result=accepted").await;
            let told = |entry: &Value| entry["before"][&field] == "admin";
            found.iter().any(told).then_some(())
        })
        .await;
        testkit::eventually("its address cannot be read any more", || async {
            let keys: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM vault.subject_keys WHERE subject::text = $1",
            )
            .bind(id)
            .fetch_one(app.gateway.db.writer())
            .await
            .unwrap();
            (keys == 0).then_some(())
        })
        .await;
    }
    app.ask(SEE, json!({"token": kept})).await.with(200);
}

/// The retry of a request whose invitation is over asks for a key as the request did: with
/// another key nothing that was sealed before would open.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_over_is_not_sealed_anew() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = unique_email("late");
    let body = json!({"email": email, "role": "viewer"});
    let invite = || {
        let (token, once) = (Some(&ada.token[..]), [("idempotency-key", "once")]);
        let (app, body) = (&app, &body);
        async move {
            let path = "/api/v1/invitations";
            app.send(Method::POST, path, token, Some(body), &once).await
        }
    };
    let first = invite().await.with(201);
    let id = first["id"].as_str().unwrap();
    let keys = || async {
        let sql = "SELECT count(*) FROM vault.subject_keys WHERE subject::text = $1";
        let found = sqlx::query_scalar::<_, i64>(sql).bind(id);
        found.fetch_one(app.gateway.db.writer()).await.unwrap()
    };
    assert_eq!(keys().await, 1);
    let path = format!("/api/v1/invitations/{id}");
    app.delete(&path, &ada.token).await.with(204);
    testkit::eventually("its address cannot be read any more", || async {
        (keys().await == 0).then_some(())
    })
    .await;
    invite().await;
    assert_eq!(keys().await, 0);
    let export = app.get("/api/v1/tenant/export", Some(&ada.token)).await;
    assert!(export.text.contains("\"end\":true"), "{export:?}");
}

/// The hash of the newest request that changed the tenant, as the history keeps it for ever.
async fn newest_hash(app: &App, by: &Person) -> String {
    testkit::eventually("the history has the invitation", || async {
        let mut found: Vec<String> = sqlx::query_scalar(
            "SELECT request_hash FROM history.events
             WHERE aggregate = 'tenant' AND key = $1 ORDER BY sequence",
        )
        .bind(&by.tenant)
        .fetch_all(app.gateway.db.writer())
        .await
        .unwrap();
        // Registration alone is three.
        found.split_off(found.len().min(3)).pop()
    })
    .await
}

/// Whoever has the log and guesses an address must not see it proven there.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_leaves_nothing_in_the_log_that_can_be_tried() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    for person in [&ada, &eve] {
        invite(&app, person, "same@example.com", "viewer").await;
    }
    let (first, second) = (newest_hash(&app, &ada).await, newest_hash(&app, &eve).await);
    assert_eq!((first.len(), second.len()), (32, 32));
    assert_ne!(first, second);
}
