//! With a real provider: Keycloak, which the test starts and furnishes by its API.

use std::process::Stdio;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use schemas::context::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::browser::{Browser, location};
use super::{set_up, told};
use crate::app::{App, Person};

const TEST: &str = "sign_on::keycloak";
const PASSWORD: &str = "a password at the provider";
const SECRET: &str = "a-client-secret-of-keycloak";
const ADMIN: &str = "admin";

struct Keycloak {
    base: String,
    http: Client,
    process: Child,
}

/// How long a start may take on a machine that has other things to do.
const START: Duration = Duration::from_secs(240);

impl Drop for Keycloak {
    /// Its script takes the server along when asked to end; killed, it leaves it behind.
    fn drop(&mut self) {
        if let Some(pid) = self.process.id() {
            std::process::Command::new("kill")
                .arg(pid.to_string())
                .status()
                .ok();
        }
    }
}

impl Keycloak {
    /// None (after saying so) where it cannot be had.
    async fn start() -> Option<Self> {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let home = testkit::peer(TEST, testkit::Peer::Keycloak)?;
        let port = testkit::free_port();
        let base = format!("http://localhost:{port}");
        let process = Command::new(home.join("bin/kc.sh"))
            .args([
                "start",
                "--optimized",
                "--http-enabled=true",
                "--http-host=127.0.0.1",
            ])
            .args([format!("--http-port={port}"), format!("--hostname={base}")])
            .arg("--cache=local")
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let keycloak = Self {
            http: Client::new(),
            base,
            process,
        };
        testkit::eventually_within(START, "Keycloak answers", || async {
            let asked = keycloak
                .http
                .get(format!("{}/realms/master", keycloak.base));
            asked.send().await.ok()?.error_for_status().ok()
        })
        .await;
        keycloak.admin(Method::POST, "", &realm()).await;
        Some(keycloak)
    }

    fn issuer(&self) -> String {
        format!("{}/realms/acme", self.base)
    }

    /// A call of its administration; `path` below the realms.
    async fn admin(&self, method: Method, path: &str, body: &Value) -> Value {
        let form =
            format!("grant_type=password&client_id=admin-cli&username={ADMIN}&password={ADMIN}");
        let token = format!("{}/realms/master/protocol/openid-connect/token", self.base);
        let token = self.http.post(token).body(form);
        let token = token.header("content-type", "application/x-www-form-urlencoded");
        let token: Value = token.send().await.unwrap().json().await.unwrap();
        let url = format!("{}/admin/realms{path}", self.base);
        let mut asked = self.http.request(method, url);
        asked = asked.bearer_auth(token["access_token"].as_str().unwrap());
        if !body.is_null() {
            asked = asked.json(body);
        }
        let answer = asked.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn user(&self, name: &str) -> String {
        let path = format!("/acme/users?exact=true&username={name}");
        let found = self.admin(Method::GET, &path, &Value::Null).await;
        found[0]["id"].as_str().unwrap().to_owned()
    }

    async fn group(&self, name: &str) -> String {
        let path = format!("/acme/groups?exact=true&search={name}");
        let found = self.admin(Method::GET, &path, &Value::Null).await;
        found[0]["id"].as_str().unwrap().to_owned()
    }

    /// Serves `app` to it, and has it tell there who is signed out.
    async fn is_told_where(&self, app: &App, tenant: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = app.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let path = "/acme/clients?clientId=sre-copilot";
        let found = self.admin(Method::GET, path, &Value::Null).await;
        let path = format!("/acme/clients/{}", found[0]["id"].as_str().unwrap());
        let url = format!("http://{address}/api/v1/auth/oidc/{tenant}/logout");
        let attributes = json!({
            "backchannel.logout.url": url, "backchannel.logout.session.required": "true",
        });
        let client = json!({"clientId": "sre-copilot", "attributes": attributes});
        self.admin(Method::PUT, &path, &client).await;
    }

    async fn set_enabled(&self, name: &str, enabled: bool) {
        let path = format!("/acme/users/{}", self.user(name).await);
        self.admin(Method::PUT, &path, &json!({"enabled": enabled}))
            .await;
    }
}

fn realm() -> Value {
    let user = |name: &str, groups: Value| {
        json!({
            "username": name, "email": format!("{name}@example.com"), "emailVerified": true,
            "enabled": true, "firstName": name, "lastName": "Byron", "groups": groups,
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": false}],
        })
    };
    json!({
        "realm": "acme", "enabled": true,
        // The strictest way of refresh tokens: each is taken once.
        "revokeRefreshToken": true, "refreshTokenMaxReuse": 0,
        "groups": [{"name": "sre"}, {"name": "leads"}],
        "users": [user("ada", json!(["/sre"])), user("bob", json!(["/sre"])), user("cat", json!([]))],
        "clients": [{
            "clientId": "sre-copilot", "secret": SECRET, "publicClient": false,
            "redirectUris": ["http://localhost:8580/api/v1/auth/oidc/*"],
            "attributes": {"pkce.code.challenge.method": "S256"},
            "protocolMappers": [{
                "name": "groups", "protocol": "openid-connect",
                "protocolMapper": "oidc-group-membership-mapper",
                "config": {"claim.name": "groups", "full.path": "false", "id.token.claim": "true"},
            }],
        }],
    })
}

/// A person's browser at Keycloak: its pages, and ours.
struct Visit<'a> {
    ours: Browser<'a>,
    theirs: Client,
}

impl<'a> Visit<'a> {
    fn new(app: &'a App) -> Self {
        let theirs = Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none());
        Self {
            ours: Browser::new(app),
            theirs: theirs.build().unwrap(),
        }
    }

    /// Signs in, by typing a password if Keycloak wants one, which is the second value.
    async fn sign_on(
        &self,
        tenant: &str,
        name: &str,
        query: &str,
    ) -> Result<(String, bool), String> {
        let away = self.ours.leave(tenant, query).await;
        let mut answer = self.theirs.get(&away.to).send().await.unwrap();
        let typed = answer.status() == StatusCode::OK;
        if typed {
            let page = answer.text().await.unwrap();
            let action = action_of(&page);
            let form = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
            let form = self.theirs.post(action).body(form);
            let form = form.header("content-type", "application/x-www-form-urlencoded");
            answer = form.send().await.unwrap();
        }
        let Some(back) = answer.headers().get("location") else {
            return Err(answer.text().await.unwrap());
        };
        let back = back.to_str().unwrap().to_owned();
        let path = back
            .strip_prefix("http://localhost:8580")
            .unwrap_or_else(|| panic!("{back}"));
        Ok((location(&self.ours.get(path).await), typed))
    }

    async fn person(&self) -> Person {
        self.ours.person().await.unwrap()
    }
}

/// Where the login form is sent.
fn action_of(page: &str) -> String {
    let form = page
        .find("id=\"kc-form-login\"")
        .unwrap_or_else(|| panic!("no form: {page}"));
    let rest = &page[form..];
    let action = rest
        .split("action=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    action.replace("&amp;", "&")
}

async fn role(app: &App, person: &Person) -> String {
    let me = app
        .get("/api/v1/auth/me", Some(&person.token))
        .await
        .with(200);
    me["tenant_role"].as_str().unwrap().to_owned()
}

/// A manual clock as late as the machine's.
fn caught_up(clock: &Clock) {
    clock.advance_millis(Clock::System.now().millis_since(clock.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_keycloak_come_in_go_on_and_are_out_when_it_says_so() {
    let clock = Clock::manual(Clock::System.now());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let Some(keycloak) = Keycloak::start().await else {
        return;
    };
    caught_up(&clock);
    let owner = app.register("Owner").await;
    let issuer = keycloak.issuer();
    let test = json!({"issuer": issuer});
    let test = app
        .post("/api/v1/single-sign-on/test", &owner.token, test)
        .await
        .with(200);
    assert_eq!(
        (&test["ok"], &test["offers_refresh_tokens"]),
        (&json!(true), &json!(true)),
        "{test}"
    );
    set_up(&app, &owner, &issuer, |body| {
        body["client_secret"] = json!(SECRET)
    })
    .await;
    let tenant = &owner.tenant;

    // Groups are roles, and again each time that the session goes on.
    let visit = Visit::new(&app);
    assert_eq!(
        visit
            .sign_on(tenant, "ada", "return_to=/p/x")
            .await
            .unwrap(),
        ("/p/x".to_owned(), true)
    );
    let ada = visit.person().await;
    assert_eq!(
        (ada.email.as_str(), role(&app, &ada).await.as_str()),
        ("ada@example.com", "engineer")
    );
    let path = format!(
        "/acme/users/{}/groups/{}",
        keycloak.user("ada").await,
        keycloak.group("leads").await
    );
    keycloak.admin(Method::PUT, &path, &json!({})).await;
    caught_up(&clock);
    // A token of the very moment in which its role changed is over with the old role, and
    // this clock stands still.
    testkit::eventually("the new group is the role", || async {
        clock.advance_millis(1);
        let ada = app.refreshed(&ada).await;
        let me = app.get("/api/v1/auth/me", Some(&ada.token)).await;
        let admin = me.status.as_u16() == 200 && me.json()["tenant_role"] == "admin";
        admin.then_some(ada)
    })
    .await;

    // Signed in there, one is let through; asked for a fresh proof, one types again.
    assert!(!visit.sign_on(tenant, "ada", "").await.unwrap().1);
    assert!(visit.sign_on(tenant, "ada", "fresh=true").await.unwrap().1);
    let ada = visit.person().await;

    // Keycloak says who is signed out there, and nobody waits for the next refresh.
    keycloak.is_told_where(&app, tenant).await;
    let visit = Visit::new(&app);
    visit.sign_on(tenant, "bob", "").await.unwrap();
    let bob = visit.person().await;
    app.get("/api/v1/auth/me", Some(&bob.token)).await.with(200);
    caught_up(&clock);
    let path = format!("/acme/users/{}/logout", keycloak.user("bob").await);
    keycloak.admin(Method::POST, &path, &Value::Null).await;
    let rule = testkit::eventually("his session ends by itself", || async {
        let me = app.get("/api/v1/auth/me", Some(&bob.token)).await;
        (me.status != 200).then(|| me.with(401)["rule"].clone())
    })
    .await;
    assert_eq!(rule, "session_ended");
    app.get("/api/v1/auth/me", Some(&ada.token)).await.with(200);

    // Disabled: what she holds ends by itself within a quarter of an hour, and no more comes.
    keycloak.set_enabled("ada", false).await;
    app.get("/api/v1/auth/me", Some(&ada.token)).await.with(200);
    let body = json!({"refresh_token": ada.refresh});
    let over = app.ask("/api/v1/auth/refresh", body).await;
    assert_eq!(over.with(401)["rule"], "session_over");
    app.get("/api/v1/auth/me", Some(&ada.token)).await.with(401);
    told(&app, &owner, "grant_refused").await;
    let page = Visit::new(&app)
        .sign_on(tenant, "ada", "")
        .await
        .unwrap_err();
    assert!(page.contains("disabled"), "{page}");

    // Removed, and signed out by an administrator there: the same.
    for (name, method, path) in [
        ("bob", Method::DELETE, ""),
        ("cat", Method::POST, "/logout"),
    ] {
        let visit = Visit::new(&app);
        visit.sign_on(tenant, name, "").await.unwrap();
        let person = app.refreshed(&visit.person().await).await;
        let path = format!("/acme/users/{}{path}", keycloak.user(name).await);
        keycloak.admin(method, &path, &Value::Null).await;
        let body = json!({"refresh_token": person.refresh});
        let over = app.ask("/api/v1/auth/refresh", body).await;
        assert_eq!(over.with(401)["rule"], "session_over", "{name}");
    }

    // Keycloak exchanges its keys; the new ones are looked up.
    let key = json!({
        "name": "next", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
        "config": {"priority": ["200"], "enabled": ["true"], "active": ["true"]},
    });
    keycloak.admin(Method::POST, "/acme/components", &key).await;
    caught_up(&clock);
    clock.advance_millis(61_000);
    let visit = Visit::new(&app);
    assert_eq!(visit.sign_on(tenant, "cat", "").await.unwrap().0, "/");
    assert_eq!(role(&app, &visit.person().await).await, "viewer");
    println!(
        "PROOF sign_on_keycloak: disabled, removed and signed out at Keycloak: out at the next refresh; \
         signed out by back-channel logout: out at once"
    );
}
