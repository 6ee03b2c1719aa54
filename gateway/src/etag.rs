//! Versions of things as entity tags (RFC 9110 section 8.8.3): `"7"`.

use axum::http::header::{ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::error::{Error, FieldError};
use crate::parameters::quoted;

/// The header of an answer that shows version `version`.
pub(crate) fn header(version: i64) -> [(HeaderName, String); 1] {
    [(ETAG, format!("\"{version}\""))]
}

/// The version that the caller expects; none without the header or with `*`. Tags are
/// compared strongly (RFC 9110, section 13.1.1): one that is weak matches nothing, and
/// neither does one that was never given.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let tags = text.split(',').map(|tag| version(tag.trim()));
    let tags: Option<Vec<_>> = tags.collect();
    let Some(tags) = tags else {
        return Err(refused(text, "is no entity tag as \"7\""));
    };
    let mut versions = tags.into_iter().flatten();
    match (versions.next(), versions.next()) {
        (Some(version), None) => Ok(Some(version)),
        (Some(_), Some(_)) => Err(refused(text, "names more than one version")),
        (None, _) => {
            let told = format!("`If-Match` `{}` names no version strongly", quoted(text));
            Err(Error::refused_here("stale_version", told))
        }
    }
}

/// The version that an entity tag names, or that it names none; None of what is no tag.
fn version(tag: &str) -> Option<Option<i64>> {
    let weak = tag.strip_prefix("W/");
    let named = weak.unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
    if named.contains('"') {
        return None;
    }
    // `"07"` is another tag than `"7"`.
    let version = named.parse::<i64>().ok();
    let version = version.filter(|version| *version >= 0 && version.to_string() == named);
    Some(version.filter(|_| weak.is_none()))
}

fn refused(sent: &str, is_wrong: &str) -> Error {
    Error::Malformed(FieldError::quoting("If-Match", sent, is_wrong))
}

/// Whether the client has what `tag` names. Proxies that compress make a tag weak, and here
/// a weak one is as good (RFC 9110, section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    let mut known = lists.flat_map(|list| list.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<i64>, u16> {
        let headers = HeaderMap::from_iter([(IF_MATCH, value.parse().unwrap())]);
        if_match(&headers).map_err(|refused| refused.status().as_u16())
    }

    #[test]
    fn reads_what_it_writes() {
        let [(_, tag)] = header(7);
        assert_eq!(read(&tag), Ok(Some(7)));
        assert_eq!(read("*"), Ok(None));
        assert_eq!(if_match(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn of_several_tags_one_names_a_version() {
        for tags in ["W/\"6\", \"7\"", "\"7\",\"x\"", " \"7\" "] {
            assert_eq!(read(tags), Ok(Some(7)), "{tags}");
        }
    }

    #[test]
    fn what_the_client_has_may_be_weak_and_one_of_many() {
        let known = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IF_NONE_MATCH, value.parse().unwrap());
            }
            is_known(&headers, "\"a\"")
        };
        for has in [&["\"a\""][..], &["W/\"a\""], &["\"b\", W/\"a\""], &["*"]] {
            assert!(known(has), "{has:?}");
        }
        assert!(known(&["\"b\"", "\"a\""]));
        for other in [&["\"b\""][..], &["a"], &["W/a"], &[""], &[]] {
            assert!(!known(other), "{other:?}");
        }
    }

    #[test]
    fn a_tag_that_matches_nothing_is_a_condition_that_does_not_hold() {
        for tag in [
            "W/\"7\"",
            "\"x\"",
            "\"-1\"",
            "\"07\"",
            "\"\"",
            "W/\"7\", W/\"8\"",
        ] {
            assert_eq!(read(tag), Err(412), "{tag}");
        }
    }

    #[test]
    fn refuses_what_is_no_tag_and_several_versions() {
        for wrong in [
            "7",
            "W/7",
            "w/\"7\"",
            "\"7",
            "\"",
            "\"7\" \"8\"",
            "\"7\", \"8\"",
            "\"7\", *",
            "",
        ] {
            assert_eq!(read(wrong), Err(400), "{wrong}");
        }
    }
}
