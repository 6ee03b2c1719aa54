//! Whether a caller may send, and the note that its key was used.

use access::credentials::{self, Presented};
use access::denied::Denied;
use access::meter::{Amount, Use};
use access::permissions::{Action, KeyScope};
use access::principal::Principal;
use access::rates::Rule;
use access::usage;
use axum::http::HeaderMap;
use metrics::counter;
use schemas::context::Context;
use schemas::ids::ApiKeyId;
use schemas::scope::Scope;

use crate::{IngestState, Refusal};

/// A caller whose key may send.
pub(crate) struct Sender {
    principal: Principal,
    pub(crate) key: ApiKeyId,
}

impl Sender {
    pub(crate) fn scope(&self) -> &Scope {
        self.principal.scope()
    }

    /// Refuses a key that was made for other signals only.
    pub(crate) fn may_send(&self, what: Action) -> Result<(), Refusal> {
        match self.principal.may(what) {
            true => Ok(()),
            false => Err(Refusal::WrongScope(KeyScope::to_send(what))),
        }
    }
}

pub(crate) fn admit(
    state: &IngestState,
    headers: &HeaderMap,
    context: &Context,
) -> Result<Sender, Refusal> {
    match credentials::find(headers)?.ok_or(Denied::Missing)? {
        Presented::Key(text) => admit_key(state, &text, context),
        Presented::Token(_) => Err(Denied::UnknownKey.into()),
    }
}

/// Admits the holder of the key `text`.
pub(crate) fn admit_key(
    state: &IngestState,
    text: &str,
    context: &Context,
) -> Result<Sender, Refusal> {
    if !state.keyring.fresh() {
        return Err(Refusal::KeyringBehind);
    }
    let principal = state.keyring.admit(text, context.now())?;
    match principal.api_key() {
        Some(key) if principal.may(Action::Ingest) => Ok(Sender { principal, key }),
        _ => Err(Refusal::WrongScope(KeyScope::Ingest)),
    }
}

/// Counts a request of the sender and of its tenant.
pub(crate) async fn count(
    state: &IngestState,
    sender: &Sender,
    context: &Context,
) -> Result<(), Refusal> {
    let (now, tenant) = (context.now(), sender.scope().tenant());
    state
        .rates
        .take(Rule::Agent, sender.key.0.into(), now)
        .await?;
    state.rates.take(Rule::Agents, tenant.0.into(), now).await?;
    Ok(())
}

/// Counts `amount` of what the sender sent, for its tenant to see.
pub(crate) fn meter(
    state: &IngestState,
    sender: &Sender,
    used: &'static str,
    rule: Option<&'static str>,
    amount: Amount,
) {
    let used = Use {
        used,
        key: Some(sender.key),
        rule: rule.map(Into::into),
    };
    let (scope, now) = (sender.scope(), state.clock.now());
    state.meter.count(scope, used, amount, now);
}

/// Notes that the key was used, beside the request: neither its answer nor its
/// time depend on it.
pub(crate) fn note_use(state: &IngestState, sender: &Sender, context: &Context) {
    let used = match usage::record(&state.keyring, &sender.principal, context) {
        Ok(Some(used)) => used,
        Ok(None) => return,
        Err(error) => return tracing::error!(%error, "the use of a key is not noted"),
    };
    let log = state.log.clone();
    tokio::spawn(async move {
        if let Err(error) = log.append(vec![used]).await {
            counter!("ingest_key_uses_lost_total").increment(1);
            tracing::warn!(%error, "the use of a key is not noted");
        }
    });
}
