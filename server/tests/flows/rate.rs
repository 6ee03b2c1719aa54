//! How many requests a limit lets through while many more come: counted by whoever asks,
//! at one gateway, and at three that count together in Redis.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use testkit::eventually;
use tokio::task::JoinSet;

use crate::client::{Client, http};
use crate::database::Database;
use crate::platform::Platform;
use crate::roles::Roles;
use crate::statistics::{count, proof};

/// An operation that asks nothing of Postgres or the log.
const PATH: &str = "/prometheus/api/v1/status/buildinfo";
const SETTING: &str = "SRE_COPILOT_CALLER_REQUESTS_PER_SECOND";
const RATE: u32 = 60;
/// What may come at once after a pause; no stall shorter than two seconds loses any.
const BURST: u32 = 2 * RATE;
/// Together they ask four times as often as may be asked.
const ASKERS: usize = 6;
const EACH: Duration = Duration::from_millis(25);

/// What was let in, and between which moments.
struct Counted {
    admitted: u32,
    refused: u32,
    first_sent: Instant,
    first_answered: Instant,
    last_sent: Instant,
    last_answered: Instant,
}

impl Counted {
    fn and(self, other: Self) -> Self {
        Self {
            admitted: self.admitted + other.admitted,
            refused: self.refused + other.refused,
            first_sent: self.first_sent.min(other.first_sent),
            first_answered: self.first_answered.min(other.first_answered),
            last_sent: self.last_sent.max(other.last_sent),
            last_answered: self.last_answered.max(other.last_answered),
        }
    }

    /// Refuses what differs by more than `tolerance` from what the quota allows; a request
    /// was counted somewhere between its sending and its answer. Tells the difference
    /// from the middle, in percent.
    fn check(&self, tolerance: f64) -> f64 {
        let allowed = |time: Duration| f64::from(BURST) + f64::from(RATE) * time.as_secs_f64();
        let most = allowed(self.last_answered - self.first_sent);
        let least = allowed(self.last_sent - self.first_answered);
        let admitted = f64::from(self.admitted);
        assert!(self.refused > self.admitted, "too few asked to tell");
        assert!(
            admitted <= most * (1.0 + tolerance) && admitted >= least * (1.0 - tolerance),
            "{admitted} were let in, not {least:.1} to {most:.1}"
        );
        (admitted / ((most + least) / 2.0) - 1.0) * 100.0
    }
}

async fn asker(url: String, key: String, until: Instant) -> Counted {
    let http = http();
    let mut turns = tokio::time::interval(EACH);
    let now = Instant::now();
    let (mut admitted, mut refused, mut first_answered) = (0, 0, None);
    let (first_sent, mut last_sent, mut last_answered) = (now, now, now);
    while Instant::now() < until {
        turns.tick().await;
        last_sent = Instant::now();
        let answer = http.get(&url).bearer_auth(&key).send().await.unwrap();
        last_answered = Instant::now();
        first_answered.get_or_insert(last_answered);
        match answer.status() {
            StatusCode::OK => admitted += 1,
            StatusCode::TOO_MANY_REQUESTS => refused += 1,
            other => panic!("{other} from {url}"),
        }
    }
    Counted {
        admitted,
        refused,
        first_sent,
        first_answered: first_answered.unwrap(),
        last_sent,
        last_answered,
    }
}

/// Waits until a gateway knows the key, by an agent's way, which this limit is not about.
async fn known(base: &str, key: &str) {
    let (http, url) = (http(), format!("{base}/api/v1/webhooks/alertmanager"));
    eventually("the key is known", || async {
        let answer = http.post(&url).bearer_auth(key).body("{}").send().await;
        (answer.ok()?.status() != StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

/// How often a gateway could not count in Redis.
async fn uncounted(base: &str) -> u64 {
    let answer = http().get(format!("{base}/metrics")).send().await.unwrap();
    let metrics = answer.text().await.unwrap();
    let lines = metrics.lines();
    let counts = lines.filter(|line| line.starts_with("access_rates_uncounted_total"));
    let value = |line: &str| line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok());
    counts.filter_map(value).sum()
}

async fn uncounted_at(bases: &[String]) -> u64 {
    let mut all = 0;
    for base in bases {
        all += uncounted(base).await;
    }
    all
}

/// Asks at all of `bases` by turns, with a key that has its whole burst left.
async fn ask_too_often(client: &Client, bases: &[String], seconds: usize) -> Counted {
    let key = client.new_key(&["read"]).await;
    for base in bases {
        known(base, &key).await;
    }
    let until = Instant::now() + Duration::from_secs(seconds as u64);
    let mut asking = JoinSet::new();
    for n in 0..ASKERS {
        let url = format!("{}{PATH}", bases[n % bases.len()]);
        asking.spawn(asker(url, key.clone(), until));
    }
    let counted = asking.join_all().await.into_iter();
    counted.reduce(Counted::and).unwrap()
}

fn seconds() -> usize {
    count("SRE_COPILOT_PROVE_RATE_SECONDS", 5, 60)
}

fn report(name: &str, counted: &Counted, percent: f64) {
    let Counted {
        admitted, refused, ..
    } = counted;
    proof(
        name,
        &format!(
            "{RATE} a second and {BURST} at once for {} s: {admitted} admitted, {percent:+.2} % of \
             what the quota allows; {refused} refused",
            seconds()
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_gateway_lets_in_what_the_limit_says() {
    let Some(database) = Database::start("flows::rate").await else {
        return;
    };
    let limit = [(SETTING, &*RATE.to_string())];
    let platform = Platform::start_on(Some(database.url().to_owned()), &limit).await;
    let client = platform.register().await;
    let counted = ask_too_often(&client, &[platform.base()], seconds()).await;
    let percent = counted.check(0.02);
    report("rate limit, one gateway", &counted, percent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_let_in_together_what_the_limit_says() {
    let test = "flows::rate_of_three";
    let Some(database) = Database::start(test).await else {
        return;
    };
    let limit = [(SETTING, RATE.to_string())];
    let Some(mut roles) = Roles::on(test, database, &limit).await else {
        return;
    };
    for role in ["commands", "projections", "gateway"] {
        roles.restart(role).await;
    }
    for more in ["gateway-2", "gateway-3"] {
        roles.another(more).await;
    }
    let client = roles.register().await;
    let bases = ["gateway", "gateway-2", "gateway-3"].map(|name| roles.base(name));
    let mut before = uncounted_at(&bases).await;
    let mut counted = ask_too_often(&client, &bases, seconds()).await;
    // A gateway that waits longer than a tenth of a second for Redis counts by itself; on
    // a machine that busy, the figure is about something else.
    for _ in 0..2 {
        let after = uncounted_at(&bases).await;
        if after == before {
            break;
        }
        before = after;
        counted = ask_too_often(&client, &bases, seconds()).await;
    }
    let percent = counted.check(0.05);
    report(
        "rate limit, three gateways through Redis",
        &counted,
        percent,
    );
}
