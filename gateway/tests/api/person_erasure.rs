//! Who was erased is erased again where a log and a vault from before know them still.

use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{InvitationId, ProjectId, SubjectId, TenantId, UserId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, MemberRole, Scope};
use schemas::tenant::{ChangeMemberRole, TenantCommand};
use schemas::topic::Topic;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::app::{App, PASSWORD, Person, app, unique_email};
use crate::second_factor;

const ME: &str = "/api/v1/auth/me";
const LOGIN: &str = "/api/v1/auth/login";
const SEE: &str = "/api/v1/auth/invitation";

/// What the list says of somebody whose account was made with the membership.
fn line_of(person: &Person) -> SubjectId {
    SubjectId(person.user.parse().unwrap())
}

async fn refused_login(app: &App, person: &Person) {
    let login = json!({"email": person.email, "password": PASSWORD});
    let refused = app.ask(LOGIN, login).await;
    assert_eq!(refused.with(401)["rule"], "bad_credentials");
}

async fn names(app: &App, by: &Person) -> Vec<Value> {
    let list = app.get("/api/v1/members", Some(&by.token)).await.with(200);
    let members = list["items"].as_array().unwrap().iter();
    members.map(|member| member["name"].clone()).collect()
}

/// Where the vault has something by which the person could come in.
async fn left(app: &App, person: &Person) -> Vec<String> {
    let sql = "SELECT 'subject_keys' FROM vault.subject_keys WHERE subject = $1::uuid
        UNION SELECT 'logins' FROM vault.logins WHERE user_id = $1::uuid
        UNION SELECT 'totp' FROM vault.totp WHERE user_id = $1::uuid
        UNION SELECT 'recovery_codes' FROM vault.recovery_codes WHERE user_id = $1::uuid
        UNION SELECT 'sessions' FROM vault.sessions
            WHERE user_id = $1::uuid AND (ended_at IS NULL OR device <> '' OR address <> '')
        UNION SELECT 'refresh_tokens' FROM vault.refresh_tokens
            WHERE user_id = $1::uuid AND revoked_at IS NULL
        ORDER BY 1";
    let found = sqlx::query_scalar(sql).bind(&person.user);
    found.fetch_all(app.gateway.db.writer()).await.unwrap()
}

/// How many facts of a kind the history has of the tenant.
async fn facts(app: &App, tenant: &str, kind: &str) -> i64 {
    let sql = "SELECT count(*) FROM history.events WHERE aggregate = 'tenant' AND key = $1
        AND position(convert_to($2, 'UTF8') IN headers) > 0";
    let found = sqlx::query_scalar(sql).bind(tenant).bind(kind);
    found.fetch_one(app.gateway.db.writer()).await.unwrap()
}

async fn invite(app: &App, by: &Person, email: &str) -> (Uuid, String) {
    let body = json!({"email": email, "role": "engineer"});
    let invitation = app.post("/api/v1/invitations", &by.token, body).await;
    let invitation = invitation.with(201);
    let (_, token) = invitation["link"]
        .as_str()
        .unwrap()
        .split_once('#')
        .unwrap();
    let id = invitation["id"].as_str().unwrap().parse().unwrap();
    (id, token.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_listed_is_taken_out_with_everything_and_nobody_else_is() {
    let app = app!();
    let ada = app.register("Ada").await;
    let wanda = app.colleague(&ada, "Wanda", "engineer").await;
    let max = app.colleague(&ada, "Max", "engineer").await;
    second_factor::enable(&app, &wanda, &app.gateway.clock).await;
    let incident = app.incident(&wanda, "Disk").await;
    assert_eq!(left(&app, &wanda).await.len(), 6);
    assert_eq!(names(&app, &ada).await, ["Ada Owner", "Wanda", "Max"]);

    let list = [line_of(&wanda)];
    assert_eq!(app.gateway.erase_again(&list).await.unwrap(), []);
    assert_eq!(left(&app, &wanda).await, Vec::<String>::new());
    refused_login(&app, &wanda).await;
    app.get(ME, Some(&wanda.token)).await.with(401);
    let refresh = json!({"refresh_token": wanda.refresh});
    app.ask("/api/v1/auth/refresh", refresh).await.with(401);
    assert_eq!(names(&app, &ada).await, ["Ada Owner", "Max"]);
    let path = format!("/api/v1/incidents/{incident}");
    let shown = app.get(&path, Some(&ada.token)).await;
    assert_eq!(shown.with(200)["opened_by"]["name"], "erased");

    app.get(ME, Some(&max.token)).await.with(200);
    assert_eq!(app.login(&max.email).await.user, max.user);
    // What is done is not done again.
    assert_eq!(app.gateway.erase_again(&list).await.unwrap(), []);
    app.colleague(&ada, "Grace", "viewer").await;
    eventually("the history has what came last", || async {
        let chosen = facts(&app, &ada.tenant, "InitialPasswordReplaced").await;
        (chosen == 3).then_some(())
    })
    .await;
    for kind in ["MemberRemoved", "SubjectErased"] {
        assert_eq!(facts(&app, &ada.tenant, kind).await, 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_in_one_tenant_goes_on_in_the_other() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let carl = app.colleague(&ada, "Carl", "engineer").await;
    let (_, token) = invite(&app, &eve, &carl.email).await;
    let body = json!({"token": token});
    app.post("/api/v1/auth/accept-invitation", &carl.token, body)
        .await
        .with(200);

    let kept = app.gateway.erase_again(&[line_of(&carl)]).await.unwrap();
    assert_eq!(kept, []);
    app.get(ME, Some(&carl.token)).await.with(401);
    assert_eq!(app.login(&carl.email).await.tenant, eve.tenant);
    assert_eq!(names(&app, &ada).await, ["Ada Owner"]);
    assert_eq!(names(&app, &eve).await, ["Eve Owner", "Carl"]);
}

/// No request may make an owner here: the one who could was erased.
async fn make_owner(app: &App, person: &Person) {
    let tenant = TenantId(person.tenant.parse().unwrap());
    let project = ProjectId(person.project.parse().unwrap());
    let user = UserId(person.user.parse().unwrap());
    let scope = Scope::granted(tenant, project, Actor::system("test"));
    let role = MemberRole::Owner;
    let message = TenantCommand::from(ChangeMemberRole { user, role });
    let (context, kind) = (Context::ambient(&Clock::System), message.kind());
    let mut envelope = Envelope::of(&scope, context.id(), kind, "/test", tenant.to_string());
    envelope.time = context.now();
    let record = eventlog::NewRecord::of(Topic::IdentityCommands, &envelope, &message).unwrap();
    app.log.append(vec![record]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_cannot_come_in_and_leaves_once_there_is_another() {
    let app = app!();
    let ada = app.register("Ada").await;
    let max = app.colleague(&ada, "Max", "engineer").await;
    let list = [line_of(&ada)];
    let tenant = TenantId(ada.tenant.parse().unwrap());
    for _ in 0..2 {
        assert_eq!(app.gateway.erase_again(&list).await.unwrap(), [tenant]);
        assert_eq!(left(&app, &ada).await, Vec::<String>::new());
        refused_login(&app, &ada).await;
        app.get(ME, Some(&ada.token)).await.with(401);
    }
    let listed = app.get("/api/v1/members", Some(&max.token)).await;
    let listed = listed.with(200)["items"][0].clone();
    assert_eq!(
        (&listed["role"], &listed["email"]),
        (&json!("owner"), &json!("erased"))
    );

    make_owner(&app, &max).await;
    let max = eventually("Max is owner", || async {
        let max = app.login(&max.email).await;
        let me = app.get(ME, Some(&max.token)).await.with(200);
        (me["role"] == "owner").then_some(max)
    })
    .await;
    assert_eq!(app.gateway.erase_again(&list).await.unwrap(), []);
    assert_eq!(names(&app, &app.login(&max.email).await).await, ["Max"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_whose_key_is_gone_before_the_log_knows_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let wanda = app.colleague(&ada, "Wanda", "engineer").await;
    let max = app.colleague(&ada, "Max", "engineer").await;
    sqlx::query("DELETE FROM vault.subject_keys WHERE subject = $1::uuid")
        .bind(&wanda.user)
        .execute(app.gateway.db.writer())
        .await
        .unwrap();
    refused_login(&app, &wanda).await;
    let refresh = json!({"refresh_token": wanda.refresh});
    app.ask("/api/v1/auth/refresh", refresh).await.with(401);
    assert_eq!(app.login(&max.email).await.user, max.user);
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_of_who_was_erased_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("erased");
    let kept = list.clone();
    let Some(app) = App::with(|c| c.erased = Some(kept), Clock::System).await else {
        return;
    };
    let ada = app.register("Ada").await;
    // The one that they had joined by waits again, and another for the address.
    let (joined, first) = invite(&app, &ada, &unique_email("Wanda")).await;
    let (second, other) = invite(&app, &ada, &unique_email("Wanda")).await;
    let (_, of_max) = invite(&app, &ada, &unique_email("Max")).await;
    let user = gateway::auth::invitation::newcomer(InvitationId(joined));
    let listed = [SubjectId(user.0), SubjectId(second)];
    assert_eq!(app.gateway.erase_again(&listed).await.unwrap(), []);
    for token in [first, other] {
        app.ask(SEE, json!({"token": token})).await.with(404);
    }
    app.ask(SEE, json!({"token": of_max})).await.with(200);

    // What an erasure revokes is listed with the person.
    let email = unique_email("Grace");
    let (waits, _) = invite(&app, &ada, &email).await;
    let grace = app.colleague_at(&ada, &email, "Grace", "viewer").await;
    let path = format!("/api/v1/members/{}/erase", grace.user);
    app.post(&path, &ada.token, json!(null)).await.with(204);
    let lines = std::fs::read_to_string(&list).unwrap();
    assert_eq!(lines, format!("{waits}\n{}\n", grace.user));
}
