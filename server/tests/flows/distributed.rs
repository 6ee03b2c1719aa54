//! Roles apart on Kafka and Redis: one platform, whichever of them is killed.

use std::time::Duration;

use reqwest::StatusCode;
use schemas::context::random_bytes;
use serde_json::json;

use crate::database::Database;
use crate::kill::{Load, check_alerts, check_steps, journal};
use crate::notification::firing;
use crate::platform::Platform;
use crate::roles::{ROLES, Roles};
use crate::socket::Socket;
use crate::statistics::{count, proof};
use crate::tools::{ANY_PORTS, refusal, tool};

/// Between "ready" and the kill.
const LONGEST_LIFE_MS: u16 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_apart_are_one_platform_and_survive_redis() {
    let Some(mut roles) = Roles::start("flows::distributed").await else {
        return;
    };
    let client = roles.register().await;
    let key = client.new_key(&["ingest"]).await;
    let mut socket = Socket::open(&roles.websocket(), &client.token).await;

    // Through the ingest role and through the gateway, which agents outside reach.
    let apart = client.at(roles.base("ingest"), &client.token);
    // Another process learns of a new key a moment later than the one that made it.
    let status = testkit::eventually("ingest knows the key", || async {
        let answer = apart
            .webhook(&key, &firing("Disk", "disk-1"))
            .await
            .unwrap();
        Some(answer.status()).filter(|status| *status != StatusCode::UNAUTHORIZED)
    })
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    socket.frame("incident.created").await;
    let open = client
        .incidents_until("the incident is listed", |found| found.len() == 1)
        .await;
    let path = format!(
        "/api/v1/incidents/{}/acknowledge",
        open[0]["id"].as_str().unwrap()
    );
    let (status, answer) = client.post(&path, &json!({})).await;
    assert_eq!(
        (status, &answer["status"]),
        (StatusCode::OK, &json!("acknowledged"))
    );
    socket.frame("incident.updated").await;
    let id = open[0]["id"].as_str().unwrap();
    for (role, route) in [
        ("ingest", "/api/v1/webhooks/alertmanager"),
        ("gateway", "/api/v1/incidents/{id}/acknowledge"),
    ] {
        let url = format!("{}/metrics", roles.base(role));
        let answer = crate::client::http().get(url).send().await.unwrap();
        let told = answer.text().await.unwrap();
        let labels = format!("route=\"{route}\",method=\"POST\",status=\"2xx\"");
        let count = format!("http_request_seconds_count{{{labels}}} ");
        assert!(told.contains(&count), "{role}: {told}");
        assert!(!told.contains(id), "a route is counted, not an incident");
    }

    roles.kill_redis();
    let answer = client
        .webhook(&key, &firing("Latency", "latency-1"))
        .await
        .unwrap();
    assert_eq!(
        answer.status(),
        StatusCode::ACCEPTED,
        "ingest needs no Redis"
    );
    client
        .incidents_until("reads need no Redis", |found| found.len() == 2)
        .await;
    // What Redis would have told comes as a frame or as the order to refetch.
    socket.frame_or_resync("incident.created").await;
    roles.resume_redis();
    let answer = client
        .webhook(&key, &firing("Errors", "errors-1"))
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    socket.frame_or_resync("incident.created").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_a_role_is_killed() {
    let Some(mut roles) = Roles::start("flows::distributed_kill").await else {
        return;
    };
    let kills = count("SRE_COPILOT_PROVE_ROLE_KILLS", 2, 10);
    let journals = tempfile::tempdir_in("/dev/shm").unwrap();
    let client = roles.register().await;
    let key = client.new_key(&["ingest"]).await;
    let load = Load::start(&client, &key, &journals);
    let mut figures = Vec::new();
    for role in ROLES {
        let mut slowest = Duration::ZERO;
        for _ in 0..kills {
            let life = u16::from_be_bytes(random_bytes()) % LONGEST_LIFE_MS;
            tokio::time::sleep(Duration::from_millis(life.into())).await;
            roles.kill(role);
            slowest = slowest.max(roles.restart(role).await);
        }
        figures.push(format!(
            "{role} ready again in at most {:.2} s",
            slowest.as_secs_f64()
        ));
    }
    load.end().await;
    let alerts = check_alerts(&client, &journal(&journals, "alerts")).await;
    let steps = check_steps(&client, &journal(&journals, "steps")).await;
    let figures = figures.join(", ");
    proof(
        "kill -9 of each role on Kafka",
        &format!(
            "{kills} kills a role; acknowledged: {alerts} alerts and {steps} incident steps; \
             lost 0, doubled 0; {figures}"
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_copied_to_kafka_goes_on_there() {
    let Some(database) = Database::start("flows::copy").await else {
        return;
    };
    let database_url = database.url().to_owned();
    let mut alone = Platform::start(Some(database_url.clone())).await;
    let client = alone.register().await;
    let key = client.new_key(&["ingest"]).await;
    for group in ["Disk", "Latency"] {
        client.webhook(&key, &firing(group, "one")).await.unwrap();
    }
    let before = client.whole_incidents(2).await;
    alone.end();

    let data = alone.folder().join("data");
    let key_file = data.join("keys/master.key").display().to_string();
    let more = [("SRE_COPILOT_MASTER_KEY_FILE", key_file)];
    let Some(mut roles) = Roles::on("flows::copy", database, &more).await else {
        return;
    };
    let printed = tool(&data, &["log", "copy", "--to", "kafka"], &roles.variables()).await;
    assert!(printed.contains("copied"), "{printed}");
    let refused = refusal(&data, &ANY_PORTS, &[("DATABASE_URL", &database_url)]).await;
    assert!(refused.contains("goes on there"), "{refused}");
    for role in ROLES {
        roles.restart(role).await;
    }
    let there = client.at(roles.base("gateway"), &client.token);
    let after = there.whole_incidents(2).await;
    assert_eq!(after, before, "same incidents, same versions");
    let path = format!(
        "/api/v1/incidents/{}/resolve",
        after[0]["id"].as_str().unwrap()
    );
    let (status, answer) = there.post(&path, &json!({})).await;
    assert_eq!(
        (status, &answer["version"]),
        (StatusCode::OK, &json!(2)),
        "{answer}"
    );
    there.webhook(&key, &firing("Errors", "one")).await.unwrap();
    there
        .incidents_until("work goes on", |found| found.len() == 3)
        .await;
}
