//! `otlp.logs.protobuf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::logs("otlp.logs.protobuf", body));
