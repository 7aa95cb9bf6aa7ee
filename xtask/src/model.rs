//! `cargo xtask model`: the models of protocol v3, explored to the last state.

use crate::failure::Failure;
use crate::steps;
use crate::workspace::cargo;

/// Runs the program of the tests package that does it, with the large bounds if nothing is said.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "korinet-tests"]);
    command.args(["--bin", "model", "--"]).args(arguments);
    steps::run(&mut command)
}
