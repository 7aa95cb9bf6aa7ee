//! The programs of the tests package that are run by hand: they say what is wrong with their arguments.

use crate::failure::Failure;
use crate::steps;
use crate::workspace::cargo;

/// What is simulated if nothing is said: ten million faults, some minutes.
const FAULTS: [&str; 2] = ["--faults", "10000000"];

/// `cargo xtask simulate`: sessions in a virtual world, until so many faults have happened.
pub(crate) fn simulate(arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return run("simulate", &FAULTS.map(str::to_owned));
    }
    run("simulate", arguments)
}

/// `cargo xtask hostile`: attacks on a server, which is a program of its own.
pub(crate) fn hostile(arguments: &[String]) -> Result<(), Failure> {
    let mut server = cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "korinet-tests",
    ]);
    server.args(["--bin", "hostile_server"]);
    steps::run(&mut server)?;
    run("hostile", arguments)
}

/// Runs the program of this name.
pub(crate) fn run(program: &str, arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "korinet-tests"]);
    command.args(["--bin", program, "--"]).args(arguments);
    steps::run(&mut command)
}
