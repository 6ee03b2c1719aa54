//! Waiting for what a client of somebody else has sent.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::eventually_within;

use crate::client::Client;

const LONG: Duration = Duration::from_secs(60);

/// Waits until the items that `count` finds in the answer at `path` are as many as were
/// sent; more are too many.
pub(crate) async fn arrive(
    client: &Client,
    sent: usize,
    what: &str,
    path: &str,
    count: fn(&Value) -> usize,
) {
    eventually_within(LONG, what, || async {
        let answer = client.try_send(Method::GET, path, None, None).await;
        let (status, answer) = answer.ok()?;
        assert!(
            status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE,
            "{status}: {answer}"
        );
        let found = count(&answer);
        assert!(found <= sent, "{what}: {found} of {sent}");
        (found == sent).then_some(())
    })
    .await;
}

pub(crate) fn listed(answer: &Value) -> usize {
    answer["items"].as_array().map_or(0, Vec::len)
}
