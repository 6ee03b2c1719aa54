//! Which parts of the platform one process runs.

use crate::config::BadSetting;

/// A set of process roles; all of them in the default deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    pub name: &'static str,
    pub gateway: bool,
    pub ingest: bool,
    pub commands: bool,
    pub projections: bool,
    pub workers: bool,
}

const NONE: Roles = Roles {
    name: "none",
    gateway: false,
    ingest: false,
    commands: false,
    projections: false,
    workers: false,
};

impl Roles {
    pub const ALL: Self = Self {
        name: "all",
        gateway: true,
        ingest: true,
        commands: true,
        projections: true,
        workers: true,
    };
    pub const GATEWAY: Self = Self {
        name: "gateway",
        gateway: true,
        ..NONE
    };
    pub const INGEST: Self = Self {
        name: "ingest",
        ingest: true,
        ..NONE
    };
    pub const COMMANDS: Self = Self {
        name: "commands",
        commands: true,
        ..NONE
    };
    pub const PROJECTIONS: Self = Self {
        name: "projections",
        projections: true,
        ..NONE
    };
    pub const WORKERS: Self = Self {
        name: "workers",
        workers: true,
        ..NONE
    };

    /// Whether one process does everything, so that the embedded log and the
    /// in-process fan-out suffice.
    pub fn all_in_one(self) -> bool {
        self == Self::ALL
    }

    pub fn need_postgres(self) -> bool {
        self.gateway || self.commands || self.projections || self.workers
    }

    /// With a Postgres of its own each role apart would have read models and secrets that
    /// no other one sees.
    pub(crate) fn ensure_shared_database(self, url: Option<&str>) -> Result<(), BadSetting> {
        if self.all_in_one() || !self.need_postgres() || url.is_some() {
            return Ok(());
        }
        let expected = format!(
            "`sre-copilot {}` runs apart from the other roles and needs the Postgres that they \
             have in common",
            self.name
        );
        Err(BadSetting {
            setting: "DATABASE_URL",
            value: String::new(),
            expected,
        })
    }

    /// The port that the role listens on when none is configured: roles run apart
    /// each have their own, so that they fit one machine.
    pub fn http_port(self) -> u16 {
        match self.name {
            "gateway" => 8500,
            "commands" => 8502,
            "workers" => 8503,
            "projections" => 8508,
            "ingest" => 8509,
            _ => 8580,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_apart_have_one_database_in_common() {
        for (roles, apart) in [
            (Roles::ALL, false),
            (Roles::INGEST, false),
            (Roles::GATEWAY, true),
            (Roles::COMMANDS, true),
            (Roles::PROJECTIONS, true),
            (Roles::WORKERS, true),
        ] {
            let refused = roles.ensure_shared_database(None).is_err();
            assert_eq!(refused, apart, "{}", roles.name);
            let named = roles.ensure_shared_database(Some("postgres://db/x"));
            assert!(named.is_ok(), "{}", roles.name);
        }
    }
}
