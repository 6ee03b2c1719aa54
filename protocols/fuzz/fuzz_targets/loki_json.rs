//! `loki.push.json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::logs("loki.push.json", body));
