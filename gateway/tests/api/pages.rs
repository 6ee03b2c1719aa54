//! What browsers get besides the API: pages, and the headers that guard them.

use axum::http::Method;

use crate::app::{Answer, App, app};

async fn browse(app: &App, path: &str) -> Answer {
    let accept = [("accept", "text/html,application/xhtml+xml")];
    app.send(Method::GET, path, None, None, &accept).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_pages_and_a_program_problems() {
    let app = app!();
    for path in ["/", "/login", "/p/0192f0c1/incidents"] {
        let page = browse(&app, path).await;
        assert!(
            page.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        // Without a built console the page says how to build it.
        assert!(
            [200, 503].contains(&page.status.as_u16()),
            "{path}: {page:?}"
        );
    }
    let lost = browse(&app, "/api/v1/nothing").await;
    assert_eq!(lost.status.as_u16(), 404);
    assert!(lost.text.contains("Nothing here"));
    let ada = app.register("Ada").await;
    let incident = format!("/api/v1/incidents/{}", ada.user);
    let (token, accept) = (Some(&ada.token[..]), [("accept", "text/html")]);
    let gone = app.send(Method::GET, &incident, token, None, &accept).await;
    assert_eq!(gone.status.as_u16(), 404);
    assert!(
        gone.text.contains("Nothing here"),
        "a problem is a page too"
    );
    app.get(&incident, token).await.with(404);
    let program = app.get("/api/v1/nothing", None).await;
    assert_eq!(program.headers["content-type"], "application/problem+json");
    program.with(404);
    app.send(Method::POST, "/api/v1/incidents/stats", None, None, &[])
        .await
        .with(405);
    assert_eq!(app.get("/assets/none.js", None).await.status.as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_is_served_with_all_that_it_loads() {
    let app = app!();
    let page = browse(&app, "/docs").await;
    assert_eq!(page.status.as_u16(), 200);
    for path in ["/docs/docs.js", "/docs/docs.css"] {
        assert!(page.text.contains(path));
        assert_eq!(app.get(path, None).await.status.as_u16(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_runs_what_is_not_ours() {
    let app = app!();
    for path in ["/", "/docs", "/api/v1/nothing", "/healthz"] {
        let answer = browse(&app, path).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'none'"));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(
            !answer.text.contains("<script>"),
            "{path} has an inline script"
        );
    }
    let data = app.get("/api/v1/auth/me", None).await;
    assert_eq!(data.headers["cache-control"], "no-store");
    assert_eq!(data.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        data.headers["content-security-policy"],
        "default-src 'none'; frame-ancestors 'none'"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_carries_the_id_of_its_request() {
    let app = app!();
    let id = "0192f0c1-2b3c-7d4e-8f50-123456789abc";
    let headers = [("x-request-id", id)];
    let answer = app
        .send(Method::GET, "/api/v1/auth/me", None, None, &headers)
        .await;
    let problem = answer.with(401);
    assert_eq!(answer.headers["x-request-id"], id);
    assert_eq!(problem["request_id"], id);
    assert_eq!(problem["instance"], format!("urn:uuid:{id}"));
    assert_eq!(problem["rule"], "credential_missing");
}
