//! The two cookies of a session. Names and `Secure` follow the public URL only:
//! `__Host-` on https (RFC 6265bis section 4.1.3.2), plain names on loopback.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::config::PublicUrl;

const SESSION: &str = "srec_session";
const REFRESH: &str = "srec_refresh";
/// Tells the browser that somebody left with for their provider.
const SIGN_ON: &str = "srec_sign_on";

/// The access token that the browser holds.
pub fn session(public_url: &PublicUrl, headers: &HeaderMap) -> Option<String> {
    find(headers, &name(public_url, SESSION))
}

/// The refresh token that the browser holds.
pub fn refresh(public_url: &PublicUrl, headers: &HeaderMap) -> Option<String> {
    find(headers, &name(public_url, REFRESH))
}

/// What binds a sign-on that is under way to this browser.
pub fn sign_on(public_url: &PublicUrl, headers: &HeaderMap) -> Option<String> {
    find(headers, &name(public_url, SIGN_ON))
}

pub fn set_sign_on(public_url: &PublicUrl, value: &str, lifetime_s: i64) -> HeaderMap {
    let age = Duration::seconds(lifetime_s);
    headers(public_url, &[(SIGN_ON, value)], age)
}

/// Headers that give the browser its session. Both cookies live as long as the
/// refresh token: the access token inside ends by itself.
pub fn set(public_url: &PublicUrl, access: &str, refresh: &str, lifetime_s: i64) -> HeaderMap {
    let age = Duration::seconds(lifetime_s);
    headers(public_url, &[(SESSION, access), (REFRESH, refresh)], age)
}

/// Headers that take it away.
pub fn clear(public_url: &PublicUrl) -> HeaderMap {
    headers(public_url, &[(SESSION, ""), (REFRESH, "")], Duration::ZERO)
}

fn headers(public_url: &PublicUrl, values: &[(&str, &str)], age: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (plain, value) in values {
        let cookie = Cookie::build((name(public_url, plain), (*value).to_owned()))
            .path("/")
            .http_only(true)
            .secure(public_url.is_secure())
            .same_site(SameSite::Lax)
            .max_age(age)
            .build();
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            headers.append(SET_COOKIE, value);
        }
    }
    headers
}

fn name(public_url: &PublicUrl, plain: &str) -> String {
    match public_url.is_secure() {
        true => format!("__Host-{plain}"),
        false => plain.to_owned(),
    }
}

fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(COOKIE).into_iter();
    let cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten();
    cookies
        .filter(|cookie| cookie.name() == name && !cookie.value().is_empty())
        .map(|cookie| cookie.value().to_owned())
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PublicUrl {
        PublicUrl::parse(text).unwrap()
    }

    #[test]
    fn https_binds_the_cookies_to_the_host() {
        let set = set(&url("https://sre.example"), "a", "r", 60);
        let lines: Vec<_> = set.get_all(SET_COOKIE).iter().collect();
        assert_eq!(
            lines,
            [
                "__Host-srec_session=a; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60",
                "__Host-srec_refresh=r; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
            ]
        );
    }

    #[test]
    fn what_is_set_is_found_and_an_emptied_one_is_not() {
        let local = url("http://localhost:8580");
        let sent = HeaderMap::from_iter([(
            COOKIE,
            "other=1; srec_session=abc; srec_refresh=".parse().unwrap(),
        )]);
        assert_eq!(session(&local, &sent).as_deref(), Some("abc"));
        assert_eq!(refresh(&local, &sent), None);
        assert_eq!(session(&url("https://sre.example"), &sent), None);
    }
}
