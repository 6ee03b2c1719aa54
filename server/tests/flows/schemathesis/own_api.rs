//! schemathesis with `/openapi.json` as each member role, as programs, and as nobody:
//! no answer that the document does not tell, and none without a good credential.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Peer, eventually, peer};

use super::Run;
use crate::client::{Client, http};
use crate::platform::Platform;
use crate::statistics::{count, proof};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,ignored_auth";

/// Operations that can end the credential they are asked with. Everything that came
/// after one of them would only be told so; each is asked with a tenant of its own.
const ENDING: [&str; 10] = [
    "archive_project",
    "change_member_role",
    "change_password",
    "end_other_sessions",
    "end_session",
    "erase_member",
    "leave_tenant",
    "logout",
    "remove_member",
    "set_project_role",
];

/// Protobuf is bytes like any others to one who does not know the messages.
const HOOKS: &str = "import schemathesis
schemathesis.serializer.alias(\"application/x-protobuf\", \"application/octet-stream\")
";

/// What is asked by one second is not to be refused for having been asked too often.
const UNLIMITED: [(&str, &str); 3] = [
    ("SRE_COPILOT_CALLER_REQUESTS_PER_SECOND", "0"),
    ("SRE_COPILOT_TENANT_REQUESTS_PER_SECOND", "0"),
    ("SRE_COPILOT_ENTRANCE_REQUESTS_PER_SECOND", "0"),
];

/// 503 is what a peer that is away is answered with, and documented.
fn configuration(credential: Option<&str>) -> String {
    let mut text = "[checks]
not_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"503\"]
"
    .to_owned();
    if let Some(credential) = credential {
        text.push_str(&format!(
            "[auth.openapi]\nbearer.bearer = \"{credential}\"\n"
        ));
    }
    text
}

fn run(program: &Path, platform: &Platform, credential: Option<&str>, examples: usize) -> Run {
    let base = platform.base();
    let description = format!("{base}/openapi.json");
    Run::new(program, &configuration(credential), description, &base)
        .with_hooks(HOOKS)
        .with(&["--checks", CHECKS, "--max-examples", &examples.to_string()])
        .with(&["--suppress-health-check", "filter_too_much,too_slow"])
}

/// One of most things, for the lists to show.
async fn furnish(client: &Client, key: &str) {
    let made = [
        (
            "/api/v1/incidents",
            json!({"title": "Checkout is down", "severity": "SEV2"}),
        ),
        ("/api/v1/projects", json!({"name": "Other"})),
        ("/api/v1/service-accounts", json!({"name": "deploy"})),
        (
            "/api/v1/invitations",
            json!({"email": "grace@example.com", "role": "viewer"}),
        ),
    ];
    for (path, body) in made {
        let (status, answer) = client.post(path, &body).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
    }
    let line = json!([{"message": "no stock", "service": "shop", "level": "error"}]);
    let json = [("content-type", "application/json")];
    let body = line.to_string().into_bytes();
    client.ingest(key, "/api/v1/ingest/logs", &json, body).await;
    eventually("the line is there", || async {
        let found = client.get("/api/v1/logs").await;
        (!found["items"].as_array()?.is_empty()).then_some(())
    })
    .await;
}

/// An account with `role`; its access token, good for a quarter of an hour.
async fn colleague(platform: &Platform, client: &Client, role: &str) -> String {
    let email = format!("{role}@example.com");
    let body = json!({
        "email": email, "name": role, "password": "a first word of an owner", "role": role,
    });
    let (status, answer) = client.post("/api/v1/members", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let own = json!({
        "email": email, "password": "a first word of an owner",
        "new_password": "correct horse battery staple",
    });
    session(platform, "initial-password", &own).await
}

async fn log_in(platform: &Platform, email: &str) -> String {
    let body = json!({"email": email, "password": "correct horse battery staple"});
    session(platform, "login", &body).await
}

async fn session(platform: &Platform, path: &str, body: &Value) -> String {
    let url = format!("{}/api/v1/auth/{path}", platform.base());
    let answer = http().post(url).json(body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// What was asked was asked by somebody who was let in to the end.
async fn still_good(platform: &Platform, token: &str) {
    let url = format!("{}/api/v1/auth/me", platform.base());
    let answer = http().request(Method::GET, url).bearer_auth(token);
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_as_its_document_says() {
    let test = "flows::schemathesis::own_api";
    let Some(program) = peer(test, Peer::Schemathesis) else {
        return;
    };
    let Some(database) = testkit::postgres().await else {
        return;
    };
    let platform = Platform::start_on(Some(database.url), &UNLIMITED).await;
    let client = platform.register().await;
    let agent = client.new_key(&["ingest"]).await;
    furnish(&client, &agent).await;
    let examples = count("SRE_COPILOT_PROVE_OWN_API", 3, 100);

    let mut members = vec![("owner", log_in(&platform, "ada@example.com").await)];
    for role in ["admin", "engineer", "viewer"] {
        members.push((role, colleague(&platform, &client, role).await));
    }
    let credentials = members
        .iter()
        .map(|(role, token)| (*role, Some(token.as_str())));
    let programs = [("an agent", Some(agent.as_str())), ("nobody", None)];
    for (who, credential) in credentials.chain(programs) {
        let mut asked = run(&program, &platform, credential, examples);
        for operation in ENDING {
            asked = asked.with(&["--exclude-operation-id", operation]);
        }
        let cases = asked.finds_nothing(who).await;
        proof(
            &format!("schemathesis with our own document, as {who}"),
            &cases,
        );
        if let Some(token) = credential.filter(|token| *token != agent) {
            still_good(&platform, token).await;
        }
    }
    for (n, operation) in ENDING.iter().enumerate() {
        let email = format!("ada{n}@example.com");
        Client::register_as(platform.base(), &email).await;
        let token = log_in(&platform, &email).await;
        let asked = run(&program, &platform, Some(&token), examples);
        let asked = asked.with(&["--include-operation-id", operation]);
        asked.finds_nothing(operation).await;
    }
}
