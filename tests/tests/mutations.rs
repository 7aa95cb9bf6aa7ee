//! Deliberate defects, each of which has to be seen by some of the tests. Only with
//! `--cfg korinet_mutations`, as `cargo xtask mutations` sets it.
#![cfg(korinet_mutations)]
#![expect(clippy::print_stdout, reason = "the table is what one wants to see")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use korinet_proto::mutation::{Mutation, activate};
use korinet_tests::model::{self, Bounds};
use korinet_tests::reference::{How, converse, converse_and_cut};
use korinet_tests::sim::{self, Plan};
use korinet_tests::{fuzz, pitfalls, set_back};

/// A layer of tests, small enough to be run for every defect.
type Layer = (&'static str, fn() -> Result<(), String>);

const LAYERS: [Layer; 6] = [
    ("set back", servers_set_back),
    ("pitfalls", every_pitfall),
    ("cuts", every_cut),
    ("simulation", some_worlds),
    ("models", every_model),
    ("fuzz seeds", fuzz_seeds),
];

fn servers_set_back() -> Result<(), String> {
    set_back::server_set_back()?;
    set_back::server_with_another_history()
}

fn every_pitfall() -> Result<(), String> {
    pitfalls::ALL
        .iter()
        .try_for_each(|(name, pitfall)| pitfall().map_err(|what| format!("{name}: {what}")))
}

fn every_model() -> Result<(), String> {
    model::check_all(Bounds::Layer).map(drop)
}

fn every_cut() -> Result<(), String> {
    let whole = converse(&[])?;
    let connections = 0..whole.connections.len();
    connections
        .flat_map(|connection| whole.cuts(connection, &How::ALL))
        .try_for_each(|cut| converse_and_cut(&[cut]).map(drop))
}

fn some_worlds() -> Result<(), String> {
    (0..64).try_for_each(|seed| match sim::run(seed, &Plan::default()) {
        Ok(_) => Ok(()),
        Err(failure) => Err(format!("seed {seed}: {}", failure.what)),
    })
}

fn fuzz_seeds() -> Result<(), String> {
    for (target, body) in [
        ("connection_frames", fuzz::connection_frames as fn(&[u8])),
        ("session_operations", fuzz::session_operations),
        ("server_connection", |script| {
            fuzz::server_connection(script);
        }),
    ] {
        let folder = format!("{}/../fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(folder).map_err(|error| error.to_string())? {
            let path = file.map_err(|error| error.to_string())?.path();
            body(&std::fs::read(&path).map_err(|error| error.to_string())?);
        }
    }
    Ok(())
}

/// What a layer finds; a panic is something found, too.
fn find((_, layer): &Layer) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(layer)) {
        Ok(outcome) => outcome.err(),
        Err(panic) => Some(sim::words(&*panic)),
    }
}

#[test]
fn every_defect_is_seen() {
    // Panics are what is looked for; their traces would bury the table.
    std::panic::set_hook(Box::new(|_| {}));
    for layer in &LAYERS {
        assert_eq!(find(layer), None, "{} fails without a defect", layer.0);
    }
    let mut unseen = Vec::new();
    for mutation in Mutation::ALL {
        activate(Some(*mutation));
        let found: Vec<_> = LAYERS
            .iter()
            .filter_map(|layer| Some((layer.0, find(layer)?)))
            .collect();
        activate(None);
        let layers: Vec<&str> = found.iter().map(|(layer, _)| *layer).collect();
        println!(
            "{mutation:?}: {}\n    seen by {}",
            mutation.description(),
            layers.join(", ")
        );
        match found.first() {
            Some((_, what)) => println!("    {}", what.lines().next().unwrap_or_default()),
            None => unseen.push(*mutation),
        }
    }
    println!("{} defects", Mutation::ALL.len());
    assert!(unseen.is_empty(), "not seen: {unseen:?}");
}
