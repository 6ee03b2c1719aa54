//! What every operation may answer besides what it says itself: the gates, the bounds
//! and the trouble are the same for all, so they are told for all in one place.

use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    Content, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
};

use crate::as_of;
use crate::dialects::Dialect;
use crate::operations::OURS;

/// Their queries are given up after a while.
const LOGS: &str = "/api/v1/logs";
const PROBLEM: &str = "application/problem+json";
pub(super) const JSON: &str = "application/json";

/// Adds to each operation the problems that it does not name.
pub(super) fn name(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let is_ours = path.starts_with(OURS);
        for (changes, operation) in of_path(item) {
            complete(operation, changes);
            if is_ours && !changes {
                refuse_as_of(operation);
            }
            if path.starts_with(LOGS) && !changes {
                may_be(operation, "422", "The query takes too long");
            }
        }
    }
}

/// Below the APIs of others the same is told in their words.
pub(super) fn in_dialects(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let Some(dialect) = Dialect::of(path) else {
            continue;
        };
        for (_, operation) in of_path(item) {
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response
                    && response.content.shift_remove(PROBLEM).is_some()
                    && response.content.is_empty()
                {
                    let (kind, content) = words(dialect);
                    response.content.insert(kind.to_owned(), content.into());
                }
            }
        }
    }
}

fn words(dialect: Dialect) -> (&'static str, Content) {
    let text: Schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .build()
        .into();
    let (kind, schema): (_, RefOr<Schema>) = match dialect {
        Dialect::Loki => ("text/plain", text.into()),
        Dialect::Prometheus => (JSON, Ref::from_schema_name("PrometheusFailure").into()),
        Dialect::Jaeger | Dialect::JaegerV3 => (JSON, Schema::from(ObjectBuilder::new()).into()),
    };
    (kind, ContentBuilder::new().schema(Some(schema)).build())
}

/// Adds to each operation of agents, which are answered in their own dialects, what all
/// of them may be told: in the words that it has for a body that cannot be read.
pub(super) fn name_in_dialect(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in of_path(item) {
            let known = &mut operation.responses.responses;
            let Some(RefOr::T(words)) = known.get("400").cloned() else {
                continue;
            };
            for (status, description) in OF_AGENTS {
                let mut response = words.clone();
                description.clone_into(&mut response.description);
                known.entry(status.to_owned()).or_insert(RefOr::T(response));
            }
        }
    }
}

/// Problems have a media type of their own (RFC 9457), which their schema does not know.
pub(super) fn are_problems(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in of_path(item) {
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response
                    && let Some(content) = response.content.shift_remove(JSON)
                {
                    let kind = if is_problem(&content) { PROBLEM } else { JSON };
                    response.content.insert(kind.to_owned(), content);
                }
            }
        }
    }
}

const OF_AGENTS: [(&str, &str); 6] = [
    ("401", "No API key, or none that is good"),
    ("403", "The key has no scope for this"),
    ("413", "The body is too large"),
    (
        "415",
        "A content type or a compression that is not known here",
    ),
    ("429", "More than the tenant may send; `Retry-After`"),
    (
        "503",
        "Nothing was taken; send it again after `Retry-After`",
    ),
];

fn is_problem(content: &RefOr<Content>) -> bool {
    let name = "#/components/schemas/Problem";
    let RefOr::T(content) = content else {
        return false;
    };
    matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location == name)
}

/// Each with whether it can change something.
pub(super) fn of_path(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let verbs = [
        (false, &mut item.get),
        (true, &mut item.put),
        (true, &mut item.post),
        (true, &mut item.delete),
        (true, &mut item.patch),
    ];
    verbs
        .into_iter()
        .filter_map(|(changes, operation)| Some((changes, operation.as_mut()?)))
}

fn complete(operation: &mut Operation, changes: bool) {
    let security = operation.security.as_ref();
    let secured = security.is_some_and(|all| !all.is_empty());
    let has_body = operation.request_body.is_some();
    let commands = operation.responses.responses.contains_key("202");
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let on_one_thing = parameters
        .iter()
        .any(|parameter| matches!(parameter, RefOr::T(it) if it.parameter_in == ParameterIn::Path));
    let has_parameters = !parameters.is_empty();

    let mut problems = vec![("503", "Something that the answer needs is away")];
    if secured {
        problems.extend(GATES);
    }
    if changes && !secured {
        problems.push(("403", "The request comes from a page of another site"));
    }
    if has_body || has_parameters || secured {
        problems.push(("400", "A part of the request cannot be read"));
    }
    if secured && on_one_thing {
        problems.push(("404", "There is no such thing here"));
    }
    // Whatever becomes a command may have a body.
    if commands {
        problems.extend(COMMANDS);
    }
    if has_body || commands {
        problems.extend(BODIES);
    }
    for (status, description) in problems {
        may_be(operation, status, description);
    }
}

fn may_be(operation: &mut Operation, status: &str, description: &str) {
    let known = &mut operation.responses.responses;
    let response = known
        .entry(status.to_owned())
        .or_insert_with(|| ResponseBuilder::new().description(description).into());
    also_a_problem(response);
}

/// The gate tells whoever asks for it where it has no meaning.
fn refuse_as_of(operation: &mut Operation) {
    let secured = operation.security.as_ref();
    let secured = secured.is_some_and(|all| !all.is_empty());
    let mut parameters = operation.parameters.iter().flatten();
    let knows =
        parameters.any(|one| matches!(one, RefOr::T(parameter) if parameter.name == as_of::NAME));
    if secured && !knows {
        may_be(operation, "422", "`as_of` is not known here");
    }
}

const GATES: [(&str, &str); 4] = [
    ("401", "No credential, or none that is good"),
    ("403", "The caller may not"),
    (
        "409",
        "`X-Project` names another project, or the state does not allow it",
    ),
    (
        "429",
        "Too many requests; `Retry-After` says when to come back",
    ),
];

const BODIES: [(&str, &str); 4] = [
    ("408", "The body has not come in time"),
    ("413", "The body is too large"),
    (
        "415",
        "The body has another content type, or is compressed in an unknown way",
    ),
    ("422", "A field has a value that it cannot have"),
];

/// What is decided by the command, of whatever kind it is.
const COMMANDS: [(&str, &str); 4] = [
    ("404", "There is no such thing here"),
    ("409", "The state does not allow it"),
    ("412", "`If-Match` names another version than there is"),
    (
        "422",
        "A field has a value that it cannot have, or the `Idempotency-Key` was used for \
         another request",
    ),
];

/// What a route says of the same status in a dialect of its own stays.
fn also_a_problem(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        let schema: RefOr<Schema> = Ref::from_schema_name("Problem").into();
        response
            .content
            .entry(PROBLEM.to_owned())
            .or_insert_with(|| ContentBuilder::new().schema(Some(schema)).build().into());
    }
}
