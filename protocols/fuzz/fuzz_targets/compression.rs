//! Bodies compressed in every way that is taken; the first byte says how.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::compressed(body));
