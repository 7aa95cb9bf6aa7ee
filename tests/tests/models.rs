//! The models of protocol v3, explored to the end.

use korinet_tests::model::{Bounds, check_all};

#[test]
fn all_models_keep_their_invariants() {
    match check_all(Bounds::Layer) {
        Ok(report) => assert!(report.states() > 1000, "{report}"),
        Err(error) => panic!("{error}"),
    }
}
