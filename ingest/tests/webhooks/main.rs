//! What an agent is told, and what is on the log when it is told so.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faulty_log;
mod site;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventlog::LogError;
use flate2::Compression;
use flate2::write::GzEncoder;
use schemas::audit::{ApiKeyUsed, AuditRecord};
use schemas::inbound::{Inbound, InboundReceived};
use schemas::scope::Actor;
use schemas::topic::Topic;
use serde_json::Value;
use std::io::Write;
use std::time::Duration;

use site::{Answer, FIRING, Site, bearer, post};

#[tokio::test]
async fn an_accepted_body_is_on_the_log_as_it_came() {
    let site = Site::open().await;
    let key = site.key(&["ingest"], None).await;
    let mut request = bearer(&key, FIRING);
    request
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    request
        .headers_mut()
        .insert("cookie", "secret".parse().unwrap());
    let answer = site.send(request).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);

    let [record] = &site.records(Topic::InboundWebhooks).await[..] else {
        panic!("not one")
    };
    let envelope = record.envelope().unwrap();
    assert_eq!(answer.json["id"], envelope.id.to_string());
    assert_eq!(
        record.key,
        format!("{}:alertmanager", site.project).as_bytes()
    );
    assert_eq!(
        (envelope.tenant, envelope.project),
        (Some(site.tenant), Some(site.project))
    );
    assert!(matches!(envelope.actor, Actor::ApiKey(_)));
    let Inbound::InboundReceived(InboundReceived {
        integration,
        headers,
        body,
        ..
    }) = record.decode().unwrap();
    assert_eq!(
        (integration.as_str(), body.as_slice()),
        ("alertmanager", FIRING)
    );
    let names: Vec<_> = headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["content-type"]);
    let bytes = format!("{record:?}");
    assert!(
        !bytes.contains(&key) && !bytes.contains("secret"),
        "a credential is on the log"
    );
}

#[tokio::test]
async fn a_key_may_come_in_three_places() {
    let site = Site::open().await;
    let key = site.key(&["ingest"], None).await;
    let basic = STANDARD.encode(format!("alertmanager:{key}"));
    for (name, value) in [
        ("x-api-key", key.clone()),
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("Basic {basic}")),
    ] {
        let request = post().header(name, value).body(Body::from(FIRING)).unwrap();
        assert_eq!(
            site.send(request).await.status,
            StatusCode::ACCEPTED,
            "{name}"
        );
    }
}

#[tokio::test]
async fn who_may_not_send_is_told_why() {
    let site = Site::open().await;
    let reader = site.key(&["read", "write", "admin"], None).await;
    let expired = site.key(&["ingest"], Some(site.clock.now())).await;
    let revoked = site.revoked_key().await;
    let stranger = access::api_key::generate().text;
    let cases = [
        (&reader, StatusCode::FORBIDDEN, "scope_missing"),
        (&expired, StatusCode::UNAUTHORIZED, "key_expired"),
        (&revoked, StatusCode::UNAUTHORIZED, "key_revoked"),
        (&*stranger, StatusCode::UNAUTHORIZED, "key_unknown"),
        (
            &"eyJ.a.b".to_owned(),
            StatusCode::UNAUTHORIZED,
            "key_unknown",
        ),
    ];
    for (key, status, rule) in cases {
        let answer = site.send(bearer(key, FIRING)).await;
        assert_eq!((answer.status, answer.rule()), (status, rule));
    }
    let nobody = site.send(post().body(Body::from(FIRING)).unwrap()).await;
    assert_eq!(
        (nobody.status, nobody.rule()),
        (StatusCode::UNAUTHORIZED, "credential_missing")
    );
    assert!(nobody.headers.contains_key("www-authenticate"));
    assert_eq!(site.records(Topic::InboundWebhooks).await, []);
}

#[tokio::test]
async fn an_undecodable_body_is_refused_by_field_and_kept_for_its_owner() {
    let site = Site::open().await;
    let key = site.key(&["ingest"], None).await;
    let mut body: Value = serde_json::from_slice(FIRING).unwrap();
    body["alerts"][1]["fingerprint"] = Value::Null;
    let body = serde_json::to_vec(&body).unwrap();

    let Answer {
        status,
        headers,
        json,
    } = site.send(bearer(&key, &body)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(json["errors"][0]["field"], "alerts[1].fingerprint");
    assert_eq!(json["detail"], "alerts[1].fingerprint is missing");
    assert_eq!(site.records(Topic::InboundWebhooks).await, []);

    let kept = site.state.refused.latest(&site.scope());
    let (integration, refused) = &kept[0];
    assert_eq!(
        (kept.len(), *integration, refused.reason.as_str()),
        (1, "alertmanager", "alerts[1].fingerprint is missing")
    );
    assert_eq!(refused.body, Bytes::from(body)[..refused.body.len()]);
}

#[tokio::test]
async fn bodies_are_bounded_as_sent_and_as_unpacked() {
    let site = Site::open_with(|state| state.webhook_limits.decoded = FIRING.len() - 1).await;
    let key = site.key(&["ingest"], None).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(FIRING).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < FIRING.len() - 1);
    let mut request = bearer(&key, &packed);
    request
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    for request in [request, bearer(&key, FIRING)] {
        let answer = site.send(request).await;
        assert_eq!(
            (answer.status, answer.rule()),
            (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
        );
    }
    let mut request = bearer(&key, FIRING);
    request
        .headers_mut()
        .insert("content-encoding", "br".parse().unwrap());
    assert_eq!(
        site.send(request).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn what_passes_is_503_with_a_time_to_come_back() {
    let site = Site::open_with(|state| state.patience = Duration::from_millis(50)).await;
    let key = site.key(&["ingest"], None).await;
    let full = LogError::Full {
        used: 10,
        budget: 10,
        heavy: false,
        disk: false,
    };
    let failures = [
        (
            LogError::Unavailable("broker7 timed out".to_owned()),
            "log_unavailable",
            "2",
        ),
        (
            LogError::Failed("a sync failed".to_owned()),
            "log_unavailable",
            "2",
        ),
        (full, "log_full", "30"),
    ];
    for (failure, rule, seconds) in failures {
        site.log.fail(failure);
        let answer = site.send(bearer(&key, FIRING)).await;
        assert_eq!(
            (answer.status, answer.rule()),
            (StatusCode::SERVICE_UNAVAILABLE, rule)
        );
        assert_eq!(answer.headers["retry-after"], seconds);
        let told = answer.json["detail"].as_str().unwrap();
        let inside = ["broker7", "sync"].iter().any(|word| told.contains(word));
        assert!(!inside, "what is inside is not the agent's: {told}");
        assert_eq!(
            told.contains("(request 0"),
            rule == "log_unavailable",
            "{told}"
        );
    }
    site.log.hang();
    let answer = site.send(bearer(&key, FIRING)).await;
    assert_eq!(
        (answer.status, answer.rule()),
        (StatusCode::SERVICE_UNAVAILABLE, "timeout")
    );
    site.log.panic();
    let answer = site.send(bearer(&key, FIRING)).await;
    assert_eq!(
        (answer.status, answer.rule()),
        (StatusCode::SERVICE_UNAVAILABLE, "internal")
    );
    site.log.mend();
    assert_eq!(
        site.send(bearer(&key, FIRING)).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn keys_that_may_be_out_of_date_admit_nobody() {
    let site = Site::without_a_keyring_that_follows().await;
    let stranger = access::api_key::generate().text;
    let answer = site.send(bearer(&stranger, FIRING)).await;
    assert_eq!(
        (answer.status, answer.rule()),
        (StatusCode::SERVICE_UNAVAILABLE, "keyring_behind")
    );
    assert_eq!(answer.headers["retry-after"], "2");
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_minute() {
    let site = Site::open().await;
    let key = site.key(&["ingest"], None).await;
    for _ in 0..3 {
        assert_eq!(
            site.send(bearer(&key, FIRING)).await.status,
            StatusCode::ACCEPTED
        );
    }
    site.clock.advance_millis(60_000);
    assert_eq!(
        site.send(bearer(&key, FIRING)).await.status,
        StatusCode::ACCEPTED
    );
    let noted = site.records_until(Topic::AuditOperations, 2).await;
    for record in &noted {
        let AuditRecord::ApiKeyUsed(ApiKeyUsed { key }) = record.decode().unwrap() else {
            panic!("not a use of a key");
        };
        assert_eq!(record.envelope().unwrap().actor, Actor::ApiKey(key));
    }
}
