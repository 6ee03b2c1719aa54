//! `/api/v1/audit/export`: the chain as a file that can be checked without us.

use access::seal;
use access::token::SigningKey;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;
use projections::audit::{self, Filter, Head};
use schemas::audit::chain::{Entry, FileDigest, FileSignature, Line, Seal};
use schemas::scope::Scope;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Which;
use crate::Gateway;
use crate::audit::sealer;
use crate::csv::cell;
use crate::error::{Error, FieldError, Problem};
use crate::operations::Allowed;
use crate::parameters::Query;
use crate::streamed;

const ENTRIES_A_PAGE: i64 = 1_000;
const CSV_HEAD: &str = "seq,at,kind,actor,action,target_type,target_id,result,rule,version,\
    project,request_id,before,after,hash\n";

/// How it is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Shape {
    /// jsonl (unless told) or csv
    pub format: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jsonl,
    Csv,
}

/// The audit as a file, oldest first
///
/// JSON lines carry the hash chain and its seals, and the last line signs all of them:
/// `sre-copilot audit verify FILE` checks that offline. Without a filter the file is
/// complete; entries of projects that the caller does not reach are there as hashes. CSV
/// is for spreadsheets.
#[utoipa::path(get, path = "/api/v1/audit/export", operation_id = "export_audit", tag = "audit",
    params(Which, Shape),
    responses((status = 200, body = String, content_type = "application/x-ndjson"),
        (status = 400, body = Problem)))]
pub async fn file(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(shape): Query<Shape>,
) -> Result<Response, Error> {
    let format = shape.format()?;
    let named = which.named();
    let filter = which.filter()?;
    let (kind, name) = match format {
        Format::Jsonl => (
            "application/x-ndjson",
            "attachment; filename=\"audit.jsonl\"",
        ),
        Format::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"audit.csv\"",
        ),
    };
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)];
    let scope = allowed.scope().clone();
    let Some(mut head) = audit::head(&gateway.db, &scope, &filter).await? else {
        let text = if format == Format::Csv { CSV_HEAD } else { "" };
        return Ok((headers, text).into_response());
    };
    head.head.filter = named;
    let key = gateway.keys()?.audit()?;
    let file = File {
        seal: last_seal(&key, &head)?,
        key,
        gateway: gateway.clone(),
        scope,
        filter,
        format,
        head,
    };
    let body = streamed::body(gateway, &allowed, file.pages());
    Ok((headers, body).into_response())
}

/// Made now, so that the chain itself is sealed to its end, whatever becomes of the file.
fn last_seal(key: &SigningKey, head: &Head) -> Result<Option<Seal>, Error> {
    if !head.head.complete || head.last == head.head.after {
        return Ok(None);
    }
    let chain = &head.head;
    sealer::sealed(key, chain.tenant, chain.origin, head.last, &head.last_hash).map(Some)
}

impl Shape {
    fn format(&self) -> Result<Format, Error> {
        match self.format.as_deref() {
            None | Some("" | "jsonl") => Ok(Format::Jsonl),
            Some("csv") => Ok(Format::Csv),
            Some(other) => {
                let message = format!("`{other}` is neither jsonl nor csv");
                Err(Error::Malformed(FieldError::new("format", message)))
            }
        }
    }
}

#[derive(Clone)]
struct File {
    gateway: Gateway,
    scope: Scope,
    filter: Filter,
    format: Format,
    head: Head,
    key: SigningKey,
    seal: Option<Seal>,
}

/// Where a file goes on: after which entry, how many it has, and what was written.
#[derive(Clone, Default)]
struct Place {
    after: i64,
    entries: i64,
    written: FileDigest,
}

impl File {
    /// One chunk a page; an error breaks the transfer off, so that nobody takes a part
    /// for the whole.
    fn pages(self) -> impl Stream<Item = Result<Bytes, Error>> {
        let begin = Place {
            after: self.head.head.after,
            ..Place::default()
        };
        let mut text = String::new();
        match self.format {
            Format::Jsonl => push(&mut text, &Line::Head(self.head.head.clone())),
            Format::Csv => text.push_str(CSV_HEAD),
        }
        futures::stream::try_unfold(Some((begin, text)), move |next| {
            let file = self.clone();
            async move {
                let Some((place, text)) = next else {
                    return Ok(None);
                };
                file.page(place, text).await.map(Some)
            }
        })
    }

    async fn page(
        &self,
        mut place: Place,
        mut text: String,
    ) -> Result<(Bytes, Option<(Place, String)>), Error> {
        let db = &self.gateway.db;
        let range = (place.after, self.head.last);
        let found = audit::after(db, &self.scope, &self.filter, range, ENTRIES_A_PAGE).await?;
        let end = found.next.unwrap_or(self.head.last);
        let mut seals = match self.seal {
            Some(_) => {
                audit::seals_of(db, &self.scope, self.head.head.origin, (place.after, end)).await?
            }
            None => Vec::new(),
        }
        .into_iter()
        .peekable();
        place.entries += i64::try_from(found.lines.len()).unwrap_or(i64::MAX);
        for line in &found.lines {
            self.write(&mut text, line);
            let seq = seq(line);
            while let Some(seal) = seals.next_if(|seal| Some(seal.seq) == seq) {
                self.write(&mut text, &Line::Seal(seal));
            }
        }
        let Some(after) = found.next else {
            self.finish(&mut text, place)?;
            return Ok((Bytes::from(text), None));
        };
        place.after = after;
        place.written.add(&text);
        Ok((Bytes::from(text), Some((place, String::new()))))
    }

    fn finish(&self, text: &mut String, place: Place) -> Result<(), Error> {
        if let Some(seal) = &self.seal {
            self.write(text, &Line::Seal(seal.clone()));
        }
        let (entries, mut written) = (place.entries, place.written);
        written.add(text);
        let told = written.signed_text(&self.head.head, entries);
        let signature = seal::sign(&self.key, &told).map_err(|e| Error::Internal(e.to_string()))?;
        let signed = Some(FileSignature {
            key: seal::public_key(&self.key),
            signature,
        });
        self.write(text, &Line::End { entries, signed });
        Ok(())
    }

    fn write(&self, text: &mut String, line: &Line) {
        match (self.format, line) {
            (Format::Jsonl, line) => push(text, line),
            (Format::Csv, Line::Entry { entry, hash, .. }) => push_row(text, entry, hash),
            (Format::Csv, _) => {}
        }
    }
}

fn seq(line: &Line) -> Option<i64> {
    match line {
        Line::Entry { entry, .. } => Some(entry.seq),
        Line::Withheld { seq, .. } => Some(*seq),
        _ => None,
    }
}

fn push(text: &mut String, line: &Line) {
    text.push_str(&serde_json::to_string(line).unwrap_or_default());
    text.push('\n');
}

fn push_row(text: &mut String, entry: &Entry, hash: &str) {
    let changes: serde_json::Value = entry
        .changes
        .as_ref()
        .and_then(|changes| serde_json::from_str(changes.get()).ok())
        .unwrap_or_default();
    let part = |name: &str| match &changes[name] {
        serde_json::Value::Null => String::new(),
        part => part.to_string(),
    };
    let result = if entry.rule.is_some() {
        "refused"
    } else {
        "accepted"
    };
    let cells = [
        entry.seq.to_string(),
        entry.at.clone(),
        entry.kind.clone(),
        entry.actor.clone(),
        entry.action.clone(),
        entry.target_type.clone(),
        entry.target_id.clone(),
        result.to_owned(),
        entry.rule.clone().unwrap_or_default(),
        entry.version.to_string(),
        entry.project.map(|id| id.to_string()).unwrap_or_default(),
        entry.request.to_string(),
        part("before"),
        part("after"),
        hash.to_owned(),
    ];
    text.push_str(&cells.map(|text| cell(&text)).join(","));
    text.push('\n');
}
