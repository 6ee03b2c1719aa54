//! Writes remote write bodies from a model, to read them back.

use std::collections::BTreeMap;

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Sorted by name, with `__name__`.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) samples: Vec<(i64, u64)>,
    pub(crate) histograms: Vec<Histogram>,
    pub(crate) exemplar: Option<(String, u64, i64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    pub(crate) time_ms: i64,
    pub(crate) schema: i64,
    pub(crate) counts: Vec<u32>,
    pub(crate) offset: i64,
    pub(crate) float: bool,
}

pub(crate) fn series() -> impl Strategy<Value = Vec<Series>> {
    let value = prop_oneof![
        any::<f64>().prop_map(f64::to_bits),
        Just(0x7ff0_0000_0000_0002)
    ];
    let histogram = (
        any::<i64>(),
        -4i64..=8,
        proptest::collection::vec(0..u32::MAX, 0..5),
        -100i64..100,
        any::<bool>(),
    );
    let histogram = histogram.prop_map(|(time_ms, schema, counts, offset, float)| Histogram {
        time_ms,
        schema,
        counts,
        offset,
        float,
    });
    let one = (
        "[a-z:]{1,12}",
        proptest::collection::btree_map("[a-z_]{1,8}", "\\PC{1,20}", 0..6),
        proptest::collection::vec((any::<i64>(), value), 0..4),
        proptest::collection::vec(histogram, 0..2),
        proptest::option::of(("[0-9a-f]{32}", any::<u32>(), any::<i64>())),
    );
    let one = one.prop_map(|(name, mut labels, samples, histograms, exemplar)| {
        labels.insert("__name__".to_owned(), name);
        let exemplar = exemplar.map(|(id, value, time)| (id, f64::from(value).to_bits(), time));
        Series {
            labels,
            samples,
            histograms,
            exemplar,
        }
    });
    proptest::collection::vec(one, 0..6)
}

/// A message under construction.
#[derive(Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn uint(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    pub(crate) fn sint(&mut self, field: u64, value: i64) {
        self.uint(field, zigzag(value));
    }

    pub(crate) fn fixed64(&mut self, field: u64, bits: u64) {
        self.varint(field << 3 | 1);
        self.0.extend_from_slice(&bits.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn message(&mut self, field: u64, build: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        build(&mut inner);
        self.bytes(field, &inner.0);
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn label(message: &mut Message, name: &str, value: &str) {
    message.message(1, |label| {
        label.bytes(1, name.as_bytes());
        label.bytes(2, value.as_bytes());
    });
}

fn sample(message: &mut Message, (time_ms, bits): (i64, u64)) {
    message.fixed64(1, bits);
    message.uint(2, time_ms.cast_unsigned());
}

fn histogram(message: &mut Message, histogram: &Histogram) {
    message.sint(4, histogram.schema);
    if !histogram.counts.is_empty() {
        message.message(11, |span| {
            span.sint(1, histogram.offset);
            span.uint(2, histogram.counts.len() as u64);
        });
    }
    let counts = histogram.counts.iter().map(|count| i64::from(*count));
    if histogram.float {
        let mut packed = Vec::new();
        counts.for_each(|count| packed.extend((count as f64).to_le_bytes()));
        message.bytes(13, &packed);
    } else {
        let (mut packed, mut before) = (Message::default(), 0);
        for count in counts {
            packed.varint(zigzag(count - before));
            before = count;
        }
        message.bytes(12, &packed.0);
    }
    message.uint(15, histogram.time_ms.cast_unsigned());
}

/// `prometheus.WriteRequest`.
pub(crate) fn v1(all: &[Series]) -> Vec<u8> {
    let mut body = Message::default();
    for one in all {
        body.message(1, |series| {
            for (name, value) in &one.labels {
                label(series, name, value);
            }
            for told in &one.samples {
                series.message(2, |message| sample(message, *told));
            }
            if let Some((id, bits, time_ms)) = &one.exemplar {
                series.message(3, |exemplar| {
                    label(exemplar, "trace_id", id);
                    exemplar.fixed64(2, *bits);
                    exemplar.uint(3, time_ms.cast_unsigned());
                });
            }
            for told in &one.histograms {
                series.message(4, |message| histogram(message, told));
            }
        });
    }
    body.0
}

/// `io.prometheus.write.v2.Request`.
pub(crate) fn v2(all: &[Series]) -> Vec<u8> {
    let mut symbols = vec![String::new()];
    let mut refer = |text: &str| {
        let at = symbols.iter().position(|symbol| symbol == text);
        at.unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        }) as u64
    };
    let mut request = Message::default();
    for one in all {
        request.message(5, |series| {
            let mut refs = Message::default();
            for (name, value) in &one.labels {
                refs.varint(refer(name));
                refs.varint(refer(value));
            }
            series.bytes(1, &refs.0);
            for told in &one.samples {
                series.message(2, |message| sample(message, *told));
            }
            for told in &one.histograms {
                series.message(3, |message| histogram(message, told));
            }
            if let Some((id, bits, time_ms)) = &one.exemplar {
                series.message(4, |exemplar| {
                    let mut refs = Message::default();
                    refs.varint(refer("trace_id"));
                    refs.varint(refer(id));
                    exemplar.bytes(1, &refs.0);
                    exemplar.fixed64(2, *bits);
                    exemplar.uint(3, time_ms.cast_unsigned());
                });
            }
        });
    }
    let mut body = Message::default();
    for symbol in &symbols {
        body.bytes(4, symbol.as_bytes());
    }
    body.0.extend(request.0);
    body.0
}
