//! What all targets share: a decoder by its format's name, and a sink that asks for
//! everything and keeps nothing. Every body gets an answer, tells no more than it has
//! room to say, and takes memory in proportion to its length.

mod memory;
mod sink;

use protocols::compression::{self, Encoding, Unpacked};
use protocols::formats::{self, LOGS, METRICS, SPANS};
use protocols::refused::{Refused, Skipped};

use memory::bounded;
use sink::Counted;

/// Bytes that a compressed body may become here.
const UNPACKED_BYTES: usize = 64 << 10;

pub fn metrics(format: &str, body: &[u8]) {
    let format = formats::find(METRICS, format).expect("a target names a format");
    check(body, |sink| (format.decode)(body, 0, sink));
}

pub fn logs(format: &str, body: &[u8]) {
    let format = formats::find(LOGS, format).expect("a target names a format");
    check(body, |sink| (format.decode)(body, 0, sink));
}

pub fn spans(format: &str, body: &[u8]) {
    let format = formats::find(SPANS, format).expect("a target names a format");
    check(body, |sink| (format.decode)(body, 0, sink));
}

pub fn alertmanager(body: &[u8]) {
    bounded(body.len(), || {
        if protocols::alertmanager::validate(body).is_ok() {
            protocols::alertmanager::decode(body).expect("what is valid decodes");
        }
    });
}

pub fn compressed(body: &[u8]) {
    let Some((first, sent)) = body.split_first() else {
        return;
    };
    let encoding = Encoding::ALL[usize::from(*first) % Encoding::ALL.len()];
    bounded(body.len(), || {
        match compression::decompress(encoding, sent, UNPACKED_BYTES) {
            Ok(plain) => assert!(plain.len() <= UNPACKED_BYTES),
            Err(Unpacked::TooLarge { unpacked, .. }) => assert!(unpacked <= UNPACKED_BYTES + 1),
            Err(Unpacked::Undecodable { detail, .. }) => assert!(!detail.is_empty()),
        }
    });
}

fn check(body: &[u8], decode: impl FnOnce(&mut Counted) -> Result<Skipped, Refused>) {
    let mut counted = Counted::default();
    let told = bounded(body.len(), || decode(&mut counted));
    if let Err(refused) = told {
        assert!(!refused.detail.is_empty());
    }
    assert!(counted.items <= body.len());
}
