//! What the browser is told: that something changed, never what it became.

use serde::{Deserialize, Serialize};

use crate::ids::{ProjectId, TenantId};

/// The kinds of change that clients can react to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    #[serde(rename = "incident.created")]
    IncidentCreated,
    #[serde(rename = "incident.updated")]
    IncidentUpdated,
    /// It has taken over the alerts of another: what it shows changed, and which
    /// incident stands for those alerts.
    #[serde(rename = "incident.absorbed")]
    IncidentAbsorbed,
    #[serde(rename = "timeline.updated")]
    TimelineUpdated,
    #[serde(rename = "alert.fired")]
    AlertFired,
    #[serde(rename = "alert.resolved")]
    AlertResolved,
    #[serde(rename = "api_key.updated")]
    ApiKeyUpdated,
    #[serde(rename = "member.updated")]
    MemberUpdated,
    #[serde(rename = "project.updated")]
    ProjectUpdated,
    #[serde(rename = "saved_view.updated")]
    SavedViewUpdated,
    #[serde(rename = "monitoring_integration.updated")]
    MonitoringIntegrationUpdated,
    #[serde(rename = "telemetry_limits.updated")]
    TelemetryLimitsUpdated,
    #[serde(rename = "telemetry_limits.reached")]
    TelemetryLimitsReached,
}

/// One changed thing. `project` is None for changes of the whole tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    pub tenant: TenantId,
    pub project: Option<ProjectId>,
    /// The id of the thing.
    pub key: String,
}

/// What a projection says after a commit: everything in `[from, to)` of one
/// partition is now readable. A listener that misses one sees the hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    pub projection: String,
    pub topic: String,
    pub partition: i32,
    pub from: i64,
    pub to: i64,
    pub changes: Vec<Change>,
}
