//! A session that a provider vouched for goes on while it does.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use super::browser::{Browser, somebody};
use super::provider::{CLIENT, Provider};
use super::{PATH, set_up, told, wanted};
use crate::app::{Answer, App, Person, app};
use crate::rebuild::{self, Rebuilding};

const ME: &str = "/api/v1/auth/me";

async fn refresh(app: &App, person: &Person) -> Answer {
    let body = json!({"refresh_token": person.refresh});
    app.ask("/api/v1/auth/refresh", body).await
}

struct Scene {
    owner: Person,
    provider: Arc<Provider>,
    ada: Person,
}

/// Ada has signed in.
async fn scene(app: &App) -> Scene {
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(app, &owner, &provider.issuer, |_| {}).await;
    let ada = signed_on(app, &owner, &provider).await;
    Scene {
        owner,
        provider,
        ada,
    }
}

async fn signed_on(app: &App, owner: &Person, at: &Provider) -> Person {
    let browser = Browser::new(app);
    browser
        .sign_on(&owner.tenant, at, &somebody("ada", &["sre"]))
        .await;
    browser.person().await.unwrap()
}

async fn over(app: &App, scene: &Scene, ada: &Person, rule: &str) {
    assert_eq!(
        refresh(app, ada).await.with(401)["rule"],
        "session_over",
        "{rule}"
    );
    // The access token is over with it, not a quarter of an hour later.
    let me = app.get(ME, Some(&ada.token)).await;
    assert_eq!(me.with(401)["rule"], "session_ended", "{rule}");
    told(app, &scene.owner, rule).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_removed_at_the_provider_is_out_within_a_quarter_of_an_hour() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let mut scene = scene(&app).await;
    let ada = app.refreshed(&scene.ada).await;
    scene.provider.remove("subject of ada");
    // What was given before the removal is good until it ends by itself.
    app.get(ME, Some(&ada.token)).await.with(200);
    clock.advance_millis(15 * 60_000 + 31_000);
    assert_eq!(
        app.get(ME, Some(&ada.token)).await.with(401)["rule"],
        "token_expired"
    );
    assert_eq!(refresh(&app, &ada).await.with(401)["rule"], "session_over");
    // And stays over; the provider is not asked again.
    scene.provider.told(|manners| manners.away = true);
    assert_eq!(refresh(&app, &ada).await.with(401)["rule"], "session_over");
    scene.owner = app.login(&scene.owner.email).await;
    told(&app, &scene.owner, "grant_refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_the_provider_vouches_for_another_or_for_nobody() {
    let app = app!();
    let scene = scene(&app).await;
    let at = &scene.provider;
    let claims = |claims: Value| at.told(|manners| manners.claims = claims);

    claims(json!({"sub": "subject of eve"}));
    over(&app, &scene, &scene.ada, "subject_changed").await;
    for (forged, rule) in [
        (json!({"aud": "another-client"}), "id_token_audience"),
        (json!({"iss": "https://login.evil.test"}), "id_token_issuer"),
        (json!({"email_verified": false}), "email_domain_not_allowed"),
    ] {
        claims(json!({}));
        let ada = signed_on(&app, &scene.owner, at).await;
        claims(forged);
        over(&app, &scene, &ada, rule).await;
    }
    claims(json!({}));
    set_up(&app, &scene.owner, &at.issuer, |body| {
        body["default_role"] = Value::Null
    })
    .await;
    let ada = signed_on(&app, &scene.owner, at).await;
    claims(json!({"groups": []}));
    over(&app, &scene, &ada, "no_role").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_follows_the_groups_while_the_session_goes_on() {
    let app = app!();
    let scene = scene(&app).await;
    scene
        .provider
        .told(|manners| manners.claims = json!({"groups": ["leads"]}));
    let ada = app.refreshed(&scene.ada).await;
    let me = app.get(ME, Some(&ada.token)).await.with(200);
    assert_eq!(me["tenant_role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_ends_nothing_and_lets_nobody_go_on() {
    let app = app!();
    let scene = scene(&app).await;
    scene.provider.told(|manners| manners.away = true);
    let waiting = refresh(&app, &scene.ada).await;
    waiting.with(503);
    assert!(waiting.headers.contains_key("retry-after"));
    app.get(ME, Some(&scene.ada.token)).await.with(200);
    scene.provider.told(|manners| manners.away = false);
    app.refreshed(&scene.ada).await;
}

/// A tenant with the provider, a member with an account and another, all known from the
/// start: once somebody was looked for in vain, this process does not wait again.
async fn known(app: &App, name: &str) -> (Scene, Person) {
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(app, &owner, &provider.issuer, |_| {}).await;
    let email = format!("{name}@example.com");
    let ada = app.colleague_at(&owner, &email, name, "engineer").await;
    let max = app.colleague(&owner, "Max", "viewer").await;
    let scene = Scene {
        owner,
        provider,
        ada,
    };
    (scene, max)
}

/// The provider is asked before it is known what the person is here.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_built_again_ends_nothing() {
    let Some(app) = rebuild::quick().await else {
        return;
    };
    let (mut scene, max) = known(&app, "ada").await;
    scene.ada = signed_on(&app, &scene.owner, &scene.provider).await;
    let rebuilding = Rebuilding::begin(&app, &scene.ada.user, &scene.owner, &max).await;
    refresh(&app, &scene.ada).await.with(503);
    let browser = Browser::new(&app);
    let away = browser.leave(&scene.owner.tenant, "").await;
    let code = scene
        .provider
        .code_for(&away.asked, &somebody("ada", &["sre"]));
    let code = format!("code={code}");
    let tenant = &scene.owner.tenant;
    let answer = browser.arrive(tenant, away.state(), &code).await;
    answer.with(503);
    rebuilding.end().await;
    let ada = testkit::eventually("the read model is whole again", || async {
        let answer = refresh(&app, &scene.ada).await;
        (answer.status != 503).then(|| Person::of(&answer.with(200)))
    })
    .await;
    app.get(ME, Some(&ada.token)).await.with(200);
    assert_eq!(
        signed_on(&app, &scene.owner, &scene.provider).await.user,
        ada.user
    );
}

/// Or a member with an account would get a second one.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_linked_although_its_member_is_not_known_for_a_while() {
    let Some(app) = rebuild::quick().await else {
        return;
    };
    let (scene, max) = known(&app, "grace").await;
    let (owner, grace) = (&scene.owner, &scene.ada);
    let rebuilding = Rebuilding::begin(&app, &grace.user, owner, &max).await;
    let sign_on = async || {
        let browser = Browser::new(&app);
        let person = somebody("grace", &["sre"]);
        let answer = browser.sign_on(&owner.tenant, &scene.provider, &person);
        (answer.await.status, browser.person().await)
    };
    assert_eq!(sign_on().await.0, 503);
    rebuilding.end().await;
    let linked = testkit::eventually("the read model is whole again", || async {
        let (status, person) = sign_on().await;
        (status != 503).then_some(person)
    })
    .await;
    assert_eq!(linked.unwrap().user, grace.user);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refresh_token_people_sign_in_again() {
    let app = app!();
    let scene = scene(&app).await;
    scene
        .provider
        .told(|manners| manners.gives_refresh_tokens = false);
    let ada = signed_on(&app, &scene.owner, &scene.provider).await;
    over(&app, &scene, &ada, "grant_refused").await;
}

/// The provider takes each of its refresh tokens once, and all tabs go on.
#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_refresh_at_once_ask_one_after_the_other() {
    let app = app!();
    let scene = scene(&app).await;
    let body = json!({"refresh_token": scene.ada.refresh});
    let tabs = (0..10).map(|_| app.ask("/api/v1/auth/refresh", body.clone()));
    let answers = futures::future::join_all(tabs).await;
    let successors: HashSet<String> = answers
        .iter()
        .map(|answer| answer.with(200)["refresh_token"].to_string())
        .collect();
    assert_eq!(successors.len(), 1);
}

/// The provider knows of it before the vault does.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_another_gateway_has_just_used_ends_no_session() {
    let app = app!();
    let scene = scene(&app).await;
    scene.provider.forget();
    let elsewhere = async {
        testkit::eventually("the provider was asked", || async {
            let refused = scene.provider.refused.load(Ordering::SeqCst);
            (refused == 1).then_some(())
        })
        .await;
        let later = "UPDATE vault.sign_on_sessions SET checked_at = checked_at + interval '1 s'";
        let db = app.gateway.db.writer();
        sqlx::query(later).execute(db).await.unwrap();
    };
    let (answer, ()) = tokio::join!(refresh(&app, &scene.ada), elsewhere);
    let ada = Person::of(&answer.with(200));
    app.get(ME, Some(&ada.token)).await.with(200);
    // The other one was not faster again.
    over(&app, &scene, &ada, "grant_refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_with_the_provider_that_vouched_for_them() {
    let app = app!();
    let scene = scene(&app).await;
    let ended = async |ada: &Person| {
        let me = app.get(ME, Some(&ada.token)).await;
        assert_eq!(me.with(401)["rule"], "session_ended");
    };
    // Other settings of the same client end nothing.
    set_up(&app, &scene.owner, &scene.provider.issuer, |body| {
        body["password_login"] = json!(false);
    })
    .await;
    let ada = app.refreshed(&scene.ada).await;
    let body = wanted(&scene.provider.issuer, |body| {
        body["client_id"] = json!("another")
    });
    app.put(PATH, &scene.owner.token, body).await.with(200);
    ended(&ada).await;
    refresh(&app, &ada).await.with(401);

    let body = wanted(&scene.provider.issuer, |body| {
        body["client_id"] = json!(CLIENT)
    });
    app.put(PATH, &scene.owner.token, body).await.with(200);
    let ada = signed_on(&app, &scene.owner, &scene.provider).await;
    app.delete(PATH, &scene.owner.token).await.with(204);
    ended(&ada).await;
    refresh(&app, &ada).await.with(401);
    app.get(ME, Some(&scene.owner.token)).await.with(200);
}
