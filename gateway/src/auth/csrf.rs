//! Refuses what pages of other sites make a browser send: Fetch Metadata where the
//! browser sends it, the Origin header where it does not (OWASP's recommendation).

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};

use crate::config::PublicUrl;
use crate::error::Error;

const FETCH_SITE: &str = "sec-fetch-site";

/// A request that its cookie would authorise. Without Fetch Metadata an Origin is
/// mandatory.
pub fn check_session(
    public_url: &PublicUrl,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(), Error> {
    if method.is_safe() {
        return Ok(());
    }
    match (own_site(headers), own_origin(public_url, headers)) {
        (Some(true), None | Some(true)) | (None, Some(true)) => Ok(()),
        _ => Err(Error::CrossSite),
    }
}

/// A request that nothing authorises, such as a login: refused only if a browser
/// says that another site sent it.
pub fn check_anonymous(
    public_url: &PublicUrl,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(), Error> {
    if method.is_safe() {
        return Ok(());
    }
    match (own_site(headers), own_origin(public_url, headers)) {
        (Some(false), _) | (_, Some(false)) => Err(Error::CrossSite),
        _ => Ok(()),
    }
}

/// Whether a link that does something for who is signed in may be followed: no page of
/// another site shows it, as far as the browser says.
pub fn is_own_navigation(headers: &HeaderMap) -> bool {
    own_site(headers).unwrap_or(true)
}

/// The Origin of a WebSocket handshake, which browsers always send.
pub fn check_socket(public_url: &PublicUrl, headers: &HeaderMap) -> Result<(), Error> {
    match own_origin(public_url, headers) {
        Some(true) => Ok(()),
        _ => Err(Error::CrossSite),
    }
}

/// What Fetch Metadata says; None where it is not sent.
fn own_site(headers: &HeaderMap) -> Option<bool> {
    let site = headers.get(FETCH_SITE)?.as_bytes();
    // `none` is the person's own doing, such as a bookmark.
    Some(matches!(site, b"same-origin" | b"none"))
}

/// What the Origin says; None where it is not sent.
fn own_origin(public_url: &PublicUrl, headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(ORIGIN)?.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    Some(public_url.accepts(origin, host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn check(pairs: &[(&'static str, &str)]) -> (bool, bool) {
        let url = PublicUrl::parse("https://sre.example").unwrap();
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        (
            check_session(&url, &Method::POST, &headers).is_ok(),
            check_anonymous(&url, &Method::POST, &headers).is_ok(),
        )
    }

    #[test]
    fn own_pages_pass() {
        let own = ("origin", "https://sre.example");
        assert_eq!(check(&[own]), (true, true));
        assert_eq!(
            check(&[own, ("sec-fetch-site", "same-origin")]),
            (true, true)
        );
        assert_eq!(check(&[("sec-fetch-site", "same-origin")]), (true, true));
    }

    #[test]
    fn other_sites_do_not() {
        let other = ("origin", "https://evil.example");
        assert_eq!(check(&[other]), (false, false));
        assert_eq!(check(&[("origin", "null")]), (false, false));
        for site in ["cross-site", "same-site"] {
            assert_eq!(check(&[("sec-fetch-site", site)]), (false, false));
        }
        // A proxy may have taken the one header away, but not the other.
        assert_eq!(
            check(&[other, ("sec-fetch-site", "same-origin")]),
            (false, false)
        );
    }

    #[test]
    fn a_program_without_either_may_log_in_but_not_use_a_cookie() {
        assert_eq!(check(&[]), (false, true));
    }

    #[test]
    fn links_are_followed_unless_the_browser_says_that_another_site_showed_them() {
        let own = |site: &str| {
            let sent = (HeaderName::from_static(FETCH_SITE), site.parse().unwrap());
            is_own_navigation(&HeaderMap::from_iter([sent]))
        };
        assert!(own("same-origin") && own("none") && is_own_navigation(&HeaderMap::new()));
        assert!(!own("same-site") && !own("cross-site"));
    }

    #[test]
    fn reading_is_not_guarded() {
        let url = PublicUrl::parse("https://sre.example").unwrap();
        assert!(check_session(&url, &Method::GET, &HeaderMap::new()).is_ok());
    }
}
