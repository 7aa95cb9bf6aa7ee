use korinet_tests::doubles;

// V3-34
#[test]
fn a_server_that_was_set_back_is_found_out() {
    doubles::server_set_back().unwrap();
    doubles::server_with_another_history().unwrap();
}

// V3-33
#[test]
fn a_server_that_only_pretends_is_found_out() {
    doubles::impostor().unwrap();
}
