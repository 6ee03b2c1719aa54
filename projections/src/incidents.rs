//! Read model `incidents`: the list and the head of an incident's page.
//!
//! Everything but the number comes from the incident's own events; the number is
//! counted per project and joined, as are the alerts (read model `alerts`) and
//! the names of people.

mod fold;
mod query;
mod stats;

use std::collections::BTreeMap;

use async_trait::async_trait;
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::envelope::Envelope;
use schemas::incident::IncidentEvent;
use schemas::incident_numbers::{IncidentNumbered, IncidentNumbersEvent};
use schemas::topic::Topic;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::runtime::{
    ApplyError, Changed, Home, Projection, Writing, decode_scoped, scope_of, upsert,
};
use fold::Row;

pub use query::{Cursor, Filter, Incident, Order, get, list, number_of, numbered};
pub use stats::{Day, OpenIncidents, Stats, stats};

/// The projection.
#[derive(Debug)]
pub struct Incidents;

#[async_trait]
impl Projection for Incidents {
    fn name(&self) -> &'static str {
        "incidents"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IncidentEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["incidents", "incident_numbers"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/incidents.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (events, numbers) = read(batch)?;
        let mut rows = load(to.rows, &events).await?;
        let mut changes = Vec::new();
        for (record, envelope, event) in events {
            let id = fold::id_of(&envelope)?;
            changes.extend(Changed::in_project(
                record,
                &envelope,
                change_of(&event),
                id,
            ));
            changes.extend(survivor(record, &envelope, &event));
            let row = fold::evolve(rows.remove(&id), &envelope, event)?;
            rows.insert(id, row);
        }
        let mut numbered = Vec::new();
        for (record, envelope, event) in numbers {
            let number = Number::of(&envelope, &event)?;
            let (kind, id) = (ChangeKind::IncidentUpdated, number.incident_id);
            changes.extend(Changed::in_project(record, &envelope, kind, id));
            numbered.push(number);
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        upsert(to.rows, WRITE_NUMBERS, &numbered).await?;
        Ok(changes)
    }
}

type Events<'a> = Vec<(&'a Record, Envelope, IncidentEvent)>;
type Numbers<'a> = Vec<(&'a Record, Envelope, IncidentNumbersEvent)>;

/// The batch's events of incidents, and of their numbers.
fn read(batch: &[Record]) -> Result<(Events<'_>, Numbers<'_>), ApplyError> {
    let (mut events, mut numbers) = (Vec::new(), Vec::new());
    for record in batch {
        if let Some((envelope, event)) = decode_scoped(record)? {
            events.push((record, envelope, event));
        } else if let Some((envelope, event)) = decode_scoped(record)? {
            numbers.push((record, envelope, event));
        }
    }
    Ok((events, numbers))
}

const LOAD: &str = "SELECT * FROM incidents WHERE id = ANY ($1)";

const WRITE: &str = "INSERT INTO incidents
    SELECT * FROM json_populate_recordset(NULL::incidents, $1::json)
    ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, title = excluded.title, status = excluded.status,
        severity = excluded.severity, acknowledged_at = excluded.acknowledged_at,
        investigating_at = excluded.investigating_at, mitigated_at = excluded.mitigated_at,
        resolved_at = excluded.resolved_at, learned_at = excluded.learned_at,
        updated_at = excluded.updated_at, assignee = excluded.assignee,
        merging_into = excluded.merging_into, merged_into = excluded.merged_into";

const WRITE_NUMBERS: &str = "INSERT INTO incident_numbers
    SELECT * FROM json_populate_recordset(NULL::incident_numbers, $1::json)
    ON CONFLICT (incident_id) DO NOTHING";

/// The rows that the events are about, as they are now.
async fn load(
    connection: &mut PgConnection,
    events: &Events<'_>,
) -> Result<BTreeMap<Uuid, Row>, ApplyError> {
    let ids: Result<Vec<_>, _> = events.iter().map(|(_, e, _)| fold::id_of(e)).collect();
    let found: Vec<Row> = sqlx::query_as(LOAD)
        .bind(ids?)
        .fetch_all(connection)
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

fn change_of(event: &IncidentEvent) -> ChangeKind {
    match event {
        IncidentEvent::IncidentOpened(_) => ChangeKind::IncidentCreated,
        _ => ChangeKind::IncidentUpdated,
    }
}

/// The incident that another was merged into shows its alerts from now on, and what
/// they did in its timeline, without an event of its own.
fn survivor(record: &Record, envelope: &Envelope, event: &IncidentEvent) -> Vec<Changed> {
    let IncidentEvent::IncidentMerged(merged) = event else {
        return Vec::new();
    };
    let kinds = [
        ChangeKind::IncidentUpdated,
        ChangeKind::IncidentAbsorbed,
        ChangeKind::TimelineUpdated,
    ];
    let changed = |kind| Changed::in_project(record, envelope, kind, merged.into);
    kinds.into_iter().filter_map(changed).collect()
}

#[derive(Debug, Serialize)]
struct Number {
    incident_id: Uuid,
    tenant_id: Uuid,
    project_id: Uuid,
    number: i64,
}

impl Number {
    fn of(envelope: &Envelope, event: &IncidentNumbersEvent) -> Result<Self, ApplyError> {
        let IncidentNumbersEvent::IncidentNumbered(IncidentNumbered { incident, number }) = event;
        let (tenant, project) = scope_of(envelope)?;
        Ok(Self {
            incident_id: incident.0,
            tenant_id: tenant.0,
            project_id: project.0,
            number: *number,
        })
    }
}
