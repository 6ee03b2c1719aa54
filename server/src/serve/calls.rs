//! What servers that people name may be called from this installation.

use std::net::SocketAddr;

use outbound::{Guard, Outbound};

use crate::config::Config;

/// Calls as the operator allows them, and none to what this installation is made of.
pub(super) fn of(config: &Config, ports: &[(&'static str, SocketAddr)]) -> Outbound {
    let denied = config.outbound_denied.iter();
    Outbound::new(Guard {
        private: config.outbound_private,
        this_machine: true,
        denied: denied.filter_map(|network| network.parse().ok()).collect(),
        own_ports: ports.iter().map(|(_, address)| address.port()).collect(),
        own_servers: own_servers(config),
    })
}

fn own_servers(config: &Config) -> Vec<(String, u16)> {
    let database = config.database_url.as_deref().into_iter();
    let redis = config.redis_url.as_deref().into_iter();
    let brokers = config
        .kafka_brokers
        .as_deref()
        .unwrap_or_default()
        .split(',');
    let all = database
        .map(|url| host_and_port(url, 5432))
        .chain(redis.map(|url| host_and_port(url, 6379)))
        .chain(brokers.map(|broker| host_and_port(broker.trim(), 9092)));
    all.filter(|(host, _)| !host.is_empty()).collect()
}

/// Of a URL or of `host:port`.
fn host_and_port(text: &str, port: u16) -> (String, u16) {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (name, found) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.contains(']') => (name, digits.parse().unwrap_or(port)),
        _ => (host, port),
    };
    (name.trim_matches(['[', ']']).to_owned(), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_the_data_is() {
        for (text, host, port) in [
            (
                "postgres://ada:s@cret@db.example:5433/x?a=b:1",
                "db.example",
                5433,
            ),
            ("postgres://db.example/x", "db.example", 5432),
            ("redis://[::1]:6380", "::1", 6380),
            ("redis://[::1]", "::1", 5432),
            ("kafka:9093", "kafka", 9093),
        ] {
            assert_eq!(host_and_port(text, 5432), (host.to_owned(), port), "{text}");
        }
    }
}
