//! Avro single-object encoding (Avro 1.11 specification): two magic bytes, the
//! 8-byte CRC-64-AVRO fingerprint of the writer's schema, then the datum.
//!
//! The current fingerprint takes apache-avro's serde path; a known older (or
//! announced newer) one is resolved against today's schema; an unknown one is an
//! error that stops the reader, because guessing would lose meaning silently.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{OnceLock, RwLock};

use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{AvroSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: [u8; 2] = [0xC3, 0x01];
const HEADER_BYTES: usize = 10;

/// CRC-64-AVRO of a schema's parsing canonical form, as written (little endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 8]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A message type's schema, prepared once.
pub struct TypeSchema {
    pub schema: &'static Schema,
    pub fingerprint: Fingerprint,
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
}

/// A type that travels on the log: one Avro record, named by its Rust name.
pub trait Message: AvroSchema + Serialize + DeserializeOwned + Clone + PartialEq {
    const KIND: &'static str;
    /// The bounded context, which is also the folder of its schema files.
    const CONTEXT: &'static str;

    fn type_schema() -> &'static TypeSchema;
}

/// A value that shows every field of a message; its bytes are committed for ever
/// and serve as fixture to every projection, page and document.
pub trait Example {
    fn example() -> Self;
}

/// Why a body could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("the body does not begin with the Avro single-object marker")]
    NotAvro,
    #[error("schema fingerprint {fingerprint} of `{kind}` is unknown here; run a newer version")]
    UnknownFingerprint {
        kind: String,
        fingerprint: Fingerprint,
    },
    #[error("message type `{0}` is unknown here; run a newer version")]
    UnknownKind(String),
    #[error("`{kind}` with fingerprint {fingerprint}: {source}")]
    Avro {
        kind: &'static str,
        fingerprint: Fingerprint,
        source: Box<apache_avro::Error>,
    },
}

impl CodecError {
    /// True where a newer version of the program would read the record, so that
    /// the reader must stop instead of dropping it.
    pub fn needs_newer_version(&self) -> bool {
        matches!(self, Self::UnknownFingerprint { .. } | Self::UnknownKind(_))
    }
}

impl TypeSchema {
    /// Prepares the schema of `T`; called once per type by `messages!`.
    pub fn of<T: AvroSchema>() -> Self {
        let schema: &'static Schema = Box::leak(Box::new(T::get_schema()));
        let writer = GenericDatumWriter::builder(schema)
            .build()
            .expect("a derived schema has no dangling references");
        let reader = GenericDatumReader::builder(schema)
            .build()
            .expect("a derived schema has no dangling references");
        Self {
            schema,
            fingerprint: fingerprint(schema),
            writer,
            reader,
        }
    }
}

pub fn fingerprint(schema: &Schema) -> Fingerprint {
    let digest = schema.fingerprint::<Rabin>();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.bytes[..8]);
    Fingerprint(bytes)
}

pub fn encode<T: Message>(message: &T) -> Result<Vec<u8>, CodecError> {
    let prepared = T::type_schema();
    let mut body = Vec::with_capacity(128);
    body.extend_from_slice(&MAGIC);
    body.extend_from_slice(&prepared.fingerprint.0);
    prepared
        .writer
        .write_ser(&mut body, message)
        .map_err(|e| failed::<T>(prepared.fingerprint, e))?;
    Ok(body)
}

pub fn decode<T: Message>(body: &[u8]) -> Result<T, CodecError> {
    let (written, datum) = split(body)?;
    let prepared = T::type_schema();
    if written == prepared.fingerprint {
        return prepared
            .reader
            .read_deser(&mut Cursor::new(datum))
            .map_err(|e| failed::<T>(written, e));
    }
    let writer = known_schema(written).ok_or_else(|| CodecError::UnknownFingerprint {
        kind: T::KIND.to_owned(),
        fingerprint: written,
    })?;
    resolve(writer, prepared.schema, datum).map_err(|e| failed::<T>(written, e))
}

/// The fingerprint and the datum of a body.
pub fn split(body: &[u8]) -> Result<(Fingerprint, &[u8]), CodecError> {
    match body.split_at_checked(HEADER_BYTES) {
        Some((header, datum)) if header[..2] == MAGIC => {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[2..]);
            Ok((Fingerprint(bytes), datum))
        }
        _ => Err(CodecError::NotAvro),
    }
}

/// Reads any body whose schema is known as JSON, for people (`log cat`).
pub fn to_json(body: &[u8]) -> Result<serde_json::Value, CodecError> {
    let (written, datum) = split(body)?;
    let unknown = || CodecError::UnknownFingerprint {
        kind: "?".to_owned(),
        fingerprint: written,
    };
    let schema = known_schema(written).ok_or_else(unknown)?;
    let failed = |e| CodecError::Avro {
        kind: "?",
        fingerprint: written,
        source: Box::new(e),
    };
    let reader = GenericDatumReader::builder(schema)
        .build()
        .map_err(failed)?;
    let value = reader.read_value(&mut Cursor::new(datum)).map_err(failed)?;
    serde_json::Value::try_from(value).map_err(failed)
}

/// Makes a schema readable that another process announced on topic `schemas`.
pub fn learn(text: &str) -> Result<Fingerprint, apache_avro::Error> {
    let schema = Schema::parse_str(text)?;
    let fingerprint = fingerprint(&schema);
    let mut known = known()
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    known
        .entry(fingerprint)
        .or_insert_with(|| Box::leak(Box::new(schema)));
    Ok(fingerprint)
}

fn resolve<T: DeserializeOwned>(
    writer: &Schema,
    reader: &Schema,
    datum: &[u8],
) -> Result<T, apache_avro::Error> {
    let value = GenericDatumReader::builder(writer)
        .reader_schema(reader)
        .build()?
        .read_value(&mut Cursor::new(datum))?;
    apache_avro::from_value(&value)
}

fn known_schema(fingerprint: Fingerprint) -> Option<&'static Schema> {
    known()
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .get(&fingerprint)
        .copied()
}

/// Every version ever released, by fingerprint, and what was learned since.
fn known() -> &'static RwLock<HashMap<Fingerprint, &'static Schema>> {
    static KNOWN: OnceLock<RwLock<HashMap<Fingerprint, &'static Schema>>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let released = crate::registry::released().map(|file| {
            let schema: &'static Schema = Box::leak(Box::new(file.schema));
            (fingerprint(schema), schema)
        });
        RwLock::new(released.collect())
    })
}

fn failed<T: Message>(fingerprint: Fingerprint, source: apache_avro::Error) -> CodecError {
    CodecError::Avro {
        kind: T::KIND,
        fingerprint,
        source: Box::new(source),
    }
}
