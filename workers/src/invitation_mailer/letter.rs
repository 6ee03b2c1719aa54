//! The mail of an invitation: text and HTML that say the same. What people typed is
//! shortened, loses line breaks, and is escaped where it would mean something.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use projections::vault::mails::Letter;
use schemas::ids::MailId;
use schemas::time::Timestamp;

use crate::mail_server::Unsent;

const NAME_CHARS: usize = 80;
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// The mail, which is the same at each attempt: by its `Message-ID` a mailbox can tell that
/// it has it already.
pub(super) fn mail(
    id: MailId,
    letter: &Letter,
    from: &Mailbox,
    now: Timestamp,
) -> Result<Message, Unsent> {
    let words = Words::of(letter);
    let unfit = |_| {
        Unsent::lasting(
            "not_sendable",
            "the address is none that mail can be sent to",
        )
    };
    let to = Mailbox::new(None, letter.to.trim().parse().map_err(unfit)?);
    let since_1970 = Duration::from_micros(u64::try_from(now.micros()).unwrap_or_default());
    Message::builder()
        .from(from.clone())
        .to(to)
        .subject(words.subject())
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .date(SystemTime::UNIX_EPOCH + since_1970)
        // RFC 3834: nobody's absence is told to us.
        .raw_header(HeaderValue::new(
            AUTO_SUBMITTED,
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(
            words.text(),
            words.html(),
        ))
        .map_err(|_| Unsent::lasting("not_sendable", "the mail cannot be written"))
}

struct Words {
    tenant: String,
    by: String,
    role: String,
    until: String,
    link: String,
}

impl Words {
    fn of(letter: &Letter) -> Self {
        let by = letter.invited_by.as_deref().unwrap_or("A colleague");
        Self {
            tenant: short(&letter.tenant_name),
            by: short(by),
            role: short(&letter.role),
            until: letter
                .expires_at
                .datetime()
                .format("%-d %B %Y, %H:%M UTC")
                .to_string(),
            link: letter.link.clone(),
        }
    }

    fn subject(&self) -> String {
        format!("{} invites you to {} on SRE Copilot", self.by, self.tenant)
    }

    fn text(&self) -> String {
        let Self {
            tenant,
            by,
            role,
            until,
            link,
        } = self;
        format!(
            "Hello,\n\n\
             {by} invites you to join \"{tenant}\" on SRE Copilot, as {role}.\n\n\
             Open this link to join:\n\n{link}\n\n\
             It is for this address alone and good until {until}. Do not pass it on: whoever\n\
             has it can join in your place. If you did not expect this mail, ignore it.\n"
        )
    }

    fn html(&self) -> String {
        let [tenant, by, role, until, link] =
            [&self.tenant, &self.by, &self.role, &self.until, &self.link].map(|text| escaped(text));
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>Invitation</title></head>\n\
             <body style=\"font-family:sans-serif;font-size:15px;line-height:1.5;color:#1a1a1a;\
             max-width:560px;margin:24px auto;padding:0 16px\">\n\
             <p>Hello,</p>\n\
             <p>{by} invites you to join <strong>{tenant}</strong> on SRE Copilot, as {role}.</p>\n\
             <p><a href=\"{link}\" style=\"display:inline-block;padding:10px 18px;\
             background:#1f5fbf;color:#ffffff;text-decoration:none;border-radius:4px\">Join {tenant}\
             </a></p>\n\
             <p style=\"word-break:break-all\">{link}</p>\n\
             <p>It is for this address alone and good until {until}. Do not pass it on: whoever has \
             it can join in your place. If you did not expect this mail, ignore it.</p>\n\
             </body></html>\n"
        )
    }
}

/// One line that is not too long.
fn short(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = line.trim();
    match line.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            to: "grace@example.com".to_owned(),
            tenant_name: "Acme".to_owned(),
            invited_by: Some("Ada Lovelace".to_owned()),
            role: "engineer".to_owned(),
            expires_at: Timestamp::parse("2026-12-06T10:00:00Z").unwrap(),
            link: "https://sre.example.com/join#srei_AAAA".to_owned(),
        }
    }

    fn written(letter: &Letter) -> Result<String, Unsent> {
        let from = "SRE Copilot <copilot@example.com>".parse().unwrap();
        let id = MailId(uuid::Uuid::from_u128(7));
        let mail = mail(id, letter, &from, Timestamp::from_micros(0))?;
        Ok(String::from_utf8(mail.formatted()).unwrap())
    }

    #[test]
    fn it_says_who_where_as_what_and_until_when_in_text_and_html() {
        let words = Words::of(&letter());
        for body in [words.text(), words.html()] {
            for part in [
                "Acme",
                "Ada Lovelace",
                "engineer",
                "6 December 2026, 10:00 UTC",
                "https://sre.example.com/join#srei_AAAA",
            ] {
                assert!(body.contains(part), "{part}: {body}");
            }
        }
        let mail = written(&letter()).unwrap();
        assert!(mail.contains("Subject: Ada Lovelace invites you to Acme on SRE Copilot\r\n"));
        assert!(mail.contains("@example.com>\r\n") && mail.contains("multipart/alternative"));
    }

    #[test]
    fn names_end_no_line_and_no_tag() {
        let hostile = Letter {
            tenant_name: "Acme\r\nBcc: eve@example.com".to_owned(),
            invited_by: Some("\"><script>alert(1)</script>\n\n<a href='x'>".to_owned()),
            ..letter()
        };
        let mail = written(&hostile).unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        for line in head.split("\r\n") {
            assert!(!line.to_lowercase().starts_with("bcc"), "{head}");
        }
        let html = Words::of(&hostile).html();
        assert!(
            !html.contains("<script") && !html.contains("<a href='x'"),
            "{html}"
        );
        assert!(html.contains("&lt;script&gt;"), "{html}");
        let long = Letter {
            tenant_name: "x".repeat(500),
            ..letter()
        };
        assert!(Words::of(&long).subject().chars().count() < 200);
    }

    #[test]
    fn an_address_with_more_in_it_is_refused() {
        for to in [
            "grace@example.com\r\nBcc: eve@example.com",
            "grace@example.com, eve@example.com",
            "Grace <grace@example.com>",
            "grace",
            "",
        ] {
            let letter = Letter {
                to: to.to_owned(),
                ..letter()
            };
            let refused = written(&letter).unwrap_err();
            assert!(refused.lasting, "{to}");
            assert!(!refused.why.detail.contains('@'), "{refused:?}");
        }
    }
}
