//! Signs where each tenant's chain has come to. A seal lies in the log, so that whoever
//! can write the read models still cannot give a tenant another past.

use std::time::Duration;

use access::seal;
use access::token::SigningKey;
use eventlog::NewRecord;
use projections::audit::{self, Unsealed};
use schemas::audit::{AuditRecord, ChainSealed, chain};
use schemas::codec::Message;
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::scope::Actor;
use schemas::topic::Topic;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Gateway;
use crate::error::Error;

const EVERY: Duration = Duration::from_secs(60);
/// Chains of one round.
const MOST: i64 = 1_000;

/// Seals until `stop`. Trouble with Postgres or the log only delays it.
pub async fn run(gateway: &Gateway, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = round(gateway).await {
            tracing::debug!(%error, "the audit chains are sealed later");
        }
    }
}

/// One round; several gateways make the same seals.
pub async fn round(gateway: &Gateway) -> Result<(), Error> {
    let key = gateway.keys()?.audit()?;
    let chains = audit::unsealed(&gateway.db, MOST).await?;
    let records = chains.iter().map(|chain| record(gateway, &key, chain));
    let records: Vec<NewRecord> = records.collect::<Result<_, _>>()?;
    if !records.is_empty() {
        gateway.log.append(records).await?;
    }
    Ok(())
}

fn record(gateway: &Gateway, key: &SigningKey, of: &Unsealed) -> Result<NewRecord, Error> {
    let seal = sealed(key, of.tenant().0, of.origin, of.seq, &of.hash)?;
    let record = AuditRecord::from(ChainSealed {
        origin: seal.origin,
        seq: seal.seq,
        hash: seal.hash,
        key: seal.key,
        signature: seal.signature,
    });
    let context = Context::ambient(&gateway.clock);
    let id = Uuid::new_v5(&of.origin, of.hash.as_bytes());
    let envelope = Envelope {
        id,
        kind: ChainSealed::KIND.to_owned(),
        source: "/gateway".to_owned(),
        subject: of.tenant().to_string(),
        time: context.now(),
        tenant: Some(of.tenant()),
        project: None,
        actor: Actor::system("audit_sealer"),
        correlation: id,
        causation: None,
        traceparent: None,
        sequence: None,
        expected_version: None,
        request_hash: None,
    };
    Ok(NewRecord::of(Topic::AuditOperations, &envelope, &record)?)
}

/// The seal of a chain that ends with `hash`.
pub(crate) fn sealed(
    key: &SigningKey,
    tenant: Uuid,
    origin: Uuid,
    seq: i64,
    hash: &str,
) -> Result<chain::Seal, Error> {
    let text = chain::sealed_text(tenant, origin, seq, hash);
    let signature = seal::sign(key, &text).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(chain::Seal {
        origin,
        seq,
        hash: hash.to_owned(),
        key: seal::public_key(key),
        signature,
    })
}
