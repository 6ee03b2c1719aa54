//! The one table of what each member role may do, and what API key scopes map to.

use schemas::scope::MemberRole;
use schemas::scope::MemberRole::{Admin, Engineer, Owner, Viewer};

/// Something that an operation of the API needs leave for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    UseSession,
    ReadProjects,
    ManageProjects,
    ReadMembers,
    ManageMembers,
    ManageOwners,
    ReadApiKeys,
    ManageApiKeys,
    ReadIncidents,
    OpenIncidents,
    WorkIncidents,
    CommentIncidents,
    MergeIncidents,
    ReadAlerts,
    ReadTelemetry,
    ReadTelemetryLimits,
    ManageTelemetryLimits,
    ReadCommands,
    ReadAudit,
    Ingest,
}

/// One row: the action's public name, what it means, and who may.
struct Row {
    action: Action,
    name: &'static str,
    description: &'static str,
    roles: &'static [MemberRole],
}

const EVERYBODY: &[MemberRole] = &[Owner, Admin, Engineer, Viewer];
const RESPONDERS: &[MemberRole] = &[Owner, Admin, Engineer];
const ADMINS: &[MemberRole] = &[Owner, Admin];

/// The table `action × member role`. `Ingest` has no member role: it is for keys
/// with the scope `ingest` alone, because agents are not people.
#[rustfmt::skip]
const TABLE: [Row; 20] = {
    const fn row(action: Action, name: &'static str, description: &'static str, roles: &'static [MemberRole]) -> Row {
        Row { action, name, description, roles }
    }
    [
        row(Action::UseSession, "session.use", "See the own account and receive live changes", EVERYBODY),
        row(Action::ReadProjects, "project.read", "See the tenant's projects", EVERYBODY),
        row(Action::ManageProjects, "project.manage", "Create and rename projects", ADMINS),
        row(Action::ReadMembers, "member.read", "See who belongs to the tenant", EVERYBODY),
        row(Action::ManageMembers, "member.manage", "Add and remove members and change their role", ADMINS),
        row(Action::ManageOwners, "owner.manage", "Make members owners and take ownership away", &[Owner]),
        row(Action::ReadApiKeys, "api_key.read", "See API keys (never their secret)", RESPONDERS),
        row(Action::ManageApiKeys, "api_key.manage", "Create and revoke API keys", ADMINS),
        row(Action::ReadIncidents, "incident.read", "See incidents and their timelines", EVERYBODY),
        row(Action::OpenIncidents, "incident.open", "Declare an incident", RESPONDERS),
        row(Action::WorkIncidents, "incident.work", "Move incidents on, assign and edit them", RESPONDERS),
        row(Action::CommentIncidents, "incident.comment", "Comment on incidents", RESPONDERS),
        row(Action::MergeIncidents, "incident.merge", "Merge incidents", RESPONDERS),
        row(Action::ReadAlerts, "alert.read", "See alerts", EVERYBODY),
        row(Action::ReadTelemetry, "telemetry.read", "Ask metrics, logs and traces", EVERYBODY),
        row(Action::ReadTelemetryLimits, "telemetry_limits.read", "See what the tenant may send, and does", EVERYBODY),
        row(Action::ManageTelemetryLimits, "telemetry_limits.manage", "Set what the tenant may send", ADMINS),
        row(Action::ReadCommands, "command.read", "See what became of an own request", EVERYBODY),
        row(Action::ReadAudit, "audit.read", "See who did what", ADMINS),
        row(Action::Ingest, "ingest.send", "Send webhooks and telemetry", &[]),
    ]
};

impl Action {
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.action)
    }

    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub fn description(self) -> &'static str {
        self.row().description
    }

    /// The member roles that may, from most to least.
    pub fn roles(self) -> &'static [MemberRole] {
        self.row().roles
    }

    pub fn allows(self, role: MemberRole) -> bool {
        self.roles().contains(&role)
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.action == self)
            .expect("every action has its row")
    }
}

/// What an API key was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyScope {
    Ingest,
    Read,
    Write,
    Admin,
}

impl KeyScope {
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Write, Self::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Whether a key with this scope alone may do `action`.
    pub fn allows(self, action: Action) -> bool {
        match self {
            Self::Ingest => action == Action::Ingest,
            Self::Read => action.allows(Viewer),
            Self::Write => action.allows(Engineer),
            Self::Admin => action.allows(Admin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = Action::all().map(Action::name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn who_may_more_may_all_that_who_may_less() {
        for action in Action::all() {
            for pair in MemberRole::ALL.windows(2) {
                let (more, less) = (pair[0], pair[1]);
                assert!(
                    !action.allows(less) || action.allows(more),
                    "{} is open to {} but not to {}",
                    action.name(),
                    less.name(),
                    more.name()
                );
            }
        }
    }

    #[test]
    fn viewers_change_nothing() {
        let theirs: Vec<_> = Action::all().filter(|a| a.allows(Viewer)).collect();
        assert!(
            theirs
                .iter()
                .all(|a| a.name().ends_with(".read") || *a == Action::UseSession)
        );
    }

    #[test]
    fn an_ingest_key_can_only_send() {
        let allowed: Vec<_> = Action::all()
            .filter(|a| KeyScope::Ingest.allows(*a))
            .collect();
        assert_eq!(allowed, [Action::Ingest]);
        for scope in [KeyScope::Read, KeyScope::Write, KeyScope::Admin] {
            assert!(!scope.allows(Action::Ingest) && !scope.allows(Action::ManageOwners));
        }
    }
}
