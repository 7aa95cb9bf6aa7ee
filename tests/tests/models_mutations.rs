//! Deliberate defects, each of which some model has to see. Only with `--cfg korinet_mutations`, as
//! `cargo xtask mutations` sets it.
#![cfg(korinet_mutations)]
#![expect(clippy::print_stdout, reason = "the table is what one wants to see")]

use korinet_proto::mutation::{Mutation, activate};
use korinet_tests::model;

#[test]
fn the_models_see_every_defect() {
    // Panics are what is looked for; their traces would bury the table.
    std::panic::set_hook(Box::new(|_| {}));
    assert_eq!(model::layer(), Ok(()), "without a defect");
    let mut unseen = Vec::new();
    for mutation in Mutation::ALL {
        activate(Some(*mutation));
        let found = model::layer().err();
        activate(None);
        let words = found.as_deref().and_then(|found| found.lines().next());
        let name = format!("{mutation:?}");
        println!("{name:<22} {}", words.unwrap_or("NOT SEEN"));
        if found.is_none() {
            unseen.push(*mutation);
        }
    }
    assert_eq!(unseen, [], "defects that no model sees");
}
