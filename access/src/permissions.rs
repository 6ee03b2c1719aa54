//! The one table of what each member role may do, and what API key scopes map to.

use schemas::scope::MemberRole;
use schemas::scope::MemberRole::{Admin, Engineer, Owner, Viewer};

/// Something that an operation of the API needs leave for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    UseSession,
    ManageTenant,
    ExportTenant,
    EraseTenant,
    EraseMembers,
    ReadProjects,
    ManageProjects,
    ReadMembers,
    ManageMembers,
    ManageOwners,
    ManageSingleSignOn,
    ReadApiKeys,
    ManageApiKeys,
    ReadIncidents,
    OpenIncidents,
    WorkIncidents,
    CommentIncidents,
    MergeIncidents,
    ReadAlerts,
    ReadTelemetry,
    ManageTelemetry,
    DeleteTenantTelemetry,
    ReadSavedViews,
    SaveViews,
    ReadMonitoringIntegrations,
    ManageMonitoringIntegrations,
    TestMonitoringIntegrations,
    ReadTelemetryLimits,
    ManageTelemetryLimits,
    ReadCommands,
    ReadAudit,
    ManageAudit,
    Ingest,
    IngestMetrics,
    IngestLogs,
    IngestTraces,
    IngestWebhooks,
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

/// The table `action × member role`. Sending has no member role: it is for keys with
/// a scope for it, because agents are not people.
#[rustfmt::skip]
const TABLE: [Row; 37] = {
    const fn row(action: Action, name: &'static str, description: &'static str, roles: &'static [MemberRole]) -> Row {
        Row { action, name, description, roles }
    }
    [
        row(Action::UseSession, "session.use", "See the own account and receive live changes", EVERYBODY),
        row(Action::ManageTenant, "tenant.manage", "Rename the tenant", ADMINS),
        row(Action::ExportTenant, "tenant.export", "Take everything of the tenant away as a file", &[Owner]),
        row(Action::EraseTenant, "tenant.erase", "Have the tenant erased, and call that off", &[Owner]),
        row(Action::EraseMembers, "member.erase", "Make a person's name and address unreadable for ever", &[Owner]),
        row(Action::ReadProjects, "project.read", "See the tenant's projects", EVERYBODY),
        row(Action::ManageProjects, "project.manage", "Create, rename, archive and restore projects", ADMINS),
        row(Action::ReadMembers, "member.read", "See who belongs to the tenant", EVERYBODY),
        row(Action::ManageMembers, "member.manage", "Invite and remove members and change their role", ADMINS),
        row(Action::ManageOwners, "owner.manage", "Make members owners and take ownership away", &[Owner]),
        row(Action::ManageSingleSignOn, "single_sign_on.manage", "See and set by which provider members sign in", ADMINS),
        row(Action::ReadApiKeys, "api_key.read", "See API keys (never their secret)", RESPONDERS),
        row(Action::ManageApiKeys, "api_key.manage", "Create, change, rotate and revoke API keys", ADMINS),
        row(Action::ReadIncidents, "incident.read", "See incidents and their timelines", EVERYBODY),
        row(Action::OpenIncidents, "incident.open", "Declare an incident", RESPONDERS),
        row(Action::WorkIncidents, "incident.work", "Move incidents on, assign and edit them", RESPONDERS),
        row(Action::CommentIncidents, "incident.comment", "Comment on incidents", RESPONDERS),
        row(Action::MergeIncidents, "incident.merge", "Merge incidents", RESPONDERS),
        row(Action::ReadAlerts, "alert.read", "See alerts", EVERYBODY),
        row(Action::ReadTelemetry, "telemetry.read", "Ask metrics, logs and traces", EVERYBODY),
        row(Action::ManageTelemetry, "telemetry.manage", "Set how long telemetry of the project is kept, and delete it", ADMINS),
        row(Action::DeleteTenantTelemetry, "tenant_telemetry.delete", "Delete the telemetry of all projects", ADMINS),
        row(Action::ReadSavedViews, "saved_view.read", "See the project's saved views", EVERYBODY),
        row(Action::SaveViews, "saved_view.save", "Save and delete views for the whole project", RESPONDERS),
        row(Action::ReadMonitoringIntegrations, "monitoring_integration.read", "See monitoring servers and whether they answer", EVERYBODY),
        row(Action::ManageMonitoringIntegrations, "monitoring_integration.manage", "Add, change, rename and remove monitoring servers and their credentials", ADMINS),
        row(Action::TestMonitoringIntegrations, "monitoring_integration.test", "Ask a monitoring server at once whether it is well", RESPONDERS),
        row(Action::ReadTelemetryLimits, "telemetry_limits.read", "See what the tenant may send, and does", EVERYBODY),
        row(Action::ManageTelemetryLimits, "telemetry_limits.manage", "Set what the tenant may send", ADMINS),
        row(Action::ReadCommands, "command.read", "See what became of an own request", EVERYBODY),
        row(Action::ReadAudit, "audit.read", "See who did what", ADMINS),
        row(Action::ManageAudit, "audit.manage", "Set how long audit entries are kept", &[Owner]),
        row(Action::Ingest, "ingest.send", "Send at all", &[]),
        row(Action::IngestMetrics, "ingest.metrics", "Send metrics", &[]),
        row(Action::IngestLogs, "ingest.logs", "Send logs", &[]),
        row(Action::IngestTraces, "ingest.traces", "Send traces", &[]),
        row(Action::IngestWebhooks, "ingest.webhooks", "Send webhooks", &[]),
    ]
};

/// What reaches over all projects: the role in the tenant decides, whatever a single
/// project says of the member. Everything else goes by the role in the project.
const OF_THE_TENANT: &[Action] = &[
    Action::ManageTenant,
    Action::ExportTenant,
    Action::EraseTenant,
    Action::EraseMembers,
    Action::ReadProjects,
    Action::ManageProjects,
    Action::ReadMembers,
    Action::ManageMembers,
    Action::ManageOwners,
    Action::ManageSingleSignOn,
    Action::ReadAudit,
    Action::ManageAudit,
    Action::DeleteTenantTelemetry,
    Action::ReadTelemetryLimits,
    Action::ManageTelemetryLimits,
];

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

    /// Whether it reaches over all projects of the tenant.
    pub fn is_of_the_tenant(self) -> bool {
        OF_THE_TENANT.contains(&self)
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.action == self)
            .expect("every action has its row")
    }
}

/// The table as a page of the documentation, Markdown.
pub fn page() -> String {
    let mut page = String::from(PAGE_HEAD);
    let roles = MemberRole::ALL.map(MemberRole::name).join(" | ");
    let scopes = KeyScope::ALL
        .map(|scope| format!("`{}`", scope.name()))
        .join(" | ");
    page.push_str(&format!("| action | what it is | {roles} | {scopes} |\n"));
    let columns = 2 + MemberRole::ALL.len() + KeyScope::ALL.len();
    page.push_str(&format!("|{}\n", "---|".repeat(columns)));
    for action in Action::all() {
        let everywhere = if action.is_of_the_tenant() { " *" } else { "" };
        let members = MemberRole::ALL.map(|role| mark(action.allows(role)));
        let keys = KeyScope::ALL.map(|scope| mark(scope.allows(action)));
        let marks = members
            .into_iter()
            .chain(keys)
            .collect::<Vec<_>>()
            .join(" | ");
        let (name, description) = (action.name(), action.description());
        page.push_str(&format!(
            "| `{name}`{everywhere} | {description} | {marks} |\n"
        ));
    }
    page
}

fn mark(allowed: bool) -> &'static str {
    if allowed { "yes" } else { "" }
}

const PAGE_HEAD: &str = "\
# Roles

What each member role and each scope of an API key may do. Made by `make gen` from the
table that the gateway asks (`access/src/permissions.rs`); the console shows the same.

A member has one role in the tenant and may have another in a single project, except
owners, who are owners everywhere. What is marked * reaches over all projects and goes by
the role in the tenant; everything else goes by the role in the project.

";

/// What an API key was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyScope {
    /// Everything that can be sent; the others one kind each.
    Ingest,
    IngestMetrics,
    IngestLogs,
    IngestTraces,
    IngestWebhooks,
    Read,
    Write,
    Admin,
}

/// What the scope `ingest` is for.
const SENDING: [Action; 5] = [
    Action::Ingest,
    Action::IngestMetrics,
    Action::IngestLogs,
    Action::IngestTraces,
    Action::IngestWebhooks,
];

impl KeyScope {
    pub const ALL: [Self; 8] = [
        Self::Ingest,
        Self::IngestMetrics,
        Self::IngestLogs,
        Self::IngestTraces,
        Self::IngestWebhooks,
        Self::Read,
        Self::Write,
        Self::Admin,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::IngestMetrics => "ingest:metrics",
            Self::IngestLogs => "ingest:logs",
            Self::IngestTraces => "ingest:traces",
            Self::IngestWebhooks => "ingest:webhooks",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// What a key needs to send `what` and nothing else.
    pub fn to_send(what: Action) -> Self {
        match what {
            Action::IngestMetrics => Self::IngestMetrics,
            Action::IngestLogs => Self::IngestLogs,
            Action::IngestTraces => Self::IngestTraces,
            Action::IngestWebhooks => Self::IngestWebhooks,
            _ => Self::Ingest,
        }
    }

    /// Whether a key with this scope alone may do `action`.
    pub fn allows(self, action: Action) -> bool {
        match self {
            Self::Ingest => SENDING.contains(&action),
            Self::IngestMetrics => [Action::Ingest, Action::IngestMetrics].contains(&action),
            Self::IngestLogs => [Action::Ingest, Action::IngestLogs].contains(&action),
            Self::IngestTraces => [Action::Ingest, Action::IngestTraces].contains(&action),
            Self::IngestWebhooks => [Action::Ingest, Action::IngestWebhooks].contains(&action),
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
        assert_eq!(allowed, SENDING);
        for scope in [KeyScope::Read, KeyScope::Write, KeyScope::Admin] {
            assert!(!scope.allows(Action::Ingest) && !scope.allows(Action::ManageOwners));
        }
    }

    #[test]
    fn a_key_for_one_signal_sends_nothing_else() {
        let logs: Vec<_> = Action::all()
            .filter(|a| KeyScope::IngestLogs.allows(*a))
            .collect();
        assert_eq!(logs, [Action::Ingest, Action::IngestLogs]);
        for what in SENDING {
            assert!(KeyScope::to_send(what).allows(what), "{}", what.name());
        }
        assert_eq!(
            KeyScope::to_send(Action::IngestMetrics).name(),
            "ingest:metrics"
        );
        for scope in KeyScope::ALL {
            assert_eq!(KeyScope::parse(scope.name()), Some(scope));
        }
    }
}
