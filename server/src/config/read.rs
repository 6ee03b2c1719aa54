//! The words of single settings: each function reads one kind.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use gateway::config::PublicUrl;
use outbound::Network;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use workers::mail_server::{MailServer, NotAMailServer, check_sender};

use super::servers::without_password;
use super::{BadSetting, Registration};
use crate::memory;

/// `:8580`, `8580`, `127.0.0.1:0` or `[::]:8580`; no host means every interface.
pub(super) fn address(
    setting: &'static str,
    value: Option<String>,
    port: u16,
) -> Result<SocketAddr, BadSetting> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let Some(value) = value else {
        return Ok(SocketAddr::new(any, port));
    };
    let bare = value.strip_prefix(':').unwrap_or(&value);
    if let Ok(port) = bare.parse() {
        return Ok(SocketAddr::new(any, port));
    }
    let text = value.replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| BadSetting {
        setting,
        value,
        expected: "expected `host:port` or `:port`".to_owned(),
    })
}

pub(super) fn public_url(value: Option<String>) -> Result<Option<String>, BadSetting> {
    let Some(value) = value else { return Ok(None) };
    let url = value.trim_end_matches('/').to_owned();
    match PublicUrl::parse(&url) {
        Ok(_) => Ok(Some(url)),
        Err(_) => Err(BadSetting {
            setting: "public_url",
            value,
            expected: "expected `https://host[:port]` without a path".to_owned(),
        }),
    }
}

/// Origins as browsers send them.
pub(super) fn origins(value: Option<String>) -> Result<Vec<String>, BadSetting> {
    let list = value.unwrap_or_default();
    let parts = list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let origin = |part: &str| match PublicUrl::parse(part) {
        Ok(url) => Ok(url.origin().to_owned()),
        Err(_) => Err(BadSetting {
            setting: "cors_origins",
            value: part.to_owned(),
            expected: "expected origins such as `https://app.example`, separated by commas"
                .to_owned(),
        }),
    };
    parts.map(origin).collect()
}

/// Networks as they are named in the setting `setting`.
pub(super) fn networks(
    setting: &'static str,
    value: Option<String>,
) -> Result<Vec<String>, BadSetting> {
    let list = value.unwrap_or_default();
    let parts = list.split(',').map(str::trim);
    let network = |part: &str| match part.parse::<Network>() {
        Ok(_) => Ok(part.to_owned()),
        Err(_) => Err(BadSetting {
            setting,
            value: part.to_owned(),
            expected: "expected networks such as `10.0.0.0/8`, separated by commas".to_owned(),
        }),
    };
    parts.filter(|part| !part.is_empty()).map(network).collect()
}

/// Where mails go and who sends them: both or neither.
pub(super) fn mail(
    url: Option<String>,
    from: Option<String>,
) -> Result<(Option<String>, Option<String>), BadSetting> {
    let bad = |setting, value: &str, expected: String| BadSetting {
        setting,
        value: value.to_owned(),
        expected,
    };
    match (&url, &from) {
        (None, None) => {}
        (Some(url), Some(from)) => {
            let told = |e: NotAMailServer| bad("smtp_url", &without_password(url), e.to_string());
            MailServer::parse(url).map_err(told)?;
            check_sender(from).map_err(|e| bad("mail_from", from, e.to_string()))?;
        }
        (Some(_), None) => {
            let expected = "expected with smtp_url: `SRE Copilot <copilot@example.com>`";
            return Err(bad("mail_from", "", expected.to_owned()));
        }
        (None, Some(from)) => {
            let expected = "expected with it: smtp_url, where mails are handed in";
            return Err(bad("mail_from", from, expected.to_owned()));
        }
    }
    Ok((url, from))
}

pub(super) fn registration(value: Option<String>) -> Result<Registration, BadSetting> {
    match value.as_deref() {
        None | Some("open") => Ok(Registration::Open),
        Some("first") => Ok(Registration::First),
        Some("closed") => Ok(Registration::Closed),
        Some(other) => Err(BadSetting {
            setting: "registration",
            value: other.to_owned(),
            expected: "expected open, first or closed".to_owned(),
        }),
    }
}

/// More is not unpacked by those who read the log: it would be taken and never shown.
const MOST_BODY_BYTES: usize = 256 << 20;

/// Bytes of a body, 10 MiB where nothing is set.
pub(super) fn body_bytes(setting: &'static str, value: Option<usize>) -> Result<usize, BadSetting> {
    let bytes = value.unwrap_or(10 << 20);
    match bytes <= MOST_BODY_BYTES {
        true => Ok(bytes),
        false => Err(BadSetting {
            setting,
            value: bytes.to_string(),
            expected: format!("expected {MOST_BODY_BYTES} bytes at most"),
        }),
    }
}

/// With less no query of some hours is answered.
const LEAST_QUERY_MEMORY: u64 = 1 << 20;

/// What queries may hold together, a share of the memory where nothing is set.
pub(super) fn query_memory(value: Option<u64>) -> Result<u64, BadSetting> {
    match value {
        None => Ok(memory::for_queries().max(LEAST_QUERY_MEMORY)),
        Some(bytes) if bytes >= LEAST_QUERY_MEMORY => Ok(bytes),
        Some(bytes) => Err(BadSetting {
            setting: "query_memory_bytes",
            value: bytes.to_string(),
            expected: format!("expected {LEAST_QUERY_MEMORY} bytes at least"),
        }),
    }
}

/// Units of an age and what they are in milliseconds, the smallest first.
pub(super) const AGE_UNITS: [(&str, i64); 3] = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// Units of a time and what they are in seconds, the smallest first.
pub(super) const SECOND_UNITS: [(&str, i64); 4] =
    [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

/// `90m`, `12h` or `7d` in milliseconds; none for `off`; a week where nothing is set.
pub(super) fn age(setting: &'static str, value: Option<String>) -> Result<Option<i64>, BadSetting> {
    let value = value.unwrap_or_else(|| "7d".to_owned());
    let text = value.trim();
    if text == "off" {
        return Ok(None);
    }
    read_time(text, &AGE_UNITS)
        .map(Some)
        .ok_or_else(|| BadSetting {
            setting,
            expected: "expected a number of m, h or d, or off".to_owned(),
            value: value.clone(),
        })
}

/// `90s`, `90m`, `12h` or `3d` in seconds; `default` where nothing is set.
pub(super) fn seconds(
    setting: &'static str,
    value: Option<String>,
    default: &str,
) -> Result<u32, BadSetting> {
    let value = value.unwrap_or_else(|| default.to_owned());
    let read =
        read_time(value.trim(), &SECOND_UNITS).and_then(|seconds| u32::try_from(seconds).ok());
    read.ok_or_else(|| BadSetting {
        setting,
        expected: "expected a number of s, m, h or d".to_owned(),
        value: value.clone(),
    })
}

/// A number and one of the units, more than nothing.
fn read_time(text: &str, units: &[(&str, i64)]) -> Option<i64> {
    units.iter().find_map(|(unit, each)| {
        let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(*each).filter(|time| *time > 0)
    })
}

/// `name=value`, separated by commas; in a value `\,` is a comma and `\\` a backslash. Of
/// what cannot be read nothing is told but where it is: it may be the end of a password.
pub(super) fn pairs(value: Option<String>) -> Result<Vec<(String, String)>, BadSetting> {
    let list = value.unwrap_or_default();
    let parts = unescaped(&list).into_iter().enumerate();
    let mut pairs = Vec::new();
    for (at, part) in parts.filter(|(_, part)| !part.trim().is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(BadSetting {
                setting: "kafka_options",
                value: "***".to_owned(),
                expected: format!(
                    "part {} has no `=`; expected name=value pairs separated by commas, a comma \
                     of a value as `\\,`",
                    at + 1
                ),
            });
        };
        pairs.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(pairs)
}

/// A part as it stands between commas.
pub(super) fn escape(part: &str) -> String {
    part.replace('\\', r"\\").replace(',', r"\,")
}

/// The parts between commas. A backslash that stands before anything else is one.
pub(super) fn unescaped(list: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut left = list.chars().peekable();
    while let Some(c) = left.next() {
        match c {
            '\\' => part.push(left.next_if(|next| [',', '\\'].contains(next)).unwrap_or(c)),
            ',' => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    parts.push(part);
    parts
}

/// Levels, filters such as `eventlog=debug`, and a form. A word that is none of these
/// would name a part of the program, and everything else would be silent.
pub(super) fn log(value: Option<String>) -> Result<String, BadSetting> {
    let Some(value) = value else {
        return Ok("info".to_owned());
    };
    let is_known = |part: &str| match part {
        "json" | "text" => true,
        filter if filter.contains(['=', '[']) => EnvFilter::try_new(filter).is_ok(),
        level => level.parse::<LevelFilter>().is_ok(),
    };
    match value.split(',').map(str::trim).find(|part| !is_known(part)) {
        None => Ok(value),
        Some(part) => Err(BadSetting {
            setting: "log",
            value: part.to_owned(),
            expected: "expected off, error, warn, info, debug or trace, a filter such as \
                       `eventlog=debug`, and json for machines, separated by commas"
                .to_owned(),
        }),
    }
}

pub(super) fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "sre-copilot".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone() {
        for text in [":8580", "8580", "0.0.0.0:8580"] {
            let read = address("http_addr", Some(text.to_owned()), 1).unwrap();
            assert_eq!(read.to_string(), "0.0.0.0:8580");
        }
        assert_eq!(
            address("x", Some("localhost:0".to_owned()), 1)
                .unwrap()
                .to_string(),
            "127.0.0.1:0"
        );
    }

    #[test]
    fn browsers_reach_the_platform_at_an_origin() {
        let read = |text: &str| public_url(Some(text.to_owned()));
        let url = "https://copilot.example:8443";
        assert_eq!(read(&format!("{url}/")).unwrap().as_deref(), Some(url));
        assert_eq!(public_url(None).unwrap(), None);
        for text in [
            "copilot.example",
            "ftp://copilot.example",
            "https://",
            "https://copilot.example/console",
            "https://copilot.example?page=1",
            "https://copilot example",
        ] {
            let refused = read(text).unwrap_err();
            assert_eq!((refused.setting, &*refused.value), ("public_url", text));
        }
    }

    #[test]
    fn an_age_has_a_unit_or_is_off() {
        let read = |text: &str| age("x", Some(text.to_owned()));
        assert_eq!(read("off").unwrap(), None);
        assert_eq!(read("90m").unwrap(), Some(5_400_000));
        assert_eq!(age("x", None).unwrap(), Some(7 * 86_400_000));
        for text in ["7", "d", "-1d", "0h", "1w", "9223372036854775807d"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_may_hold_a_comma_and_is_never_told() {
        let read = |text: &str| pairs(Some(text.to_owned()));
        let given = r"sasl.username=ada, sasl.password=hun\,ter\\2\n=,";
        let expected = [("sasl.username", "ada"), ("sasl.password", r"hun,ter\2\n=")];
        assert_eq!(
            read(given).unwrap(),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let refused = read("sasl.password=hun,ter2").unwrap_err().to_string();
        assert!(
            refused.contains("kafka_options") && refused.contains("part 2 has no `=`"),
            "{refused}"
        );
        assert!(!refused.contains("ter2"), "{refused}");
    }

    #[test]
    fn networks_are_networks() {
        let read = networks("outbound_denied", Some("10.0.0.0/8, ::1".to_owned())).unwrap();
        assert_eq!(read, ["10.0.0.0/8", "::1"]);
        assert!(networks("outbound_denied", None).unwrap().is_empty());
        let refused =
            networks("outbound_denied", Some("10.0.0.0/8,intranet".to_owned())).unwrap_err();
        assert_eq!(
            (refused.setting, &*refused.value),
            ("outbound_denied", "intranet")
        );
    }

    #[test]
    fn queries_get_some_memory() {
        assert_eq!(query_memory(Some(1 << 20)).unwrap(), 1 << 20);
        assert!(query_memory(None).unwrap() >= 1 << 20);
        let refused = query_memory(Some(0)).unwrap_err();
        let told = (refused.setting, &*refused.value);
        assert_eq!(told, ("query_memory_bytes", "0"));
    }

    #[test]
    fn what_the_log_keeps_has_a_unit() {
        assert_eq!(seconds("a", None, "3d").unwrap(), 3 * 86_400);
        assert_eq!(seconds("a", Some("90s".to_owned()), "3d").unwrap(), 90);
        for text in ["3", "off", "0d", "99999999999d"] {
            let refused = seconds("a", Some(text.to_owned()), "3d").unwrap_err();
            assert_eq!(refused.value, text);
        }
    }
}
