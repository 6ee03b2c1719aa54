//! Alertmanager's `webhook_configs`, payload version 4.

use protocols::alertmanager;

use super::Integration;
use crate::Refusal;

pub(super) const ALERTMANAGER: Integration = Integration {
    name: "alertmanager",
    headers: &["content-type", "user-agent"],
    validate: |body| match alertmanager::validate(body) {
        Ok(_) => Ok(()),
        Err(alertmanager::Invalid { field, problem }) => Err(Refusal::Invalid { field, problem }),
    },
};
