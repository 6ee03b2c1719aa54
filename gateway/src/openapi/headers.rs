//! Headers that writes may have and answers do. They follow from what kind of operation it
//! is, and of answer, so they are told in one place.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, Response};

use super::refusals::{JSON, of_path};
use crate::request::MAX_IDEMPOTENCY_KEY;

/// What is answered with its version.
const VERSIONED: [&str; 7] = [
    "Incident",
    "Member",
    "MemberPage",
    "MonitoringIntegration",
    "Project",
    "ProjectPage",
    "Tenant",
];
/// What has an address of its own once it is made.
const PLACED: [&str; 2] = ["Incident", "MonitoringIntegration"];

const ETAG: &str = "ETag";
const LOCATION: &str = "Location";
const RETRY_AFTER: &str = "RetryAfter";

/// Adds to each operation that becomes a command what it may be asked by. Of one that
/// makes something there is no version before.
pub(super) fn of_commands(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in of_path(item) {
            let responses = &operation.responses.responses;
            let (commands, makes) = (responses.contains_key("202"), responses.contains_key("201"));
            if commands {
                ask(operation, idempotency_key());
            }
            if commands && !makes {
                ask(operation, if_match());
            }
        }
    }
}

/// Adds to each answer what it has besides its body.
pub(super) fn of_answers(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in of_path(item) {
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response {
                    answer(status, response);
                }
            }
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    for (name, kind, description) in [
        (
            ETAG,
            Type::String,
            "The version, for `If-Match`: of the thing, or of the tenant that it belongs to.",
        ),
        (LOCATION, Type::String, "Where it is."),
        (
            RETRY_AFTER,
            Type::Integer,
            "After so many seconds it is worth another try.",
        ),
    ] {
        let header = header(kind, description);
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
}

fn header(kind: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description))
        .build()
}

fn answer(status: &str, response: &mut Response) {
    let shown = shown(response);
    let is_of = |names: &[&str]| shown.as_deref().is_some_and(|shown| names.contains(&shown));
    let has_tag = ["200", "201"].contains(&status) && is_of(&VERSIONED);
    let has_place = status == "201" && is_of(&PLACED);
    let has_time = ["429", "503"].contains(&status);
    for (name, component, has) in [
        ("ETag", ETAG, has_tag),
        ("Location", LOCATION, has_place),
        ("Retry-After", RETRY_AFTER, has_time),
    ] {
        if has {
            let header = Ref::new(format!("#/components/headers/{component}"));
            response.headers.insert(name.to_owned(), RefOr::Ref(header));
        }
    }
}

/// What the answer's body is called.
fn shown(response: &Response) -> Option<String> {
    let content: &RefOr<Content> = response.content.get(JSON)?;
    let RefOr::T(content) = content else {
        return None;
    };
    let Some(RefOr::Ref(schema)) = &content.schema else {
        return None;
    };
    let name = schema.ref_location.rsplit('/').next()?;
    Some(name.to_owned())
}

fn ask(operation: &mut Operation, parameter: Parameter) {
    let parameters = operation.parameters.get_or_insert_with(Vec::new);
    parameters.push(RefOr::T(parameter));
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_IDEMPOTENCY_KEY));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Visible ASCII. The same request with the same key is done once, and answered \
             again; another one with it is refused.",
        ))
        .schema(Some(text))
        .build()
}

fn if_match() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "An `ETag`, for instance `\"7\"`: refused with 412 where there is another version \
             by now. `*` is any.",
        ))
        .schema(Some(text))
        .build()
}
