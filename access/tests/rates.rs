//! Limits that several gateways share, over a real Redis.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};

use access::rates::{Limited, Quota, Quotas, Rates, Rule, Shared, Subject};
use schemas::time::Timestamp;
use testkit::{Peer, free_port, peer};
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
    let url = format!("redis://127.0.0.1:{port}");
    Rates::new(quotas(), Some(Shared::new(&url, "test").unwrap()))
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + micros)
}

fn subject() -> Subject {
    Uuid::from_u128(7).into()
}

#[tokio::test]
async fn three_nodes_let_in_as_much_as_one() {
    let Some(binary) = peer("three_nodes_let_in_as_much_as_one", Peer::RedisServer) else {
        return;
    };
    let port = free_port();
    let server = Command::new(binary)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn();
    let _server = Server(server.unwrap());
    let nodes = [node(port), node(port), node(port)];
    // After trouble a node leaves Redis alone for a while of the time that it is told.
    let now = AtomicI64::new(-100_000_000_000);
    testkit::eventually("Redis counts", || async {
        let now = at(now.fetch_add(10_000_000, Ordering::Relaxed));
        let probe = nodes[0].take(Rule::Entrance, subject(), now).await;
        probe.is_ok().then_some(())
    })
    .await;
    // Twice as many come as may, at any of the three, for a minute.
    let allowed = i64::from(QUOTA.burst) + 60 * i64::from(QUOTA.per_second);
    let mut admitted = 0;
    for n in 0..60 * 600 {
        let node = &nodes[usize::try_from(n * 7 % 3).unwrap()];
        let now = at(n * 1_667);
        match node.take(Rule::Caller, subject(), now).await {
            Ok(granted) => {
                assert!(granted.is_some(), "counted");
                admitted += 1;
            }
            Err(Limited::TooMany { retry_after, .. }) => assert!(retry_after.as_millis() < 1_000),
            Err(other) => panic!("{other}"),
        }
    }
    let off = (admitted - allowed).abs() as f64 / allowed as f64;
    eprintln!("PROOF rate_of_three_nodes: {admitted} of {allowed} allowed in 60 s were let in");
    assert!(off <= 0.05, "{admitted} of {allowed}");
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
