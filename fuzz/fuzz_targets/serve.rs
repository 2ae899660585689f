//! Requests to the server of the page: as bytes, as bodies, as texts to judge.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| retrograd_fuzz::asked(bytes));
