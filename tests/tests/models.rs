//! The models of protocol v3, explored to the end; `cargo xtask model` explores more of them.
#![expect(clippy::print_stdout, reason = "the numbers are what one wants to see")]

use korinet_tests::model::{Bounds, check_all};

#[test]
fn every_state_keeps_the_invariants() {
    match check_all(Bounds::Gate) {
        Ok(report) => println!("{report}"),
        Err(error) => panic!("{error}"),
    }
}
