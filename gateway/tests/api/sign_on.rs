//! Single sign-on: its settings, who comes in as what, what is refused, and for how
//! long a session goes on. A tiny provider of the tests' own says whatever it is told
//! to; `keycloak` is a real one.

mod attacks;
mod browser;
mod going_on;
mod keycloak;
mod logout;
mod people;
mod provider;
mod settings;
mod strangers;
mod strength;

use serde_json::{Value, json};

use crate::app::{App, Person};

const PATH: &str = "/api/v1/single-sign-on";

/// Settings that let everybody of example.com in as a viewer, changed as wanted.
fn wanted(issuer: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({
        "issuer": issuer, "client_id": provider::CLIENT, "client_secret": provider::SECRET,
        "group_roles": [{"group": "sre", "role": "engineer"}, {"group": "leads", "role": "admin"}],
        "default_role": "viewer", "email_domains": ["example.com"], "just_in_time": true,
    });
    change(&mut body);
    body
}

async fn set_up(app: &App, owner: &Person, issuer: &str, change: impl FnOnce(&mut Value)) {
    let body = wanted(issuer, change);
    app.put(PATH, &owner.token, body).await.with(200);
}

/// The first entry of the tenant's audit that `filter` leaves and `is` wants. Each look
/// is an entry itself, so a filter must leave those out.
async fn entry(app: &App, owner: &Person, filter: &str, is: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/audit?limit=200&{filter}");
    testkit::eventually(&format!("the audit has an entry of {filter}"), || async {
        let audit = app.get(&path, Some(&owner.token)).await.with(200);
        let items = audit["items"].as_array().unwrap().clone();
        items.into_iter().find(|entry| is(entry))
    })
    .await
}

/// Waits until the tenant's audit tells of a refusal by `rule`.
async fn told(app: &App, owner: &Person, rule: &str) {
    let filter = format!("result=refused&q={rule}");
    entry(app, owner, &filter, |entry| entry["rule"] == rule).await;
}
