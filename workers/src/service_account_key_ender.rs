//! When a service account is disabled, its API keys end, those that are being made at
//! that moment too. Whoever disables it asks for that as well; this sees to it where
//! they did not get as far.

use eventlog::Record;
use schemas::ids::ServiceAccountId;
use schemas::messages::MessageSet;
use schemas::service_account::ServiceAccountEvent;
use schemas::service_account_keys::{EndServiceAccountKeys, ServiceAccountKeysCommand};
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::reactor::{Reactor, Verdict};

pub struct ServiceAccountKeyEnder;

impl Reactor for ServiceAccountKeyEnder {
    fn name(&self) -> &'static str {
        "service_account_key_ender"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn react(&self, record: &Record) -> Verdict {
        if !ServiceAccountEvent::has(record.kind()) {
            return Ok(Vec::new());
        }
        let ServiceAccountEvent::ServiceAccountDisabled(_) = record.decode()? else {
            return Ok(Vec::new());
        };
        let cause = Cause::of(self.name(), record)?;
        let account: ServiceAccountId = cause.subject()?;
        let command = cause.command::<ServiceAccountKeysCommand>(
            Topic::IdentityCommands,
            account,
            "end",
            EndServiceAccountKeys {
                reason: Some("the service account was disabled".to_owned()),
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
    use schemas::service_account::{ServiceAccountCreated, ServiceAccountDisabled};

    #[test]
    fn the_keys_of_a_disabled_account_end() {
        let topic = Topic::IdentityEvents;
        let disabled = given::example::<ServiceAccountEvent, ServiceAccountDisabled>(topic);
        let commands = ServiceAccountKeyEnder.react(&disabled).unwrap();
        assert_eq!(
            given::sent::<ServiceAccountKeysCommand>(&commands[0]),
            (
                Topic::IdentityCommands,
                given::SUBJECT.to_string(),
                EndServiceAccountKeys::example().into()
            )
        );
        assert_eq!(
            ServiceAccountKeyEnder.react(&disabled).unwrap(),
            commands,
            "the same again"
        );
    }

    #[test]
    fn those_of_one_in_use_do_not() {
        let topic = Topic::IdentityEvents;
        let created = given::example::<ServiceAccountEvent, ServiceAccountCreated>(topic);
        assert_eq!(ServiceAccountKeyEnder.react(&created), Ok(Vec::new()));
    }
}
