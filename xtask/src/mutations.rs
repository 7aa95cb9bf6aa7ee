//! `cargo xtask mutations`: deliberate defects, each of which the tests have to see.

use crate::failure::Failure;
use crate::steps;
use crate::workspace::{cargo, target_dir};

/// Compiles everything with the defects in it, apart from what is compiled without, and tries each.
pub(crate) fn run() -> Result<(), Failure> {
    let arguments = ["test", "--package", "korinet-tests", "--test", "mutations"];
    let mut command = cargo(&arguments);
    command
        .arg("--target-dir")
        .arg(target_dir().join("mutations"))
        .args(["--", "--nocapture"])
        .env("RUSTFLAGS", "--cfg korinet_mutations");
    steps::run(&mut command)
}
