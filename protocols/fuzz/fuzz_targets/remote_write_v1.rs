//! `prometheus.remote_write.v1`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| protocols_fuzz::metrics("prometheus.remote_write.v1", body));
