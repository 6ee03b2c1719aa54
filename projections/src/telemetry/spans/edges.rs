//! Who calls whom: a client's span and the server's span beneath it make an edge.
//! The two arrive in any order and often apart; each waits for the other for as
//! long as [`WAIT_US`] of the log's time. Calls of databases and queues, which send
//! no spans, are edges by the caller's word, and what comes out of a queue is one by
//! its consumer's. Where a service makes no span of its calls, the span that it serves
//! is the one beneath which the next service's is found.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use protocols::spans::{SpanKind, SpanStatus};
use schemas::ids::{ProjectId, TenantId};
use serde::Serialize;
use sqlx::PgConnection;
use xxhash_rust::xxh3::xxh3_64;

use super::numbers::NumberMap;
use super::red::{Counted, MINUTE_NS, MINUTES_OF_DAY, cut};
use super::table::{Row, SpanId, Table, TraceId};
use crate::runtime::{ApplyError, upsert};

/// Halves that arrive further apart do not find each other.
pub(crate) const WAIT_US: i64 = 60_000_000;
/// So many halves wait per partition; those beyond are counted and dropped.
const MOST_WAITING: usize = 2_000_000;

/// Whose edge, and when it was used (minutes since 1970).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EdgeKey {
    pub(crate) tenant: TenantId,
    pub(crate) project: ProjectId,
    pub(crate) client: Arc<str>,
    pub(crate) server: Arc<str>,
    /// `service`, `database` or `queue`.
    pub(crate) server_kind: &'static str,
    pub(crate) minute: i64,
}

pub(crate) type Edges = BTreeMap<EdgeKey, Counted>;
pub(crate) type Owner = (TenantId, ProjectId);

#[derive(Debug)]
struct Client {
    service: Arc<str>,
    received_us: i64,
    /// It is a span of what was served, not of a call.
    serves: bool,
}

#[derive(Debug)]
struct Server {
    service: Arc<str>,
    minute: i64,
    duration_ns: i64,
    failed: bool,
    received_us: i64,
}

/// Halves of one partition that wait for the other half.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    clients: NumberMap<u64, Client>,
    servers: NumberMap<u64, Vec<Server>>,
    /// Servers that wait.
    alone: usize,
    swept_us: i64,
}

impl Waiting {
    /// Adds the edges that rows `of` a table of `owner` complete. They come in the
    /// log's order and arrived at `received_us`.
    pub(crate) fn take(
        &mut self,
        owner: Owner,
        table: &Table,
        of: Range<usize>,
        received_us: i64,
        edges: &mut Edges,
    ) {
        let names: Vec<Arc<str>> = table
            .resources
            .iter()
            .map(|resource| cut(table.texts.get(resource.service)).into())
            .collect();
        let systems = Systems::of(table);
        let mut calls = NumberMap::<Call, Counted>::default();
        for row in &table.rows[of] {
            let service = &names[row.resource as usize];
            match row.kind {
                SpanKind::Client | SpanKind::Producer => match systems.called(table, row) {
                    Some(call) => calls
                        .entry(call)
                        .or_default()
                        .add(row.duration_ns, failed(row)),
                    None => self.client(owner, service, row, received_us, edges),
                },
                SpanKind::Server | SpanKind::Consumer => {
                    if let Some(queue) = systems.consumed(table, row) {
                        let queue = cut(table.texts.get(queue)).into();
                        let key = EdgeKey::of(owner, &queue, service, "service", minute(row));
                        count(edges, key, row.duration_ns, failed(row));
                    }
                    self.server(owner, service, row, received_us, edges);
                    self.client(owner, service, row, received_us, edges);
                }
                SpanKind::Unspecified | SpanKind::Internal => {}
            }
        }
        for (call, counted) in calls {
            let client = &names[call.resource as usize];
            let server = cut(table.texts.get(call.system)).into();
            let key = EdgeKey::of(owner, client, &server, call.kind(), call.minute);
            edges.entry(key).or_default().absorb(&counted);
        }
        self.sweep(received_us);
    }

    fn client(
        &mut self,
        owner: Owner,
        service: &Arc<str>,
        row: &Row,
        received_us: i64,
        edges: &mut Edges,
    ) {
        let key = key(owner, &row.trace_id, &row.span_id);
        let known = self.clients.get(&key);
        if known.is_some_and(|known| apart(known.received_us, received_us) <= WAIT_US) {
            return;
        }
        let client = Client {
            service: service.clone(),
            received_us,
            serves: matches!(row.kind, SpanKind::Server | SpanKind::Consumer),
        };
        for server in self.servers.remove(&key).into_iter().flatten() {
            self.alone = self.alone.saturating_sub(1);
            if apart(server.received_us, received_us) <= WAIT_US {
                server.called_by(owner, &client, edges);
            }
        }
        if self.has_room() {
            self.clients.insert(key, client);
        }
    }

    fn server(
        &mut self,
        owner: Owner,
        service: &Arc<str>,
        row: &Row,
        received_us: i64,
        edges: &mut Edges,
    ) {
        let Some(parent_id) = &row.parent_id else {
            return;
        };
        let server = Server {
            service: service.clone(),
            minute: minute(row),
            duration_ns: row.duration_ns,
            failed: failed(row),
            received_us,
        };
        let key = key(owner, &row.trace_id, parent_id);
        let client = self.clients.get(&key);
        match client.filter(|client| apart(client.received_us, received_us) <= WAIT_US) {
            Some(client) => server.called_by(owner, client, edges),
            None if self.has_room() => {
                self.alone += 1;
                self.servers.entry(key).or_default().push(server);
            }
            None => {}
        }
    }

    fn has_room(&self) -> bool {
        let room = self.clients.len() + self.alone < MOST_WAITING;
        if !room {
            metrics::counter!("telemetry_span_halves_dropped_total").increment(1);
        }
        room
    }

    /// Forgets what has waited too long; not at each call, which would cost more
    /// than it frees.
    fn sweep(&mut self, now_us: i64) {
        if now_us.saturating_sub(self.swept_us) < WAIT_US / 4 {
            return;
        }
        self.swept_us = now_us;
        let waits = |since_us: i64| now_us.saturating_sub(since_us) <= WAIT_US;
        self.clients.retain(|_, client| waits(client.received_us));
        self.servers.retain(|_, servers| {
            servers.retain(|server| waits(server.received_us));
            !servers.is_empty()
        });
        self.alone = self.servers.values().map(Vec::len).sum();
    }
}

impl Server {
    fn called_by(&self, owner: Owner, client: &Client, edges: &mut Edges) {
        // A service's span beneath another that it serves is no call.
        if client.serves && client.service == self.service {
            return;
        }
        let client = &client.service;
        let key = EdgeKey::of(owner, client, &self.service, "service", self.minute);
        count(edges, key, self.duration_ns, self.failed);
    }
}

impl EdgeKey {
    fn of(
        (tenant, project): Owner,
        client: &Arc<str>,
        server: &Arc<str>,
        server_kind: &'static str,
        minute: i64,
    ) -> Self {
        Self {
            tenant,
            project,
            client: client.clone(),
            server: server.clone(),
            server_kind,
            minute,
        }
    }
}

fn count(edges: &mut Edges, key: EdgeKey, duration_ns: i64, failed: bool) {
    edges.entry(key).or_default().add(duration_ns, failed);
}

/// Calls of what sends no spans of its own, by numbers of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Call {
    resource: u32,
    system: u32,
    is_queue: bool,
    minute: i64,
}

impl Call {
    fn kind(self) -> &'static str {
        match self.is_queue {
            true => "queue",
            false => "database",
        }
    }
}

/// Numbers that the names of fields have in a table by which a client says what it calls.
struct Systems {
    databases: [Option<u32>; 2],
    queue: Option<u32>,
}

impl Systems {
    fn of(table: &Table) -> Self {
        Self {
            databases: ["db.system", "db.system.name"].map(|name| table.texts.find(name)),
            queue: table.texts.find("messaging.system"),
        }
    }

    /// The queue that a consumer's span is of.
    fn consumed(&self, table: &Table, row: &Row) -> Option<u32> {
        match row.kind {
            SpanKind::Consumer => named(table, row, &[self.queue]),
            _ => None,
        }
    }

    fn called(&self, table: &Table, row: &Row) -> Option<Call> {
        let named = |names: &[Option<u32>]| named(table, row, names);
        let call = |system, is_queue| Call {
            resource: row.resource,
            system,
            is_queue,
            minute: minute(row),
        };
        if let Some(system) = named(&self.databases) {
            return Some(call(system, false));
        }
        match row.kind {
            SpanKind::Producer => Some(call(named(&[self.queue])?, true)),
            _ => None,
        }
    }
}

/// The value of the first field that has one of these names.
fn named(table: &Table, row: &Row, names: &[Option<u32>]) -> Option<u32> {
    let mut fields = table.fields_at(&row.fields).iter();
    let found = fields.find(|(name, _)| names.contains(&Some(*name)));
    found.map(|(_, value)| *value)
}

fn minute(row: &Row) -> i64 {
    row.start_ns.div_euclid(MINUTE_NS)
}

fn failed(row: &Row) -> bool {
    row.status == SpanStatus::Error
}

fn apart(a: i64, b: i64) -> i64 {
    a.saturating_sub(b).saturating_abs()
}

/// What client and server share: the client's span.
fn key((_, project): Owner, trace_id: &TraceId, span_id: &SpanId) -> u64 {
    let mut bytes = [0; 40];
    bytes[..16].copy_from_slice(project.0.as_bytes());
    bytes[16..32].copy_from_slice(trace_id);
    bytes[32..].copy_from_slice(span_id);
    xxh3_64(&bytes)
}

#[derive(Debug, Serialize)]
struct EdgeRow<'a> {
    tenant_id: TenantId,
    project_id: ProjectId,
    day: i64,
    client: &'a str,
    server: &'a str,
    server_kind: &'static str,
    minute: i64,
    count: i64,
    errors: i64,
    sum_ns: i64,
    buckets: &'a [i32],
}

const WRITE: &str = "INSERT INTO service_edges AS e
    SELECT * FROM json_populate_recordset(NULL::service_edges, $1::json)
    ON CONFLICT (tenant_id, project_id, minute, client, server, server_kind) DO UPDATE SET
        count = e.count + excluded.count, errors = e.errors + excluded.errors,
        sum_ns = CASE WHEN e.sum_ns > 9223372036854775807 - excluded.sum_ns
                      THEN 9223372036854775807 ELSE e.sum_ns + excluded.sum_ns END,
        buckets = telemetry.add_buckets(e.buckets, excluded.buckets)";

pub(crate) async fn write(rows: &mut PgConnection, edges: &Edges) -> Result<(), ApplyError> {
    let of = edges.iter().map(|(key, counted)| EdgeRow {
        tenant_id: key.tenant,
        project_id: key.project,
        day: key.minute.div_euclid(MINUTES_OF_DAY),
        client: &key.client,
        server: &key.server,
        server_kind: key.server_kind,
        minute: key.minute,
        count: counted.count,
        errors: counted.errors,
        sum_ns: counted.sum_ns,
        buckets: &counted.buckets,
    });
    upsert(rows, WRITE, &of.collect::<Vec<_>>()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::spans::samples;
    use protocols::spans::{SpanRecord, Stream};
    use uuid::Uuid;

    const OWNER: Owner = (TenantId(Uuid::from_u128(1)), ProjectId(Uuid::from_u128(2)));

    fn half(service: &'static str, kind: SpanKind, id: u8, parent: Option<u8>) -> Table {
        let mut table = Table::default();
        let stream = Stream {
            service: service.into(),
            fields: Vec::new(),
        };
        let resource = table.resource(&stream);
        let span = SpanRecord {
            span_id: [id; 8],
            parent_id: parent.map(|id| [id; 8]),
            kind,
            ..samples::plain()
        };
        table.push(resource, &span, samples::RECEIVED_NS);
        table
    }

    fn edges_of(arrivals: &[(&Table, i64)]) -> Vec<(String, String, i64)> {
        let (mut waiting, mut edges) = (Waiting::default(), Edges::new());
        for (table, received_us) in arrivals {
            waiting.take(OWNER, table, 0..1, *received_us, &mut edges);
        }
        let shown = edges.iter();
        shown
            .map(|(key, n)| (key.client.to_string(), key.server.to_string(), n.count))
            .collect()
    }

    #[test]
    fn halves_find_each_other_in_either_order_within_the_wait() {
        let client = half("shop", SpanKind::Client, 1, None);
        let server = half("pay", SpanKind::Server, 2, Some(1));
        let expected = [("shop".to_owned(), "pay".to_owned(), 1)];
        for apart_us in [0, WAIT_US] {
            assert_eq!(edges_of(&[(&client, 0), (&server, apart_us)]), expected);
            assert_eq!(edges_of(&[(&server, 0), (&client, apart_us)]), expected);
        }
        assert!(edges_of(&[(&client, 0), (&server, WAIT_US + 1)]).is_empty());
        assert!(edges_of(&[(&server, 0), (&client, WAIT_US + 1)]).is_empty());
    }

    #[test]
    fn what_is_served_beneath_what_another_serves_was_called_by_it() {
        let front = half("shop", SpanKind::Server, 1, None);
        let next = half("pay", SpanKind::Server, 2, Some(1));
        let expected = [("shop".to_owned(), "pay".to_owned(), 1)];
        assert_eq!(edges_of(&[(&front, 0), (&next, 1)]), expected);
        assert_eq!(edges_of(&[(&next, 0), (&front, 1)]), expected);
        let own = half("shop", SpanKind::Server, 2, Some(1));
        assert!(edges_of(&[(&front, 0), (&own, 1)]).is_empty());
        // Through a call that was traced it is one edge, not two.
        let call = half("shop", SpanKind::Client, 3, Some(1));
        let called = half("pay", SpanKind::Server, 2, Some(3));
        assert_eq!(edges_of(&[(&front, 0), (&call, 1), (&called, 2)]), expected);
    }

    #[test]
    fn a_client_is_joined_with_each_of_its_servers_once() {
        let client = half("shop", SpanKind::Producer, 1, None);
        let (first, second) = (
            half("pay", SpanKind::Consumer, 2, Some(1)),
            half("pay", SpanKind::Consumer, 3, Some(1)),
        );
        let found = edges_of(&[(&first, 0), (&client, 1), (&client, 2), (&second, 3)]);
        assert_eq!(found, [("shop".to_owned(), "pay".to_owned(), 2)]);
    }

    fn speaking(service: &str, kind: SpanKind, field: (&str, &str)) -> Table {
        let mut table = Table::default();
        let resource = table.resource(&Stream {
            service: service.into(),
            fields: Vec::new(),
        });
        let span = SpanRecord {
            kind,
            fields: vec![(field.0.into(), field.1.into())],
            ..samples::plain()
        };
        table.push(resource, &span, samples::RECEIVED_NS);
        table
    }

    fn edge(client: &str, server: &str) -> (String, String, i64) {
        (client.to_owned(), server.to_owned(), 1)
    }

    #[test]
    fn a_database_is_named_by_its_caller() {
        let table = speaking("shop", SpanKind::Client, ("db.system", "postgresql"));
        assert_eq!(edges_of(&[(&table, 0)]), [edge("shop", "postgresql")]);
    }

    #[test]
    fn a_queue_leads_from_its_producers_to_its_consumers() {
        let queue = ("messaging.system", "kafka");
        let producer = speaking("shop", SpanKind::Producer, queue);
        let consumer = speaking("mailer", SpanKind::Consumer, queue);
        let expected = [edge("kafka", "mailer"), edge("shop", "kafka")];
        assert_eq!(edges_of(&[(&producer, 0), (&consumer, 1)]), expected);
        let server = speaking("mailer", SpanKind::Server, queue);
        assert!(edges_of(&[(&server, 0)]).is_empty());
    }
}
