//! `cargo xtask simulate`: sessions in a virtual world, until so many faults have happened.

use crate::failure::Failure;
use crate::steps;
use crate::workspace::cargo;

/// What is simulated if nothing is said: ten million faults, some minutes.
const DEFAULT: [&str; 2] = ["--faults", "10000000"];

/// Runs the program of the tests package that does it; it says what is wrong with the arguments.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "korinet-tests"]);
    command.args(["--bin", "simulate", "--"]);
    if arguments.is_empty() {
        command.args(DEFAULT);
    }
    command.args(arguments);
    steps::run(&mut command)
}
