//! Opaque copies of domain events, so that the command side loads an aggregate
//! in one statement. Decodes nothing; crate `commands` declares the port.

use async_trait::async_trait;
use eventlog::{Offset, Partition, Position, Record};
use schemas::envelope::{Envelope, Headers};
use schemas::ids::{CommandId, TenantId};
use schemas::outcome::EventPosition;
use schemas::topic::Topic;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, pack, sequence_of, unpack};

/// The projection.
#[derive(Debug)]
pub struct History;

#[async_trait]
impl Projection for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn topics(&self) -> &'static [Topic] {
        &[
            Topic::IdentityEvents,
            Topic::IdentityKeys,
            Topic::IncidentEvents,
            Topic::CatalogEvents,
            Topic::MonitoringEvents,
        ]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["events"]
    }

    fn home(&self) -> Home {
        Home::History
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut columns = Columns::default();
        for record in batch {
            columns.push(record)?;
        }
        let written = columns.write(to.rows).await;
        match written.map_err(|error| never_aside(error.into()))? == batch.len() {
            true => Ok(Vec::new()),
            false => Err(ApplyError::Stop(
                "another event already has this aggregate's sequence number: there were two writers"
                    .to_owned(),
            )),
        }
    }
}

/// An event of an aggregate is never set aside: what is loaded of it counts as all there is
/// before the checkpoint, and would be decided on.
fn never_aside(error: ApplyError) -> ApplyError {
    match error {
        ApplyError::Permanent(why) => ApplyError::Stop(why),
        other => other,
    }
}

/// What the history holds of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub events: Vec<HistoryEvent>,
    /// Events of the partition before this offset are all in the history, but for
    /// those of erased tenants.
    pub checkpoint: Offset,
    /// The tenant that was asked about, where it was erased.
    pub erased: Option<TenantId>,
}

/// One event as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    pub headers: Headers,
    pub body: Vec<u8>,
    pub position: Position,
}

/// What became of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The aggregate's version after the command.
    pub version: i64,
    pub positions: Vec<EventPosition>,
    pub request_hash: Option<String>,
}

/// The offset of the next event that the history will take over.
pub async fn checkpoint(db: &Db, topic: Topic, partition: Partition) -> Result<Offset, QueryError> {
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT next_offset FROM history.checkpoint
         WHERE projection = 'history' AND topic = $1 AND partition = $2",
    )
    .bind(topic.name())
    .bind(partition)
    .fetch_optional(db.writer())
    .await?;
    Ok(next.unwrap_or(0))
}

/// All events of one aggregate and the checkpoint, and whether `tenant` was erased,
/// read in one statement.
pub async fn load(
    db: &Db,
    topic: Topic,
    partition: Partition,
    aggregate: &str,
    key: &str,
    tenant: TenantId,
) -> Result<Loaded, QueryError> {
    type Row = (i64, bool, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.next_offset, EXISTS (SELECT FROM vault.erased_tenants WHERE tenant_id = $5),
             e.log_offset, e.headers, e.body
         FROM history.checkpoint c
         LEFT JOIN history.events e ON e.aggregate = $3 AND e.key = $4
         WHERE c.projection = 'history' AND c.topic = $1 AND c.partition = $2
         ORDER BY e.sequence",
    )
    .bind(topic.name())
    .bind(partition)
    .bind(aggregate)
    .bind(key)
    .bind(tenant.0)
    .fetch_all(db.writer())
    .await?;
    let (checkpoint, erased) = rows.first().map_or((0, false), |row| (row.0, row.1));
    let event = |(_, _, offset, headers, body): Row| {
        let (offset, headers, body) = (offset?, headers?, body?);
        Some(unpack(&headers).map(|headers| HistoryEvent {
            headers,
            body,
            position: Position {
                topic,
                partition,
                offset,
            },
        }))
    };
    let events: Option<Vec<_>> = rows.into_iter().filter_map(event).collect();
    let foreign = || sqlx::Error::Decode("history.events.headers were not packed here".into());
    Ok(Loaded {
        events: events.ok_or_else(foreign)?,
        checkpoint,
        erased: erased.then_some(tenant),
    })
}

/// The events that a command left in an aggregate; None where there are none.
pub async fn find_command(
    db: &Db,
    aggregate: &str,
    key: &str,
    command: CommandId,
) -> Result<Option<Settled>, QueryError> {
    type Row = (i64, Option<String>, String, i32, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT sequence, request_hash, topic, partition, log_offset FROM history.events
         WHERE command_id = $3 AND aggregate = $1 AND key = $2 ORDER BY sequence",
    )
    .bind(aggregate)
    .bind(key)
    .bind(command.0)
    .fetch_all(db.writer())
    .await?;
    let Some((version, request_hash, ..)) = rows.last().cloned() else {
        return Ok(None);
    };
    let position = |(_, _, topic, partition, offset)| EventPosition {
        topic,
        partition,
        offset,
    };
    Ok(Some(Settled {
        version,
        request_hash,
        positions: rows.into_iter().map(position).collect(),
    }))
}

/// A batch, column by column.
#[derive(Default)]
struct Columns<'a> {
    aggregate: Vec<String>,
    key: Vec<String>,
    sequence: Vec<i64>,
    command: Vec<Uuid>,
    request_hash: Vec<Option<String>>,
    topic: Vec<&'static str>,
    partition: Vec<i32>,
    offset: Vec<i64>,
    headers: Vec<Vec<u8>>,
    body: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, record: &'a Record) -> Result<(), ApplyError> {
        let envelope = record.envelope().map_err(|bad| never_aside(bad.into()))?;
        self.aggregate.push(aggregate_of(&envelope)?);
        self.sequence
            .push(sequence_of(&envelope).map_err(never_aside)?);
        self.command.push(envelope.causation.unwrap_or_default());
        self.key.push(envelope.subject);
        self.request_hash.push(envelope.request_hash);
        self.topic.push(record.position.topic.name());
        self.partition.push(record.position.partition);
        self.offset.push(record.position.offset);
        self.headers.push(pack(&record.headers));
        self.body.push(&record.body);
        Ok(())
    }

    /// Returns how many rows hold their event now: a row that another position
    /// already has is left alone and not counted.
    async fn write(self, rows: &mut PgConnection) -> Result<usize, sqlx::Error> {
        let written = sqlx::query(
            "INSERT INTO events AS held (aggregate, key, sequence, command_id, request_hash,
                                         topic, partition, log_offset, headers, body)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[], $5::text[],
                                  $6::text[], $7::int[], $8::bigint[], $9::bytea[], $10::bytea[])
             ON CONFLICT (aggregate, key, sequence) DO UPDATE SET log_offset = excluded.log_offset
             WHERE (held.topic, held.partition, held.log_offset)
                 = (excluded.topic, excluded.partition, excluded.log_offset)",
        )
        .bind(self.aggregate)
        .bind(self.key)
        .bind(self.sequence)
        .bind(self.command)
        .bind(self.request_hash)
        .bind(self.topic)
        .bind(self.partition)
        .bind(self.offset)
        .bind(self.headers)
        .bind(self.body)
        .execute(rows)
        .await?
        .rows_affected();
        Ok(usize::try_from(written).unwrap_or(usize::MAX))
    }
}

/// Events say which aggregate wrote them: `/commands/<aggregate>`.
fn aggregate_of(envelope: &Envelope) -> Result<String, ApplyError> {
    envelope
        .source
        .strip_prefix("/commands/")
        .map(str::to_owned)
        .ok_or_else(|| ApplyError::Permanent(format!("`{}` is not an aggregate", envelope.source)))
}
