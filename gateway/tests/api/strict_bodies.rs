//! A field that no operation knows is misspelt or for another version: it is refused by
//! name, and not left out without a word.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::app;
use crate::isolation::{SOME_ID, body_of};
use crate::openapi::{document, is_secured, operations};

/// What agents send; their formats are not ours to be strict about.
const OF_AGENTS: [&str; 5] = [
    "/api/v1/ingest/logs",
    "/api/v1/ingest/metrics",
    "/api/v1/ingest/traces",
    "/api/v1/otlp/v1/metrics",
    "/api/v1/webhooks/alertmanager",
];
const UNKNOWN: &str = "surplus";

/// A write of our own API with a JSON body.
struct Write {
    method: Method,
    path: String,
    is_secured: bool,
    body: Value,
    schema: Value,
}

fn writes() -> Vec<Write> {
    let document = document();
    let all = operations(&document).into_iter();
    let ours = all.filter(|(_, path, _)| path.starts_with("/api/v1/"));
    let writes = ours.filter_map(|(verb, path, operation)| {
        let asked = operation.pointer("/requestBody/content/application~1json/schema")?;
        Some(Write {
            method: verb.parse().unwrap(),
            is_secured: is_secured(&operation),
            body: body_of(&document, &operation)?,
            schema: resolved(&document, asked).clone(),
            path,
        })
    });
    writes.collect()
}

/// The schema behind a reference, or behind one that may be null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return document.pointer(&reference[1..]).unwrap();
    }
    match schema["oneOf"].as_array() {
        Some(choices) => resolved(document, &choices[0]),
        None => schema,
    }
}

/// The body with one field too many, once in each of its objects.
fn with_one_too_many(body: &Value) -> Vec<Value> {
    let mut pointers = vec![String::new()];
    let mut found = Vec::new();
    while let Some(pointer) = pointers.pop() {
        let mut changed = body.clone();
        let here = changed.pointer_mut(&pointer).unwrap();
        match &*here {
            Value::Object(fields) => {
                pointers.extend(fields.keys().map(|name| format!("{pointer}/{name}")));
            }
            Value::Array(items) => {
                pointers.extend((0..items.len()).map(|n| format!("{pointer}/{n}")));
            }
            _ => {}
        }
        if here.is_object() {
            here[UNKNOWN] = json!("hunter2");
            found.push(changed);
        }
    }
    found
}

#[test]
fn the_document_says_that_nothing_else_is_taken() {
    let mut of_agents = BTreeSet::new();
    for write in writes() {
        if write.body.is_object() {
            let told = &write.schema["additionalProperties"];
            assert_eq!(told, false, "{} {}", write.method, write.path);
        } else {
            of_agents.insert(write.path);
        }
    }
    assert_eq!(of_agents, OF_AGENTS.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_there_is_none_of_is_refused_by_name() {
    let app = app!();
    let owner = app.register("Ada").await;
    let mut refused = 0;
    for write in writes() {
        let path = write.path.replace("{id}", SOME_ID);
        let path = path.replace("{user_id}", SOME_ID);
        let token = write.is_secured.then_some(owner.token.as_str());
        for body in with_one_too_many(&write.body) {
            let method = write.method.clone();
            let answer = app.send(method, &path, token, Some(&body), &[]).await;
            let name = format!("{} {path} {body}", write.method);
            assert_eq!(answer.status.as_u16(), 400, "{name}: {answer:?}");
            let problem = answer.json();
            if !body[UNKNOWN].is_null() {
                assert_eq!(problem["errors"][0]["field"], UNKNOWN, "{name}: {problem}");
            }
            let told = problem["detail"].as_str().unwrap();
            assert!(
                told.contains("unknown field `surplus`"),
                "{name}: {problem}"
            );
            // It may be a secret whose name was misspelt.
            assert!(!told.contains("hunter2"), "{name}: {problem}");
            refused += 1;
        }
    }
    assert!(refused > 40, "only {refused} bodies were refused");
}

/// Nothing is said by a body that an operation does not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_body_takes_none() {
    let app = app!();
    let owner = app.register("Ada").await;
    let document = document();
    let mut refused = 0;
    for (verb, path, operation) in operations(&document) {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        let is_command = parameters.any(|one| one["name"] == "Idempotency-Key");
        if !is_command || !operation["requestBody"].is_null() {
            continue;
        }
        let path = path.replace("{id}", SOME_ID).replace("{user_id}", SOME_ID);
        let method: Method = verb.parse().unwrap();
        let body = json!({UNKNOWN: "hunter2"});
        let answer = app.send(method, &path, Some(&owner.token), Some(&body), &[]);
        let problem = answer.await.with(400);
        assert_eq!(problem["errors"][0]["field"], UNKNOWN, "{verb} {path}");
        refused += 1;
    }
    assert!(refused > 10, "only {refused} bodies were refused");
}
