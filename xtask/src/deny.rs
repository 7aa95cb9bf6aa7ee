//! `cargo xtask deny`: whether every dependency may be one, by the rules in `deny.toml`.

use crate::failure::Failure;
use crate::workspace::cargo;
use crate::{bench, fuzz, no_std, steps};

/// The version whose configuration `deny.toml` is written in.
const VERSION: &str = "0.20.2";

/// What can be checked with nothing but the registry; the advisories are a repository elsewhere.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// Each has a lock file of its own, and needs less than the workspace.
const APART: [&str; 2] = [fuzz::MANIFEST, no_std::MANIFEST];

pub(crate) fn run() -> Result<(), Failure> {
    install()?;
    check("Cargo.toml", &["unmatched-skip"])?;
    for manifest in APART {
        check(manifest, &["unmatched-skip", "license-not-encountered"])?;
    }
    // What its peers depend on is theirs to decide, and versions that meet there cost nobody else anything.
    let allowed = ["unmatched-skip", "license-not-encountered", "duplicate"];
    check(bench::MANIFEST, &allowed)
}

/// Checks what one lock file holds, without regard to some of the lints.
fn check(manifest: &str, allowed: &[&str]) -> Result<(), Failure> {
    println!("{manifest}");
    let mut command = cargo(&["deny", "--locked", "--manifest-path", manifest]);
    command.args(["--config", "deny.toml"]);
    // What leads to a crate would be pages; `cargo tree --invert` tells it when it is asked.
    command.args(["check", "--hide-inclusion-graph"]);
    for lint in allowed {
        command.args(["--allow", lint]);
    }
    steps::run(command.args(CHECKS))
}

/// Installs the tool where it is missing, which takes a few minutes once.
fn install() -> Result<(), Failure> {
    let found = cargo(&["deny", "--version"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    println!("installing cargo-deny {VERSION}");
    let install = ["install", "cargo-deny", "--locked", "--version", VERSION];
    steps::run(&mut cargo(&install))
}
