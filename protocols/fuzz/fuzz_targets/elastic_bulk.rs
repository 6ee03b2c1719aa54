//! `elastic.bulk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::logs("elastic.bulk", body));
