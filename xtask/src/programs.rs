//! The programs of the tests package that are run by hand: they say what is wrong with their arguments.

use crate::failure::Failure;
use crate::steps;
use crate::workspace::{self, cargo};

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

/// `cargo xtask transfer`: a file and a TCP connection through the command, over a link that is cut.
pub(crate) fn transfer(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo(&["build", "--quiet", "--release", "--package", "korinet-cli"]);
    steps::run(&mut command)?;
    let korinet = workspace::target_dir().join("release").join("korinet");
    let korinet = korinet.with_extension(std::env::consts::EXE_EXTENSION);
    let mut all = vec![korinet.to_string_lossy().into_owned()];
    all.extend_from_slice(arguments);
    run("transfer", &all)
}

/// Runs the program of this name.
pub(crate) fn run(program: &str, arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "korinet-tests"]);
    command.args(["--bin", program, "--"]).args(arguments);
    steps::run(&mut command)
}
