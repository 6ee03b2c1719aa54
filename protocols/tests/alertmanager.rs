//! Bodies captured from Alertmanager 0.25, and what becomes of damaged ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use protocols::alertmanager::{Alert, Invalid, Labels, Notification, Status, decode, validate};
use serde_json::{Value, json};

const FIRING: &[u8] = include_bytes!("alertmanager/firing.json");
const MIXED: &[u8] = include_bytes!("alertmanager/mixed.json");
const RESOLVED: &[u8] = include_bytes!("alertmanager/resolved.json");
const TRUNCATED: &[u8] = include_bytes!("alertmanager/truncated.json");
const ODD_LABELS: &[u8] = include_bytes!("alertmanager/odd-labels.json");
const CAPTURED: [&[u8]; 5] = [FIRING, MIXED, RESOLVED, TRUNCATED, ODD_LABELS];

fn statuses(body: &[u8]) -> Vec<Status> {
    decode(body)
        .unwrap()
        .alerts
        .iter()
        .map(|alert| alert.status)
        .collect()
}

#[test]
fn a_firing_alert_has_no_end() {
    let notification = decode(FIRING).unwrap();
    assert_eq!(notification.status, Status::Firing);
    assert_eq!(
        notification.group_key,
        r#"{}:{alertname="InstanceDown", cluster="eu-1"}"#
    );
    let alert = &notification.alerts[0];
    assert_eq!(
        (alert.ends_at, alert.fingerprint.as_str()),
        (None, "b12033b7042bf672")
    );
    assert_eq!(
        alert.starts_at.to_rfc3339(),
        "2026-11-23T19:00:00.123+00:00"
    );
    assert!(alert.annotations["description"].contains("> 1 minute & counting <b>\"now\"</b>"));
}

#[test]
fn a_mixed_notification_keeps_each_alerts_own_status() {
    use Status::{Firing, Resolved};
    assert_eq!(statuses(MIXED), [Resolved, Firing, Firing]);
    let ended = decode(MIXED).unwrap().alerts[0].ends_at;
    assert_eq!(
        ended.map(|at| at.to_rfc3339()).as_deref(),
        Some("2026-11-23T19:04:26.227969+00:00")
    );
}

#[test]
fn a_resolved_group_says_so_as_a_whole() {
    assert_eq!(decode(RESOLVED).unwrap().status, Status::Resolved);
    assert_eq!(statuses(RESOLVED), [Status::Resolved; 3]);
    let valid = validate(RESOLVED).unwrap();
    assert_eq!((valid.firing, valid.resolved), (0, 3));
}

#[test]
fn alerts_left_out_are_counted() {
    let notification = decode(TRUNCATED).unwrap();
    assert_eq!(
        (notification.alerts.len(), notification.truncated_alerts),
        (2, 3)
    );
}

#[test]
fn labels_keep_every_character() {
    let labels = decode(ODD_LABELS).unwrap().alerts.remove(0).labels;
    assert_eq!(labels["alertname"], "Übergröße");
    assert_eq!(labels["path"], r#"C:\temp\"x""#);
}

/// The captured firing body with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(FIRING).unwrap();
    change(&mut body);
    serde_json::to_vec(&body).unwrap()
}

fn refused(body: &[u8]) -> (String, String) {
    let Invalid { field, problem } = validate(body).unwrap_err();
    (field, problem)
}

#[test]
fn a_refusal_names_the_field_and_quotes_the_offence() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str, &str); 12] = [
        (
            |b| b["version"] = json!("3"),
            "version",
            "is `3`; only version `4`, or Grafana's `1`, is understood",
        ),
        (
            |b| {
                b["version"] = json!("5");
                b["alerts"] = json!({})
            },
            "version",
            "is `5`",
        ),
        (|b| b["version"] = Value::Null, "version", "is missing"),
        (|b| b["alerts"] = json!([]), "alerts", "is empty"),
        (|b| b["groupKey"] = json!(""), "groupKey", "is empty"),
        (
            |b| b["status"] = json!("burning"),
            "status",
            "unknown variant `burning`",
        ),
        (
            |b| b["alerts"][1]["fingerprint"] = Value::Null,
            "alerts[1].fingerprint",
            "is missing",
        ),
        (
            |b| b["alerts"][2]["startsAt"] = json!("yesterday"),
            "alerts[2].startsAt",
            "is `yesterday`",
        ),
        (
            |b| b["alerts"][0]["startsAt"] = json!("0001-01-01T00:00:00Z"),
            "alerts[0].startsAt",
            "zero time",
        ),
        (
            |b| b["alerts"][0]["labels"]["job"] = json!(7),
            "alerts[0].labels.job",
            "integer `7`",
        ),
        (
            |b| b["alerts"][0]["labels"][""] = json!("x"),
            "alerts[0].labels",
            "without a name",
        ),
        (
            |b| b["truncatedAlerts"] = json!(-1),
            "truncatedAlerts",
            "`-1`",
        ),
    ];
    for (change, field, offence) in cases {
        let (found, problem) = refused(&changed(change));
        assert_eq!(found, field);
        assert!(problem.contains(offence), "{field} {problem}");
    }
}

#[test]
fn what_is_not_json_is_refused_as_a_whole() {
    assert_eq!(refused(b"").0, "body");
    assert_eq!(refused(b"alertname=x").0, "body");
    let twice = [FIRING, FIRING].concat();
    assert!(refused(&twice).1.starts_with("goes on after its end"));
}

#[test]
fn limits_are_told_with_both_numbers() {
    let long = "x".repeat(64 * 1024 + 1);
    let body = changed(|b| b["alerts"][0]["labels"]["job"] = json!(long));
    let (field, problem) = refused(&body);
    assert_eq!(field, "alerts[0].labels[`job`]");
    assert_eq!(problem, "has 65537 bytes, over the limit of 65536");

    let many: Vec<Value> = (0..10_001).map(|_| json!({})).collect();
    let (field, problem) = refused(&changed(|b| b["alerts"] = json!(many)));
    assert_eq!(
        (field.as_str(), problem.as_str()),
        ("alerts", "has 10001 alerts, over the limit of 10000")
    );
}

#[test]
fn what_says_nothing_of_which_alert_it_is_costs_no_alert() {
    let limit = 64 * 1024;
    let body = changed(|b| {
        b["commonAnnotations"]["summary"] = json!("ü".repeat(limit));
        b["alerts"][0]["annotations"]["description"] = json!("x".repeat(limit + 1));
        b["alerts"][0]["generatorURL"] = json!(format!("http://p/?{}", "x".repeat(limit)));
        b["alerts"][1]["annotations"]["description"] = json!("x".repeat(limit));
        b["groupKey"] = json!("k".repeat(8 * 1024));
    });
    let told = decode(&body).unwrap();
    let cut = &told.alerts[0].annotations["description"];
    assert_eq!(*cut, format!("{}…", "x".repeat(limit - 3)));
    assert_eq!(told.alerts[0].generator_url, None);
    assert_eq!(told.alerts[1].annotations["description"].len(), limit);
    let summary = &told.common_annotations["summary"];
    assert!(summary.ends_with("ü…") && summary.len() <= limit);
}

#[test]
fn fields_of_newer_versions_are_ignored() {
    let body = changed(|b| {
        b["notificationReason"] = json!({"first": true});
        b["alerts"][0]["silencedBy"] = json!(["x"]);
    });
    assert_eq!(decode(&body), decode(FIRING));
}

/// Writes a notification as Alertmanager does.
fn on_the_wire(notification: &Notification) -> Value {
    let zero = "0001-01-01T00:00:00Z".to_owned();
    let alert = |alert: &Alert| {
        json!({
            "status": alert.status,
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": alert.starts_at.to_rfc3339(),
            "endsAt": alert.ends_at.map_or(zero.clone(), |at| at.to_rfc3339()),
            "generatorURL": alert.generator_url.clone().unwrap_or_default(),
            "fingerprint": alert.fingerprint,
        })
    };
    json!({
        "version": "4",
        "receiver": notification.receiver,
        "status": notification.status,
        "alerts": notification.alerts.iter().map(alert).collect::<Vec<_>>(),
        "groupLabels": notification.group_labels,
        "commonLabels": notification.common_labels,
        "commonAnnotations": notification.common_annotations,
        "externalURL": notification.external_url.clone().unwrap_or_default(),
        "groupKey": notification.group_key,
        "truncatedAlerts": notification.truncated_alerts,
    })
}

fn some_labels() -> impl Strategy<Value = Labels> {
    proptest::collection::btree_map("[a-z_]{1,8}", any::<String>(), 0..5)
}

fn some_time() -> impl Strategy<Value = DateTime<Utc>> {
    (0..4_000_000_000_000_000_i64)
        .prop_map(|micros| DateTime::<Utc>::default() + TimeDelta::microseconds(micros))
}

prop_compose! {
    fn some_alert()(
        labels in some_labels(),
        annotations in some_labels(),
        starts_at in some_time(),
        ended in proptest::option::of(some_time()),
        generator_url in proptest::option::of("http://[a-z]{1,9}/[ -~]{0,9}"),
        fingerprint in "[0-9a-f]{16}",
    ) -> Alert {
        Alert {
            status: if ended.is_some() { Status::Resolved } else { Status::Firing },
            labels, annotations, starts_at, ends_at: ended, generator_url, fingerprint,
        }
    }
}

prop_compose! {
    fn some_notification()(
        alerts in proptest::collection::vec(some_alert(), 1..6),
        group_labels in some_labels(),
        common_annotations in some_labels(),
        receiver in ".{1,20}",
        group_key in ".{1,80}",
        truncated_alerts in any::<u32>(),
    ) -> Notification {
        let firing = alerts.iter().any(|alert| alert.status == Status::Firing);
        Notification {
            receiver, alerts, group_labels, common_annotations, group_key, truncated_alerts,
            status: if firing { Status::Firing } else { Status::Resolved },
            common_labels: BTreeMap::new(),
            external_url: None,
        }
    }
}

proptest! {
    #[test]
    fn every_notification_survives_the_wire(notification in some_notification()) {
        let body = serde_json::to_vec(&on_the_wire(&notification)).unwrap();
        prop_assert_eq!(decode(&body), Ok(notification));
    }

    /// The short form of fuzzing: any bytes get an answer that names a field.
    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!validate(&bytes).unwrap_err().field.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn damaged_captures_are_read_or_refused_but_never_differ(
        which in 0..CAPTURED.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut body = CAPTURED[which].to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len()));
        }
        match (validate(&body), decode(&body)) {
            (Ok(valid), Ok(decoded)) => prop_assert_eq!(valid.firing + valid.resolved, decoded.alerts.len()),
            (Err(refused), Err(again)) => prop_assert_eq!(refused, again),
            (one, other) => prop_assert!(false, "{:?} but {:?}", one, other),
        }
    }
}

/// After the body in "Webhook notifier" of Grafana's documentation.
#[test]
fn grafanas_own_alerting_is_understood() {
    let body = include_bytes!("alertmanager/grafana.json");
    let notification = decode(body).unwrap();
    assert_eq!(
        notification.group_key,
        r#"{}:{alertname="High memory usage"}"#
    );
    let alert = &notification.alerts[0];
    assert_eq!(alert.labels["grafana_folder"], "Infra");
    assert_eq!(
        (alert.status, alert.fingerprint.as_str()),
        (Status::Firing, "c6eadffa33fcdf37")
    );
}
