//! Where a request came from when it came through proxies. Whoever sends a header can
//! write anything into it: each name in it is worth as much as the one who added it,
//! so the names are read from the right for as long as they are of trusted proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{FORWARDED, HeaderMap, HeaderName};
use outbound::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request is counted by and a session shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// All that is unknown is one address.
    pub(crate) fn of(request: &Request) -> IpAddr {
        let known = request.extensions().get::<Self>();
        known.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |known| known.0)
    }
}

/// Tells the request where it came from; unless a proxy is trusted, that is the other
/// end of the connection.
pub(crate) fn locate(trusted: &[Network], request: &mut Request) {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(peer) = peer.map(|peer| peer.0.ip()) {
        let client = client(peer, request.headers(), trusted);
        request.extensions_mut().insert(ClientAddress(client));
    }
}

/// The first address from the right that is no trusted proxy's.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() {
        return peer;
    }
    let told = [
        walk(peer, all(headers, &X_FORWARDED_FOR), address, trusted),
        walk(peer, all(headers, &FORWARDED), forwarded_for, trusted),
    ];
    match told {
        [Some(one), Some(other)] if one == other => one,
        // A proxy writes one of them and may pass on the other as a client made it up.
        [Some(_), Some(_)] => peer,
        [one, other] => one.or(other).unwrap_or(peer),
    }
}

/// None where the header is not sent.
fn walk(
    peer: IpAddr,
    hops: Vec<&str>,
    read: fn(&str) -> Option<IpAddr>,
    trusted: &[Network],
) -> Option<IpAddr> {
    if hops.is_empty() {
        return None;
    }
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        if !is_trusted(client) {
            break;
        }
        match read(hop) {
            Some(address) => client = address,
            // The proxy does not tell, so that it stands for all behind it.
            None => break,
        }
    }
    Some(client)
}

/// The list that all headers of a name make together (RFC 9110 section 5.3).
fn all<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let values = headers.get_all(name).iter();
    values
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let found = bare.unwrap_or(text).parse().ok();
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    found.or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

/// `for=` of one element of `Forwarded` (RFC 7239 section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn seen_from(peer: &str, sent: &[(&'static str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    fn seen(value: &str) -> String {
        seen_from(PROXY, &[("x-forwarded-for", value)])
    }

    #[test]
    fn who_is_no_proxy_is_who_it_is_whatever_it_says() {
        for name in ["x-forwarded-for", "forwarded"] {
            let spoofed = [(name, "for=192.0.2.7"), (name, "192.0.2.7")];
            assert_eq!(seen_from("198.51.100.9", &spoofed), "198.51.100.9");
        }
        assert_eq!(seen_from(PROXY, &[]), PROXY);
    }

    #[test]
    fn what_a_client_wrote_before_the_proxy_is_not_believed() {
        assert_eq!(seen("198.51.100.9"), "198.51.100.9");
        assert_eq!(seen("192.0.2.7, 198.51.100.9"), "198.51.100.9");
        assert_eq!(seen("10.9.9.9, 198.51.100.9, 10.0.0.2"), "198.51.100.9");
        let two = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-for", "198.51.100.9"),
        ];
        assert_eq!(seen_from(PROXY, &two), "198.51.100.9");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        assert_eq!(seen("192.0.2.7, unknown"), PROXY);
        assert_eq!(seen("192.0.2.7, nonsense, 10.0.0.2"), "10.0.0.2");
        assert_eq!(seen(""), PROXY);
        assert_eq!(seen("10.0.0.3, 10.0.0.2"), "10.0.0.3");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        assert_eq!(seen("198.51.100.9:4711"), "198.51.100.9");
        assert_eq!(seen("[2001:db8::9]:4711"), "2001:db8::9");
        assert_eq!(seen("2001:db8::9"), "2001:db8::9");
        assert_eq!(seen("::ffff:198.51.100.9"), "198.51.100.9");
        assert_eq!(
            seen_from(
                "::ffff:10.0.0.1",
                &[("x-forwarded-for", "2001:db8:1::5, 10.1.1.1")]
            ),
            "2001:db8:1::5"
        );
    }

    #[test]
    fn forwarded_is_read_as_its_standard_says() {
        let seen = |value: &str| seen_from(PROXY, &[("forwarded", value)]);
        assert_eq!(
            seen("for=198.51.100.9;proto=https;by=10.0.0.1"),
            "198.51.100.9"
        );
        assert_eq!(
            seen("for=192.0.2.7, For=\"[2001:db8::9]:4711\""),
            "2001:db8::9"
        );
        assert_eq!(seen("for=_hidden"), PROXY);
        assert_eq!(seen("proto=https"), PROXY);
    }

    #[test]
    fn where_both_headers_disagree_neither_is_believed() {
        let of = |forwarded: &str| {
            let sent = [
                ("x-forwarded-for", "198.51.100.9"),
                ("forwarded", forwarded),
            ];
            seen_from(PROXY, &sent)
        };
        assert_eq!(of("for=192.0.2.7"), PROXY);
        assert_eq!(of("for=198.51.100.9"), "198.51.100.9");
    }
}
