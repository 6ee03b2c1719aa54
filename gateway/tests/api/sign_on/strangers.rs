//! What somebody without an account tries with a tenant's sign-in link, in their own browser
//! or in somebody else's.

use std::collections::HashMap;

use serde_json::Value;

use super::attacks::furnished;
use super::browser::{Browser, location, refused, somebody};
use super::{entry, told};
use crate::app::app;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_signs_nobody_in_by_itself() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    let start = format!("/api/v1/auth/oidc/{}/start?return_to=/p/shop", owner.tenant);
    for site in ["cross-site", "same-site"] {
        let browser = Browser::new(&app);
        let asked = browser.get_from(site, &start).await;
        assert_eq!(asked.status.as_u16(), 200, "{asked:?}");
        assert!(browser.jar.lock().unwrap().is_empty(), "{asked:?}");
        assert_eq!(asked.headers["x-frame-options"], "DENY");
        assert_eq!(asked.headers["cache-control"], "no-store");
        let kind = asked.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/html"), "{kind}");
        let host = url::Url::parse(&provider.issuer).unwrap();
        let host = host.host_str().unwrap();
        assert!(asked.text.contains(&format!("<strong>{host}</strong>")));
        // The click begins what the link was to begin.
        let link = asked.text.split("<a href=\"").nth(1).unwrap();
        let link = link.split('"').next().unwrap().replace("&amp;", "&");
        let away = location(&browser.get_from("same-origin", &link).await);
        let away = url::Url::parse(&away).unwrap();
        assert!(away.as_str().starts_with(&provider.issuer), "{away}");
        let asked: HashMap<String, String> = away.query_pairs().into_owned().collect();
        let code = provider.code_for(&asked, &somebody("ada", &[]));
        let code = format!("code={code}");
        let answer = browser.arrive(&owner.tenant, &asked["state"], &code).await;
        assert_eq!(location(&answer), "/p/shop");
    }
    // A bookmark, or a link in a letter, is somebody's own doing.
    let away = location(&Browser::new(&app).get_from("none", &start).await);
    assert!(away.starts_with(&provider.issuer), "{away}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_on_ends_the_session_that_the_browser_had() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    let browser = Browser::new(&app);
    let ada = somebody("ada", &[]);
    browser.sign_on(&owner.tenant, &provider, &ada).await;
    let first = browser.person().await.unwrap();
    // Who is refused keeps what they have.
    let answer = browser.arrive(&owner.tenant, "made-up", "code=x").await;
    refused(&answer, "again");
    let me = "/api/v1/auth/me";
    app.get(me, Some(&first.token)).await.with(200);
    browser.sign_on(&owner.tenant, &provider, &ada).await;
    let second = browser.person().await.unwrap();
    let over = app.get(me, Some(&first.token)).await;
    assert_eq!(over.with(401)["rule"], "session_ended");
    app.refreshed(&second).await;
    let ended = |entry: &Value| entry["actor"]["id"] == first.user.as_str();
    entry(&app, &owner, "action=EndSession", ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_anybody_can_cause_do_not_bury_the_audit() {
    let app = app!();
    let (owner, _provider) = furnished(&app).await;
    let browser = Browser::new(&app);
    for _ in 0..30 {
        refused(
            &browser.arrive(&owner.tenant, "made-up", "code=x").await,
            "again",
        );
    }
    // Another rule is told all the same, after all that came before it.
    let start = format!("/api/v1/auth/oidc/{}/start?link=true", owner.tenant);
    refused(&browser.get(&start).await, "link_first");
    told(&app, &owner, "signed_out").await;
    let filter = "result=refused&q=state_unknown";
    let entries = crate::audit::entries(&app, &owner, filter).await;
    assert_eq!(entries.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_many_sign_ons_keeps_nobody_out() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    let tenant: uuid::Uuid = owner.tenant.parse().unwrap();
    let db = app.gateway.db.writer();
    let flood = "INSERT INTO vault.sign_on_attempts
            (state, tenant_id, browser, wrapped, return_to, fresh, created_at, expires_at)
         SELECT sha256(n::text::bytea), $1, '', '', '/', false, now(),
                now() + interval '9 minutes' + n * interval '1 millisecond'
         FROM generate_series(1, 10000) AS n";
    sqlx::query(flood).bind(tenant).execute(db).await.unwrap();
    let browser = Browser::new(&app);
    let ada = somebody("ada", &[]);
    let answer = browser.sign_on(&owner.tenant, &provider, &ada).await;
    assert_eq!(location(&answer), "/p/shop");
    // The oldest made room for it, and no more than that.
    let left: (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE state = sha256('1'))
         FROM vault.sign_on_attempts WHERE tenant_id = $1",
    )
    .bind(tenant)
    .fetch_one(db)
    .await
    .unwrap();
    assert_eq!(left, (10_000, 0));
}
