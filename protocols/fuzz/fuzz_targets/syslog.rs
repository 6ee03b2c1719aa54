//! `syslog.rfc5424`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::logs("syslog.rfc5424", body));
