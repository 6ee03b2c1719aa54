//! `/api/v1/single-sign-on`

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use gateway::config::{Config, PublicUrl};
use outbound::{Guard, Limits, Outbound, Resolve};
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use super::browser::{Browser, location, somebody};
use super::provider::{Provider, SECRET};
use super::{PATH, entry, set_up, wanted};
use crate::app::{App, app};

const TEST: &str = "/api/v1/single-sign-on/test";
const LOOKUP: &str = "/api/v1/auth/oidc/lookup";

#[tokio::test(flavor = "multi_thread")]
async fn are_set_and_shown_without_the_secret_and_the_audit_says_what_changed() {
    let app = app!();
    let owner = app.register("Owner").await;
    let none = app.get(PATH, Some(&owner.token)).await.with(200);
    assert_eq!(none["provider"], Value::Null);
    let redirect = format!(
        "http://localhost:8580/api/v1/auth/oidc/{}/callback",
        owner.tenant
    );
    assert_eq!(none["redirect_uri"], redirect.as_str());
    let body = wanted("https://login.example.com", |body| {
        body["email_domains"] = json!([" @Example.COM "]);
    });
    let set = app.put(PATH, &owner.token, body).await;
    let shown = set.with(200);
    assert_eq!(shown["provider"]["has_client_secret"], true);
    assert_eq!(shown["provider"]["email_domains"], json!(["example.com"]));
    assert_eq!(
        shown["provider"]["scopes"],
        json!(["openid", "email", "profile"])
    );
    assert_eq!(shown["provider"]["set_by"]["name"], "Owner Owner");
    let read = app.get(PATH, Some(&owner.token)).await;
    assert_eq!(read.with(200), shown);
    // What is shown can be sent back as it is: when and by whom it was set is no setting.
    let again = shown["provider"].clone();
    let again = app.put(PATH, &owner.token, again).await.with(200);
    assert_eq!(
        again["provider"]["group_roles"],
        shown["provider"]["group_roles"]
    );
    let body = wanted("https://login.example.com", |body| {
        (body["just_in_time"], body["client_secret"]) = (json!(false), json!("another secret"));
    });
    app.put(PATH, &owner.token, body).await.with(200);
    let changed = |entry: &Value| entry["after"]["just_in_time"] == false;
    let entry = entry(&app, &owner, "action=SetSingleSignOn", changed).await;
    assert_eq!(entry["before"]["just_in_time"], true);
    assert_eq!(entry["after"]["client_secret"], "(masked, replaced)");
    for answer in [
        set,
        read,
        app.get("/api/v1/audit?limit=200", Some(&owner.token)).await,
    ] {
        assert!(!answer.text.contains(SECRET) && !answer.text.contains("another secret"));
    }
    app.delete(PATH, &owner.token).await.with(204);
    app.delete(PATH, &owner.token).await.with(404);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM vault.sign_on_secrets")
        .fetch_one(app.gateway.db.writer())
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_by_field_or_rule() {
    let app = app!();
    let owner = app.register("Owner").await;
    let answer = async |change: fn(&mut Value)| {
        let body = wanted("https://login.example.com", change);
        app.put(PATH, &owner.token, body).await
    };
    for (field, change) in [
        (
            "issuer",
            (|b| b["issuer"] = json!("http://login.example.com")) as fn(&mut Value),
        ),
        ("issuer", |b| b["issuer"] = json!("login.example.com")),
        ("issuer", |b| {
            b["issuer"] = json!("https://169.254.169.254/latest/meta-data")
        }),
        ("issuer", |b| {
            b["issuer"] = json!("https://u:p@login.example.com")
        }),
        ("issuer", |b| b["issuer"] = json!("file:///etc/passwd")),
    ] {
        assert_eq!(answer(change).await.with(422)["errors"][0]["field"], field);
    }
    for (rule, status, change) in [
        (
            "invalid",
            422,
            (|b| b["scopes"] = json!(["email"])) as fn(&mut Value),
        ),
        ("invalid", 422, |b| b["email_domains"] = json!(["example"])),
        ("invalid", 422, |b| b["default_role"] = json!("owner")),
        ("anybody_comes_in", 409, |b| b["email_domains"] = json!([])),
        ("nobody_comes_in", 409, |b| {
            (b["default_role"], b["group_roles"]) = (Value::Null, json!([]));
        }),
    ] {
        assert_eq!(answer(change).await.with(status)["rule"], rule);
    }
    answer(|b| b["default_role"] = json!("king"))
        .await
        .with(400);
    // What was refused left no secret behind.
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM vault.sign_on_secrets")
        .fetch_one(app.gateway.db.writer())
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stays_with_its_client_and_goes_to_no_other_provider() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let without = |body: &mut Value| body["client_secret"] = Value::Null;
    set_up(&app, &owner, &provider.issuer, without).await;
    let answer = Browser::new(&app)
        .sign_on(&owner.tenant, &provider, &somebody("ada", &[]))
        .await;
    assert_eq!(location(&answer), "/p/shop");
    // Whoever points it elsewhere does not get the secret sent there.
    let other = Provider::start(app.gateway.clock.clone()).await;
    let body = wanted(&other.issuer, without);
    let set = app.put(PATH, &owner.token, body).await.with(200);
    assert_eq!(set["provider"]["has_client_secret"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_set_them_with_a_fresh_proof_and_others_do_not_see_them() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let owner = app.register("Owner").await;
    for role in ["engineer", "viewer"] {
        let member = app.colleague(&owner, "Member", role).await;
        app.get(PATH, Some(&member.token)).await.with(403);
        let test = json!({"issuer": "https://login.example.com"});
        app.post(TEST, &member.token, test).await.with(403);
    }
    let admin = app.colleague(&owner, "Admin", "admin").await;
    let body = wanted("https://login.example.com", |_| {});
    app.put(PATH, &admin.token, body.clone()).await.with(200);
    clock.advance_millis(16 * 60_000);
    let admin = app.refreshed(&admin).await;
    let stale = app.put(PATH, &admin.token, body).await;
    assert_eq!(stale.with(403)["rule"], "proof_needed");
    assert_eq!(
        app.delete(PATH, &admin.token).await.with(403)["rule"],
        "proof_needed"
    );
    app.get(PATH, Some(&admin.token)).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_proof_is_given_by_signing_in_again() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let owner = app.register("Owner").await;
    let provider = Provider::start(clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let ada = somebody("ada", &["leads"]);
    // The provider lets her through by a login of the morning, which proves nothing now.
    let morning = clock.now().micros() / 1_000_000 - 3 * 3_600;
    provider.told(|manners| manners.claims = json!({"auth_time": morning}));
    let browser = Browser::new(&app);
    browser.sign_on(&owner.tenant, &provider, &ada).await;
    let session = browser.person().await.unwrap();
    let remove = app.delete(PATH, &session.token).await;
    assert_eq!(remove.with(403)["rule"], "proof_needed");
    // Asked to show herself again, she must have.
    let away = browser.leave(&owner.tenant, "fresh=true").await;
    assert_eq!(
        (
            away.asked["prompt"].as_str(),
            away.asked["max_age"].as_str()
        ),
        ("login", "0")
    );
    let code = provider.code_for(&away.asked, &ada);
    let answer = browser
        .arrive(&owner.tenant, away.state(), &format!("code={code}"))
        .await;
    assert_eq!(location(&answer), "/login?sign_on=refused");
    super::told(&app, &owner, "not_fresh").await;
    provider.told(|manners| manners.claims = json!({}));
    let away = browser.leave(&owner.tenant, "fresh=true").await;
    let code = provider.code_for(&away.asked, &ada);
    browser
        .arrive(&owner.tenant, away.state(), &format!("code={code}"))
        .await;
    let session = browser.person().await.unwrap();
    app.delete(PATH, &session.token).await.with(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_tried_before_anybody_depends_on_it() {
    let app = app!();
    let owner = app.register("Owner").await;
    let tried = async |issuer: &str| {
        let body = json!({"issuer": issuer});
        app.post(TEST, &owner.token, body).await.with(200)
    };
    let provider = Provider::start(app.gateway.clock.clone()).await;
    let found = tried(&provider.issuer).await;
    assert_eq!(
        (&found["ok"], &found["problem"]),
        (&json!(true), &Value::Null),
        "{found}"
    );
    assert_eq!(
        (&found["keys"], &found["algorithms"]),
        (&json!(1), &json!(["RS256"]))
    );
    assert_eq!(found["offers_refresh_tokens"], true);

    provider.told(|manners| manners.issuer = Some("https://login.example.com".to_owned()));
    let problem = async |issuer: &str| {
        let found = tried(issuer).await;
        assert_eq!(found["ok"], false, "{found}");
        found["problem"].as_str().unwrap().to_owned()
    };
    assert!(
        problem(&provider.issuer)
            .await
            .contains("names another issuer")
    );
    provider.told(|manners| manners.away = true);
    assert!(problem(&provider.issuer).await.contains("503"));
    let nobody = format!("http://127.0.0.1:{}", testkit::free_port());
    assert!(problem(&nobody).await.contains("cannot be reached"));
    // A redirect is not followed: it could lead anywhere.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("{}/.well-known/openid-configuration", provider.issuer);
    let at = format!("http://{}", listener.local_addr().unwrap());
    let elsewhere = get(move || async move { Redirect::temporary(&to) });
    let router = Router::new().route("/.well-known/openid-configuration", elsewhere);
    tokio::spawn(async move { axum::serve(listener, router).await });
    provider.told(|manners| (manners.away, manners.issuer) = (false, None));
    assert!(problem(&at).await.contains("307"));
    let metadata = json!({"issuer": "https://169.254.169.254/"});
    app.post(TEST, &owner.token, metadata).await.with(422);
}

/// Leads every name to one address.
struct Leads(IpAddr);

#[async_trait]
impl Resolve for Leads {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::new(self.0, port)])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_rules_out_is_ruled_out_for_providers_too() {
    let guard = Guard {
        private: false,
        ..Guard::default()
    };
    let Some(app) = App::calling(Outbound::new(guard), |_| {}).await else {
        return;
    };
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    for issuer in [&*provider.issuer, "https://10.1.2.3", "https://localhost"] {
        let body = json!({"issuer": issuer});
        let refused = app.post(TEST, &owner.token, body).await.with(422);
        assert_eq!(refused["errors"][0]["field"], "issuer", "{refused}");
        let body = wanted(issuer, |_| {});
        let refused = app.put(PATH, &owner.token, body).await.with(422);
        assert_eq!(refused["errors"][0]["field"], "issuer", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_whose_name_leads_to_what_is_ruled_out_is_not_called() {
    let denied = Guard {
        denied: vec!["10.1.0.0/16".parse().unwrap()],
        ..Guard::default()
    };
    for (guard, public_url, leads, why) in [
        (
            denied,
            "http://localhost:8580",
            "10.1.2.3",
            "operator has ruled out",
        ),
        (
            Guard::default(),
            "http://localhost:8580",
            "169.254.169.254",
            "never called",
        ),
        // Where strangers sign in, nobody's provider is on this machine.
        (
            Guard::default(),
            "https://sre.example.com",
            "127.0.0.1",
            "this machine",
        ),
    ] {
        let leads = Arc::new(Leads(leads.parse().unwrap()));
        let outbound = Outbound::with(guard, leads, Limits::default());
        let at = |config: &mut Config| config.public_url = PublicUrl::parse(public_url).unwrap();
        let Some(app) = App::calling(outbound, at).await else {
            return;
        };
        let found = app
            .gateway
            .providers
            .look("https://login.example.com")
            .await;
        let problem = found.err().unwrap().to_string();
        assert!(problem.contains(why), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_leads_to_its_one_tenant_and_says_nothing_of_accounts() {
    let app = app!();
    let (owner, other) = (app.register("Owner").await, app.register("Other").await);
    let at = async |email: &str| app.ask(LOOKUP, json!({"email": email})).await;
    let nothing = at("ada@example.com").await;
    nothing.with(404);
    set_up(
        &app,
        &owner,
        "https://login.example.com/realms/acme",
        |_| {},
    )
    .await;
    for email in ["ada@example.com", " nobody@EXAMPLE.com "] {
        let found = at(email).await.with(200);
        assert_eq!(found["tenant_id"], owner.tenant.as_str());
        assert_eq!(found["provider"], "login.example.com");
    }
    // What two claim is nobody's, and answers like what nobody claims.
    set_up(&app, &other, "https://login.evil.test", |_| {}).await;
    let (claimed, unknown) = (at("ada@example.com").await, at("ada@nowhere.test").await);
    claimed.with(404);
    assert_eq!(claimed.json()["detail"], unknown.json()["detail"]);
    app.delete(PATH, &other.token).await.with(204);
    at("ada@example.com").await.with(200);
    for email in ["", "ada", "@", "ada@"] {
        at(email).await.with(404);
    }
}
