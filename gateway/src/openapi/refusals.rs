//! What every operation may answer besides what it says itself: the gates, the bounds
//! and the trouble are the same for all, so they are told for all in one place.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

const PROBLEM: &str = "application/problem+json";

/// Adds to each operation the problems that it does not name.
pub(super) fn name(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        of_path(item).for_each(complete);
    }
}

fn of_path(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let verbs = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ];
    verbs.into_iter().flatten()
}

fn complete(operation: &mut Operation) {
    let secured = operation
        .security
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    let writes = operation.request_body.is_some();
    let reads_parameters = operation
        .parameters
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    let mut problems = vec![("503", "Something that the answer needs is away")];
    if secured {
        problems.extend([
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
        ]);
    }
    if writes || reads_parameters || secured {
        problems.push(("400", "A part of the request cannot be read"));
    }
    if writes {
        problems.extend([
            ("413", "The body is too large"),
            (
                "415",
                "The body is no JSON, or compressed in an unknown way",
            ),
        ]);
    }
    for (status, description) in problems {
        let known = &mut operation.responses.responses;
        known
            .entry(status.to_owned())
            .or_insert_with(|| problem(description));
    }
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, content)
        .build()
        .into()
}
