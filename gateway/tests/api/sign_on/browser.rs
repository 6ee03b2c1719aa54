//! A browser with its cookies, on its way to a provider and back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use axum::http::Method;
use serde_json::{Value, json};

use super::provider::Provider;
use crate::app::{Answer, App, Person};

pub(super) struct Browser<'a> {
    app: &'a App,
    pub(super) jar: Mutex<BTreeMap<String, String>>,
}

/// Where a browser was sent: the URL's parameters and its beginning.
pub(super) struct Away {
    pub(super) to: String,
    pub(super) asked: HashMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(app: &'a App) -> Self {
        Self {
            app,
            jar: Mutex::default(),
        }
    }

    /// One in which `person` is signed in.
    pub(super) fn of(app: &'a App, person: &Person) -> Self {
        let browser = Self::new(app);
        let session = ("srec_session".to_owned(), person.token.clone());
        browser.jar.lock().unwrap().extend([session]);
        browser
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        // People begin on our own pages, and come back from the provider's.
        let site = match path.contains("/start") {
            true => "same-origin",
            false => "cross-site",
        };
        self.get_from(site, path).await
    }

    /// Follows a link that a page of `site` shows, as Fetch Metadata calls it.
    pub(super) async fn get_from(&self, site: &str, path: &str) -> Answer {
        let cookies: Vec<String> = {
            let jar = self.jar.lock().unwrap();
            jar.iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        let cookies = cookies.join("; ");
        let headers = [("cookie", cookies.as_str()), ("sec-fetch-site", site)];
        let answer = self.app.send(Method::GET, path, None, None, &headers).await;
        for line in answer.headers.get_all("set-cookie") {
            let (name, value) = line.to_str().unwrap().split_once('=').unwrap();
            let value = value.split(';').next().unwrap();
            self.jar
                .lock()
                .unwrap()
                .insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Begins; `query` is what the page asks for.
    pub(super) async fn leave(&self, tenant: &str, query: &str) -> Away {
        let path = format!("/api/v1/auth/oidc/{tenant}/start?{query}");
        Away::of(&self.get(&path).await)
    }

    /// Comes back with a code, and whatever else the provider adds.
    pub(super) async fn arrive(&self, tenant: &str, state: &str, rest: &str) -> Answer {
        let path = format!("/api/v1/auth/oidc/{tenant}/callback?state={state}&{rest}");
        self.get(&path).await
    }

    /// The whole way, as the provider would have it.
    pub(super) async fn sign_on(&self, tenant: &str, at: &Provider, person: &Value) -> Answer {
        let away = self.leave(tenant, "return_to=/p/shop").await;
        let code = at.code_for(&away.asked, person);
        self.arrive(tenant, away.state(), &format!("code={code}"))
            .await
    }

    /// Who is signed in, if somebody is; the tokens are in the cookies.
    pub(super) async fn person(&self) -> Option<Person> {
        let cookie = |name: &str| self.jar.lock().unwrap().get(name).cloned();
        let (token, refresh) = (cookie("srec_session")?, cookie("srec_refresh")?);
        let me = self
            .app
            .get("/api/v1/auth/me", Some(&token))
            .await
            .with(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Some(Person {
            token,
            refresh,
            tenant: text(&me["tenant"]["id"]),
            project: text(&me["project"]["id"]),
            user: text(&me["user"]["id"]),
            email: text(&me["user"]["email"]),
        })
    }
}

impl Away {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status.as_u16(), 303, "{answer:?}");
        let to = location(answer);
        let url = url::Url::parse(&to).unwrap_or_else(|e| panic!("{e}: {to}"));
        Self {
            asked: url.query_pairs().into_owned().collect(),
            to,
        }
    }

    pub(super) fn state(&self) -> &str {
        &self.asked["state"]
    }
}

pub(super) fn location(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// Somebody at the provider whose address is theirs.
pub(super) fn somebody(name: &str, groups: &[&str]) -> Value {
    let email = format!("{name}@example.com");
    json!({"sub": format!("subject of {name}"), "email": email, "email_verified": true,
        "name": format!("{name} Byron"), "groups": groups})
}

/// The browser was sent to the login page with `shown`, and has no session.
pub(super) fn refused(answer: &Answer, shown: &str) {
    assert_eq!(answer.status.as_u16(), 303, "{answer:?}");
    assert_eq!(location(answer), format!("/login?sign_on={shown}"));
    let cookies = answer.headers.get_all("set-cookie").iter();
    assert_eq!(cookies.count(), 0, "{answer:?}");
    assert!(answer.text.is_empty(), "{answer:?}");
}
