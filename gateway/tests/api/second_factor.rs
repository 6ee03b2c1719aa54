//! `/api/v1/auth/second-factor`, and proofs for what is dangerous.

use axum::http::Method;
use hmac::{Hmac, KeyInit, Mac};
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, Person};

const FACTOR: &str = "/api/v1/auth/second-factor";
const LOGIN: &str = "/api/v1/auth/login";

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap())
}

/// The code that an authenticator app shows for `secret`.
pub(crate) fn app_code(secret: &str, now: Timestamp) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = secret.bytes().flat_map(|letter| {
        let value = letters.iter().position(|known| *known == letter).unwrap();
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let bits: Vec<_> = bits.collect();
    let key: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |all, bit| all << 1 | *bit as u8))
        .collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(now.micros() / 30_000_000).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// Turns the second factor on; returns its secret and the recovery codes.
pub(crate) async fn enable(app: &App, person: &Person, clock: &Clock) -> (String, Vec<String>) {
    let proposed = app.post(FACTOR, &person.token, json!(null)).await.with(200);
    assert!(proposed["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let secret = proposed["secret"].as_str().unwrap().to_owned();
    let body = json!({"code": app_code(&secret, clock.now())});
    let confirm = format!("{FACTOR}/confirm");
    let codes = app.post(&confirm, &person.token, body).await.with(200);
    let codes = codes["recovery_codes"].as_array().unwrap().iter();
    let codes = codes
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    (secret, codes)
}

pub(crate) async fn login(app: &App, person: &Person, code: Option<&str>) -> crate::app::Answer {
    let mut body = json!({"email": person.email, "password": PASSWORD});
    if let Some(code) = code {
        body["code"] = Value::from(code);
    }
    app.ask(LOGIN, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_needs_a_code_that_is_good_once() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let (secret, codes) = enable(&app, &ada, &clock).await;
    assert_eq!(
        login(&app, &ada, None).await.with(401)["rule"],
        "second_factor_needed"
    );
    assert_eq!(
        login(&app, &ada, Some("000000")).await.with(401)["rule"],
        "wrong_code"
    );
    // The code that confirmed is used up.
    let used = app_code(&secret, clock.now());
    assert_eq!(
        login(&app, &ada, Some(&used)).await.with(401)["rule"],
        "wrong_code"
    );
    clock.advance_millis(30_000);
    let code = app_code(&secret, clock.now());
    // As apps show it.
    let shown = format!("{} {}", &code[..3], &code[3..]);
    login(&app, &ada, Some(&shown)).await.with(200);
    assert_eq!(
        login(&app, &ada, Some(&code)).await.with(401)["rule"],
        "wrong_code"
    );
    let recovery = codes[0].to_uppercase().replace('-', " ");
    login(&app, &ada, Some(&recovery)).await.with(200);
    assert_eq!(
        login(&app, &ada, Some(&codes[0])).await.with(401)["rule"],
        "wrong_code"
    );
    let left = app.get(FACTOR, Some(&ada.token)).await.with(200);
    assert_eq!(left, json!({"enabled": true, "recovery_codes_left": 9}));
    // That one was used is told, once.
    let used = testkit::eventually("the audit tells", || async {
        let path = "/api/v1/audit?action=UseRecoveryCode";
        let audit = app.get(path, Some(&ada.token)).await.with(200);
        let items = audit["items"].as_array().unwrap().clone();
        (!items.is_empty()).then_some(items)
    })
    .await;
    let target = json!({"type": "account", "id": ada.user});
    assert_eq!((used.len(), &used[0]["target"]), (1, &target));
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_guessed_as_slowly_as_passwords() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    enable(&app, &ada, &clock).await;
    for _ in 0..5 {
        login(&app, &ada, Some("000000")).await.with(401);
    }
    assert_eq!(
        login(&app, &ada, Some("000000")).await.with(429)["rule"],
        "locked_out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_needs_a_fresh_proof() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let (secret, _) = enable(&app, &ada, &clock).await;
    clock.advance_millis(15 * 60_000 + 1);
    let ada = app.refreshed(&ada).await;
    let off = async || {
        app.send(Method::DELETE, FACTOR, Some(&ada.token), None, &[])
            .await
    };
    assert_eq!(off().await.with(403)["rule"], "proof_needed");
    let renew = format!("{FACTOR}/recovery-codes");
    let renewed = app.post(&renew, &ada.token, json!(null)).await;
    assert_eq!(renewed.with(403)["rule"], "proof_needed");
    // What is gone for good, and what would take the traces of it away.
    let delete = async || {
        let body = json!({"of": "project"});
        let path = "/api/v1/telemetry/deletions";
        app.post(path, &ada.token, body).await
    };
    let keep = async || {
        let body = json!({"days": 30});
        app.put("/api/v1/audit/retention", &ada.token, body).await
    };
    assert_eq!(delete().await.with(403)["rule"], "proof_needed");
    assert_eq!(keep().await.with(403)["rule"], "proof_needed");
    let prove = async |body: Value| app.post("/api/v1/auth/prove", &ada.token, body).await;
    let alone = prove(json!({"password": PASSWORD})).await;
    assert_eq!(alone.with(401)["rule"], "second_factor_needed");
    let code = app_code(&secret, clock.now());
    prove(json!({"password": PASSWORD, "code": code}))
        .await
        .with(204);
    delete().await.with(201);
    keep().await.with(200);
    off().await.with(204);
    login(&app, &ada, None).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_the_own_one_and_no_keys_business() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    enable(&app, &ada, &clock).await;
    let twice = app.post(FACTOR, &ada.token, json!(null)).await;
    assert_eq!(twice.with(409)["rule"], "second_factor_enabled");
    let key = json!({"name": "k", "scopes": ["admin"]});
    let key = app
        .post("/api/v1/api-keys", &ada.token, key)
        .await
        .with(201);
    let key = key["key"].as_str().unwrap();
    app.get(FACTOR, Some(key)).await.with(403);
    app.get("/api/v1/auth/sessions", Some(key)).await.with(403);
}

/// Nobody who holds a session without a proof finds the code of what its holder began.
#[tokio::test(flavor = "multi_thread")]
async fn codes_that_come_at_once_are_counted_one_by_one() {
    let clock = clock();
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    app.post(FACTOR, &ada.token, json!(null)).await.with(200);
    let confirm = format!("{FACTOR}/confirm");
    // No app shows seven digits.
    let guesses = (0..15).map(|n| {
        let body = json!({"code": format!("{n:07}")});
        app.post(&confirm, &ada.token, body)
    });
    let answers = futures::future::join_all(guesses).await;
    let of = |status: u16| {
        let of = answers.iter().filter(|answer| answer.status == status);
        of.count()
    };
    assert_eq!((of(401), of(429)), (5, 10));
}
