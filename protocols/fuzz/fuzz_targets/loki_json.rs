//! `loki.push.json`: every body gets an answer, and what it tells is bounded.
#![no_main]

mod bounded;

libfuzzer_sys::fuzz_target!(|body: &[u8]| bounded::logs("loki.push.json", body));
