//! What holds for a server whatever comes on its connections: the body of a fuzz target, on random scripts.

use std::cell::RefCell;

use korinet_tests::fuzz::{Occurred, What, server_connection};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// The same scripts in every run, so that what occurs in them can be asked for.
#[test]
fn a_server_survives_whatever_comes() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(4000)
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let scripts = prop::collection::vec(any::<u8>(), 0..400);
    let all = RefCell::new(Occurred::default());
    let survived = TestRunner::new_with_rng(config, random).run(&scripts, |script| {
        all.borrow_mut().add(&server_connection(&script));
        Ok(())
    });
    if let Err(failure) = survived {
        panic!("{failure}");
    }
    let all = all.into_inner();
    for what in What::ALL {
        assert!(all.count(what) > 0, "{what:?} never occurred: {all:?}");
    }
}
