//! Limits that several gateways share, over a real Redis.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use access::rates::{Limited, Quota, Quotas, Rates, Rule, Shared, Subject};
use schemas::time::Timestamp;
use testkit::{Peer, certificate, free_port, peer};
use uuid::Uuid;

const QUOTA: Quota = Quota {
    per_second: 300,
    burst: 60,
};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _already_reaped = self.0.wait();
    }
}

fn quotas() -> Quotas {
    Quotas {
        caller: Some(QUOTA),
        tenant: None,
        entrance: Some(QUOTA),
        visitor: None,
        agent: Some(QUOTA),
        agents: None,
    }
}

fn node(port: u16) -> Rates {
    counted_at(&format!("redis://127.0.0.1:{port}"), None)
}

fn counted_at(url: &str, authority: Option<&[u8]>) -> Rates {
    let shared = Shared::new(url, authority, "test").unwrap();
    Rates::new(quotas(), Some(shared))
}

fn start(binary: &Path, arguments: &[&str]) -> Server {
    let server = Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn();
    Server(server.unwrap())
}

/// A Redis that counts, and its port; None where there is no Redis.
async fn redis(test: &str) -> Option<(Server, u16)> {
    let port = free_port();
    let binary = peer(test, Peer::RedisServer)?;
    let server = start(&binary, &["--port", &port.to_string()]);
    counts(&node(port)).await;
    Some((server, port))
}

/// Waits until the node's Redis counts.
async fn counts(node: &Rates) {
    testkit::eventually("Redis counts", || async {
        let probe = node.take(Rule::Entrance, somebody(), at(0)).await;
        (probe != Err(Limited::Uncounted)).then_some(())
    })
    .await;
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + micros)
}

fn subject() -> Subject {
    Uuid::from_u128(7).into()
}

/// Who nothing is asserted of.
fn somebody() -> Subject {
    Uuid::from_u128(8).into()
}

#[tokio::test]
async fn three_nodes_let_in_as_much_as_one() {
    let Some((_server, port)) = redis("three_nodes_let_in_as_much_as_one").await else {
        return;
    };
    let nodes = [node(port), node(port), node(port)];
    // Many more come than may, at any of the three, for five seconds of Redis. Their own
    // clocks are an hour apart and run backwards.
    let begun = Instant::now();
    let (mut admitted, mut refused) = (0, 0);
    for n in 0_usize.. {
        if begun.elapsed() > Duration::from_secs(5) {
            break;
        }
        let which = n * 7 % 3;
        let now = at(3_600_000_000 * which as i64 - n as i64);
        match nodes[which].take(Rule::Agent, subject(), now).await {
            Ok(Some(_)) => admitted += 1,
            // This node was kept waiting for Redis, and leaves it alone for a second.
            Ok(None) => {}
            Err(Limited::TooMany { retry_after, .. }) => {
                assert!(retry_after < Duration::from_secs(1), "{retry_after:?}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let allowed = f64::from(QUOTA.burst) + seconds * f64::from(QUOTA.per_second);
    assert!(refused > admitted, "too few asked to tell");
    let off = (f64::from(admitted) - allowed).abs() / allowed;
    eprintln!(
        "PROOF rate_of_three_nodes: {admitted} of {allowed:.0} allowed in {seconds:.1} s were let in"
    );
    assert!(off <= 0.05, "{admitted} of {allowed}");
}

/// The late one of two gateways refused half of what came.
#[tokio::test]
async fn clocks_that_are_apart_cost_nobody_a_request() {
    let Some((_server, port)) = redis("clocks_that_are_apart_cost_nobody_a_request").await else {
        return;
    };
    let nodes = [node(port), node(port)];
    for n in 0..20 {
        let late = n % 2;
        let now = at(-5_000_000 * late);
        let taken = nodes[late as usize].take(Rule::Entrance, subject(), now);
        assert!(taken.await.is_ok_and(|granted| granted.is_some()), "{n}");
    }
}

/// What Redis holds from before its clock was set back is cut to a burst, and kept so.
#[tokio::test]
async fn the_clock_of_redis_set_back_costs_one_burst() {
    let Some((_server, port)) = redis("the_clock_of_redis_set_back_costs_one_burst").await else {
        return;
    };
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let mut connection = client.get_connection().unwrap();
    let time: (i64, i64) = redis::cmd("TIME").query(&mut connection).unwrap();
    let ahead = format!("{}.000", (time.0 + 3_600) * 1_000_000);
    let key = format!("test:rate:entrance:{:032x}", 7);
    let set = redis::cmd("SET").arg(key).arg(ahead).exec(&mut connection);
    set.unwrap();
    let node = node(port);
    counts(&node).await;
    match node.take(Rule::Entrance, subject(), at(0)).await {
        Err(Limited::TooMany { retry_after, .. }) => {
            assert!(retry_after <= Duration::from_millis(10), "{retry_after:?}");
        }
        other => panic!("{other:?}"),
    }
    testkit::eventually("one more is let in", || async {
        node.take(Rule::Entrance, subject(), at(0)).await.ok()
    })
    .await;
}

#[tokio::test]
async fn over_tls_it_counts_where_the_authority_is_believed() {
    let test = "over_tls_it_counts_where_the_authority_is_believed";
    let Some(binary) = peer(test, Peer::RedisServer) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let Some((cert, key)) = certificate(test, folder.path()) else {
        return;
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let (port, file) = (free_port(), |path: &Path| path.display().to_string());
    let _server = start(
        &binary,
        &[
            &["--port", "0", "--tls-port", &port.to_string()][..],
            &["--tls-cert-file", &file(&cert)],
            &["--tls-key-file", &file(&key)],
            &["--tls-auth-clients", "no"],
        ]
        .concat(),
    );
    let url = format!("rediss://127.0.0.1:{port}");
    let authority = std::fs::read(&cert).unwrap();
    let node = counted_at(&url, Some(&authority));
    counts(&node).await;
    let counted = node.take(Rule::Agent, subject(), at(0)).await;
    assert!(counted.is_ok_and(|granted| granted.is_some()));
    // Nobody whom the system believes has signed it.
    let doubting = counted_at(&url, None);
    let refused = doubting.take(Rule::Entrance, subject(), at(0)).await;
    assert_eq!(refused, Err(Limited::Uncounted));
    // An authority is for TLS.
    let plain = Shared::new(
        &format!("redis://127.0.0.1:{port}"),
        Some(&authority),
        "test",
    );
    assert!(plain.is_err_and(|e| e.to_string().contains("rediss://")));
}

#[tokio::test]
async fn without_redis_the_api_counts_here_agents_pass_and_nobody_logs_in() {
    let alone = node(free_port());
    let mut admitted = 0;
    for _ in 0..200 {
        admitted += usize::from(alone.take(Rule::Caller, subject(), at(0)).await.is_ok());
        assert_eq!(alone.take(Rule::Agent, subject(), at(0)).await, Ok(None));
    }
    assert_eq!(admitted, 60);
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let refused = alone.take(Rule::Entrance, address.into(), at(0)).await;
    assert_eq!(refused, Err(Limited::Uncounted));
}
