#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| korinet_tests::fuzz::session_operations(data));
