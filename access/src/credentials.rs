//! Where a request carries its credential.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::api_key;
use crate::denied::Denied;

/// The header of agents that cannot set `Authorization`.
pub const API_KEY_HEADER: &str = "x-api-key";

/// A credential as presented, unverified.
#[derive(Clone, PartialEq, Eq)]
pub enum Presented<'a> {
    Key(Zeroizing<String>),
    Token(&'a str),
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

/// Finds the credential in `X-API-Key`, `Authorization: Bearer`, the password of
/// `Authorization: Basic` or the key of Elasticsearch's `Authorization: ApiKey`, in this order. `Ok(None)` where there is none.
pub fn find(headers: &HeaderMap) -> Result<Option<Presented<'_>>, Denied> {
    if let Some(key) = headers.get(API_KEY_HEADER) {
        let key = key.to_str().map_err(|_| Denied::Malformed)?;
        return Ok(Some(Presented::Key(Zeroizing::new(key.trim().to_owned()))));
    }
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Denied::Malformed)?;
    let (scheme, rest) = value.split_once(' ').ok_or(Denied::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(bearer(rest.trim())))
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(rest.trim()).map(Some)
    } else if scheme.eq_ignore_ascii_case("apikey") {
        elastic(rest.trim()).map(Some)
    } else {
        Err(Denied::Malformed)
    }
}

fn bearer(text: &str) -> Presented<'_> {
    match text.starts_with(api_key::PREFIX) {
        true => Presented::Key(Zeroizing::new(text.to_owned())),
        false => Presented::Token(text),
    }
}

/// What Elasticsearch's clients make of an id and a key, or the key as it is.
fn elastic(text: &str) -> Result<Presented<'static>, Denied> {
    match text.starts_with(api_key::PREFIX) {
        true => Ok(Presented::Key(Zeroizing::new(text.to_owned()))),
        false => basic(text),
    }
}

fn basic(encoded: &str) -> Result<Presented<'static>, Denied> {
    let decoded = STANDARD.decode(encoded).map_err(|_| Denied::Malformed)?;
    let decoded = Zeroizing::new(String::from_utf8(decoded).map_err(|_| Denied::Malformed)?);
    let (_, password) = decoded.split_once(':').ok_or(Denied::Malformed)?;
    Ok(Presented::Key(Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn key(text: &str) -> Presented<'static> {
        Presented::Key(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn finds_a_key_wherever_agents_put_it() {
        let basic = format!("Basic {}", STANDARD.encode("any:srec_x"));
        let elastic = format!("ApiKey {}", STANDARD.encode("any:srec_x"));
        for pairs in [
            [("x-api-key", "srec_x")],
            [("authorization", "Bearer srec_x")],
            [("authorization", "bearer  srec_x")],
            [("authorization", basic.as_str())],
            [("authorization", elastic.as_str())],
            [("authorization", "ApiKey srec_x")],
        ] {
            assert_eq!(find(&headers(&pairs)), Ok(Some(key("srec_x"))), "{pairs:?}");
        }
    }

    #[test]
    fn tells_tokens_from_keys() {
        let headers = headers(&[("authorization", "Bearer eyJ.a.b")]);
        let found = find(&headers);
        assert_eq!(found, Ok(Some(Presented::Token("eyJ.a.b"))));
    }

    #[test]
    fn says_what_is_malformed_and_what_is_missing() {
        assert_eq!(find(&headers(&[])), Ok(None));
        for value in [
            "Bearer",
            "Basic %%%",
            "Basic bm9jb2xvbg==",
            "Digest a=b",
            "ApiKey a=b",
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(find(&headers), Err(Denied::Malformed), "{value}");
        }
    }
}
