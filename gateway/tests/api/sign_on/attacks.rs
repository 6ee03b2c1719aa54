//! What a hostile provider, or somebody between the browser and it, tries. Each is
//! refused by the rule that is there for it, the tenant's audit names the rule, and the
//! browser learns no more than that it did not work.

use std::sync::Arc;

use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use super::browser::{Browser, location, refused, somebody};
use super::provider::{Provider, Sign};
use super::{set_up, told};
use crate::app::{App, Person, app};

pub(super) async fn furnished(app: &App) -> (Person, Arc<Provider>) {
    let owner = app.register("Owner").await;
    let provider = Provider::start(app.gateway.clock.clone()).await;
    set_up(app, &owner, &provider.issuer, |_| {}).await;
    (owner, provider)
}

/// Signs in while the provider says `claims` with such a signature.
async fn forged(app: &App, owner: &Person, at: &Provider, (sign, claims): (Sign, Value)) -> String {
    at.told(|manners| (manners.sign, manners.claims) = (sign, claims));
    let browser = Browser::new(app);
    let answer = browser
        .sign_on(&owner.tenant, at, &somebody("eve", &["leads"]))
        .await;
    at.told(|manners| (manners.sign, manners.claims) = (Sign::Rightly, json!({})));
    location(&answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_refused_each_by_its_rule() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    let now = app.gateway.clock.now().micros() / 1_000_000;
    let mut tried = 0;
    for (rule, sign, claims) in [
        ("id_token_nonce", Sign::Rightly, json!({"nonce": "another"})),
        ("id_token_nonce", Sign::Rightly, json!({"nonce": null})),
        (
            "id_token_audience",
            Sign::Rightly,
            json!({"aud": "another-client"}),
        ),
        (
            "id_token_audience",
            Sign::Rightly,
            json!({"aud": ["sre-copilot", "another"]}),
        ),
        (
            "id_token_audience",
            Sign::Rightly,
            json!({"azp": "another-client"}),
        ),
        (
            "id_token_issuer",
            Sign::Rightly,
            json!({"iss": "https://login.evil.test"}),
        ),
        ("id_token_expired", Sign::Rightly, json!({"exp": now - 1})),
        (
            "id_token_expired",
            Sign::Rightly,
            json!({"iat": now + 600, "exp": now + 900}),
        ),
        (
            "id_token_at_hash",
            Sign::Rightly,
            json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}),
        ),
        ("id_token_algorithm", Sign::Not, json!({})),
        ("id_token_algorithm", Sign::WithTheSecret, json!({})),
        ("id_token_signature", Sign::ByAStranger, json!({})),
        ("id_token_key", Sign::ByUnknownKey, json!({})),
    ] {
        let to = forged(&app, &owner, &provider, (sign, claims.clone())).await;
        assert_eq!(to, "/login?sign_on=refused", "{rule} {claims}");
        told(&app, &owner, rule).await;
        tried += 1;
    }
    // The control: without a forgery the same person comes in.
    let to = forged(&app, &owner, &provider, (Sign::Rightly, json!({}))).await;
    assert_eq!(to, "/p/shop");
    println!(
        "PROOF sign_on_forgeries: {tried} forged ID tokens, {tried} refused, each by its rule"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_once_in_its_own_browser_at_its_own_tenant_for_ten_minutes() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let (owner, provider) = furnished(&app).await;
    let tenant = &owner.tenant;
    let ada = somebody("ada", &[]);
    let code = |asked| format!("code={}", provider.code_for(asked, &ada));
    let (own, other) = (Browser::new(&app), Browser::new(&app));

    let away = own.leave(tenant, "").await;
    let answer = other.arrive(tenant, away.state(), &code(&away.asked)).await;
    refused(&answer, "refused");
    // A browser that is on a way of its own is another one too.
    other.leave(tenant, "").await;
    let answer = other.arrive(tenant, away.state(), &code(&away.asked)).await;
    refused(&answer, "refused");
    told(&app, &owner, "state_of_another_browser").await;
    // The victim goes on undisturbed, once.
    let answer = own.arrive(tenant, away.state(), &code(&away.asked)).await;
    assert_eq!(location(&answer), "/");
    refused(
        &own.arrive(tenant, away.state(), &code(&away.asked)).await,
        "again",
    );
    told(&app, &owner, "state_replayed").await;

    for made_up in ["x", "%00", &"a".repeat(4_000)] {
        refused(&own.arrive(tenant, made_up, "code=x").await, "again");
    }
    refused(
        &own.get(&format!("/api/v1/auth/oidc/{tenant}/callback"))
            .await,
        "again",
    );
    told(&app, &owner, "state_unknown").await;

    let elsewhere = app.register("Mallory").await;
    set_up(&app, &elsewhere, &provider.issuer, |_| {}).await;
    let away = own.leave(tenant, "").await;
    let answer = own
        .arrive(&elsewhere.tenant, away.state(), &code(&away.asked))
        .await;
    refused(&answer, "again");
    told(&app, &elsewhere, "state_unknown").await;

    clock.advance_millis(10 * 60_000);
    refused(
        &own.arrive(tenant, away.state(), &code(&away.asked)).await,
        "again",
    );
    let owner = app.login(&owner.email).await;
    told(&app, &owner, "state_expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_way_is_worth_nothing() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    let tenant = &owner.tenant;
    // Eve signs in, keeps her code back and has it put into Ada's answer.
    let (ada, eve) = (Browser::new(&app), Browser::new(&app));
    let hers = eve.leave(tenant, "").await;
    let stolen = provider.code_for(&hers.asked, &somebody("eve", &[]));
    let way = ada.leave(tenant, "").await;
    let answer = ada
        .arrive(tenant, way.state(), &format!("code={stolen}"))
        .await;
    refused(&answer, "refused");
    told(&app, &owner, "grant_refused").await;
    // Where the provider does not hold codes to their way, the nonce does.
    provider.told(|manners| manners.checks_pkce = false);
    let stolen = provider.code_for(&hers.asked, &somebody("eve", &[]));
    let way = ada.leave(tenant, "").await;
    let answer = ada
        .arrive(tenant, way.state(), &format!("code={stolen}"))
        .await;
    refused(&answer, "refused");
    told(&app, &owner, "id_token_nonce").await;
    assert!(ada.person().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn issuers_are_not_mixed_up() {
    let app = app!();
    let (owner, honest) = furnished(&app).await;
    let mallory = app.register("Mallory").await;
    let hostile = Provider::start(app.gateway.clock.clone()).await;
    set_up(&app, &mallory, &hostile.issuer, |_| {}).await;
    let ada = somebody("ada", &[]);
    let browser = Browser::new(&app);

    // RFC 9207: the answer names another issuer, or none although one was promised.
    let away = browser.leave(&owner.tenant, "").await;
    let code = honest.code_for(&away.asked, &ada);
    let answer = format!("code={code}&iss={}", hostile.issuer);
    refused(
        &browser.arrive(&owner.tenant, away.state(), &answer).await,
        "refused",
    );
    told(&app, &owner, "issuer_mixed_up").await;
    let promising = Provider::start(app.gateway.clock.clone()).await;
    promising.told(|manners| manners.promises_iss = true);
    set_up(&app, &owner, &promising.issuer, |_| {}).await;
    refused(
        &browser.sign_on(&owner.tenant, &promising, &ada).await,
        "refused",
    );

    // The hostile provider of another tenant hands on a token that is not its own.
    for claims in [
        json!({"iss": honest.issuer}),
        json!({"aud": "the client of another tenant"}),
    ] {
        hostile.told(|manners| manners.claims = claims);
        refused(
            &browser.sign_on(&mallory.tenant, &hostile, &ada).await,
            "refused",
        );
    }
    told(&app, &mallory, "id_token_issuer").await;
    told(&app, &mallory, "id_token_audience").await;
    // Or says that it is the honest one, whose keys are other ones.
    hostile.told(|manners| {
        manners.claims = json!({"iss": honest.issuer});
        manners.issuer = Some(honest.issuer.clone());
    });
    let named = Provider::start(app.gateway.clock.clone()).await;
    named.told(|manners| manners.issuer = Some(honest.issuer.clone()));
    set_up(&app, &mallory, &named.issuer, |_| {}).await;
    let start = format!("/api/v1/auth/oidc/{}/start", mallory.tenant);
    refused(&browser.get(&start).await, "unreachable");
    told(&app, &mallory, "provider_unreachable").await;
    assert!(browser.person().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_about_somebody_else_is_not_believed() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    provider.told(|manners| {
        manners.claims = json!({"groups": null});
        manners.userinfo = json!({"sub": "subject of the boss", "groups": ["leads"]});
    });
    let browser = Browser::new(&app);
    let answer = browser
        .sign_on(&owner.tenant, &provider, &somebody("eve", &[]))
        .await;
    refused(&answer, "refused");
    told(&app, &owner, "subject_changed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_back_to_our_own_pages_only() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    for (asked, to) in [
        ("return_to=%2F%2Fevil.test", "/"),
        ("return_to=https%3A%2F%2Fevil.test", "/"),
        ("return_to=%2F%5Cevil.test", "/"),
        ("return_to=javascript%3Aalert(1)", "/"),
        // From where any tenant's provider would be next.
        ("return_to=%2F.%2Fapi%2Fv1%2Fauth%2Foidc%2Fx%2Fstart", "/"),
        (
            "return_to=%2F%252e%2Fapi%2Fv1%2Fauth%2Foidc%2Fx%2Fstart",
            "/",
        ),
        ("return_to=%2Fp%2Fshop%2Flogs%3Fq%3Da", "/p/shop/logs?q=a"),
    ] {
        let browser = Browser::new(&app);
        let away = browser.leave(&owner.tenant, asked).await;
        assert!(
            away.to
                .starts_with(&format!("{}/authorize?", provider.issuer))
        );
        let code = provider.code_for(&away.asked, &somebody("ada", &[]));
        let answer = browser
            .arrive(&owner.tenant, away.state(), &format!("code={code}"))
            .await;
        assert_eq!(location(&answer), to, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_not_shown_to_a_provider_that_was_named_since() {
    let app = app!();
    let (owner, provider) = furnished(&app).await;
    let other = Provider::start(app.gateway.clock.clone()).await;
    let browser = Browser::new(&app);
    let away = browser.leave(&owner.tenant, "").await;
    set_up(&app, &owner, &other.issuer, |_| {}).await;
    // It would even be good there.
    let code = other.code_for(&away.asked, &somebody("ada", &[]));
    let code = format!("code={code}");
    let answer = browser.arrive(&owner.tenant, away.state(), &code).await;
    refused(&answer, "again");
    told(&app, &owner, "provider_changed").await;
    // Nor is it where it was made for, once that is the provider again.
    set_up(&app, &owner, &provider.issuer, |_| {}).await;
    let answer = browser.arrive(&owner.tenant, away.state(), &code).await;
    refused(&answer, "again");
    told(&app, &owner, "state_replayed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_answers_instead_is_told_in_our_own_words() {
    let app = app!();
    let (owner, _provider) = furnished(&app).await;
    for (error, shown) in [
        ("access_denied", "cancelled"),
        ("login_required", "refused"),
        ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", "refused"),
    ] {
        let browser = Browser::new(&app);
        let away = browser.leave(&owner.tenant, "").await;
        let answer = browser
            .arrive(&owner.tenant, away.state(), &format!("error={error}"))
            .await;
        refused(&answer, shown);
    }
    told(&app, &owner, "provider_refused").await;
    // Where there is no tenant, or none with a provider, one answer is like the other.
    let without = app.register("Without").await;
    for tenant in [without.tenant.as_str(), crate::isolation::SOME_ID] {
        let browser = Browser::new(&app);
        let start = format!("/api/v1/auth/oidc/{tenant}/start");
        refused(&browser.get(&start).await, "unavailable");
        refused(&browser.arrive(tenant, "x", "code=x").await, "unavailable");
    }
}
