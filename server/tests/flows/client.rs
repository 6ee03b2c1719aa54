//! A program that uses the API with a key, as a team's own tools would.

use reqwest::{Method, RequestBuilder, StatusCode};
use schemas::ids::ProjectId;
use serde_json::{Value, json};
use testkit::eventually;

const ALERTMANAGER: &str = "/api/v1/webhooks/alertmanager";

/// A tenant of its own with one project.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    pub(crate) project: ProjectId,
    /// May do what an admin may.
    pub(crate) token: String,
}

/// A client without a session. Plain HTTP, but reqwest asks for a provider.
pub(crate) fn http() -> reqwest::Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder().build().unwrap()
}

impl Client {
    pub(crate) async fn register(base: String) -> Self {
        Self::register_as(base, "ada@example.com").await
    }

    pub(crate) async fn register_as(base: String, email: &str) -> Self {
        let http = http();
        let body = json!({
            "email": email,
            "password": "correct horse battery staple",
            "name": "Ada",
            "tenant_name": "Example",
        });
        let url = format!("{base}/api/v1/auth/register");
        let answer = http.post(url).json(&body).send().await.unwrap();
        let (status, session) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!(status, StatusCode::CREATED, "{session}");
        let project = session["project_id"].as_str().unwrap().parse().unwrap();
        let token = session["access_token"].as_str().unwrap().to_owned();
        let mut client = Self {
            http,
            base,
            project,
            token,
        };
        // Access tokens end after a quarter of an hour, keys do not.
        client.token = client.new_key(&["admin"]).await;
        client
    }

    /// The same project on another platform, with another credential.
    pub(crate) fn at(&self, base: String, token: &str) -> Self {
        Self {
            base,
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// A new API key, usable at once.
    pub(crate) async fn new_key(&self, scopes: &[&str]) -> String {
        let body = json!({ "name": scopes.join(" "), "scopes": scopes });
        let (status, made) = self
            .send(Method::POST, "/api/v1/api-keys", Some(&body), None)
            .await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let key = made["key"].as_str().unwrap().to_owned();
        eventually("the new key is known", || {
            let probe = self
                .request(Method::POST, ALERTMANAGER)
                .bearer_auth(&key)
                .body("{}");
            async move { (probe.send().await.ok()?.status() != 401).then_some(()) }
        })
        .await;
        key
    }

    /// Reads, again while the platform says that reads are not available.
    pub(crate) async fn get(&self, path: &str) -> Value {
        eventually(path, || async {
            let (status, body) = self.send(Method::GET, path, None, None).await;
            if status == StatusCode::SERVICE_UNAVAILABLE {
                return None;
            }
            assert_eq!(status, StatusCode::OK, "{path}: {body}");
            Some(body)
        })
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, Some(body), None).await
    }

    /// All items of a list.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut page = self
                .get(&format!("{path}{separator}limit=200{cursor}"))
                .await;
            items.append(page["items"].as_array_mut().unwrap());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    pub(crate) async fn incidents(&self) -> Vec<Value> {
        self.list("/api/v1/incidents").await
    }

    /// Waits until the incidents are as `wanted` says, newest first.
    pub(crate) async fn incidents_until(
        &self,
        what: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let wanted = &wanted;
        eventually(what, || async move {
            let incidents = self.incidents().await;
            wanted(&incidents).then_some(incidents)
        })
        .await
    }

    /// Whether an incident that had alerts has ended, and they with it: each comes by a
    /// way of its own, and may be read before the other.
    pub(crate) fn is_over(incident: &Value) -> bool {
        let alerts = (&incident["alerts_total"], &incident["alerts_open"]);
        incident["status"] == "resolved" && *alerts.0 != 0 && *alerts.1 == 0
    }

    /// So many incidents with their number and their one alert, which come by
    /// ways of their own and later than the incidents.
    pub(crate) async fn whole_incidents(&self, count: usize) -> Vec<Value> {
        let whole =
            |incident: &Value| incident["number"].is_number() && incident["alerts_open"] == 1;
        self.incidents_until("incidents with number and alert", |found| {
            found.len() == count && found.iter().all(whole)
        })
        .await
    }

    /// Sends a webhook body as Alertmanager would.
    pub(crate) async fn webhook(
        &self,
        key: &str,
        body: &Value,
    ) -> reqwest::Result<reqwest::Response> {
        self.request(Method::POST, ALERTMANAGER)
            .bearer_auth(key)
            .json(body)
            .send()
            .await
    }

    /// A body for a protocol of agents, with their key; 2xx or a panic.
    pub(crate) async fn ingest(
        &self,
        key: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) {
        let mut request = self.request(Method::POST, path).bearer_auth(key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status();
        assert!(
            status.is_success(),
            "{path}: {status}: {:?}",
            answer.text().await
        );
    }

    /// A form to a route of the query APIs; the status and the answer.
    pub(crate) async fn form(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .request(Method::POST, path)
            .bearer_auth(&self.token)
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// One request with the client's key, as it comes; Err where nothing answered.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request = self.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> (StatusCode, Value) {
        self.try_send(method, path, body, idempotency_key)
            .await
            .unwrap()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }
}
