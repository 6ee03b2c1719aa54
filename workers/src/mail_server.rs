//! The mail server of this installation: where it is, and handing it a mail. Its address is
//! the operator's own setting, so that no guard stands before it, and certificates are
//! checked wherever there is TLS.

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use schemas::tenant::MailFailure;
use url::Url;

/// For connecting, and for each answer.
const STEP: Duration = Duration::from_secs(10);
/// For one mail as a whole.
const WHOLE: Duration = Duration::from_secs(30);

/// Where mails are handed in, as a URL says it: `smtps://` is TLS from the first byte,
/// `smtp://` begins with STARTTLS and goes no further without it, and `smtp://…?tls=none`
/// does without TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    tls: Encrypted,
    login: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encrypted {
    FromTheStart,
    ByStartTls,
    Never,
}

/// Why a setting is none; never the text itself, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMailServer {
    #[error("expected `smtps://[user:password@]host[:port]` or `smtp://…`")]
    NotAUrl,
    #[error("expected no path, and nothing after the host but `?tls=none`")]
    HoldsMore,
    #[error("expected TLS where there is a password: `?tls=none` is for this machine only")]
    PasswordInClear,
}

/// The sender of mails is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `copilot@example.com` or `SRE Copilot <copilot@example.com>`")]
pub struct NotAMailbox;

impl MailServer {
    pub fn parse(text: &str) -> Result<Self, NotAMailServer> {
        let url = Url::parse(text.trim()).map_err(|_| NotAMailServer::NotAUrl)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(NotAMailServer::NotAUrl)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = match (url.scheme(), url.query()) {
            ("smtps", None) => Encrypted::FromTheStart,
            ("smtp", None) => Encrypted::ByStartTls,
            ("smtp", Some("tls=none")) => Encrypted::Never,
            ("smtp" | "smtps", Some(_)) => return Err(NotAMailServer::HoldsMore),
            _ => return Err(NotAMailServer::NotAUrl),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(NotAMailServer::HoldsMore);
        }
        let login = login(&url)?;
        if login.is_some() && tls == Encrypted::Never && !is_this_machine(&host) {
            return Err(NotAMailServer::PasswordInClear);
        }
        let usual = match tls {
            Encrypted::FromTheStart => 465,
            Encrypted::ByStartTls => 587,
            Encrypted::Never => 25,
        };
        Ok(Self {
            port: url.port().unwrap_or(usual),
            host,
            tls,
            login,
        })
    }

    /// `host:port`, where mails go to another machine in clear text.
    pub fn in_clear_elsewhere(&self) -> Option<String> {
        let in_clear = self.tls == Encrypted::Never && !is_this_machine(&self.host);
        in_clear.then(|| format!("{}:{}", self.host, self.port))
    }
}

/// Without the password.
impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {:?}", self.host, self.port, self.tls)
    }
}

fn login(url: &Url) -> Result<Option<(String, String)>, NotAMailServer> {
    let plain = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| NotAMailServer::NotAUrl)
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, password) => Ok(Some((plain(user)?, plain(password.unwrap_or_default())?))),
    }
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Whether `text` can be the sender of mails.
pub fn check_sender(text: &str) -> Result<(), NotAMailbox> {
    text.parse::<Mailbox>().map(drop).map_err(|_| NotAMailbox)
}

/// Hands mails in.
#[derive(Clone)]
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Post {
    /// `authority` is certificates in PEM that are believed besides the system's.
    pub fn new(server: &MailServer, from: &str, authority: Option<&[u8]>) -> anyhow::Result<Self> {
        let from: Mailbox = from.parse().map_err(|_| NotAMailbox)?;
        let parameters = || -> Result<TlsParameters, SmtpError> {
            let mut builder = TlsParameters::builder(server.host.clone());
            if let Some(pem) = authority {
                builder = builder.add_root_certificate(Certificate::from_pem(pem)?);
            }
            builder.build()
        };
        let tls = match server.tls {
            Encrypted::FromTheStart => Tls::Wrapper(parameters()?),
            Encrypted::ByStartTls => Tls::Required(parameters()?),
            Encrypted::Never => Tls::None,
        };
        let name = ClientId::Domain(from.email.domain().to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&*server.host)
            .port(server.port)
            .tls(tls)
            .hello_name(name)
            .timeout(Some(STEP));
        if let Some((user, password)) = server.login.clone() {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Hands `mail` in. Where the server's answer is lost, it may have taken it.
    pub async fn send(&self, mail: Message) -> Result<(), Unsent> {
        match tokio::time::timeout(WHOLE, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Unsent::of(&error)),
            Err(_) => Err(Unsent::passing(
                "unreachable",
                "the mail server gives no answer",
            )),
        }
    }
}

/// Why a mail was not taken. No word of the server's is in it: those may hold the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    pub why: MailFailure,
    /// Whether another try would end the same.
    pub lasting: bool,
}

impl Unsent {
    pub fn lasting(reason: &str, detail: impl Into<String>) -> Self {
        Self {
            why: MailFailure {
                reason: reason.to_owned(),
                detail: detail.into(),
            },
            lasting: true,
        }
    }

    pub fn passing(reason: &str, detail: impl Into<String>) -> Self {
        Self {
            lasting: false,
            ..Self::lasting(reason, detail)
        }
    }

    fn of(error: &SmtpError) -> Self {
        let Some(code) = error.status().map(u16::from) else {
            return Self::without_answer(error);
        };
        let codes = match enhanced(&error.to_string()) {
            Some(enhanced) => format!("{code} {enhanced}"),
            None => code.to_string(),
        };
        match code {
            // The operator's to mend, and nothing about this mail (RFC 4954 section 6).
            530 | 534 | 535 | 538 => Self::passing(
                "not_admitted",
                format!("the mail server does not let this installation in ({codes})"),
            ),
            500.. => Self::lasting(
                "refused",
                format!("the mail server refuses the address or the mail ({codes})"),
            ),
            _ => Self::passing(
                "deferred",
                format!("the mail server takes no mail for it now ({codes})"),
            ),
        }
    }

    fn without_answer(error: &SmtpError) -> Self {
        if error.is_tls() {
            return Self::passing(
                "unreachable",
                "the mail server's certificate is not believed, or it speaks no TLS",
            );
        }
        if error.is_client() {
            return Self::lasting(
                "not_sendable",
                "the mail server does not take such an address, or offers no login or TLS",
            );
        }
        Self::passing("unreachable", "the mail server cannot be reached")
    }
}

/// The code of RFC 3463 in an answer, such as `5.1.1`; digits and nothing else.
fn enhanced(answer: &str) -> Option<&str> {
    let is_code = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        let digits =
            |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(digits) && matches!(parts[0], "4" | "5")
    };
    answer.split_whitespace().find(is_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        for (text, port, tls) in [
            ("smtps://mail.example.com", 465, Encrypted::FromTheStart),
            ("smtp://mail.example.com", 587, Encrypted::ByStartTls),
            (
                "smtp://u:p@mail.example.com:2525/",
                2525,
                Encrypted::ByStartTls,
            ),
            ("smtp://localhost?tls=none", 25, Encrypted::Never),
            ("smtp://u:p@[::1]:1025?tls=none", 1025, Encrypted::Never),
        ] {
            let read = MailServer::parse(text).unwrap();
            assert_eq!((read.port, read.tls), (port, tls), "{text}");
        }
        let login = MailServer::parse("smtps://ada%40a.example:p%2Fw@m").unwrap();
        let expected = ("ada@a.example".to_owned(), "p/w".to_owned());
        assert!(!format!("{login:?}").contains("p/w"));
        assert_eq!(login.login, Some(expected));
        for (text, why) in [
            ("mail.example.com:25", NotAMailServer::NotAUrl),
            ("https://mail.example.com", NotAMailServer::NotAUrl),
            ("smtp://", NotAMailServer::NotAUrl),
            ("smtp://m/inbox", NotAMailServer::HoldsMore),
            ("smtps://m?tls=none", NotAMailServer::HoldsMore),
            ("smtp://m?tls=maybe", NotAMailServer::HoldsMore),
            ("smtp://u:p@m?tls=none", NotAMailServer::PasswordInClear),
        ] {
            assert_eq!(MailServer::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_sender_is_one_mailbox() {
        for good in ["a@b.example", "SRE Copilot <a@b.example>"] {
            assert_eq!(check_sender(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
        ] {
            assert_eq!(check_sender(bad), Err(NotAMailbox), "{bad}");
        }
    }

    #[test]
    fn of_an_answer_only_codes_are_told() {
        let answer = "permanent error (550): 5.1.1 <grace@example.com>: unknown";
        assert_eq!(enhanced(answer), Some("5.1.1"));
        for none in ["no 10.1.1 here", "5.1", "5.1.x", "5.1111.1", "1.2.3.4"] {
            assert_eq!(enhanced(none), None, "{none}");
        }
    }
}
