//! What all targets share: a decoder by its format's name, and a sink that asks for
//! everything and keeps nothing. Run one with `cargo fuzz run TARGET` in `protocols/`.

use protocols::formats;
use protocols::metrics::{Exemplar, Labels, Metadata, MetricSink, NativeHistogram, SeriesKey};

struct Nothing;

impl MetricSink for Nothing {
    fn series(&mut self, _: SeriesKey, labels: &dyn Fn() -> Labels) {
        labels();
    }

    fn sample(&mut self, _: i64, _: f64) {}
    fn histogram(&mut self, _: i64, _: NativeHistogram) {}
    fn exemplar(&mut self, _: Exemplar<'_>) {}
    fn metadata(&mut self, _: Metadata<'_>) {}
}

/// Whether it is taken or refused is the decoder's affair; it must return.
pub fn metrics(format: &str, body: &[u8]) {
    let format = formats::find(formats::METRICS, format).expect("a target names a format");
    drop((format.decode)(body, 0, &mut Nothing));
}
