//! What holds for every sequence of frames and operations: the bodies of the fuzz targets, on random
//! scripts.

use korinet_tests::fuzz;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_connection_survives_whatever_comes(script in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::connection_frames(&script);
    }

    #[test]
    fn sessions_survive_whatever_is_done(script in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::session_operations(&script);
    }
}
