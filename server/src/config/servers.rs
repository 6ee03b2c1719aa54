//! Addresses of Postgres and Redis: what is wrong with them is found before anything is
//! started, and what is shown of them holds no secret.

use std::ffi::OsString;
use std::path::Path;

use access::rates::Shared;
use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::BadSetting;

/// What names a file for TLS to Postgres: a variable, and the parameters of an address
/// that win over it.
const FILES: [(&str, &[&str]); 3] = [
    ("PGSSLROOTCERT", &["sslrootcert", "ssl-root-cert", "ssl-ca"]),
    ("PGSSLCERT", &["sslcert", "ssl-cert"]),
    ("PGSSLKEY", &["sslkey", "ssl-key"]),
];

/// Parameters that hold a secret.
const SECRETS: [&str; 2] = ["password", "sslpassword"];

/// An address that Postgres' client takes, of files that are there. What it does not say
/// the client reads from `variable`s.
pub(super) fn database(
    url: Option<String>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, BadSetting> {
    let Some(url) = url else { return Ok(None) };
    let bad = |expected: String| BadSetting {
        setting: "DATABASE_URL",
        value: without_password(&url),
        expected,
    };
    let options = url.parse::<PgConnectOptions>().map_err(|error| {
        let told = match error {
            sqlx::Error::Configuration(inner) => inner.to_string(),
            other => other.to_string(),
        };
        bad(format!(
            "expected `postgres://user:password@host/database`: {told}"
        ))
    })?;
    let parsed = Url::parse(&url).ok();
    let parameters: Vec<_> = parsed.iter().flat_map(Url::query_pairs).collect();
    for (name, value) in &parameters {
        // It would be left aside, and told in the log.
        if name == "sslpassword" {
            return Err(bad("sslpassword is not supported".to_owned()));
        }
        let is_file = FILES.iter().any(|(_, names)| names.contains(&&**name));
        if let Some(error) = is_file.then(|| unreadable(value)).flatten() {
            return Err(bad(format!("{name} cannot be read: {error}")));
        }
    }
    // As the client reads them, which passes over what is no text.
    let says = |names: &[&str]| parameters.iter().any(|(name, _)| names.contains(&&**name));
    let variable = |name: &str| variable(name)?.into_string().ok();
    if let Some(mode) =
        variable("PGSSLMODE").filter(|mode| !mode.is_empty() && !says(&["sslmode", "ssl-mode"]))
    {
        readable_mode(mode)?;
    }
    let tls = !matches!(
        options.get_ssl_mode(),
        PgSslMode::Disable | PgSslMode::Allow
    );
    for (setting, names) in FILES.into_iter().filter(|_| tls) {
        let Some(value) = variable(setting).filter(|_| !says(names)) else {
            continue;
        };
        if let Some(error) = unreadable(&value) {
            let expected = format!("cannot be read: {error}");
            return Err(BadSetting {
                setting,
                value,
                expected,
            });
        }
    }
    Ok(Some(url))
}

/// The client takes an unknown one for none, and would speak in clear text.
fn readable_mode(mode: String) -> Result<(), BadSetting> {
    match mode.parse::<PgSslMode>() {
        Ok(_) => Ok(()),
        Err(_) => Err(BadSetting {
            setting: "PGSSLMODE",
            value: mode,
            expected: "expected disable, allow, prefer, require, verify-ca or verify-full"
                .to_owned(),
        }),
    }
}

/// An address that Redis' client takes, and whom to believe over TLS.
pub(super) fn redis(
    url: Option<String>,
    ca_file: Option<&Path>,
) -> Result<Option<String>, BadSetting> {
    let Some(url) = url else { return Ok(None) };
    let bad = |expected: String| BadSetting {
        setting: "REDIS_URL",
        value: without_password(&url),
        expected,
    };
    if url.ends_with("#insecure") {
        let expected = "expected `rediss://` without `#insecure`: certificates are checked; \
                        redis_ca_file names whom to believe";
        return Err(bad(expected.to_owned()));
    }
    let authority = ca_file.map(|file| authority("redis_ca_file", file));
    match Shared::new(&url, authority.transpose()?.as_deref(), "") {
        Ok(_) => Ok(Some(url)),
        Err(error) => Err(bad(format!(
            "expected `redis://[user:password@]host[:port]` or `rediss://…`: {error}"
        ))),
    }
}

/// The certificates in `file`, which `setting` names.
pub(super) fn authority(setting: &'static str, file: &Path) -> Result<Vec<u8>, BadSetting> {
    let bad = |expected: String| BadSetting {
        setting,
        value: file.display().to_string(),
        expected,
    };
    let pem = std::fs::read_to_string(file).map_err(|e| bad(format!("cannot be read: {e}")))?;
    outbound::check_certificate(&pem).map_err(|e| bad(e.to_string()))?;
    Ok(pem.into_bytes())
}

/// Why a file cannot be read. Its content may stand in the place of its name.
fn unreadable(file: &str) -> Option<std::io::Error> {
    let is_content = file.trim_start().starts_with("-----BEGIN");
    match is_content {
        true => None,
        false => std::fs::File::open(file).err(),
    }
}

/// `user:secret@host` becomes `user:***@host`, and of parameters that hold a secret, or a
/// key itself instead of its file, nothing is left either.
pub(super) fn without_password(url: &str) -> String {
    let parts = without_login(url);
    parts.split_inclusive(['?', '&']).map(hidden).collect()
}

/// One parameter with what ends it.
fn hidden(part: &str) -> String {
    let end = match part.ends_with(['?', '&']) {
        true => &part[part.len() - 1..],
        false => "",
    };
    match part.split_once('=') {
        Some((name, value))
            if SECRETS.contains(&&*name.to_ascii_lowercase())
                || value
                    .trim_start_matches(['+', ' '])
                    .starts_with("-----BEGIN") =>
        {
            format!("{name}=***{end}")
        }
        _ => part.to_owned(),
    }
}

/// A login ends at the last `@` before the parameters. Where there is none the whole is
/// looked at: a password may hold a `?` that ought to have been percent-encoded.
fn without_login(url: &str) -> String {
    let end = url.find('?').filter(|at| url[..*at].contains('@'));
    let (address, parameters) = url.split_at(end.unwrap_or(url.len()));
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let Some((login, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let user = login.split(':').next().unwrap_or_default();
    let secret = if login.contains(':') { ":***" } else { "" };
    format!("{scheme}{user}{secret}@{host}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            (
                "postgres://ada:s3cret@db.example/x",
                "postgres://ada:***@db.example/x",
            ),
            ("redis://cache:6379", "redis://cache:6379"),
            (
                "postgres://ada@db/x?password=s3cret",
                "postgres://ada@db/x?password=***",
            ),
            (
                "postgres://db/x?sslmode=require&sslpassword=s3cret&user=a@b",
                "postgres://db/x?sslmode=require&sslpassword=***&user=a@b",
            ),
            (
                "postgres://ada:s3cret@db/x?user=a@b&password=s3cret@&port=1",
                "postgres://ada:***@db/x?user=a@b&password=***&port=1",
            ),
            (
                "postgres://db/x?sslkey=-----BEGIN+PRIVATE+KEY-----%0As3cret%0A&port=1",
                "postgres://db/x?sslkey=***&port=1",
            ),
            ("postgres://ada:s3?cret@db/x", "postgres://ada:***@db/x"),
            ("ada:s3cret@db", "ada:***@db"),
            ("redis://:s3cret@cache/0", "redis://:***@cache/0"),
        ] {
            assert_eq!(without_password(url), shown, "{url}");
        }
    }

    #[test]
    fn an_address_of_postgres_is_read_before_anything_starts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let url = |more: &str| format!("postgres://ada:s3cret@db/x?{more}");
        let root = url(&format!(
            "sslmode=verify-full&sslrootcert={}",
            file.display()
        ));
        for (url, told) in [
            (url("sslmode=verify-fulll"), "verify-fulll"),
            (url("port=many"), "invalid digit"),
            (url("sslpassword=s3cret"), "sslpassword is not supported"),
            (root.clone(), "sslrootcert cannot be read: No such file"),
            ("nonsense".to_owned(), "expected `postgres://"),
        ] {
            let refused = database(Some(url), |_| None).unwrap_err().to_string();
            assert!(
                refused.contains("DATABASE_URL is `") && refused.contains(told),
                "{refused}"
            );
            assert!(!refused.contains("s3cret"), "{refused}");
        }
        std::fs::write(&file, "").unwrap();
        assert_eq!(database(Some(root.clone()), |_| None).unwrap(), Some(root));
        assert_eq!(database(None, |_| None).unwrap(), None);
    }

    #[test]
    fn what_an_address_leaves_to_variables_is_read_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("ca.pem");
        std::fs::write(&there, "").unwrap();
        let there = there.to_str().unwrap();
        let url = |more: &str| Some(format!("postgres://ada@db/x{more}"));
        let read = |url: Option<String>, set: (&str, &str)| {
            database(url, |name| (name == set.0).then(|| set.1.into()))
        };
        for (setting, value, told) in [
            ("PGSSLROOTCERT", "/no/ca.pem", "cannot be read: No such"),
            ("PGSSLCERT", "/no/cert.pem", "cannot be read: No such"),
            ("PGSSLKEY", "/no/key.pem", "cannot be read: No such"),
            ("PGSSLMODE", "verify_full", "verify-ca or verify-full"),
        ] {
            let refused = read(url(""), (setting, value)).unwrap_err().to_string();
            assert!(
                refused.contains(&format!("{setting} is `{value}`")) && refused.contains(told),
                "{refused}"
            );
        }
        let named = format!("?ssl-ca={there}");
        for (more, setting, value) in [
            ("", "PGSSLROOTCERT", there),
            ("", "PGSSLKEY", "\n-----BEGIN PRIVATE KEY-----\nx"),
            ("", "PGSSLMODE", "verify-full"),
            ("", "PGSSLMODE", ""),
            // Not asked for, or by the address.
            ("?sslmode=disable", "PGSSLROOTCERT", "/no/ca.pem"),
            ("?sslmode=require", "PGSSLMODE", "verify_full"),
            (named.as_str(), "PGSSLROOTCERT", "/no/ca.pem"),
        ] {
            assert!(
                read(url(more), (setting, value)).is_ok(),
                "{more} {setting}"
            );
        }
        assert!(read(None, ("PGSSLROOTCERT", "/no/ca.pem")).is_ok());
    }

    #[test]
    fn an_address_of_redis_is_read_before_anything_starts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let read = |url: &str, file| redis(Some(url.to_owned()), file);
        for (url, told) in [
            ("redis//cache", "REDIS_URL is `redis//cache`"),
            ("redis://:s3cret@cache/first", "Invalid database number"),
            ("http://:s3cret@cache", "expected `redis://"),
            ("rediss://cache#insecure", "certificates are checked"),
        ] {
            let refused = read(url, None).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
        assert!(read("rediss://cache:6380", None).is_ok());
        let refused = read("rediss://cache", Some(file.as_path())).unwrap_err();
        assert_eq!(refused.setting, "redis_ca_file");
        std::fs::write(&file, "no certificate").unwrap();
        let refused = read("rediss://cache", Some(file.as_path())).unwrap_err();
        assert!(
            refused.to_string().contains("no certificate in PEM"),
            "{refused}"
        );
    }
}
