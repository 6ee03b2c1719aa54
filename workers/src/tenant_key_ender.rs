//! When a tenant is erased, its API keys end: on the log alone, so that ingest refuses
//! them whatever else is away.

use eventlog::Record;
use schemas::ids::TenantId;
use schemas::messages::MessageSet;
use schemas::tenant::TenantEvent;
use schemas::tenant_keys::{EndTenantKeys, TenantKeysCommand};
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::reactor::{Reactor, Verdict};

pub struct TenantKeyEnder;

impl Reactor for TenantKeyEnder {
    fn name(&self) -> &'static str {
        "tenant_key_ender"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn react(&self, record: &Record) -> Verdict {
        if !TenantEvent::has(record.kind()) {
            return Ok(Vec::new());
        }
        let TenantEvent::TenantErased(_) = record.decode()? else {
            return Ok(Vec::new());
        };
        let cause = Cause::of(self.name(), record)?;
        let tenant: TenantId = cause.subject()?;
        let command = cause.command::<TenantKeysCommand>(
            Topic::IdentityCommands,
            tenant,
            "end",
            EndTenantKeys {
                reason: Some("the tenant was erased".to_owned()),
            },
        )?;
        Ok(vec![command])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given;
    use schemas::codec::Example;
    use schemas::tenant::{TenantErased, TenantErasureAsked};

    #[test]
    fn the_keys_of_an_erased_tenant_end() {
        let erased = given::example::<TenantEvent, TenantErased>(Topic::IdentityEvents);
        let commands = TenantKeyEnder.react(&erased).unwrap();
        assert_eq!(
            given::sent::<TenantKeysCommand>(&commands[0]),
            (
                Topic::IdentityCommands,
                given::SUBJECT.to_string(),
                EndTenantKeys::example().into()
            )
        );
        assert_eq!(
            TenantKeyEnder.react(&erased).unwrap(),
            commands,
            "the same again"
        );
    }

    #[test]
    fn those_of_one_that_is_to_be_erased_do_not() {
        let asked = given::example::<TenantEvent, TenantErasureAsked>(Topic::IdentityEvents);
        assert_eq!(TenantKeyEnder.react(&asked), Ok(Vec::new()));
    }
}
