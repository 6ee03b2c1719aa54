//! Accounts that somebody else has made: their first password is good to be replaced.

use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use crate::app::{Answer, App, INITIAL, PASSWORD, Person, app, unique_email};

const LOGIN: &str = "/api/v1/auth/login";
const REPLACE: &str = "/api/v1/auth/initial-password";
const WEEK_MS: i64 = 7 * 86_400_000;

/// The address of an account that `owner` has just made.
async fn made(app: &App, owner: &Person) -> String {
    let email = unique_email("Grace");
    let body =
        json!({"email": email, "name": "Grace Hopper", "password": INITIAL, "role": "viewer"});
    let member = app.post("/api/v1/members", &owner.token, body).await;
    assert!(member.with(201)["initial_password_until"].is_string());
    email
}

async fn log_in(app: &App, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    app.ask(LOGIN, body).await
}

async fn replace(app: &App, email: &str, password: &str, new: &str) -> Answer {
    let body = json!({"email": email, "password": password, "new_password": new});
    app.ask(REPLACE, body).await
}

async fn listed(app: &App, owner: &Person, email: &str) -> Value {
    let list = app.get("/api/v1/members", Some(&owner.token)).await;
    let members = list.with(200)["items"].clone();
    let mut members = members.as_array().unwrap().iter();
    members.find(|m| m["email"] == email).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_somebody_else_set_is_good_for_nothing_but_to_be_replaced() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = made(&app, &ada).await;
    let refused = log_in(&app, &email, INITIAL).await;
    assert_eq!(refused.with(403)["rule"], "password_change_required");
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert!(refused.headers.get("set-cookie").is_none());

    let session = replace(&app, &email, INITIAL, PASSWORD).await.with(200);
    assert_eq!(session["user"]["email"], json!(email));
    let grace = Person::of(&session);
    app.get("/api/v1/auth/me", Some(&grace.token))
        .await
        .with(200);
    assert_eq!(
        listed(&app, &ada, &email).await["initial_password_until"],
        Value::Null
    );
    // It is theirs now: whoever made the account cannot come in by what they know.
    log_in(&app, &email, PASSWORD).await.with(200);
    log_in(&app, &email, INITIAL).await.with(401);
    replace(&app, &email, INITIAL, "another one of mine")
        .await
        .with(401);
    let again = replace(&app, &email, PASSWORD, "another one of mine").await;
    assert_eq!(again.with(409)["rule"], "password_is_own");
    // Whoever tried a password there, and found it right, has left a trace.
    let told = "result=refused&q=password_is_own";
    crate::audit::entries_become(&app, &ada, told, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_password_is_another_one_and_a_good_one() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = made(&app, &ada).await;
    for (new, why) in [
        (INITIAL, "another one"),
        ("short", "8 to 256"),
        ("password1", "most common"),
        (email.as_str(), "itself"),
        ("Grace Hopper", "itself"),
    ] {
        let problem = replace(&app, &email, INITIAL, new).await.with(422);
        assert_eq!(problem["errors"][0]["field"], "new_password", "{new}");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(why), "{new}: {message}");
    }
    // Nothing of it has used the password up.
    replace(&app, &email, INITIAL, PASSWORD).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_good_for_a_week_and_what_follows_is_a_new_account() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let (late, early) = (made(&app, &ada).await, made(&app, &ada).await);
    let member = listed(&app, &ada, &late).await;
    assert_eq!(member["initial_password_until"], "2026-11-08T02:41:00Z");
    clock.advance_millis(WEEK_MS - 60_000);
    replace(&app, &early, INITIAL, PASSWORD).await.with(200);
    clock.advance_millis(60_000);
    for answer in [
        log_in(&app, &late, INITIAL).await,
        replace(&app, &late, INITIAL, PASSWORD).await,
    ] {
        assert_eq!(answer.with(403)["rule"], "initial_password_expired");
    }
    // One's own stays good.
    log_in(&app, &early, PASSWORD).await.with(200);
    let ada = app.login(&ada.email).await;
    let path = format!("/api/v1/members/{}", member["user_id"].as_str().unwrap());
    app.delete(&path, &ada.token).await.with(204);
    let body = json!({"email": late, "name": "Grace", "password": INITIAL, "role": "viewer"});
    app.post("/api/v1/members", &ada.token, body)
        .await
        .with(201);
    replace(&app, &late, INITIAL, PASSWORD).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_counted_with_those_at_the_login() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let email = made(&app, &ada).await;
    for _ in 0..3 {
        let wrong = replace(&app, &email, "not it at all", PASSWORD).await;
        assert_eq!(wrong.with(401)["rule"], "bad_credentials");
    }
    for _ in 0..2 {
        log_in(&app, &email, "not it at all").await.with(401);
    }
    // Five are mistakes; then it is a pause, at either door and for whoever is right.
    let locked = replace(&app, &email, INITIAL, PASSWORD).await;
    assert_eq!(locked.with(429)["rule"], "locked_out");
    // An address that nobody has gets the answer of a wrong password.
    let nobody = replace(&app, "nobody@example.com", INITIAL, PASSWORD).await;
    assert_eq!(nobody.with(401)["rule"], "bad_credentials");
    clock.advance_millis(1_000);
    replace(&app, &email, INITIAL, PASSWORD).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_replace_it_at_once_one_has_the_account() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = made(&app, &ada).await;
    let (one, two) = tokio::join!(
        replace(&app, &email, INITIAL, "the first new password"),
        replace(&app, &email, INITIAL, "the second new password"),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200, "{one:?} {two:?}");
    assert!(statuses[1] == 401 || statuses[1] == 409, "{one:?} {two:?}");
    let won = one.status.as_u16() == 200;
    let (good, bad) = match won {
        true => ("the first new password", "the second new password"),
        false => ("the second new password", "the first new password"),
    };
    log_in(&app, &email, good).await.with(200);
    log_in(&app, &email, bad).await.with(401);
}
