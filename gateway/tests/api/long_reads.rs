//! Counts and searches read more than they show: they may take longer than a page does.

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::app::app;

const LOCK: &str = "LOCK TABLE read.audit, read.incidents IN ACCESS EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_searches_outlast_what_refuses_a_page() {
    let app = app!();
    let ada = app.register("Ada").await;
    app.incident(&ada, "Checkout is down").await;
    let mut superuser = PgConnection::connect(&app.database).await.unwrap();
    superuser.execute("BEGIN").await.unwrap();
    // As long as this is held, nothing of it can be read.
    superuser.execute(LOCK).await.unwrap();
    let get = async |path: &str| app.get(path, Some(&ada.token)).await;
    let pages = async {
        for path in ["/api/v1/audit", "/api/v1/incidents"] {
            get(path).await.with(503);
        }
        superuser.execute("ROLLBACK").await.unwrap();
    };
    let (counts, entries, incidents, ()) = tokio::join!(
        get("/api/v1/audit/stats"),
        get("/api/v1/audit?q=Checkout"),
        get("/api/v1/incidents?q=checkout"),
        pages
    );
    counts.with(200);
    entries.with(200);
    let found = incidents.with(200);
    assert_eq!(found["items"][0]["title"], json!("Checkout is down"));
}
