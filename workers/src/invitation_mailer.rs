//! Sends invitations by mail: what the read model says is waiting, as the vault has it
//! sealed. A mail is handed in and then recorded; whoever dies in between hands the same
//! mail in again (at least once). Each attempt takes the letter for a while, so that of
//! several workers one sends it.

mod letter;

use std::time::Duration;

use eventlog::{Log, LogError, NewRecord};
use projections::invitations::{self, ToSend};
use projections::vault::mails::{self, Taken};
use projections::vault::{MasterKey, VaultError};
use projections::{Db, QueryError};
use schemas::codec::CodecError;
use schemas::context::Clock;
use schemas::ids::MailId;
use schemas::tenant::{MailFailure, RecordInvitationMail, TenantCommand};
use schemas::topic::Topic;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::mail_server::{Post, Unsent};
use crate::unprompted::Unprompted;

/// Names the actor and the metrics; never changes.
pub const NAME: &str = "invitation_mailer";
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many mails that wait are looked at, and so many sent at once.
const LOOKED_AT: i64 = 1_000;
const AT_ONCE: i64 = 8;
/// After so many attempts a mail is given up; the waits between them grow fourfold.
const ATTEMPTS: i32 = 7;
/// Longer than an attempt takes.
const TAKEN_MS: i64 = 60_000;
/// What a stopping program leaves to an attempt.
const GRACE: Duration = Duration::from_secs(5);
/// What was asked for earlier is not sent without somebody asking again.
const TOO_OLD_MS: i64 = 24 * 3_600_000;
/// A mail whose letter is not there after so long has none.
const GONE_MS: i64 = 10 * 60_000;
/// Letters are kept a little longer than mails are sent.
const SWEPT_MS: i64 = TOO_OLD_MS + 3_600_000;

/// What the mailer works with.
#[derive(Clone)]
pub struct Mailer {
    pub log: Log,
    pub db: Db,
    pub master: MasterKey,
    pub clock: Clock,
    pub post: Post,
    /// Between the first attempt and the second.
    pub first_wait: Duration,
}

/// Why a look came to no end.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl Mailer {
    /// Sends until `shutdown`. Ends early only where the log has failed; trouble with
    /// Postgres only delays it.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut look = tokio::time::interval(LOOK_EVERY.min(self.first_wait));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            // An attempt that has begun may come to its end: stopped in the middle, it is
            // made again.
            let ending = async {
                shutdown.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            let looked = tokio::select! {
                looked = self.look() => looked,
                () = ending => return Ok(()),
            };
            match looked {
                Ok(()) => {}
                Err(Trouble::Log(error)) if !error.is_passing() => return Err(error.into()),
                Err(error) => tracing::debug!(worker = NAME, %error, "mails are sent later"),
            }
        }
    }

    async fn look(&self) -> Result<(), Trouble> {
        let now = self.clock.now();
        let waiting = invitations::to_send(&self.db, LOOKED_AT).await?;
        let age = |mail: &ToSend| now.millis_since(mail.requested_at);
        let (old, fresh): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|mail| age(mail) >= TOO_OLD_MS);
        for mail in &old {
            let why = failure("too_old", "it could not be sent within a day");
            self.settle(mail, Some(why)).await?;
        }
        let ids: Vec<MailId> = fresh.iter().map(|mail| mail.mail).collect();
        if !ids.is_empty() {
            self.send_due(&fresh, &ids).await?;
            let kept = mails::kept(&self.db, &ids).await?;
            let gone = |mail: &&ToSend| age(mail) >= GONE_MS && !kept.contains(&mail.mail);
            for mail in fresh.iter().filter(gone) {
                let why = failure("gone", "its letter is gone from the vault");
                self.settle(mail, Some(why)).await?;
            }
        }
        Ok(mails::sweep(&self.db, now.plus_millis(-SWEPT_MS)).await?)
    }

    async fn send_due(&self, waiting: &[ToSend], ids: &[MailId]) -> Result<(), Trouble> {
        let now = self.clock.now();
        let span = (now, now.plus_millis(TAKEN_MS));
        let taken = mails::take(&self.db, &self.master, ids, span, AT_ONCE).await?;
        let mut sending = JoinSet::new();
        for taken in taken {
            let Some(mail) = waiting.iter().find(|mail| mail.mail == taken.id).copied() else {
                continue;
            };
            let mailer = self.clone();
            sending.spawn(async move { mailer.attempt(mail, taken).await });
        }
        let mut ended = Ok(());
        while let Some(done) = sending.join_next().await {
            // A panic is told by the runtime; the letter is due again in its turn.
            if let Ok(Err(trouble)) = done {
                ended = Err(trouble);
            }
        }
        ended
    }

    async fn attempt(&self, mail: ToSend, taken: Taken) -> Result<(), Trouble> {
        let sent = self.hand_in(&taken).await;
        let result = match &sent {
            Ok(()) => "sent",
            Err(unsent) => unsent.why.reason.as_str(),
        };
        metrics::counter!("workers_mails_total", "result" => result.to_owned()).increment(1);
        match sent {
            Ok(()) => self.settle(&mail, None).await,
            Err(unsent) if unsent.lasting || taken.attempts >= ATTEMPTS => {
                self.settle(&mail, Some(unsent.why)).await
            }
            Err(unsent) => {
                let (id, reason) = (mail.mail, &unsent.why.reason);
                tracing::warn!(mail = %id, reason, attempts = taken.attempts, "a mail is not sent");
                let at = self.clock.now().plus_millis(self.wait_ms(taken.attempts));
                Ok(mails::postpone(&self.db, id, at).await?)
            }
        }
    }

    async fn hand_in(&self, taken: &Taken) -> Result<(), Unsent> {
        // Its last attempt began and nobody came back from it.
        if taken.attempts > ATTEMPTS {
            return Err(Unsent::lasting("unreachable", "no attempt came to an end"));
        }
        let unread = || Unsent::passing("gone", "its letter cannot be read now");
        let letter = taken.letter.as_ref().ok_or_else(unread)?;
        let now = self.clock.now();
        self.post
            .send(letter::mail(taken.id, letter, self.post.from(), now)?)
            .await
    }

    fn wait_ms(&self, attempts: i32) -> i64 {
        let first = i64::try_from(self.first_wait.as_millis()).unwrap_or(i64::MAX);
        let times = 4i64.saturating_pow(u32::try_from(attempts - 1).unwrap_or_default());
        first.saturating_mul(times)
    }

    /// Has recorded what became of it; then the letter is gone.
    async fn settle(&self, mail: &ToSend, failure: Option<MailFailure>) -> Result<(), Trouble> {
        let command = self.command(mail, failure)?;
        self.log.append(vec![command]).await?;
        Ok(mails::remove(&self.db, mail.mail).await?)
    }

    fn command(
        &self,
        mail: &ToSend,
        failure: Option<MailFailure>,
    ) -> Result<NewRecord, CodecError> {
        let given = Unprompted {
            worker: NAME,
            subject: mail.tenant.0,
            step: (mail.mail.0, "settle".to_owned()),
            place: (mail.tenant, mail.project),
            time: self.clock.now(),
        };
        let message = TenantCommand::from(RecordInvitationMail {
            invitation: mail.invitation,
            mail: mail.mail,
            failure,
        });
        given.command(Topic::IdentityCommands, &message)
    }
}

fn failure(reason: &str, detail: &str) -> MailFailure {
    Unsent::lasting(reason, detail).why
}
