//! The provider says who has signed out there: what that ends, and what it does not.

use axum::body::Body;
use axum::http::Request;
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use super::browser::{Browser, somebody};
use super::provider::{CLIENT, Provider, Sign};
use super::{entry, set_up, told};
use crate::app::{Answer, App, Person};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn clock() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap())
}

fn claims(app: &App, at: &Provider, more: Value) -> Value {
    let now = app.gateway.clock.now().micros() / 1_000_000;
    let mut claims = json!({
        "iss": at.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "one",
        "events": {EVENT: {}},
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn form_to(path: &str, form: String) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap()
}

/// As the provider's server sends it, with nothing of ours.
async fn say(app: &App, tenant: &str, token: &str) -> Answer {
    let path = format!("/api/v1/auth/oidc/{tenant}/logout");
    let form = format!("logout_token={token}");
    app.call(form_to(&path, form)).await
}

/// Signs in, as a session at the provider that is called `sid`.
async fn signed_on(app: &App, owner: &Person, at: &Provider, name: &str, sid: &str) -> Person {
    at.told(|manners| manners.claims = json!({ "sid": sid }));
    let browser = Browser::new(app);
    browser
        .sign_on(&owner.tenant, at, &somebody(name, &["sre"]))
        .await;
    browser.person().await.unwrap()
}

async fn goes_on(app: &App, person: &Person) -> bool {
    let me = app.get("/api/v1/auth/me", Some(&person.token)).await;
    match me.status.as_u16() {
        200 => true,
        _ => {
            assert_eq!(me.with(401)["rule"], "session_ended");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_there_is_signed_out_here_at_once() {
    let Some(app) = App::with(|_| {}, clock()).await else {
        return;
    };
    let owner = app.register("Owner").await;
    let at = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &at.issuer, |_| {}).await;
    let laptop = signed_on(&app, &owner, &at, "ada", "laptop").await;
    let phone = signed_on(&app, &owner, &at, "ada", "phone").await;
    let bob = signed_on(&app, &owner, &at, "bob", "desk").await;
    let logout = |more: Value| at.logout_token(Sign::Rightly, &claims(&app, &at, more));

    // One session, whether the token says whose it is or not.
    let token = logout(json!({ "sid": "phone", "sub": "subject of ada" }));
    say(&app, &owner.tenant, &token).await.with(200);
    assert!(!goes_on(&app, &phone).await && goes_on(&app, &laptop).await);
    let refresh = json!({ "refresh_token": phone.refresh });
    app.ask("/api/v1/auth/refresh", refresh).await.with(401);
    entry(&app, &owner, "action=EndSession", |entry| {
        entry["target"]["type"] == "session"
    })
    .await;
    // All of a person's.
    let token = logout(json!({ "sub": "subject of ada" }));
    say(&app, &owner.tenant, &token).await.with(200);
    assert!(!goes_on(&app, &laptop).await);
    assert!(goes_on(&app, &bob).await && goes_on(&app, &owner).await);
    // Of somebody whom nobody knows here.
    let token = logout(json!({ "sub": "subject of eve", "sid": "elsewhere" }));
    say(&app, &owner.tenant, &token).await.with(200);
    assert!(goes_on(&app, &bob).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_did_not_say_just_now_ends_nothing() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let owner = app.register("Owner").await;
    let at = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &at.issuer, |_| {}).await;
    let ada = signed_on(&app, &owner, &at, "ada", "laptop").await;
    let now = app.gateway.clock.now().micros() / 1_000_000;
    let sub = "subject of ada";
    for (rule, sign, more) in [
        ("logout_token_signature", Sign::ByAStranger, json!({})),
        ("id_token_key", Sign::ByUnknownKey, json!({})),
        ("logout_token_algorithm", Sign::Not, json!({})),
        ("logout_token_algorithm", Sign::WithTheSecret, json!({})),
        (
            "logout_token_issuer",
            Sign::Rightly,
            json!({"iss": "https://login.evil.test"}),
        ),
        (
            "logout_token_audience",
            Sign::Rightly,
            json!({"aud": "another-client"}),
        ),
        (
            "logout_token_expired",
            Sign::Rightly,
            json!({"exp": now - 61}),
        ),
        ("logout_token_event", Sign::Rightly, json!({"events": {}})),
        ("logout_token_event", Sign::Rightly, json!({"nonce": "n"})),
        ("logout_token_subject", Sign::Rightly, json!({"sub": null})),
    ] {
        let mut claims = claims(&app, &at, json!({ "sub": sub }));
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = at.logout_token(sign, &claims);
        let refused = say(&app, &owner.tenant, &token).await;
        assert_eq!(
            refused.with(400)["errors"][0]["field"],
            "logout_token",
            "{rule}"
        );
        assert!(refused.text.contains(rule), "{rule}: {refused:?}");
        told(&app, &owner, rule).await;
    }
    say(&app, &owner.tenant, "").await.with(400);
    let path = format!("/api/v1/auth/oidc/{}/logout", owner.tenant);
    let nothing = app.call(form_to(&path, String::new())).await;
    assert_eq!(nothing.with(400)["errors"][0]["field"], "logout_token");
    assert!(goes_on(&app, &ada).await);

    // The very same token again ends nothing that began since, and neither does it at
    // another tenant.
    let token = at.logout_token(Sign::Rightly, &claims(&app, &at, json!({ "sub": sub })));
    let other = app.register("Other").await;
    say(&app, &other.tenant, &token).await.with(404);
    say(&app, &owner.tenant, &token).await.with(200);
    assert!(!goes_on(&app, &ada).await);
    clock.advance_millis(61_000);
    let again = signed_on(&app, &owner, &at, "ada", "laptop").await;
    say(&app, &owner.tenant, &token).await.with(200);
    assert!(goes_on(&app, &again).await);
}
