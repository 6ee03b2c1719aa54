//! A person and a tenant are erased where every role is a process of its own, with Kafka
//! between them and two gateways in front: each of them forgets, and a replay by the
//! process that folds brings nothing back.

use serde_json::{Value, json};
use testkit::eventually;

use crate::client::{Client, http};
use crate::database::Database;
use crate::roles::{ROLES, Roles};
use crate::tenant_erasure::{Filled, GONE, KEPT, PASSWORD, fill, left, tables_with};
use crate::tools::tool;

const PERSON: &str = "canary-person-7d1f";
/// What the account is made with, until its holder chooses [`PASSWORD`].
const INITIAL: &str = "a first word of somebody else";
const GATEWAYS: [&str; 2] = ["gateway", "gateway-2"];
const RECEIVERS: [&str; 3] = ["gateway", "gateway-2", "ingest"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_apart_forget_a_person_and_a_tenant() {
    let test = "flows::distributed_erasure";
    let Some(database) = Database::start(test).await else {
        return;
    };
    let more = [
        ("SRE_COPILOT_TENANT_ERASURE_GRACE", "1s".to_owned()),
        // Tokens are those of one platform, whichever gateway made them.
        ("SRE_COPILOT_PUBLIC_URL", "http://localhost:8580".to_owned()),
    ];
    let Some(mut roles) = Roles::on(test, database, &more).await else {
        return;
    };
    for role in ROLES {
        roles.restart(role).await;
    }
    roles.another("gateway-2").await;
    let kept = fill(roles.base("gateway"), KEPT).await;
    let gone = fill(roles.base("gateway"), GONE).await;

    let person = Person::join(&roles, &kept).await;
    person.is_known(&roles, &kept).await;
    person.erase(&roles, &kept).await;
    person.is_forgotten(&roles, &kept).await;

    let whole = kept.shown(KEPT).await;
    let tenant = erase(&roles, &gone).await;
    nothing_is_left(&roles, &gone, &tenant).await;
    assert_eq!(kept.shown(KEPT).await, whole);

    // Folded anew, the telemetry that Kafka still has included.
    let data = roles.data("projections");
    tool(&data, &["replay", "--all"], &roles.variables()).await;
    for signal in ["metrics", "logs", "spans", "history"] {
        tool(&data, &["replay", signal], &roles.variables()).await;
    }
    nothing_is_left(&roles, &gone, &tenant).await;
    person.is_forgotten(&roles, &kept).await;
    assert_eq!(kept.shown(KEPT).await, whole);

    // Nor do processes that begin anew know any of it.
    for role in [
        "gateway-2",
        "ingest",
        "commands",
        "projections",
        "workers",
        "gateway",
    ] {
        roles.kill(role);
        roles.restart(role).await;
    }
    nothing_is_left(&roles, &gone, &tenant).await;
    person.is_forgotten(&roles, &kept).await;
    let late = json!({ "title": "the others go on", "severity": "SEV3" });
    let (status, answer) = kept.client.post("/api/v1/incidents", &late).await;
    assert_eq!(status, 201, "{answer}");
}

/// Somebody of the tenant that stays.
struct Person {
    user: String,
    email: String,
    access: String,
    refresh: String,
    incident: String,
}

impl Person {
    /// Joins, logs in, and does what others see by their name.
    async fn join(roles: &Roles, at: &Filled) -> Self {
        let email = format!("{PERSON}@example.com");
        let member = json!({
            "email": email, "name": format!("Grace {PERSON}"), "role": "engineer",
            "password": INITIAL,
        });
        let (status, answer) = at.client.post("/api/v1/members", &member).await;
        assert_eq!(status, 201, "{answer}");
        let (status, session) = own_password(&roles.base("gateway-2"), &email).await;
        assert_eq!(status, 200, "{session}");
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        let access = text("access_token");
        let own = at.client.at(roles.base("gateway-2"), &access);
        let opened = json!({ "title": "opened by a person", "severity": "SEV3" });
        let (status, opened) = own.post("/api/v1/incidents", &opened).await;
        assert_eq!(status, 201, "{opened}");
        let me = own.get("/api/v1/auth/me").await;
        Self {
            user: me["user"]["id"].as_str().unwrap().to_owned(),
            email,
            access,
            refresh: text("refresh_token"),
            incident: opened["id"].as_str().unwrap().to_owned(),
        }
    }

    /// The incident as a gateway shows it to the others.
    async fn opened_by(&self, roles: &Roles, gateway: &str, at: &Filled) -> Value {
        let other = at.client.at(roles.base(gateway), &at.client.token);
        let shown = other
            .get(&format!("/api/v1/incidents/{}", self.incident))
            .await;
        shown["opened_by"]["name"].clone()
    }

    async fn is_known(&self, roles: &Roles, at: &Filled) {
        for gateway in GATEWAYS {
            eventually(&format!("{gateway} shows the name"), || async {
                let name = self.opened_by(roles, gateway, at).await;
                (name == format!("Grace {PERSON}")).then_some(())
            })
            .await;
        }
    }

    async fn erase(&self, roles: &Roles, at: &Filled) {
        let owner = with_proof(roles, at).await;
        let path = format!("/api/v1/members/{}/erase", self.user);
        let (status, answer) = owner.post(&path, &json!({})).await;
        assert_eq!(status, 204, "{answer}");
    }

    async fn is_forgotten(&self, roles: &Roles, at: &Filled) {
        let owner = with_proof(roles, at).await;
        for gateway in GATEWAYS {
            let base = roles.base(gateway);
            eventually(&format!("{gateway} has forgotten the name"), || async {
                let name = self.opened_by(roles, gateway, at).await;
                (name == "erased").then_some(())
            })
            .await;
            let own = at.client.at(base.clone(), &self.access);
            for path in ["/api/v1/members", "/api/v1/tenant/export", "/api/v1/audit"] {
                let shown = shown(&base, &owner.token, path).await;
                assert!(!shown.contains(PERSON), "{gateway}{path}: {shown}");
            }
            is_refused(&own, gateway).await;
            assert_eq!(refresh(&base, &self.refresh).await, 401, "{gateway}");
        }
        // At one of them: whoever tries an address too often has to wait.
        let base = roles.base("gateway-2");
        assert_eq!(login(&base, &self.email).await.0, 401);
        let url = roles.database().url();
        assert_eq!(tables_with(url, PERSON).await, Vec::<String>::new());
        let keys = tables_with(url, &self.user).await;
        assert!(!keys.contains(&"vault.subject_keys".to_owned()), "{keys:?}");
    }
}

/// Asks for the erasure and waits until agents are refused everywhere; the tenant's id.
async fn erase(roles: &Roles, gone: &Filled) -> String {
    let base = roles.base("gateway");
    let (_, session) = gone.session(&base).await;
    let tenant = session["tenant_id"].as_str().unwrap().to_owned();
    // The search finds what is there.
    assert!(left(roles.database(), &tenant).await.len() > 10);
    let token = session["access_token"].as_str().unwrap();
    let owner = gone.client.at(base, token);
    let (status, answer) = owner
        .post("/api/v1/tenant/erasure", &json!({ "name": "Example" }))
        .await;
    assert_eq!(status, 200, "{answer}");
    for receiver in RECEIVERS {
        eventually(&format!("{receiver} refuses the agent"), || async {
            (gone.sends(&roles.base(receiver)).await == 401).then_some(())
        })
        .await;
    }
    for gateway in GATEWAYS {
        is_refused(&gone.client.at(roles.base(gateway), token), gateway).await;
        let refresh_token = session["refresh_token"].as_str().unwrap();
        let status = refresh(&roles.base(gateway), refresh_token).await;
        assert_eq!(status, 401, "{gateway}");
    }
    tenant
}

async fn nothing_is_left(roles: &Roles, gone: &Filled, tenant: &str) {
    let seen = parking_lot::Mutex::new(Vec::new());
    let waited = tokio::time::timeout(std::time::Duration::from_secs(45), async {
        eventually("nothing is left", || async {
            let found = left(roles.database(), tenant).await;
            let none = found.is_empty();
            *seen.lock() = found;
            none.then_some(())
        })
        .await;
    });
    assert!(waited.await.is_ok(), "left in {:?}", seen.lock());
    for receiver in RECEIVERS {
        assert_eq!(gone.sends(&roles.base(receiver)).await, 401, "{receiver}");
    }
    assert_eq!(gone.session(&roles.base("gateway-2")).await.0, 401);
}

/// The owner of `at`, who has just logged in.
async fn with_proof(roles: &Roles, at: &Filled) -> Client {
    let base = roles.base("gateway");
    let (status, session) = at.session(&base).await;
    assert_eq!(status, 200, "{session}");
    at.client
        .at(base, session["access_token"].as_str().unwrap())
}

/// A session ends on every gateway, on those that did not end it a moment later.
async fn is_refused(client: &Client, gateway: &str) {
    eventually(&format!("{gateway} refuses the session"), || async {
        let asked = client.try_send(reqwest::Method::GET, "/api/v1/auth/me", None, None);
        (asked.await.ok()?.0 == 401).then_some(())
    })
    .await;
}

/// What a path answers, whatever it is.
async fn shown(base: &str, token: &str, path: &str) -> String {
    let asked = http().get(format!("{base}{path}")).bearer_auth(token);
    let answer = asked.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{base}{path}: {status}: {text}");
    text
}

/// Replaces the password that the account was made with, and so begins a session.
async fn own_password(base: &str, email: &str) -> (u16, Value) {
    let body = json!({ "email": email, "password": INITIAL, "new_password": PASSWORD });
    let url = format!("{base}/api/v1/auth/initial-password");
    let answer = http().post(url).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn login(base: &str, email: &str) -> (u16, Value) {
    let body = json!({ "email": email, "password": PASSWORD });
    let url = format!("{base}/api/v1/auth/login");
    let answer = http().post(url).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn refresh(base: &str, token: &str) -> u16 {
    let url = format!("{base}/api/v1/auth/refresh");
    let body = json!({ "refresh_token": token });
    let answer = http().post(url).json(&body).send().await.unwrap();
    answer.status().as_u16()
}
