//! The document: current, complete, and what is public in it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::app;

/// The operations that need no credential; a new one is added here on purpose.
const PUBLIC: [&str; 18] = [
    "actions",
    "find_sign_on",
    "finish_sign_on",
    "healthz",
    "join",
    "jwks",
    "login",
    "logout",
    "loki_ready",
    "metrics",
    "openapi",
    "provider_logout",
    "readyz",
    "refresh",
    "register",
    "replace_initial_password",
    "see_invitation",
    "start_sign_on",
];

pub(crate) fn document() -> Value {
    serde_json::from_str(&gateway::openapi_document().unwrap()).unwrap()
}

/// Every operation: its verb, its path and its description.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            all.push((verb.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

pub(crate) fn is_secured(operation: &Value) -> bool {
    operation["security"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
}

#[test]
fn the_committed_document_is_current() {
    let committed = include_str!("../../openapi.json");
    let current = gateway::openapi_document().unwrap();
    assert!(
        committed == current,
        "run `make gen`: gateway/openapi.json is stale"
    );
}

#[test]
fn the_public_operations_are_these() {
    let document = document();
    let public: BTreeSet<_> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| !is_secured(operation))
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(public, PUBLIC.map(str::to_owned).into());
}

#[test]
fn every_secured_operation_names_its_action() {
    let known: BTreeSet<_> = access::permissions::Action::all()
        .map(|a| a.name())
        .collect();
    for (verb, path, operation) in operations(&document()) {
        if is_secured(&operation) {
            let action = operation["x-action"].as_str().unwrap_or_default();
            assert!(known.contains(action), "{verb} {path} names `{action}`");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    found.push(reference);
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// Clients are made from the document: what it does not name they cannot send or read.
#[test]
fn headers_are_told_where_they_are_sent() {
    let document = document();
    let mut commands = 0;
    for (verb, path, operation) in operations(&document) {
        let answers = &operation["responses"];
        for status in ["429", "503"] {
            let told = &answers[status];
            let named = told.is_null() || told["headers"]["Retry-After"].is_object();
            assert!(named, "{verb} {path} {status}");
        }
        let asked: Vec<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        let has = |name: &str| {
            let mut asked = asked.iter();
            asked
                .any(|one| one["in"] == "header" && one["name"] == name && one["required"] == false)
        };
        if answers["202"]["content"]["application/json"]["schema"]["$ref"]
            == "#/components/schemas/Pending"
        {
            commands += 1;
            assert!(has("Idempotency-Key"), "{verb} {path}");
            assert_eq!(has("If-Match"), answers["201"].is_null(), "{verb} {path}");
            assert!(answers["415"].is_object(), "{verb} {path}");
        } else {
            assert!(!has("Idempotency-Key") && !has("If-Match"), "{verb} {path}");
        }
    }
    assert!(commands > 40, "{commands}");
    let answer = |path: &str, verb: &str, status: &str| {
        document["paths"][path][verb]["responses"][status].clone()
    };
    let made = answer("/api/v1/incidents", "post", "201");
    assert!(made["headers"]["ETag"].is_object() && made["headers"]["Location"].is_object());
    assert!(answer("/api/v1/tenant", "get", "200")["headers"]["ETag"].is_object());
    assert!(answer("/api/v1/incidents", "get", "422").is_object());
    assert!(answer("/api/v1/logs", "get", "422").is_object());
    assert!(answer("/api/v1/traces", "get", "422").is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served() {
    let app = app!();
    let served = app.get("/openapi.json", None).await.with(200);
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served, document());
}
