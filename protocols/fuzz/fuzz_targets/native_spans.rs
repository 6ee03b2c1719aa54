//! `native.spans.json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::spans("native.spans.json", body));
