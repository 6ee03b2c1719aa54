//! What no command tells: reads of sensitive data, tries without leave, and changes that
//! the gateway refused before they were commands. Each is a record of `audit.operations`, durable before the answer leaves.

pub(crate) mod looks;
pub mod sealer;

use access::permissions::Action;
use access::principal::Principal;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use eventlog::NewRecord;
use schemas::audit::{AccessRecorded, AuditRecord};
use schemas::codec::Message;
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::scope::Scope;
use schemas::topic::Topic;

use crate::Gateway;
use crate::error::{Error, Problem, Untold};
use crate::request::RequestId;

/// A longer path names nothing of ours.
const MOST_PATH: usize = 500;

/// What a request reached for.
pub(crate) struct Reached {
    pub(crate) action: Action,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) request: RequestId,
}

/// What is to be told of an answer.
pub(crate) enum ToTell {
    Nothing,
    /// It shows what is sensitive.
    Shown,
    /// The rule that refused it, for want of leave or before there was a command.
    Denied(String),
}

impl ToTell {
    pub(crate) fn of(answer: &Response, sensitive: bool) -> Self {
        if let Some(Untold(rule)) = answer.extensions().get() {
            return Self::Denied(rule.clone());
        }
        match answer.status() {
            StatusCode::FORBIDDEN => {
                let problem = answer.extensions().get::<Problem>();
                let rule = problem.and_then(|problem| problem.rule.clone());
                Self::Denied(rule.unwrap_or_else(|| "forbidden".to_owned()))
            }
            status if sensitive && status.is_success() => Self::Shown,
            _ => Self::Nothing,
        }
    }
}

impl Gateway {
    /// Tells what became of a request of `principal`.
    pub(crate) async fn tell_answer(
        &self,
        principal: &Principal,
        reached: &Reached,
        what: ToTell,
    ) -> Result<(), Error> {
        let rule = match what {
            ToTell::Nothing => return Ok(()),
            ToTell::Shown => None,
            ToTell::Denied(rule) => Some(rule),
        };
        self.tell_access(principal.scope(), reached, rule).await
    }

    /// Tells one access; `rule` is what refused it.
    pub(crate) async fn tell_access(
        &self,
        scope: &Scope,
        reached: &Reached,
        rule: Option<String>,
    ) -> Result<(), Error> {
        let context = Context::ambient(&self.clock);
        let path: String = reached.uri.path().chars().take(MOST_PATH).collect();
        let record = AuditRecord::from(AccessRecorded {
            action: reached.action.name().to_owned(),
            target_type: "route".to_owned(),
            target_id: format!("{} {path}", reached.method),
            refused_rule: rule,
        });
        let tenant = scope.tenant().to_string();
        let kind = AccessRecorded::KIND;
        let mut envelope = Envelope::of(scope, context.id(), kind, "/gateway", tenant);
        envelope.time = context.now();
        envelope.correlation = reached.request.id;
        envelope.traceparent = reached.request.traceparent.clone();
        let record = NewRecord::of(Topic::AuditOperations, &envelope, &record)?;
        self.log.append(vec![record]).await?;
        Ok(())
    }
}
