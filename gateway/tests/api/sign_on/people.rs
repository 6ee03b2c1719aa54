//! Who comes in, as whom, as what.

use axum::http::Method;
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use super::browser::{Browser, location, refused, somebody};
use super::provider::Provider;
use super::{PATH, entry, set_up, told, wanted};
use crate::app::{App, PASSWORD, Person, app};

const ME: &str = "/api/v1/auth/me";
const LOGIN: &str = "/api/v1/auth/login";

async fn role(app: &App, person: &Person) -> String {
    let me = app.get(ME, Some(&person.token)).await.with(200);
    me["tenant_role"].as_str().unwrap().to_owned()
}

/// The role with which somebody in `groups` comes in.
async fn role_in(app: &App, tenant: &str, at: &Provider, name: &str, groups: &[&str]) -> String {
    let browser = Browser::new(app);
    let answer = browser.sign_on(tenant, at, &somebody(name, groups)).await;
    assert_eq!(location(&answer), "/p/shop");
    role(app, &browser.person().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_become_members_by_signing_in_and_are_what_their_groups_say_each_time() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let tenant = &owner.tenant;
    let browser = Browser::new(&app);
    browser
        .sign_on(tenant, &provider, &somebody("ada", &["sre"]))
        .await;
    let ada = browser.person().await.unwrap();
    assert_eq!(ada.email, "ada@example.com");
    assert_eq!(role(&app, &ada).await, "engineer");
    // In and out of groups, as one and the same member.
    for (groups, role) in [
        (&["sre", "leads"][..], "admin"),
        (&[], "viewer"),
        (&["sre"], "engineer"),
    ] {
        assert_eq!(role_in(&app, tenant, &provider, "ada", groups).await, role);
    }
    let members = app
        .get("/api/v1/members", Some(&owner.token))
        .await
        .with(200);
    let adas: Vec<&Value> = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|member| member["email"] == "ada@example.com")
        .collect();
    assert_eq!(adas.len(), 1);
    assert_eq!(adas[0]["name"], "ada Byron");
    assert_eq!(adas[0]["user_id"], ada.user.as_str());
    // Who did it was the provider's word, not a person.
    let by_the_provider = |entry: &Value| entry["actor"]["id"] == "single_sign_on";
    for action in ["AddMember", "ChangeMemberRole"] {
        entry(&app, &owner, &format!("action={action}"), by_the_provider).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_role_no_address_or_no_membership_stays_outside() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    let outside = async |change: fn(&mut Value), person: Value, rule: &str| {
        set_up(&app, &owner, &provider.issuer, change).await;
        let browser = Browser::new(&app);
        let answer = browser.sign_on(&owner.tenant, &provider, &person).await;
        refused(&answer, "no_access");
        told(&app, &owner, rule).await;
    };
    let mut elsewhere = somebody("eve", &["sre"]);
    elsewhere["email"] = json!("eve@evil.test");
    let mut unverified = somebody("eve", &["sre"]);
    unverified["email_verified"] = json!(false);
    let mut nameless = somebody("eve", &["sre"]);
    nameless["email"] = Value::Null;
    let mut broken = somebody("eve", &["sre"]);
    broken["email"] = json!("eve\r\nBcc: all@example.com");
    outside(|_| {}, elsewhere, "email_domain_not_allowed").await;
    outside(|_| {}, unverified, "email_domain_not_allowed").await;
    outside(|_| {}, nameless, "email_missing").await;
    outside(|_| {}, broken, "email_missing").await;
    let no_default = |body: &mut Value| body["default_role"] = Value::Null;
    outside(no_default, somebody("eve", &["cooks"]), "no_role").await;
    let by_hand = |body: &mut Value| body["just_in_time"] = json!(false);
    outside(by_hand, somebody("eve", &["sre"]), "not_a_member").await;
    let members = app
        .get("/api/v1/members", Some(&owner.token))
        .await
        .with(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 1);
}

/// The tenant has `person` with a password and the address of `name` at the provider.
async fn member(app: &App, owner: &Person, name: &str, role: &str) -> Person {
    let email = format!("{name}@example.com");
    app.colleague_at(owner, &email, name, role).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_linked_by_a_verified_address_of_the_tenants_domain_and_not_otherwise() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let grace = member(&app, &owner, "grace", "viewer").await;
    let chief = member(&app, &owner, "chief", "owner").await;
    let browser = Browser::new(&app);
    browser
        .sign_on(&owner.tenant, &provider, &somebody("grace", &["sre"]))
        .await;
    let linked = browser.person().await.unwrap();
    assert_eq!(linked.user, grace.user);
    assert_eq!(role(&app, &linked).await, "engineer");
    // The account's password is still its own.
    app.login(&grace.email).await;
    // An address that changes hands is not the account.
    let mut successor = somebody("grace", &["sre"]);
    successor["sub"] = json!("another grace");
    refused(
        &Browser::new(&app)
            .sign_on(&owner.tenant, &provider, &successor)
            .await,
        "link_first",
    );
    // Whoever sets the provider cannot become an owner by it.
    refused(
        &Browser::new(&app)
            .sign_on(&owner.tenant, &provider, &somebody("chief", &[]))
            .await,
        "link_first",
    );
    told(&app, &owner, "link_first").await;
    // An owner links their account themselves, and stays one whatever the groups say.
    let browser = Browser::of(&app, &chief);
    let away = browser
        .leave(&owner.tenant, "link=true&return_to=/p/shop")
        .await;
    let code = provider.code_for(&away.asked, &somebody("chief", &[]));
    browser
        .arrive(&owner.tenant, away.state(), &format!("code={code}"))
        .await;
    let browser = Browser::new(&app);
    browser
        .sign_on(&owner.tenant, &provider, &somebody("chief", &["sre"]))
        .await;
    let again = browser.person().await.unwrap();
    assert_eq!(
        (again.user.as_str(), role(&app, &again).await.as_str()),
        (chief.user.as_str(), "owner")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_domains_an_address_links_nobody() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |body| {
        (body["email_domains"], body["default_role"]) = (json!([]), Value::Null);
    })
    .await;
    member(&app, &owner, "henry", "viewer").await;
    let answer = Browser::new(&app)
        .sign_on(&owner.tenant, &provider, &somebody("henry", &["sre"]))
        .await;
    refused(&answer, "link_first");
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_is_for_who_is_signed_in_and_for_one_account() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let path = format!("/api/v1/auth/oidc/{}/start?link=true", owner.tenant);
    refused(&Browser::new(&app).get(&path).await, "link_first");
    let stranger = app.register("Stranger").await;
    refused(&Browser::of(&app, &stranger).get(&path).await, "link_first");
    // Ada's identity is Ada's; nobody else links it.
    Browser::new(&app)
        .sign_on(&owner.tenant, &provider, &somebody("ada", &[]))
        .await;
    let browser = Browser::of(&app, &owner);
    let away = browser.leave(&owner.tenant, "link=true").await;
    let code = provider.code_for(&away.asked, &somebody("ada", &[]));
    let answer = browser
        .arrive(&owner.tenant, away.state(), &format!("code={code}"))
        .await;
    refused(&answer, "refused");
    told(&app, &owner, "linked_to_another").await;
}

/// Whoever is linked comes in from then on: a stolen session, or a page that sends a browser
/// there which is somebody else at the provider, would last.
#[tokio::test(flavor = "multi_thread")]
async fn linking_needs_a_fresh_proof_and_a_page_of_ours() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let owner = app.register("Owner").await;
    let provider = Provider::start(clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let path = format!("/api/v1/auth/oidc/{}/start?link=true", owner.tenant);
    let from = async |site: &str, token: &str| {
        let cookie = format!("srec_session={token}");
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", site)];
        app.send(Method::GET, &path, None, None, &headers).await
    };
    for site in ["cross-site", "same-site"] {
        refused(&from(site, &owner.token).await, "prove_first");
    }
    told(&app, &owner, "link_cross_site").await;
    let away = location(&from("same-origin", &owner.token).await);
    assert!(away.starts_with(&provider.issuer), "{away}");

    clock.advance_millis(16 * 60_000);
    let owner = app.refreshed(&owner).await;
    let unproven = from("same-origin", &owner.token).await;
    refused(&unproven, "prove_first");
    told(&app, &owner, "proof_needed").await;
    let proof = json!({"password": PASSWORD});
    app.post("/api/v1/auth/prove", &owner.token, proof)
        .await
        .with(204);
    let away = location(&from("same-origin", &owner.token).await);
    assert!(away.starts_with(&provider.issuer), "{away}");

    // The provider's word is not enough to link one more identity.
    let browser = Browser::new(&app);
    browser
        .sign_on(&owner.tenant, &provider, &somebody("ada", &[]))
        .await;
    refused(&browser.get(&path).await, "link_first");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_make_and_unmake_owners_only_where_an_owner_says_so_and_one_stays() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    let with_owners = |body: &mut Value| {
        body["group_roles"] = json!([{"group": "chiefs", "role": "owner"}]);
    };
    let admin = app.colleague(&owner, "Admin", "admin").await;
    let body = wanted(&provider.issuer, with_owners);
    let refused = app.put(PATH, &admin.token, body).await;
    assert_eq!(refused.with(403)["rule"], "forbidden");
    set_up(&app, &owner, &provider.issuer, with_owners).await;
    // An admin does not change what makes owners either, nor take it away.
    let body = wanted(&provider.issuer, |_| {});
    app.put(PATH, &admin.token, body).await.with(403);
    let refused = app.delete(PATH, &admin.token).await;
    assert_eq!(refused.with(403)["rule"], "forbidden");
    let tenant = &owner.tenant;
    assert_eq!(
        role_in(&app, tenant, &provider, "zoe", &["chiefs"]).await,
        "owner"
    );
    app.post("/api/v1/auth/leave", &owner.token, json!(null))
        .await
        .with(204);
    // Zoe is the last owner now, whatever her groups.
    assert_eq!(role_in(&app, tenant, &provider, "zoe", &[]).await, "owner");
    assert_eq!(
        role_in(&app, tenant, &provider, "yan", &["chiefs"]).await,
        "owner"
    );
    assert_eq!(role_in(&app, tenant, &provider, "zoe", &[]).await, "viewer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_speaks_for_its_tenant_and_not_for_the_account() {
    let app = app!();
    let (home, work) = (app.register("Home").await, app.register("Work").await);
    let provider = Provider::start(app.gateway.clock.clone()).await;
    // Grace has her own tenant and is a member of the one with the provider.
    let invited = json!({"email": home.email, "role": "viewer"});
    let invitation = app
        .post("/api/v1/invitations", &work.token, invited)
        .await
        .with(201);
    let link = invitation["link"].as_str().unwrap().to_owned();
    let token = json!({"token": link.split('#').nth(1).unwrap()});
    app.post("/api/v1/auth/accept-invitation", &home.token, token.clone())
        .await
        .with(200);
    set_up(&app, &work, &provider.issuer, |_| {}).await;
    let mut grace = somebody("grace", &[]);
    grace["email"] = json!(home.email);
    let browser = Browser::new(&app);
    browser.sign_on(&work.tenant, &provider, &grace).await;
    let vouched = browser.person().await.unwrap();
    assert_eq!(vouched.user, home.user);
    // Only that tenant is seen and reached.
    let me = app.get(ME, Some(&vouched.token)).await.with(200);
    assert_eq!(me["single_sign_on"], true);
    assert_eq!(me["tenants"].as_array().unwrap().len(), 1);
    assert_eq!(me["tenants"][0]["id"], work.tenant.as_str());
    let elsewhere = json!({"refresh_token": vouched.refresh, "tenant_id": home.tenant});
    app.ask("/api/v1/auth/refresh", elsewhere).await.with(404);
    let project = json!({"refresh_token": vouched.refresh, "project_id": home.project});
    app.ask("/api/v1/auth/refresh", project).await.with(404);
    // Nor anything that is the account's.
    let sessions = app
        .get("/api/v1/auth/sessions", Some(&vouched.token))
        .await
        .with(200);
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    let own = app
        .get("/api/v1/auth/sessions", Some(&home.token))
        .await
        .with(200);
    let other = own["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["current"] == true);
    let path = format!(
        "/api/v1/auth/sessions/{}",
        other.unwrap()["id"].as_str().unwrap()
    );
    app.delete(&path, &vouched.token).await.with(404);
    app.delete("/api/v1/auth/sessions", &vouched.token)
        .await
        .with(204);
    app.get(ME, Some(&home.token)).await.with(200);
    for (method, path) in [
        (Method::POST, "/api/v1/auth/second-factor"),
        (Method::DELETE, "/api/v1/auth/second-factor"),
        (Method::POST, "/api/v1/auth/second-factor/recovery-codes"),
    ] {
        let answer = app
            .send(method, path, Some(&vouched.token), None, &[])
            .await;
        assert_eq!(answer.with(403)["rule"], "account_needed", "{path}");
    }
    let accept = app
        .post("/api/v1/auth/accept-invitation", &vouched.token, token)
        .await;
    assert_eq!(accept.with(403)["rule"], "account_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_want_its_provider_and_no_passwords() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    let grace = member(&app, &owner, "gwen", "viewer").await;
    set_up(&app, &owner, &provider.issuer, |body| {
        body["password_login"] = json!(false)
    })
    .await;
    let login = json!({"email": grace.email, "password": PASSWORD});
    assert_eq!(
        app.ask(LOGIN, login).await.with(403)["rule"],
        "sign_on_needed"
    );
    told(&app, &owner, "sign_on_needed").await;
    // A wrong password learns nothing of it.
    let wrong = json!({"email": grace.email, "password": "not the password"});
    assert_eq!(
        app.ask(LOGIN, wrong).await.with(401)["rule"],
        "bad_credentials"
    );
    // A session that was begun before ends with its access token.
    let body = json!({"refresh_token": grace.refresh});
    let over = app.ask("/api/v1/auth/refresh", body).await;
    assert_eq!(over.with(401)["rule"], "session_over");
    let browser = Browser::new(&app);
    browser
        .sign_on(&owner.tenant, &provider, &somebody("gwen", &[]))
        .await;
    let vouched = browser.person().await.unwrap();
    assert_eq!(vouched.user, grace.user);
    app.refreshed(&vouched).await;
    // Owners come in when the provider is away.
    app.login(&owner.email).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_erased_and_comes_again_is_somebody_new() {
    let app = app!();
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let first = Browser::new(&app);
    first
        .sign_on(&owner.tenant, &provider, &somebody("ada", &[]))
        .await;
    let ada = first.person().await.unwrap();
    let erase = format!("/api/v1/members/{}/erase", ada.user);
    app.post(&erase, &owner.token, json!(null)).await.with(204);
    assert_eq!(
        app.get(ME, Some(&ada.token)).await.with(401)["rule"],
        "session_ended"
    );
    let second = Browser::new(&app);
    second
        .sign_on(&owner.tenant, &provider, &somebody("ada", &[]))
        .await;
    let again = second.person().await.unwrap();
    assert_ne!(again.user, ada.user);
    assert_eq!(again.email, "ada@example.com");
}
