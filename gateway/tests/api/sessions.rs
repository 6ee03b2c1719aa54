//! `/api/v1/auth/sessions`, ends that take effect at once, and the pause after wrong
//! passwords.

use std::collections::HashSet;

use axum::http::Method;
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, Person, app};

const SESSIONS: &str = "/api/v1/auth/sessions";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/auth/me";

async fn sessions(app: &App, person: &Person) -> Vec<Value> {
    let list = app.get(SESSIONS, Some(&person.token)).await.with(200);
    list["items"].as_array().unwrap().clone()
}

async fn login_with(app: &App, email: &str, agent: &str) -> Person {
    let body = json!({"email": email, "password": PASSWORD});
    let headers = [("user-agent", agent)];
    let answer = app
        .send(Method::POST, LOGIN, None, Some(&body), &headers)
        .await;
    Person::of(&answer.with(200))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_sessions_and_signs_out_of_one_or_all_others() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let phone = login_with(&app, &ada.email, "Phone/1.0").await;
    let laptop = login_with(&app, &ada.email, "Laptop/1.0").await;
    let seen = sessions(&app, &ada).await;
    let devices: HashSet<_> = seen.iter().map(|s| s["device"].as_str().unwrap()).collect();
    assert_eq!(devices, HashSet::from(["", "Phone/1.0", "Laptop/1.0"]));
    assert_eq!(seen.iter().filter(|s| s["current"] == true).count(), 1);
    let of_phone = seen.iter().find(|s| s["device"] == "Phone/1.0").unwrap();
    let path = format!("{SESSIONS}/{}", of_phone["id"].as_str().unwrap());
    app.delete(&path, &eve.token).await.with(404);
    app.delete(&path, &ada.token).await.with(204);
    let ended = app.get(ME, Some(&phone.token)).await;
    assert_eq!(ended.with(401)["rule"], "session_ended");
    let body = json!({"refresh_token": phone.refresh});
    app.ask(REFRESH, body).await.with(401);
    app.delete(SESSIONS, &ada.token).await.with(204);
    app.get(ME, Some(&laptop.token)).await.with(401);
    app.get(ME, Some(&ada.token)).await.with(200);
    assert_eq!(sessions(&app, &ada).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_a_month_after_its_sign_in_however_often_it_is_renewed() {
    const DAY_MS: i64 = 86_400_000;
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let mut ada = app.register("Ada").await;
    let begun = sessions(&app, &ada).await[0].clone();
    assert_eq!(begun["ends_at"], "2026-12-01T02:41:00Z");
    for _ in 0..4 {
        clock.advance_millis(6 * DAY_MS);
        ada = app.refreshed(&ada).await;
    }
    // The last token that it gets ends with it, not a quarter of an hour from now.
    clock.advance_millis(6 * DAY_MS - 300_000);
    let body = json!({"refresh_token": ada.refresh});
    let last = app.ask(REFRESH, body).await;
    assert_eq!(last.with(200)["expires_in"], 300);
    let ada = Person::of(&last.with(200));
    let cookies = last.headers.get_all("set-cookie").iter();
    for cookie in cookies {
        assert!(
            cookie.to_str().unwrap().contains("Max-Age=300"),
            "{cookie:?}"
        );
    }
    app.get(ME, Some(&ada.token)).await.with(200);
    clock.advance_millis(300_000 + 31_000);
    assert_eq!(
        app.get(ME, Some(&ada.token)).await.with(401)["rule"],
        "token_expired"
    );
    let body = json!({"refresh_token": ada.refresh});
    let over = app.ask(REFRESH, body.clone()).await;
    assert_eq!(over.with(401)["rule"], "session_over");
    let detail = over.with(401)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("its sign-in was too long ago"), "{detail}");
    app.ask(REFRESH, body).await.with(401);
    // Whoever signs in again begins anew, and does not see the old one.
    let again = app.login(&ada.email).await;
    assert_eq!(sessions(&app, &again).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployment_says_how_long_a_session_lasts() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let hour = |config: &mut gateway::config::Config| {
        config.session_lifetime = std::time::Duration::from_secs(3_600);
    };
    let Some(app) = App::with(hour, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    clock.advance_millis(3_599_000);
    let ada = app.refreshed(&ada).await;
    clock.advance_millis(1_000);
    // One that nobody has refused yet is not shown as if it went on.
    let other = app.login(&ada.email).await;
    assert_eq!(sessions(&app, &other).await.len(), 1);
    let body = json!({"refresh_token": ada.refresh});
    assert_eq!(
        app.ask(REFRESH, body).await.with(401)["rule"],
        "session_over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_at_once_and_a_refresh_brings_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "admin").await;
    let path = format!("/api/v1/members/{}", bob.user);
    let body = json!({"role": "viewer"});
    app.send(Method::PATCH, &path, Some(&ada.token), Some(&body), &[])
        .await
        .with(200);
    let stale = app.get(ME, Some(&bob.token)).await;
    assert_eq!(stale.with(401)["rule"], "session_ended");
    let bob = app.refreshed(&bob).await;
    let me = app.get(ME, Some(&bob.token)).await.with(200);
    assert_eq!(me["role"], "viewer");
}

/// What another gateway wrote into the vault is taken in by looking.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_gateway_ended_is_over_here_too() {
    let app = app!();
    let ada = app.register("Ada").await;
    let session = sessions(&app, &ada).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.get(ME, Some(&ada.token)).await.with(200);
    sqlx::query("INSERT INTO vault.ends (what, ended_at) VALUES ($1::uuid, $2)")
        .bind(session)
        .bind(Clock::System.now().datetime())
        .execute(app.gateway.db.writer())
        .await
        .unwrap();
    testkit::eventually("the session is over", || async {
        let answer = app.get(ME, Some(&ada.token)).await;
        (answer.status.as_u16() == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_refreshes_at_once_give_one_successor() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = json!({"refresh_token": ada.refresh});
    let refreshes = (0..20).map(|_| app.ask(REFRESH, body.clone()));
    let answers = futures::future::join_all(refreshes).await;
    let successors: HashSet<_> = answers
        .iter()
        .map(|answer| {
            answer.with(200)["refresh_token"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(successors.len(), 1);
    println!(
        "PROOF refresh_at_once: 20 at once, {} successor",
        successors.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_used_again_is_in_the_audit() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let body = json!({"refresh_token": ada.refresh});
    let thief = Person::of(&app.ask(REFRESH, body.clone()).await.with(200));
    clock.advance_millis(10_001);
    app.ask(REFRESH, body).await.with(401);
    // The whole family is over, the thief's access token too.
    assert_eq!(
        app.get(ME, Some(&thief.token)).await.with(401)["rule"],
        "session_ended"
    );
    let ada = app.login(&ada.email).await;
    testkit::eventually("the audit tells", || async {
        let audit = app.get("/api/v1/audit", Some(&ada.token)).await;
        audit.text.contains("refresh_token_reused").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_make_a_pause_that_doubles_and_tells_nothing() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let nobody = "nobody@example.com";
    let attempt = async |email: &str, password: &str| {
        app.ask(LOGIN, json!({"email": email, "password": password}))
            .await
    };
    for email in [ada.email.as_str(), nobody] {
        for _ in 0..5 {
            attempt(email, "not the password").await.with(401);
        }
        let locked = attempt(email, PASSWORD).await;
        assert_eq!(locked.with(429)["rule"], "locked_out");
        assert_eq!(locked.headers["retry-after"], "1");
    }
    clock.advance_millis(1_000);
    attempt(&ada.email, "not the password").await.with(401);
    assert_eq!(
        attempt(&ada.email, PASSWORD).await.headers["retry-after"],
        "2"
    );
    clock.advance_millis(2_000);
    attempt(&ada.email, PASSWORD).await.with(200);
    attempt(&ada.email, "not the password").await.with(401);
    attempt(&ada.email, PASSWORD).await.with(200);
}

/// All would be looked at before the first is counted.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_come_at_once_are_counted_one_by_one() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let guesses = (0..15).map(|n| {
        let password = format!("not the password {n}");
        app.ask(LOGIN, json!({"email": ada.email, "password": password}))
    });
    let answers = futures::future::join_all(guesses).await;
    let of = |status: u16| {
        let of = answers.iter().filter(|answer| answer.status == status);
        of.count()
    };
    assert_eq!((of(401), of(429)), (5, 10));
}

/// Its session would begin when all others have been ended, and stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_at_the_moment_of_a_new_password_does_not_outlast_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let logins = (0..8).map(|_| app.ask(LOGIN, json!({"email": ada.email, "password": PASSWORD})));
    let body = json!({"password": PASSWORD, "new_password": "a horse and a staple"});
    let change = app.post("/api/v1/auth/password", &ada.token, body);
    let (answers, changed) = tokio::join!(futures::future::join_all(logins), change);
    changed.with(204);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        let body = json!({"refresh_token": Person::of(&answer.json()).refresh});
        app.ask("/api/v1/auth/refresh", body).await.with(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_other_sessions_and_the_old_password() {
    let app = app!();
    let ada = app.register("Ada").await;
    let phone = app.login(&ada.email).await;
    let change = async |password: &str, new: &str| {
        let body = json!({"password": password, "new_password": new});
        app.post("/api/v1/auth/password", &ada.token, body).await
    };
    let common = change(PASSWORD, "password1").await.with(422);
    assert_eq!(common["errors"][0]["field"], "new_password");
    let own = change(PASSWORD, &ada.email.to_uppercase()).await.with(422);
    assert_eq!(own["errors"][0]["field"], "new_password");
    let same = change(PASSWORD, PASSWORD).await.with(422);
    assert_eq!(same["errors"][0]["field"], "new_password");
    assert_eq!(
        change("wrong", "a horse and a staple").await.with(401)["rule"],
        "bad_credentials"
    );
    change(PASSWORD, "a horse and a staple").await.with(204);
    app.get(ME, Some(&phone.token)).await.with(401);
    app.get(ME, Some(&ada.token)).await.with(200);
    app.ask(LOGIN, json!({"email": ada.email, "password": PASSWORD}))
        .await
        .with(401);
    let new = json!({"email": ada.email, "password": "a horse and a staple"});
    app.ask(LOGIN, new).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_change_a_password_at_once_one_has_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let change = |n: usize| {
        let new = format!("a horse and {n} staples");
        let body = json!({"password": PASSWORD, "new_password": new});
        let (app, token) = (&app, &ada.token);
        async move {
            let answer = app.post("/api/v1/auth/password", token, body).await;
            (answer, new)
        }
    };
    let answers = futures::future::join_all((0..4).map(change)).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(answer, _)| answer.status.as_u16() == 204);
    assert_eq!((done.len(), refused.len()), (1, 3));
    for (answer, _) in &refused {
        assert_eq!(answer.with(401)["rule"], "bad_credentials");
    }
    let login = |password: &str| json!({"email": ada.email, "password": password});
    app.ask(LOGIN, login(&done[0].1)).await.with(200);
    app.ask(LOGIN, login(&refused[0].1)).await.with(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_may_see_a_member_differently() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "viewer").await;
    let path = format!("/api/v1/members/{}/project-role", bob.user);
    let set = app
        .put(&path, &ada.token, json!({"role": "admin"}))
        .await
        .with(200);
    assert_eq!(
        (&set["role"], &set["project_role"]),
        (&json!("viewer"), &json!("admin"))
    );
    let bob = app.refreshed(&bob).await;
    // What is the project's goes by the role in it, what is the tenant's does not.
    let key = json!({"name": "k", "scopes": ["read"]});
    app.post("/api/v1/api-keys", &bob.token, key)
        .await
        .with(201);
    let key = json!({"name": "k", "scopes": ["admin"]});
    app.post("/api/v1/api-keys", &bob.token, key)
        .await
        .with(403);
    let invite = json!({"email": "x@example.com", "role": "viewer"});
    app.post("/api/v1/invitations", &bob.token, invite)
        .await
        .with(403);
    let other = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Other"}))
        .await;
    let body = json!({"refresh_token": bob.refresh, "project_id": other.id()});
    let there = Person::of(&app.ask(REFRESH, body).await.with(200));
    let me = app.get(ME, Some(&there.token)).await.with(200);
    assert_eq!(me["role"], "viewer");
    app.put(&path, &ada.token, json!({"role": null}))
        .await
        .with(200);
    let owner = format!("/api/v1/members/{}/project-role", ada.user);
    let refused = app.put(&owner, &ada.token, json!({"role": "viewer"})).await;
    assert_eq!(refused.with(409)["rule"], "owner_everywhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_in_the_audit() {
    let app = app!();
    let ada = app.register("Ada").await;
    let wrong = json!({"email": ada.email, "password": "not the password"});
    app.ask(LOGIN, wrong).await.with(401);
    testkit::eventually("the audit tells", || async {
        let path = "/api/v1/audit?result=refused&action=BeginSession";
        let audit = app.get(path, Some(&ada.token)).await.with(200);
        (audit["items"][0]["rule"] == "bad_credentials").then_some(())
    })
    .await;
}
