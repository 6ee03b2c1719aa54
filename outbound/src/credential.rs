//! What a server wants to be shown. It is kept sealed and never printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

const MOST_HEADERS: usize = 10;
const MOST_CHARS: usize = 8_000;

/// Headers that say how a message is framed or where it goes are not a credential.
const NOT_THEIRS: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
];

/// A header of a caller's choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// The secret, as it lies sealed in the vault: JSON of this.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credential {
    Basic { username: String, password: String },
    Bearer { token: String },
    Headers { headers: Vec<Header> },
}

/// What is wrong with a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct BadCredential {
    pub field: &'static str,
    pub problem: &'static str,
}

impl Credential {
    /// `basic`, `bearer` or `headers`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "basic",
            Self::Bearer { .. } => "bearer",
            Self::Headers { .. } => "headers",
        }
    }

    /// The headers that show it.
    pub fn headers(&self) -> Result<HeaderMap, BadCredential> {
        match self {
            Self::Basic { username, password } => {
                if username.is_empty() || username.contains(':') {
                    return Err(bad("username", "must not be empty or hold a colon"));
                }
                let pair = STANDARD.encode(format!("{username}:{password}"));
                authorization("password", &format!("Basic {pair}"))
            }
            Self::Bearer { token } if token.is_empty() => Err(bad("token", "is empty")),
            Self::Bearer { token } => authorization("token", &format!("Bearer {token}")),
            Self::Headers { headers } => chosen(headers),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, ..)", self.kind())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}: ..)", self.name)
    }
}

fn authorization(field: &'static str, text: &str) -> Result<HeaderMap, BadCredential> {
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value(field, text)?)]))
}

fn chosen(headers: &[Header]) -> Result<HeaderMap, BadCredential> {
    if headers.is_empty() || headers.len() > MOST_HEADERS {
        return Err(bad("headers", "must be 1 to 10"));
    }
    let mut map = HeaderMap::new();
    for header in headers {
        let name = HeaderName::from_bytes(header.name.trim().as_bytes())
            .map_err(|_| bad("headers", "has a name that is none of HTTP"))?;
        if NOT_THEIRS.contains(&name.as_str()) {
            return Err(bad(
                "headers",
                "names a header that is not the caller's to set",
            ));
        }
        map.append(name, value("headers", &header.value)?);
    }
    Ok(map)
}

fn value(field: &'static str, text: &str) -> Result<HeaderValue, BadCredential> {
    if text.len() > MOST_CHARS {
        return Err(bad(field, "is too long"));
    }
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| bad(field, "holds characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn bad(field: &'static str, problem: &'static str) -> BadCredential {
    BadCredential { field, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Credential {
        Credential::Headers {
            headers: vec![Header {
                name: name.to_owned(),
                value: value.to_owned(),
            }],
        }
    }

    #[test]
    fn shows_itself_in_headers_and_nowhere_else() {
        let basic = Credential::Basic {
            username: "ada".to_owned(),
            password: "s3cret:x".to_owned(),
        };
        let shown = basic.headers().unwrap();
        assert_eq!(shown[AUTHORIZATION], "Basic YWRhOnMzY3JldDp4");
        assert!(!format!("{basic:?} {shown:?}").contains("s3cret"));
        assert!(!format!("{shown:?}").contains("YWRh"));
        let tenant = header("X-Scope-OrgID", "team-a").headers().unwrap();
        assert_eq!(tenant["x-scope-orgid"], "team-a");
    }

    #[test]
    fn no_header_changes_where_a_request_goes_or_ends() {
        for (name, value) in [
            ("Host", "x"),
            ("Content-Length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("a b", "x"),
            ("X-A", "x\r\nX-B: y"),
            ("", "x"),
        ] {
            assert!(header(name, value).headers().is_err(), "{name}: {value}");
        }
        let injected = Credential::Bearer {
            token: "x\r\nHost: y".to_owned(),
        };
        assert_eq!(injected.headers().unwrap_err().field, "token");
    }
}
