#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    korinet_tests::fuzz::server_connection(data);
});
