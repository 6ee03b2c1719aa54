//! What a tenant demands of how its people show themselves at the provider.

use serde_json::{Value, json};

use super::browser::{Browser, location, refused, somebody};
use super::provider::Provider;
use super::{PATH, set_up, told, wanted};
use crate::app::{App, Person, app};

const GOLD: &str = "urn:acme:gold";

fn strict(body: &mut Value) {
    body["acr_values"] = json!([GOLD, "urn:acme:platinum"]);
    body["amr_values"] = json!(["mfa", "hwk"]);
}

async fn refresh(app: &App, person: &Person) -> u16 {
    let body = json!({"refresh_token": person.refresh});
    app.ask("/api/v1/auth/refresh", body).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_shown_enough_is_refused_with_the_reason() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, strict).await;
    let ada = somebody("ada", &["sre"]);
    let away = Browser::new(&app).leave(&owner.tenant, "").await;
    assert_eq!(
        away.asked["acr_values"],
        format!("{GOLD} urn:acme:platinum")
    );

    for (claims, rule) in [
        (json!({}), "acr_not_accepted"),
        (
            json!({"acr": "urn:acme:bronze", "amr": ["mfa"]}),
            "acr_not_accepted",
        ),
        (json!({"acr": GOLD}), "amr_not_accepted"),
        (json!({"acr": GOLD, "amr": ["pwd"]}), "amr_not_accepted"),
    ] {
        provider.told(|manners| manners.claims = claims);
        let answer = Browser::new(&app)
            .sign_on(&owner.tenant, &provider, &ada)
            .await;
        refused(&answer, "stronger");
        told(&app, &owner, rule).await;
    }
    provider.told(|manners| manners.claims = json!({"acr": GOLD, "amr": ["pwd", "hwk"]}));
    let browser = Browser::new(&app);
    let answer = browser.sign_on(&owner.tenant, &provider, &ada).await;
    assert_eq!(location(&answer), "/p/shop");
    let person = browser.person().await.unwrap();

    // A refreshed token that says nothing of it ends nothing, one that says less does.
    provider.told(|manners| manners.claims = json!({}));
    let person = app.refreshed(&person).await;
    provider.told(|manners| manners.claims = json!({"acr": "urn:acme:bronze"}));
    assert_eq!(refresh(&app, &person).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_began_with_less_ends_when_more_is_demanded() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    let set = app
        .put(PATH, &owner.token, wanted(&provider.issuer, |_| {}))
        .await;
    let shown = set.with(200);
    assert_eq!(shown["provider"]["acr_values"], json!([]));
    assert_eq!(shown["provider"]["amr_values"], json!([]));
    let away = Browser::new(&app).leave(&owner.tenant, "").await;
    assert!(
        !away.asked.contains_key("acr_values"),
        "nothing is asked for"
    );
    let browser = Browser::new(&app);
    let ada = somebody("ada", &["sre"]);
    browser.sign_on(&owner.tenant, &provider, &ada).await;
    let person = browser.person().await.unwrap();
    set_up(&app, &owner, &provider.issuer, strict).await;
    let me = app.get("/api/v1/auth/me", Some(&person.token)).await;
    assert_eq!(me.with(401)["rule"], "session_ended");
    assert_eq!(refresh(&app, &person).await, 401);

    // Who met the demand goes on where less is demanded.
    provider.told(|manners| manners.claims = json!({"acr": GOLD, "amr": ["mfa"]}));
    browser.sign_on(&owner.tenant, &provider, &ada).await;
    let person = browser.person().await.unwrap();
    set_up(&app, &owner, &provider.issuer, |body| {
        body["acr_values"] = json!([GOLD, "urn:acme:platinum", "urn:acme:silver"]);
    })
    .await;
    app.refreshed(&person).await;
    let wrong = wanted(&provider.issuer, |body| body["amr_values"] = json!(["a b"]));
    let wrong = app.put(PATH, &owner.token, wrong).await;
    assert!(
        wrong.with(422)["detail"]
            .as_str()
            .unwrap()
            .contains("amr_values"),
        "{wrong:?}"
    );
}
