//! Carrying out once more that people were erased, at each start: a log and a vault that
//! were restored from before know them still. Each step can be done again, and several
//! gateways may do it at once.

use std::time::Duration;

use eventlog::Visibility;
use projections::members::{self, Keyed};
use projections::{erasure, invitations, projects};
use schemas::context::{Clock, Context};
use schemas::ids::{ProjectId, SubjectId, TenantId, UserId};
use schemas::outcome::EventPosition;
use schemas::scope::Scope;
use schemas::tenant::{EraseMember, TenantCommand};
use schemas::topic::Topic;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Gateway;
use crate::auth::session::nobody_yet;
use crate::auth::vault::{accounts, logins, sign_on_identities};
use crate::auth::{ending, invitation, leave, second_factor};
use crate::dispatch::Command;
use crate::erased::{self, Line};
use crate::error::Error;
use crate::request::{Question, RequestId};

const TOPIC: Topic = Topic::IdentityEvents;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Between two looks whether a tenant has an owner besides the one who was erased.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// Where it can be seen who belongs where.
const KNOWN_BY: [&str; 3] = ["members", "projects", "invitations"];
/// Where it can be seen whether somebody belongs to a tenant at all.
const BELONGING: [&str; 2] = ["members", "projects"];
/// Names the actor of commands and their ids; never changes.
const NAME: &str = "person_erasure";

impl Gateway {
    /// Erases again whoever is on the list as this process starts, until nothing of them
    /// is left or `stop`.
    pub(crate) async fn erase_listed(&self, stop: CancellationToken) {
        let Some(list) = &self.config.erased else {
            return;
        };
        let lines = match erased::read(list) {
            Ok(lines) => lines,
            Err(error) => {
                tracing::error!(%error, "who was erased cannot be read: a restored log may know them");
                return;
            }
        };
        let subjects: Vec<_> = lines.iter().filter_map(subject).collect();
        let erasing = async {
            loop {
                let wait = match self.erase_again(&subjects).await {
                    Ok(kept) if kept.is_empty() => return,
                    Ok(kept) => {
                        for tenant in kept {
                            tracing::warn!(%tenant, "its only owner was erased: nobody can log in as them, and they stay until another is owner");
                        }
                        LOOK_AGAIN
                    }
                    Err(error) => {
                        tracing::debug!(%error, "people are erased again later");
                        RETRY_AFTER
                    }
                };
                tokio::time::sleep(wait).await;
            }
        };
        stop.run_until_cancelled(erasing).await;
    }

    /// Does what is left of these erasures: keys, memberships, invitations, accounts.
    /// Returns the tenants whose last owner is among them, who stays one by the name of
    /// `erased`, because no tenant is without an owner. It is erased for all others.
    pub async fn erase_again(&self, subjects: &[SubjectId]) -> Result<Vec<TenantId>, Error> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        // Else somebody who belongs elsewhere too would lose the account.
        let newest = self.newest().await?;
        self.progress.reached(&self.db, &KNOWN_BY, &newest).await;
        erasure::forget_subjects(&self.db, subjects).await?;
        self.withdraw_again(subjects).await?;
        let keyed = members::of_subjects(&self.db, subjects).await?;
        let mut kept = Vec::new();
        for member in &keyed {
            if !member.belongs {
                continue;
            }
            match self.take_out(member).await? {
                true => {
                    tracing::info!(tenant = %member.tenant, user = %member.user, "a person was erased again")
                }
                false => kept.push(member.tenant),
            }
            leave::after(self, member.tenant, member.user).await?;
        }
        let mut users: Vec<_> = keyed.iter().map(|member| member.user).collect();
        // An account is its person's first subject, also where the log has not seen it.
        users.extend(subjects.iter().map(|subject| UserId(subject.0)));
        for user in accounts::left(&self.db, &users).await? {
            self.close_account(user, &keyed).await?;
        }
        Ok(kept)
    }

    /// What a request to erase a member sends; false where they are the last owner.
    async fn take_out(&self, member: &Keyed) -> Result<bool, Error> {
        // Not asked for in vain: the tenant's audit would tell each refusal.
        if member.last_owner {
            return Ok(false);
        }
        let Keyed {
            tenant,
            user,
            subject,
            ..
        } = *member;
        let question = unasked(&self.clock, format!("{subject} {}", member.version));
        let scope = self.acting_in(tenant).await?;
        let command = Command::new(&scope, &question, &Context::ambient(&self.clock));
        let message = TenantCommand::from(EraseMember { user, subject });
        let sent = self.send(&command, Topic::IdentityCommands, tenant, message);
        match sent.await {
            Ok(settled) => self.shown(&settled, &["members"]).await.map(|()| true),
            Err(Error::Refused(refusal)) if refusal.rule == "last_owner" => Ok(false),
            // The tenant is erased meanwhile.
            Err(Error::Refused(refusal)) if refusal.rule == "not_found" => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Revokes what would let them in, or tell their address: what was revoked when they
    /// were erased, and what they had joined by.
    async fn withdraw_again(&self, subjects: &[SubjectId]) -> Result<(), Error> {
        for (tenant, invitation) in invitations::waiting(&self.db).await? {
            let newcomer = invitation::newcomer(invitation);
            let mut own = [invitation.0, newcomer.0].into_iter().map(SubjectId);
            if !own.any(|id| subjects.contains(&id)) {
                continue;
            }
            let scope = self.acting_in(tenant).await?;
            let question = unasked(&self.clock, "revoke".to_owned());
            invitation::revoke(self, &scope, &question, invitation).await?;
        }
        Ok(())
    }

    /// Nothing of an account is left that belongs nowhere but where it was erased.
    async fn close_account(&self, user: UserId, keyed: &[Keyed]) -> Result<(), Error> {
        let scope = nobody_yet(TenantId(Uuid::nil()), user).scope();
        let belongs = members::of_person(&self.db, &scope).await?;
        let erased_in = |id: Uuid| {
            let mut own = keyed.iter().filter(|member| member.user == user);
            own.any(|member| member.tenant.0 == id)
        };
        if !belongs.iter().all(|tenant| erased_in(tenant.id)) {
            return Ok(());
        }
        ending::others(self, user, None).await?;
        second_factor::remove(self, user).await?;
        sign_on_identities::forget_everywhere(&self.db, user).await?;
        logins::remove(&self.db, user).await
    }

    /// The platform, in the tenant's first project.
    async fn acting_in(&self, tenant: TenantId) -> Result<Scope, Error> {
        let mut at = nobody_yet(tenant, UserId(Uuid::nil()));
        let first = projects::first(&self.db, &at.scope()).await?;
        at.project = first.map_or(at.project, |project| ProjectId(project.id));
        Ok(at.scope_of(NAME))
    }

    /// Whether [`Gateway::wait_for_people`] has come to its end once. To be asked before
    /// somebody is looked for: a neighbour may end it in between.
    pub(crate) fn people_are_shown(&self) -> bool {
        self.people_shown.get().is_some()
    }

    /// Waits, once in a process, until the read models of who belongs where have come to
    /// the end of the log.
    pub(crate) async fn wait_for_people(&self) -> Result<(), Error> {
        if self.people_are_shown() {
            return Ok(());
        }
        let newest = self.newest().await?;
        let shown = self.progress.reached(&self.db, &BELONGING, &newest);
        tokio::time::timeout(self.config.read_wait, shown)
            .await
            .map_err(|_| Error::Unavailable("who belongs where is being read again".to_owned()))?;
        self.people_shown.set(()).ok();
        Ok(())
    }

    /// The last record of each partition that tells who belongs where.
    async fn newest(&self) -> Result<Vec<EventPosition>, Error> {
        let mut newest = Vec::new();
        for partition in 0..TOPIC.partitions() {
            let range = self.log.range(TOPIC, partition, Visibility::Durable);
            let range = range.await?;
            if range.start < range.end {
                newest.push(EventPosition {
                    topic: TOPIC.name().to_owned(),
                    partition,
                    offset: range.end - 1,
                });
            }
        }
        Ok(newest)
    }
}

fn subject(line: &Line) -> Option<SubjectId> {
    match line {
        Line::Subject(subject) => Some(*subject),
        Line::Tenant(..) | Line::Account { .. } => None,
    }
}

/// What follows from no request. The same step is one command, whoever takes it and
/// however often.
fn unasked(clock: &Clock, step: String) -> Question {
    let request = RequestId {
        id: Context::ambient(clock).id(),
        traceparent: None,
    };
    Question {
        idempotency_key: Some(step),
        ..Question::without_body(NAME, &request)
    }
}
