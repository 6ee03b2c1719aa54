//! How often may be asked, and from which pages.

use std::net::SocketAddr;

use access::rates::{Quota, Quotas};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::json;

use crate::app::{Answer, App, PASSWORD};

fn start() -> Timestamp {
    schemas::context::Context::ambient(&Clock::System).now()
}

fn quota(per_second: u32, burst: u32) -> Option<Quota> {
    Some(Quota { per_second, burst })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_which_rule_and_when_to_come_back() {
    let clock = Clock::manual(start());
    let quotas = Quotas {
        caller: quota(2, 5),
        tenant: quota(100, 200),
        ..Quotas::default()
    };
    let Some(app) = App::limited(quotas, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let ask = || app.get("/api/v1/webhooks/refused", Some(&ada.token));
    let first = ask().await;
    first.with(200);
    assert_eq!(first.headers["ratelimit"], "\"caller\";r=4;t=1");
    let policies = "\"caller\";q=2;w=1, \"tenant\";q=100;w=1";
    assert_eq!(first.headers["ratelimit-policy"], policies);
    for _ in 0..4 {
        ask().await.with(200);
    }
    let refused = ask().await;
    assert_eq!(refused.with(429)["rule"], "caller_rate_limited");
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.headers["ratelimit"], "\"caller\";r=0;t=1");
    // Others are not concerned.
    let eve = app.register("Eve").await;
    app.get("/api/v1/webhooks/refused", Some(&eve.token))
        .await
        .with(200);
    clock.advance_millis(1_000);
    let admitted = [ask().await, ask().await, ask().await];
    assert_eq!(
        admitted.map(|answer| answer.status.as_u16()),
        [200, 200, 429]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_to_log_in_and_agents_are_counted_too() {
    let clock = Clock::manual(start());
    let quotas = Quotas {
        entrance: quota(1, 4),
        agent: quota(1, 2),
        ..Quotas::default()
    };
    let Some(app) = App::limited(quotas, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let body = json!({"email": ada.email, "password": "not it at all"});
    let attempt = || app.send(Method::POST, "/api/v1/auth/login", None, Some(&body), &[]);
    for _ in 0..3 {
        attempt().await.with(401);
    }
    assert_eq!(attempt().await.with(429)["rule"], "entrance_rate_limited");
    let right = json!({"email": ada.email, "password": PASSWORD});
    clock.advance_millis(1_000);
    app.send(Method::POST, "/api/v1/auth/login", None, Some(&right), &[])
        .await
        .with(200);
    let key = app
        .post(
            "/api/v1/api-keys",
            &ada.token,
            json!({"name": "a", "scopes": ["ingest"]}),
        )
        .await
        .with(201);
    let key = key["key"].as_str().unwrap().to_owned();
    let send = || app.post("/api/v1/ingest/logs", &key, json!([{"message": "x"}]));
    testkit::eventually("the key is known", || async {
        (send().await.status.as_u16() == 202).then_some(())
    })
    .await;
    send().await.with(202);
    let refused = send().await;
    assert_eq!(refused.with(429)["rule"], "agent_rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
}

/// Whoever holds one could otherwise have passwords hashed without end, and logins wait.
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_invitations_are_counted_as_logins_are() {
    let clock = Clock::manual(start());
    let quotas = Quotas {
        entrance: quota(1, 4),
        ..Quotas::default()
    };
    let Some(app) = App::limited(quotas, clock.clone()).await else {
        return;
    };
    let token = json!({"token": "srei_AAAA"});
    let join = json!({"token": "srei_AAAA", "name": "Grace", "password": PASSWORD});
    for _ in 0..2 {
        app.ask("/api/v1/auth/invitation", token.clone())
            .await
            .with(404);
        app.ask("/api/v1/auth/join", join.clone()).await.with(404);
    }
    for (path, body) in [("invitation", token), ("join", join)] {
        let refused = app.ask(&format!("/api/v1/auth/{path}"), body).await;
        assert_eq!(refused.with(429)["rule"], "entrance_rate_limited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_on_the_list_may_use_the_api() {
    let allow = |config: &mut gateway::config::Config| {
        config.cors_origins = vec!["https://app.example".to_owned()];
    };
    let Some(app) = App::with(allow, Clock::System).await else {
        return;
    };
    let asks = |origin: &'static str| {
        let headers = [("origin", origin), ("access-control-request-method", "PUT")];
        let app = &app;
        async move {
            app.send(Method::OPTIONS, "/api/v1/incidents", None, None, &headers)
                .await
        }
    };
    let allowed = asks("https://app.example").await;
    assert_eq!(allowed.status.as_u16(), 204);
    assert_eq!(
        allowed.headers["access-control-allow-origin"],
        "https://app.example"
    );
    assert!(
        !allowed
            .headers
            .contains_key("access-control-allow-credentials")
    );
    for other in ["https://evil.example", "https://app.example.evil", "null"] {
        let refused = asks(other).await;
        assert!(
            !refused.headers.contains_key("access-control-allow-origin"),
            "{other}"
        );
        let vary: Vec<_> = refused.headers.get_all("vary").iter().collect();
        assert!(vary.iter().any(|by| *by == "origin"), "{vary:?}");
    }
    let ada = app.register("Ada").await;
    let read = app
        .send(
            Method::GET,
            "/api/v1/incidents",
            Some(&ada.token),
            None,
            &[("origin", "https://app.example")],
        )
        .await;
    read.with(200);
    assert_eq!(
        read.headers["access-control-allow-origin"],
        "https://app.example"
    );
}

/// A login that comes from `peer` and says that it came from `forwarded`.
async fn login_from(app: &App, email: &str, peer: &str, forwarded: &str) -> Answer {
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    let body = json!({"email": email, "password": PASSWORD});
    let request = Request::post("/api/v1/auth/login")
        .header("content-type", "application/json")
        .header("x-forwarded-for", forwarded)
        .extension(ConnectInfo(peer))
        .body(Body::from(body.to_string()));
    app.call(request.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_told_by_a_trusted_proxy_and_by_nobody_else() {
    let quotas = Quotas {
        entrance: quota(1, 1),
        ..Quotas::default()
    };
    let trust = |config: &mut gateway::config::Config| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    let clock = Clock::manual(start());
    let Some(app) = App::build(None, trust, clock, quotas).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let from = async |peer: &str, forwarded: &str| {
        let answer = login_from(&app, &ada.email, peer, forwarded).await;
        answer.status.as_u16()
    };
    // Behind the proxy each is counted for itself, whatever it made up.
    assert_eq!(from("10.0.0.1", "198.51.100.1").await, 200);
    assert_eq!(from("10.0.0.1", "198.51.100.2").await, 200);
    assert_eq!(from("10.0.0.1", "192.0.2.7, 198.51.100.2").await, 429);
    assert_eq!(from("10.0.0.1", "198.51.100.2").await, 429);
    // Who is no proxy is one address, whatever it says.
    assert_eq!(from("203.0.113.5", "198.51.100.3").await, 200);
    assert_eq!(from("203.0.113.5", "198.51.100.4").await, 429);

    let sessions = app.get("/api/v1/auth/sessions", Some(&ada.token)).await;
    let sessions = sessions.with(200);
    let mut seen: Vec<_> = sessions["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|session| session["address"].as_str().map(str::to_owned))
        .filter(|address| !address.is_empty())
        .collect();
    seen.sort();
    assert_eq!(seen, ["198.51.100.1", "198.51.100.2", "203.0.113.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_checked_so_often_and_those_that_are_known_always_pass() {
    let quotas = Quotas {
        visitor: quota(1, 3),
        ..Quotas::default()
    };
    let clock = Clock::manual(start());
    let Some(app) = App::limited(quotas, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let ask = async |token: &str| app.get("/api/v1/webhooks/refused", Some(token)).await;
    let (signed, signature) = ada.token.rsplit_once('.').unwrap();
    let forged = |n: usize| format!("{signed}.{n:0>10}{}", &signature[10..]);
    for n in 0..3 {
        assert_eq!(ask(&forged(n)).await.with(401)["rule"], "token_invalid");
    }
    let refused = ask(&forged(3)).await;
    assert_eq!(refused.with(429)["rule"], "visitor_rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    // What was made here is known here, also when it is shown for the first time.
    ask(&ada.token).await.with(200);
    // What costs no check is not counted.
    assert_eq!(
        ask("no.token.at-all").await.with(401)["rule"],
        "token_invalid"
    );
    clock.advance_millis(1_000);
    ask(&forged(4)).await.with(401);
}
