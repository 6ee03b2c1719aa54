//! Alertmanager's webhook, version 4.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::alertmanager(body));
