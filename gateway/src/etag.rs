//! Versions of things as entity tags (RFC 9110 section 8.8.3): `"7"`.

use axum::http::header::{ETAG, HeaderMap, HeaderName, IF_MATCH};

use crate::error::{Error, FieldError};

/// The header of an answer that shows version `version`.
pub(crate) fn header(version: i64) -> [(HeaderName, String); 1] {
    [(ETAG, format!("\"{version}\""))]
}

/// The version that the caller expects; none without the header or with `*`.
/// Weak tags never match (RFC 9110 section 13.1.1), so they are refused as such.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|digits| digits.parse().ok())
        .filter(|version: &i64| *version >= 0);
    version.map(Some).ok_or_else(|| {
        Error::Malformed(FieldError::new(
            "If-Match",
            "must be one strong entity tag with a version, for instance \"7\"",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Option<i64>> {
        let headers = HeaderMap::from_iter([(IF_MATCH, value.parse().unwrap())]);
        if_match(&headers).ok()
    }

    #[test]
    fn reads_what_it_writes() {
        let [(_, tag)] = header(7);
        assert_eq!(read(&tag), Some(Some(7)));
        assert_eq!(read("*"), Some(None));
        assert_eq!(if_match(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn refuses_what_names_no_version() {
        for wrong in ["7", "W/\"7\"", "\"7\", \"8\"", "\"x\"", "\"-1\"", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
