//! A service that exposes one gauge per shop, which tests turn to failing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Shops {
    failing: Arc<Mutex<BTreeMap<String, bool>>>,
    pub(crate) port: u16,
    serving: JoinHandle<()>,
}

impl Shops {
    pub(crate) async fn open() -> Self {
        let failing: Arc<Mutex<BTreeMap<String, bool>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = failing.clone();
        let metrics = move || async move { exposition(&shown.lock().unwrap()) };
        let routes = Router::new().route("/metrics", get(metrics));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            failing,
            port,
            serving,
        }
    }

    pub(crate) fn fail(&self, shops: &[&str]) {
        self.set(shops, true);
    }

    pub(crate) fn mend(&self, shops: &[&str]) {
        self.set(shops, false);
    }

    fn set(&self, shops: &[&str], failing: bool) {
        let mut all = self.failing.lock().unwrap();
        all.extend(shops.iter().map(|shop| ((*shop).to_owned(), failing)));
    }
}

impl Drop for Shops {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn exposition(failing: &BTreeMap<String, bool>) -> String {
    let mut text = "# TYPE checkout_failing gauge\n".to_owned();
    for (shop, failing) in failing {
        writeln!(
            text,
            "checkout_failing{{shop=\"{shop}\"}} {}",
            u8::from(*failing)
        )
        .unwrap();
    }
    text
}
