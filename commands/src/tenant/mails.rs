//! Mails that carry the links of invitations: how many a tenant may send, and what
//! became of each.

use std::collections::VecDeque;

use schemas::ids::{InvitationId, MailId};
use schemas::tenant::{
    InvitationMailFailed, InvitationMailRequested, InvitationMailed, MailInvitation,
    RecordInvitationMail, TenantEvent,
};
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decision, Tenant, TenantRefusal};

/// In a day: whoever may register can otherwise have strangers written to at will.
const A_DAY: usize = 100;
const DAY_MS: i64 = 86_400_000;
/// Until the same invitation may be sent again.
const PAUSE_MS: i64 = 60_000;

/// The mail of an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mail {
    id: MailId,
    requested_at: Timestamp,
    /// Whether it is known what became of it.
    settled: bool,
}

/// When mails were asked for, oldest first; not more than [`A_DAY`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mails(VecDeque<Timestamp>);

impl Tenant {
    pub(super) fn mail(&self, c: MailInvitation, now: Timestamp) -> Decision {
        let MailInvitation { invitation, mail } = c;
        let known = self.invitation(invitation)?;
        if let Some(last) = &known.mail {
            if last.id == mail {
                return Ok(Vec::new());
            }
            if now.millis_since(last.requested_at) < PAUSE_MS {
                return Err(TenantRefusal::MailedJustNow);
            }
        }
        if known.expires_at <= now {
            return Err(TenantRefusal::InvitationExpired);
        }
        self.mails.room(now)?;
        Ok(vec![
            InvitationMailRequested {
                invitation,
                mail,
                requested_at: now,
            }
            .into(),
        ])
    }

    /// What became of a mail that no longer counts changes nothing.
    pub(super) fn record_mail(&self, c: RecordInvitationMail) -> Vec<TenantEvent> {
        let RecordInvitationMail {
            invitation,
            mail,
            failure,
        } = c;
        let held = self.invitations.get(&invitation);
        let waits = |held: &Mail| held.id == mail && !held.settled;
        if !held.and_then(|held| held.mail.as_ref()).is_some_and(waits) {
            return Vec::new();
        }
        vec![match failure {
            None => InvitationMailed { invitation, mail }.into(),
            Some(failure) => InvitationMailFailed {
                invitation,
                mail,
                failure,
            }
            .into(),
        }]
    }

    pub(super) fn mail_requested(&mut self, e: &InvitationMailRequested) {
        self.mails.note(e.requested_at);
        if let Some(held) = self.invitations.get_mut(&e.invitation) {
            held.mail = Some(Mail {
                id: e.mail,
                requested_at: e.requested_at,
                settled: false,
            });
        }
    }

    pub(super) fn mail_settled(&mut self, invitation: InvitationId, mail: MailId) {
        let held = self.invitations.get_mut(&invitation);
        if let Some(held) = held.and_then(|held| held.mail.as_mut())
            && held.id == mail
        {
            held.settled = true;
        }
    }
}

impl Mails {
    fn room(&self, now: Timestamp) -> Result<(), TenantRefusal> {
        let of_today = |at: &&Timestamp| now.millis_since(**at) < DAY_MS;
        match self.0.iter().filter(of_today).count() < A_DAY {
            true => Ok(()),
            false => Err(TenantRefusal::TooManyMails { most: A_DAY }),
        }
    }

    fn note(&mut self, at: Timestamp) {
        self.0.retain(|earlier| at.millis_since(*earlier) < DAY_MS);
        self.0.push_back(at);
        if self.0.len() > A_DAY {
            self.0.pop_front();
        }
    }
}
