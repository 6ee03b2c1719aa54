//! `otlp.metrics.json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::metrics("otlp.metrics.json", body));
