//! The protobuf encoding. Parts that come late on the wire but are needed first
//! (resource, temporality) are looked for in a walk of their own over the lengths.

use super::points::{Buckets, Exemplar, Head, Kind, Point, Quantile};
use super::translate::{Metric, Resource, Translator};
use crate::any_value::KeyValue;
use crate::protobuf::{Field, Malformed, Reader};
use crate::refused::Refused;

pub(super) fn request(body: &[u8], translator: &mut Translator<'_>) -> Result<(), Refused> {
    each(body, 1, "resource_metrics", |resource| {
        resource_metrics(resource, translator)
    })
}

fn resource_metrics(message: &[u8], translator: &mut Translator<'_>) -> Result<(), Refused> {
    let mut attributes = Vec::new();
    each(message, 1, "resource", |resource| {
        each(resource, 1, "attributes", |pair| {
            attributes.push(KeyValue::of_protobuf(pair)?);
            Ok(())
        })
    })?;
    let mut resource = Resource::new(&attributes);
    each(message, 2, "scope_metrics", |scope| {
        each(scope, 2, "metrics", |metric| {
            metric_of(metric, &mut resource, translator)
        })
    })?;
    translator.target_info(&resource);
    Ok(())
}

fn metric_of(
    message: &[u8],
    resource: &mut Resource,
    translator: &mut Translator<'_>,
) -> Result<(), Refused> {
    let (head, data) = head(message).map_err(|e| e.at("metric"))?;
    let Some((number, data)) = data else {
        return Ok(());
    };
    let (temporality, monotonic) = traits(data).map_err(|e| e.at("data"))?;
    let kind = match number {
        5 => Kind::Gauge,
        7 => Kind::Sum { monotonic },
        9 => Kind::Histogram,
        10 => Kind::Exponential,
        _ => Kind::Summary,
    };
    let metric = Metric::new(&head, kind, temporality);
    translator.metadata(&metric);
    each(data, 1, "data_points", |bytes| {
        translator.read(resource, &metric, point(kind, bytes));
        Ok(())
    })
}

type Data<'a> = Option<(u32, &'a [u8])>;

fn head(message: &[u8]) -> Result<(Head<'_>, Data<'_>), Malformed> {
    let (mut head, mut data) = (Head::default(), None);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => head.name = field.lossy()?,
            2 => head.description = field.lossy()?,
            3 => head.unit = field.lossy()?,
            5 | 7 | 9 | 10 | 11 => data = Some((field.number, field.bytes()?)),
            _ => {}
        }
    }
    Ok((head, data))
}

/// Temporality, and whether a sum is monotonic; at the same numbers in all kinds.
fn traits(data: &[u8]) -> Result<(i64, bool), Malformed> {
    let (mut temporality, mut monotonic) = (0, false);
    let mut reader = Reader::new(data);
    while let Some(field) = reader.field()? {
        match field.number {
            2 => temporality = field.int()?,
            3 => monotonic = field.uint()? != 0,
            _ => {}
        }
    }
    Ok((temporality, monotonic))
}

fn point(kind: Kind, message: &[u8]) -> Result<Point<'_>, Refused> {
    let mut point = Point::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field().map_err(|e| e.at(""))? {
        match (kind, field.number) {
            (Kind::Exponential, 1)
            | (Kind::Histogram, 9)
            | (Kind::Gauge | Kind::Sum { .. } | Kind::Summary, 7) => {
                let pair = field.bytes().map_err(|e| e.at("attributes"))?;
                point.attributes.push(KeyValue::of_protobuf(pair)?);
            }
            (Kind::Exponential, 11)
            | (Kind::Histogram, 8)
            | (Kind::Gauge | Kind::Sum { .. }, 5) => {
                let bytes = field.bytes().map_err(|e| e.at("exemplars"))?;
                point.exemplars.push(exemplar(bytes)?);
            }
            (_, 3) => point.time_unix_nano = time(field).map_err(|e| e.at("time_unix_nano"))?,
            _ => measured(kind, field, &mut point).map_err(|e| e.at(""))?,
        }
    }
    Ok(point)
}

/// What differs from kind to kind.
fn measured<'a>(kind: Kind, field: Field<'a>, point: &mut Point<'a>) -> Result<(), Malformed> {
    match (kind, field.number) {
        (Kind::Gauge | Kind::Sum { .. }, 4) => point.as_double = Some(field.double()?),
        (Kind::Gauge | Kind::Sum { .. }, 6) => {
            point.as_int = Some(field.fixed64()?.cast_signed());
        }
        (Kind::Gauge | Kind::Sum { .. } | Kind::Summary, 8)
        | (Kind::Histogram | Kind::Exponential, 10) => point.flags = field.int()?,
        (Kind::Histogram | Kind::Exponential | Kind::Summary, 4) => {
            point.count = field.fixed64()?.cast_signed();
        }
        (Kind::Histogram | Kind::Exponential | Kind::Summary, 5) => {
            point.sum = Some(field.double()?);
        }
        (Kind::Histogram, 6) => field.fixed64s(|count| point.bucket_counts.push(count))?,
        (Kind::Histogram, 7) => {
            field.fixed64s(|bits| point.explicit_bounds.push(f64::from_bits(bits)))?;
        }
        (Kind::Exponential, 6) => point.scale = field.sint()?,
        (Kind::Exponential, 7) => point.zero_count = field.fixed64()?.cast_signed(),
        (Kind::Exponential, 8) => point.positive = buckets(field.message()?)?,
        (Kind::Exponential, 9) => point.negative = buckets(field.message()?)?,
        (Kind::Exponential, 14) => point.zero_threshold = field.double()?,
        (Kind::Summary, 6) => point.quantile_values.push(quantile(field.message()?)?),
        _ => {}
    }
    Ok(())
}

fn buckets(mut reader: Reader<'_>) -> Result<Buckets, Malformed> {
    let mut buckets = Buckets::default();
    while let Some(field) = reader.field()? {
        match field.number {
            1 => buckets.offset = field.sint()?,
            2 => field.varints(|count| buckets.bucket_counts.push(count))?,
            _ => {}
        }
    }
    Ok(buckets)
}

fn quantile(mut reader: Reader<'_>) -> Result<Quantile, Malformed> {
    let mut quantile = Quantile::default();
    while let Some(field) = reader.field()? {
        match field.number {
            1 => quantile.quantile = field.double()?,
            2 => quantile.value = field.double()?,
            _ => {}
        }
    }
    Ok(quantile)
}

fn exemplar(message: &[u8]) -> Result<Exemplar<'_>, Refused> {
    let mut exemplar = Exemplar::default();
    let mut reader = Reader::new(message);
    let at = |e: Malformed| e.at("exemplars");
    while let Some(field) = reader.field().map_err(at)? {
        match field.number {
            2 => exemplar.time_unix_nano = time(field).map_err(at)?,
            3 => exemplar.as_double = Some(field.double().map_err(at)?),
            4 => exemplar.span_id = hex(field.bytes().map_err(at)?),
            5 => exemplar.trace_id = hex(field.bytes().map_err(at)?),
            6 => exemplar.as_int = Some(field.fixed64().map_err(at)?.cast_signed()),
            7 => {
                let pair = field.bytes().map_err(at)?;
                let pair = KeyValue::of_protobuf(pair)?;
                exemplar.filtered_attributes.push(pair);
            }
            _ => {}
        }
    }
    Ok(exemplar)
}

fn time(field: Field<'_>) -> Result<i64, Malformed> {
    let nanos = field.fixed64()?;
    Ok(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory holds");
        text
    })
}

/// Walks the messages of one repeated field, and says where something was wrong.
fn each<'a>(
    message: &'a [u8],
    number: u32,
    name: &str,
    mut visit: impl FnMut(&'a [u8]) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut reader = Reader::new(message);
    let mut at = 0;
    while let Some(field) = reader.field().map_err(|e| e.at(""))? {
        if field.number != number {
            continue;
        }
        let visited = field.bytes().map_err(|e| e.at("")).and_then(&mut visit);
        visited.map_err(|inner| inner.within(&format_args!("{name}[{at}]")))?;
        at += 1;
    }
    Ok(())
}
