//! Read models that are built again know nobody at first. Nobody is out for that.

use std::time::Duration;

use schemas::context::Clock;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use testkit::eventually;

use crate::app::{App, Person};

const ME: &str = "/api/v1/auth/me";
const REFRESH: &str = "/api/v1/auth/refresh";

/// The read model of members while it is built again: somebody is not known yet, and what
/// comes after them waits.
pub(crate) struct Rebuilding {
    held: PgConnection,
}

impl Rebuilding {
    /// `owner` changes the role of `other`, which nobody sees until [`Rebuilding::end`]. The
    /// app is one of [`quick`].
    pub(crate) async fn begin(app: &App, unknown: &str, owner: &Person, other: &Person) -> Self {
        let mut held = PgConnection::connect(&app.database).await.unwrap();
        let kept = "CREATE TEMP TABLE kept AS SELECT * FROM read.members WHERE user_id =";
        let gone = "DELETE FROM read.members WHERE user_id =";
        for sql in [kept, gone] {
            let sql = format!("{sql} '{unknown}'::uuid");
            held.execute(AssertSqlSafe(sql)).await.unwrap();
        }
        held.execute("BEGIN").await.unwrap();
        held.execute("LOCK TABLE read.members IN SHARE MODE")
            .await
            .unwrap();
        let path = format!("/api/v1/members/{}", other.user);
        let role = json!({"role": "engineer"});
        app.patch(&path, &owner.token, role).await.with(202);
        Self { held }
    }

    /// All are known again, and what has waited comes.
    pub(crate) async fn end(mut self) {
        for sql in ["INSERT INTO read.members SELECT * FROM kept", "COMMIT"] {
            self.held.execute(sql).await.unwrap();
        }
    }
}

/// A gateway that waits for read models a moment only.
pub(crate) async fn quick() -> Option<App> {
    let quick = |config: &mut gateway::config::Config| config.read_wait = Duration::from_secs(1);
    App::with(quick, Clock::System).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_although_its_person_is_not_known_for_a_while() {
    let Some(app) = quick().await else {
        return;
    };
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "viewer").await;
    let max = app.colleague(&ada, "Max", "viewer").await;
    let refresh = json!({"refresh_token": bob.refresh});
    let login = json!({"email": bob.email, "password": crate::app::PASSWORD});
    let rebuilding = Rebuilding::begin(&app, &bob.user, &ada, &max).await;
    for _ in 0..2 {
        let answer = app.ask(REFRESH, refresh.clone()).await;
        answer.with(503);
        assert!(answer.headers.contains_key("retry-after"));
    }
    app.ask("/api/v1/auth/login", login).await.with(503);
    rebuilding.end().await;
    let bob = eventually("the read model is whole again", || async {
        let answer = app.ask(REFRESH, refresh.clone()).await;
        (answer.status != 503).then(|| Person::of(&answer.with(200)))
    })
    .await;
    app.get(ME, Some(&bob.token)).await.with(200);

    // Whoever is really out is not waited for.
    let path = format!("/api/v1/members/{}", bob.user);
    app.delete(&path, &ada.token).await.with(204);
    let refresh = json!({"refresh_token": bob.refresh});
    let over = app.ask(REFRESH, refresh).await;
    assert_eq!(over.with(401)["rule"], "session_over");
}
