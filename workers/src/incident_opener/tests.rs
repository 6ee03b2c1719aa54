use schemas::codec::Example;
use schemas::ids::CommandId;
use schemas::labels::Label;
use schemas::scope::Actor;
use serde_json::{Value, json};

use super::*;
use crate::given;

const FIRING: &[u8] = include_bytes!("../../../protocols/tests/alertmanager/firing.json");
const MIXED: &[u8] = include_bytes!("../../../protocols/tests/alertmanager/mixed.json");
const RESOLVED: &[u8] = include_bytes!("../../../protocols/tests/alertmanager/resolved.json");
const TRUNCATED: &[u8] = include_bytes!("../../../protocols/tests/alertmanager/truncated.json");

fn inbound(body: &[u8]) -> Record {
    let inbound = InboundReceived {
        body: body.to_vec(),
        ..InboundReceived::example()
    };
    given::record::<Inbound>(Topic::InboundWebhooks, given::SUBJECT, inbound)
}

fn received(body: &[u8]) -> ReceiveAlerts {
    let commands = IncidentOpener.react(&inbound(body)).unwrap();
    let (_, _, AlertGroupCommand::ReceiveAlerts(received)) = given::sent(&commands[0]) else {
        panic!("not ReceiveAlerts");
    };
    received
}

/// The captured firing body with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(FIRING).unwrap();
    change(&mut body);
    serde_json::to_vec(&body).unwrap()
}

#[test]
fn a_notification_goes_to_its_projects_group() {
    let commands = IncidentOpener.react(&inbound(FIRING)).unwrap();
    let (topic, key, _) = given::sent::<AlertGroupCommand>(&commands[0]);
    let group = GroupId::of(
        given::project(),
        r#"{}:{alertname="InstanceDown", cluster="eu-1"}"#,
    );
    assert_eq!((topic, key), (Topic::IncidentCommands, group.to_string()));
    assert_eq!(commands.len(), 1);
}

#[test]
fn a_command_is_named_by_its_cause_and_repeats() {
    let commands = IncidentOpener.react(&inbound(FIRING)).unwrap();
    let envelope = given::stored(commands[0].clone()).envelope().unwrap();
    let id = CommandId::of_worker(given::EVENT, "incident_opener", "receive");
    assert_eq!(envelope.command_id(), id);
    assert_eq!(envelope.actor, Actor::system("incident_opener"));
    assert_eq!(envelope.source, "/workers/incident_opener");
    assert_eq!(
        (envelope.causation, envelope.correlation),
        (Some(given::EVENT), given::CORRELATION)
    );
    assert_eq!(
        (envelope.project, envelope.time),
        (Some(given::project()), given::AT)
    );
    assert_eq!((envelope.sequence, envelope.request_hash), (None, None));
    assert_eq!(IncidentOpener.react(&inbound(FIRING)), Ok(commands));
}

#[test]
fn alerts_arrive_with_their_own_status() {
    let received = received(MIXED);
    let firing: Vec<_> = received.alerts.iter().map(|alert| alert.firing).collect();
    assert_eq!(firing, [false, true, true]);
    let ended = Timestamp::parse("2026-11-23T19:04:26.227969Z").unwrap();
    assert_eq!(received.alerts[0].ends_at, Some(ended));
    assert_eq!(received.alerts[1].ends_at, None);
    assert_eq!(received.alerts[1].name, "InstanceDown");
    assert!(received.alerts[1].labels.contains(&Label {
        name: "job".to_owned(),
        value: "node".to_owned()
    }));
    assert!(!received.group_resolved);
}

#[test]
fn a_resolved_group_and_what_was_left_out_are_passed_on() {
    assert!(received(RESOLVED).group_resolved);
    let truncated = received(TRUNCATED);
    assert_eq!((truncated.truncated, truncated.group_resolved), (3, false));
}

#[test]
fn a_resolved_alert_without_an_end_ended_when_it_was_told() {
    let body = changed(|b| b["alerts"][0]["status"] = json!("resolved"));
    let ended = received(&body).alerts[0].ends_at;
    assert_eq!(ended, Some(InboundReceived::example().received_at));
}

#[test]
fn titles_fall_back_from_summary_to_description_to_name_and_group() {
    assert_eq!(received(FIRING).title, "Instance down");
    assert_eq!(received(TRUNCATED).title, "Disk is full");
    let bare = changed(|b| b["commonAnnotations"] = json!({"summary": " \n "}));
    assert_eq!(received(&bare).title, "InstanceDown (cluster=eu-1)");
    let nameless = changed(|b| {
        b["commonAnnotations"] = json!({});
        b["groupLabels"] = json!({});
        b["commonLabels"] = json!({});
        b["alerts"] = json!([b["alerts"][0]]);
        b["alerts"][0]["labels"] = json!({"job": "node"});
    });
    assert_eq!(
        received(&nameless).title,
        r#"{}:{alertname="InstanceDown", cluster="eu-1"}"#
    );
    assert_eq!(received(&nameless).alerts[0].name, "b12033b7042bf672");
    let grouped = changed(|b| {
        b["commonAnnotations"] = json!({});
        b["groupLabels"] = json!({"service": "checkout"});
        b["commonLabels"] = json!({});
        b["alerts"] = json!([b["alerts"][0]]);
        b["alerts"][0]["labels"] = json!({"service": "checkout"});
    });
    assert_eq!(received(&grouped).title, "Alerts (service=checkout)");
}

#[test]
fn a_group_of_several_names_is_not_named_by_one() {
    let named = |names: [&str; 3]| {
        let body = changed(|b| {
            b["commonAnnotations"] = json!({});
            b["groupLabels"] = json!({"cluster": "eu-1"});
            b["commonLabels"] = json!({"cluster": "eu-1"});
            for (n, name) in names.into_iter().enumerate() {
                b["alerts"][n]["labels"]["alertname"] = json!(name);
            }
            b["alerts"][0]["status"] = json!("resolved");
        });
        received(&body).title
    };
    assert_eq!(
        named(["Over", "DiskFull", "DiskFull"]),
        "DiskFull (cluster=eu-1)"
    );
    assert_eq!(
        named(["Over", "DiskFull", "NodeDown"]),
        "DiskFull, NodeDown (cluster=eu-1)"
    );
    let many = changed(|b| {
        b["commonAnnotations"] = json!({});
        b["groupLabels"] = json!({});
        b["commonLabels"] = json!({});
        let one = b["alerts"][0].clone();
        let named = |name: &str| {
            let mut alert = one.clone();
            alert["labels"]["alertname"] = json!(name);
            alert
        };
        b["alerts"] = json!(["A", "B", "C", "B", "D"].map(named));
    });
    assert_eq!(received(&many).title, "A, B and 2 more");
}

#[test]
fn a_long_title_is_shortened_between_characters() {
    let body = changed(|b| b["commonAnnotations"]["summary"] = json!("ü".repeat(301)));
    assert_eq!(received(&body).title, format!("{}…", "ü".repeat(299)));
}

/// A command over the runner's limit goes to nobody.
#[test]
fn many_long_annotations_are_cut_to_what_a_command_can_hold() {
    let long = "ä".repeat(32 * 1024);
    let body = changed(|body| {
        let alert = body["alerts"][0].clone();
        let alerts = (0..80).map(|n| {
            let mut alert = alert.clone();
            alert["fingerprint"] = json!(format!("{n:016x}"));
            alert["annotations"]["summary"] = json!(long);
            alert
        });
        body["alerts"] = alerts.collect();
    });
    let received = received(&body);
    let texts = received.alerts.iter().flat_map(|alert| &alert.annotations);
    let bytes: usize = texts.map(|label| label.value.len()).sum();
    assert_eq!(received.alerts.len(), 80);
    assert!(
        bytes <= ANNOTATION_BYTES && bytes > ANNOTATION_BYTES / 4,
        "{bytes}"
    );
}

#[test]
fn the_worst_firing_alert_sets_the_severity() {
    let body = changed(|b| {
        b["alerts"][0]["labels"]["severity"] = json!("page");
        b["alerts"][0]["status"] = json!("resolved");
        b["alerts"][1]["labels"]["severity"] = json!("Warning");
        b["alerts"][2]["labels"]["severity"] = json!("none of ours");
    });
    assert_eq!(received(&body).severity, Severity::Sev3);
    assert_eq!(received(RESOLVED).severity, Severity::Sev1);
}

#[test]
fn a_body_nobody_can_read_is_malformed_and_names_the_field() {
    let body = changed(|b| b["version"] = json!("3"));
    let refused = IncidentOpener.react(&inbound(&body)).unwrap_err();
    assert!(matches!(refused, Unreadable::Malformed(why) if why.starts_with("version is `3`")));
}

#[test]
fn an_integration_of_a_newer_version_waits_for_it() {
    let inbound = InboundReceived {
        integration: "later".to_owned(),
        ..InboundReceived::example()
    };
    let record = given::record::<Inbound>(Topic::InboundWebhooks, given::SUBJECT, inbound);
    assert!(matches!(
        IncidentOpener.react(&record),
        Err(Unreadable::Newer(_))
    ));
}
