//! Functions as data in JSON, and the arrays of NumPy's zips.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| retrograd_fuzz::problem(bytes));
