//! `cargo xtask test`: everything that a newcomer runs on a fresh machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::steps::Steps;
use crate::{python, workspace};

pub(crate) fn run() -> Result<(), Failure> {
    let mut steps = Steps::new("test");
    add_to(&mut steps);
    steps.finish()
}

pub(crate) fn add_to(steps: &mut Steps) {
    let mut peer = None;
    steps.run("Python package", |steps| {
        peer = python_peer(steps)?;
        Ok(())
    });
    // The tests start the command as a process, so without it they would only fail once more.
    if !steps.command("build the command", &mut workspace::build_command()) {
        return;
    }
    // So they do the examples; a run of all targets builds these as tests only.
    let examples = ["build", "--workspace", "--examples"];
    if !steps.command("build the examples", &mut workspace::cargo(&examples)) {
        return;
    }
    steps.command(
        "tests",
        &mut tests(&["--workspace", "--all-targets"], peer.as_deref()),
    );
    steps.command(
        "documentation tests",
        &mut tests(&["--workspace", "--doc"], peer.as_deref()),
    );
}

fn python_peer(steps: &mut Steps) -> Result<Option<PathBuf>, Failure> {
    match python::prepare() {
        Ok(python) => {
            println!("{}", python.display());
            Ok(Some(python))
        }
        Err(why) if workspace::is_ci() => Err(Failure::Failed(format!("no Python package: {why}"))),
        Err(why) => {
            steps.note(format!(
                "no Python package, its tests skip themselves ({why})"
            ));
            Ok(None)
        }
    }
}

fn tests(selection: &[&str], peer: Option<&Path>) -> Command {
    let mut command = workspace::cargo(&["test", "--no-fail-fast"]);
    command.args(selection);
    if let Some(python) = peer {
        command.env(python::VARIABLE, python);
    }
    command
}
