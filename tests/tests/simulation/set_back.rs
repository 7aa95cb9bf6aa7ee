use korinet_tests::set_back;

// V3-34
#[test]
fn a_server_that_was_set_back_is_found_out() {
    set_back::server_set_back().unwrap();
    set_back::server_with_another_history().unwrap();
}
