//! `/api/v1/auth/*`

use axum::http::Method;
use gateway::config::Registration;
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::json;

use crate::app::{App, PASSWORD, Person, app};

const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_registers_and_sees_themselves() {
    let app = app!();
    let ada = app.register("Ada").await;
    let me = app.get("/api/v1/auth/me", Some(&ada.token)).await.with(200);
    assert_eq!(me["user"]["email"], json!(ada.email));
    assert_eq!(me["tenant"]["name"], "Ada Ltd");
    assert_eq!(me["project"]["slug"], "default");
    assert_eq!(me["role"], "owner");
    assert!(
        me["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("owner.manage"))
    );
    let again = app.login(&ada.email.to_uppercase()).await;
    assert_eq!((again.user, again.project), (ada.user, ada.project));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_account() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = json!({"email": ada.email, "password": PASSWORD, "name": "B", "tenant_name": "B"});
    let second = app
        .send(
            Method::POST,
            "/api/v1/auth/register",
            None,
            Some(&body),
            &[],
        )
        .await;
    second.with(409);
    assert_eq!(second.rule(), "email_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_registration_needs_the_password() {
    let app = app!();
    let body = |password: &str| json!({"email": "retry@example.com", "password": password, "name": "R", "tenant_name": "R"});
    let keyed = [("idempotency-key", "one")];
    let path = "/api/v1/auth/register";
    let first = app
        .send(Method::POST, path, None, Some(&body(PASSWORD)), &keyed)
        .await
        .with(201);
    let retry = app
        .send(Method::POST, path, None, Some(&body(PASSWORD)), &keyed)
        .await
        .with(201);
    assert_eq!(first["tenant_id"], retry["tenant_id"]);
    let other = app
        .send(
            Method::POST,
            path,
            None,
            Some(&body("another password")),
            &keyed,
        )
        .await;
    assert_eq!(other.with(409)["rule"], "email_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_look_alike() {
    let app = app!();
    let ada = app.register("Ada").await;
    let wrong = json!({"email": ada.email, "password": "not the password"});
    let unknown = json!({"email": "nobody@example.com", "password": PASSWORD});
    let same = [("x-request-id", "0192f0c1-2b3c-7d4e-8f50-123456789abc")];
    let wrong = app
        .send(Method::POST, LOGIN, None, Some(&wrong), &same)
        .await;
    let unknown = app
        .send(Method::POST, LOGIN, None, Some(&unknown), &same)
        .await;
    assert_eq!(wrong.with(401), unknown.with(401));
    assert_eq!(wrong.rule(), "bad_credentials");
}

/// What is told of an account that there is must not be waited for: it takes a moment, and
/// may fail.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_look_alike_without_the_log() {
    let app = app!();
    let ada = app.register("Ada").await;
    app.log.close().await.unwrap();
    for email in [ada.email.as_str(), "nobody@example.com"] {
        let wrong = json!({"email": email, "password": "not the password"});
        let answer = app.ask(LOGIN, wrong).await;
        assert_eq!(answer.with(401)["rule"], "bad_credentials", "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_form_is_told_by_field() {
    let app = app!();
    let body = json!({"email": "ada", "password": "short", "name": "", "tenant_name": " "});
    let answer = app
        .send(
            Method::POST,
            "/api/v1/auth/register",
            None,
            Some(&body),
            &[],
        )
        .await;
    let problem = answer.with(422);
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["field"])
        .collect();
    assert_eq!(fields, ["email", "password", "name", "tenant_name"]);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let missing = app
        .send(
            Method::POST,
            LOGIN,
            None,
            Some(&json!({"email": "a@b"})),
            &[],
        )
        .await;
    assert_eq!(missing.with(400)["errors"][0]["field"], "password");
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_can_be_closed_or_for_the_first_only() {
    let closed = |config: &mut gateway::config::Config| config.registration = Registration::First;
    let Some(app) = App::with(closed, Clock::System).await else {
        return;
    };
    app.register("First").await;
    let body =
        json!({"email": "b@example.com", "password": PASSWORD, "name": "B", "tenant_name": "B"});
    let second = app
        .send(
            Method::POST,
            "/api/v1/auth/register",
            None,
            Some(&body),
            &[],
        )
        .await;
    assert_eq!(second.with(403)["rule"], "registration_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let refresh = async |token: &str| {
        let body = json!({"refresh_token": token});
        app.send(Method::POST, REFRESH, None, Some(&body), &[])
            .await
    };
    let first = refresh(&ada.refresh).await.with(200)["refresh_token"].clone();
    // Another tab, a moment later, gets the same successor.
    let tab = refresh(&ada.refresh).await.with(200)["refresh_token"].clone();
    assert_eq!(first, tab);
    clock.advance_millis(10_001);
    let stolen = refresh(&ada.refresh).await;
    assert_eq!(stolen.with(401)["rule"], "session_over");
    let successor = refresh(first.as_str().unwrap()).await;
    assert_eq!(successor.with(401)["rule"], "session_over");
    clock.advance_millis(15 * 60 * 1000);
    let expired = app.get("/api/v1/auth/me", Some(&ada.token)).await;
    assert_eq!(expired.with(401)["rule"], "token_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_takes_the_cookies_and_ends_the_session() {
    let app = app!();
    let ada = app.register("Ada").await;
    let cookies = format!("srec_session={}; srec_refresh={}", ada.token, ada.refresh);
    let own = [
        ("cookie", cookies.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let out = app
        .send(Method::POST, "/api/v1/auth/logout", None, None, &own)
        .await;
    out.with(204);
    let cleared: Vec<_> = out.headers.get_all("set-cookie").iter().collect();
    assert!(
        cleared
            .iter()
            .all(|c| c.to_str().unwrap().contains("Max-Age=0"))
    );
    let body = json!({"refresh_token": ada.refresh});
    app.send(Method::POST, REFRESH, None, Some(&body), &[])
        .await
        .with(401);
    // It is told once, however often it is done.
    app.send(Method::POST, "/api/v1/auth/logout", None, None, &own)
        .await
        .with(204);
    let again = app.login(&ada.email).await;
    crate::audit::entries_become(&app, &again, "action=EndSession", 1).await;
    // Both logins are entries, the second after all that came before it.
    crate::audit::entries_become(&app, &again, "action=BeginSession", 2).await;
    let told = crate::audit::entries(&app, &again, "action=EndSession").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["actor"]["id"], ada.user.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_signs_in_again_leaves_no_session_behind() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let at_work = app.login(&ada.email).await;
    let sign_in = async |held: &Person, email: &str, password: &str| {
        let cookies = format!("srec_session={}; srec_refresh={}", held.token, held.refresh);
        let own = [
            ("cookie", cookies.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        let body = json!({"email": email, "password": password});
        app.send(Method::POST, "/api/v1/auth/login", None, Some(&body), &own)
            .await
    };
    // Who does not come in ends nothing.
    let wrong = sign_in(&ada, &ada.email, "not the password").await;
    wrong.with(401);
    app.get("/api/v1/auth/me", Some(&ada.token)).await.with(200);

    let again = Person::of(&sign_in(&ada, &ada.email, PASSWORD).await.with(200));
    let old = app.get("/api/v1/auth/me", Some(&ada.token)).await;
    assert_eq!(old.with(401)["rule"], "session_ended");
    let body = json!({"refresh_token": ada.refresh});
    app.ask(REFRESH, body).await.with(401);
    // As somebody else too; what the person has in other browsers goes on.
    let other = Person::of(&sign_in(&again, &eve.email, PASSWORD).await.with(200));
    let body = json!({"refresh_token": again.refresh});
    app.ask(REFRESH, body).await.with(401);
    for on in [&at_work, &eve, &other] {
        app.get("/api/v1/auth/me", Some(&on.token)).await.with(200);
    }
    crate::audit::entries_become(&app, &at_work, "action=EndSession", 2).await;
    let told = crate::audit::entries(&app, &at_work, "action=EndSession").await;
    for entry in told {
        assert_eq!(entry["actor"]["id"], ada.user.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_not_enough_for_pages_of_other_sites() {
    let app = app!();
    let ada = app.register("Ada").await;
    let cookie = format!("srec_session={}", ada.token);
    let body = json!({"title": "x", "severity": "SEV4"});
    let post = async |headers: &[(&str, &str)]| {
        let all = [&[("cookie", cookie.as_str())], headers].concat();
        let path = "/api/v1/incidents";
        app.send(Method::POST, path, None, Some(&body), &all)
            .await
            .status
            .as_u16()
    };
    assert_eq!(post(&[]).await, 403);
    assert_eq!(post(&[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(post(&[("origin", "https://evil.example")]).await, 403);
    assert_eq!(post(&[("sec-fetch-site", "same-origin")]).await, 201);
    assert_eq!(post(&[("origin", "http://localhost:8580")]).await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_project_that_a_page_shows_must_be_the_one_of_its_session() {
    let app = app!();
    let ada = app.register("Ada").await;
    let get = async |project: &str| {
        let headers = [("x-project", project)];
        let token = Some(ada.token.as_str());
        app.send(Method::GET, "/api/v1/incidents", token, None, &headers)
            .await
    };
    get(&ada.project).await.with(200);
    assert_eq!(get(&ada.tenant).await.with(409)["rule"], "project_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_can_change_to_another_own_project_only() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let shop = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Shop"}))
        .await;
    shop.with(201);
    let refresh = async |project: &str| {
        let body = json!({"refresh_token": ada.refresh, "project_id": project});
        app.send(Method::POST, REFRESH, None, Some(&body), &[])
            .await
    };
    refresh(&eve.project).await.with(404);
    assert_eq!(
        refresh(&shop.id()).await.with(200)["project_id"],
        json!(shop.id())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_tokens_are_public() {
    let app = app!();
    let keys = app.get("/.well-known/jwks.json", None).await.with(200);
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
    assert!(keys["keys"][0].get("d").is_none());
}
