//! `syslog.rfc5424`: every body gets an answer, and what it tells is bounded.
#![no_main]

mod bounded;

libfuzzer_sys::fuzz_target!(|body: &[u8]| bounded::logs("syslog.rfc5424", body));
