//! Every record that a query wants, in no order, for who folds them: whole, or only when
//! and how large they are.

use protocols::logs::Level;
use schemas::scope::Scope;

use super::matching::matching;
use super::record::{Record, StreamView};
use super::scan::{LogsError, Order, Piece, Query, Scan, Scanned, Wanted, each};
use super::segment::Column;
use super::streams::LogStream;
use super::table::Table;
use crate::db::Db;
use crate::telemetry::bytes::Damaged;

/// Records that are made at once.
const AT_ONCE: usize = 4_096;

/// Gives records to `work`, some at a time and on all cores, and what comes of it to
/// `take`, until that says no.
pub async fn walk<T: Send + 'static>(
    db: &Db,
    scope: &Scope,
    query: &Query,
    work: impl Fn(Vec<Record>) -> T + Clone + Send + Sync + 'static,
    mut take: impl FnMut(T) -> bool,
) -> Result<Scanned, LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    while scan.next_time().is_some() {
        let pieces = scan.next(&Wanted::Everything).await?;
        let (filter, work) = (scan.filter(), work.clone());
        let worked = each(pieces, move |piece| {
            let rows = matching(&piece.segment, &filter, from_ns, to_ns)?;
            let rows: Vec<u32> = rows.iter().collect();
            let mut done = Vec::new();
            for some in rows.chunks(AT_ONCE) {
                done.push(work(records(&piece, some)?));
            }
            Ok(done)
        });
        if !worked.await?.into_iter().flatten().all(&mut take) {
            break;
        }
    }
    Ok(scan.scanned)
}

fn records(piece: &Piece, rows: &[u32]) -> Result<Vec<Record>, Damaged> {
    let mut table = Table::default();
    piece.segment.append(Some(rows), &mut table)?;
    let records = (0..table.len()).map(|row| table.record(piece.partition, row));
    records.collect()
}

/// Records of one stream and level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    pub stream: LogStream,
    pub level: Level,
    /// Time in nanoseconds since 1970, and bytes of the body.
    pub records: Vec<(i64, u32)>,
}

/// The same of times and sizes alone, which takes few columns.
pub async fn sizes<T: Send + 'static>(
    db: &Db,
    scope: &Scope,
    query: &Query,
    work: impl Fn(Vec<Sized>) -> T + Clone + Send + Sync + 'static,
    mut take: impl FnMut(T) -> bool,
) -> Result<Scanned, LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    let columns = [
        Column::Level,
        Column::Streams,
        Column::Stream,
        Column::BodyLength,
    ];
    let wanted = Wanted::Columns(columns.to_vec(), Vec::new());
    while scan.next_time().is_some() {
        let pieces = scan.next(&wanted).await?;
        let (filter, work) = (scan.filter(), work.clone());
        let worked = each(pieces, move |piece| {
            let rows = matching(&piece.segment, &filter, from_ns, to_ns)?;
            let rows: Vec<usize> = rows.iter().map(|row| row as usize).collect();
            match rows.is_empty() {
                true => Ok(None),
                false => Ok(Some(work(sized(&piece, &rows)?))),
            }
        });
        if !worked.await?.into_iter().flatten().all(&mut take) {
            break;
        }
    }
    Ok(scan.scanned)
}

fn sized(piece: &Piece, rows: &[usize]) -> Result<Vec<Sized>, Damaged> {
    let (times, sizes) = (piece.segment.times()?, piece.segment.body_sizes()?);
    let (levels, (streams, codes)) = (piece.segment.levels()?, piece.segment.streams()?);
    let of_level = Level::ALL.len();
    let mut found: Vec<Vec<(i64, u32)>> = vec![Vec::new(); streams.len() * of_level];
    for row in rows {
        let at = codes[*row] as usize * of_level + levels[*row] as usize;
        found[at].push((times[*row], sizes[*row]));
    }
    let mut sized = Vec::new();
    for (at, records) in found
        .into_iter()
        .enumerate()
        .filter(|(_, found)| !found.is_empty())
    {
        sized.push(Sized {
            stream: LogStream::of(StreamView::read(streams.get(at / of_level))?),
            level: Level::ALL[at % of_level],
            records,
        });
    }
    Ok(sized)
}
