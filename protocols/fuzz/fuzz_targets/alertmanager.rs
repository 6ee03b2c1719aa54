//! Alertmanager's webhook, version 4: every body gets an answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if protocols::alertmanager::validate(body).is_ok() {
        protocols::alertmanager::decode(body).expect("what is valid decodes");
    }
});
