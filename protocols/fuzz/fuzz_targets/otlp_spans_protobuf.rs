//! `otlp.spans.protobuf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::spans("otlp.spans.protobuf", body));
