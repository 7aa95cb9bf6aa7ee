//! The proof that `korinet-wire` needs neither `std` nor an allocator.
//!
//! `cargo check --no-default-features` proves nothing on a host that has `std`: a dependency may still
//! bring it in. So a freestanding library with a panic handler of its own is linked, which the compiler
//! refuses when `std` (a second panic handler) or `alloc` (an allocator nobody gave) is in the graph. Where a target
//! without an operating system is installed, the same is built for that, too.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, while_doing};
use crate::steps::{self, Steps};
use crate::workspace;

pub(crate) const MANIFEST: &str = "xtask/no-std-proof/Cargo.toml";

/// Targets that have no `std` at all.
const BARE: [&str; 3] = [
    "thumbv7em-none-eabihf",
    "thumbv6m-none-eabi",
    "riscv32imc-unknown-none-elf",
];

/// What a reference to the allocator contains, mangled or not.
const ALLOCATOR: &str = "__rust_alloc";
/// The function of the proof, looked for so that an unread archive does not pass for a clean one.
const ENTRY: &str = "korinet_no_std_proof";

pub(crate) fn prove(steps: &mut Steps) -> Result<(), Failure> {
    // A target directory of its own: its profile and features would push the workspace's artifacts out.
    let target = workspace::target_dir().join("no-std-proof");
    let mut build = workspace::cargo(&["build", "--release", "--manifest-path", MANIFEST]);
    steps::run(build.arg("--target-dir").arg(&target))?;
    build_bare(steps, &target)?;
    let archive = target.join("release").join("libno_std_proof.a");
    let Some(symbols) = symbols_of(&archive)? else {
        steps.note("no nm here, so the symbols of the no_std proof were not read".to_owned());
        return Ok(());
    };
    verdict(&symbols)
}

/// Builds for the first target without `std` that is installed.
fn build_bare(steps: &mut Steps, target: &Path) -> Result<(), Failure> {
    let Some(bare) = BARE.into_iter().find(|bare| is_installed(bare)) else {
        let text = format!("no target without std is installed, as {}", BARE[0]);
        steps.note(text);
        return Ok(());
    };
    let mut build = workspace::cargo(&["build", "--release", "--manifest-path", MANIFEST]);
    build.args(["--target", bare, "--target-dir"]).arg(target);
    steps::run(&mut build)
}

fn is_installed(target: &str) -> bool {
    let print = ["--print", "target-libdir", "--target", target];
    let output = Command::new("rustc").args(print).output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success() && Path::new(folder.trim()).is_dir()
    })
}

/// What `nm` prints, or nothing where there is no `nm`.
fn symbols_of(archive: &Path) -> Result<Option<String>, Failure> {
    let output = match Command::new("nm").arg(archive).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(while_doing("running nm")(error)),
    };
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn verdict(symbols: &str) -> Result<(), Failure> {
    let defined = |line: &str| line.contains(" T ") && line.contains(ENTRY);
    if !symbols.lines().any(defined) {
        return Err(Failure::Failed(format!(
            "the archive of the no_std proof does not define {ENTRY}"
        )));
    }
    match symbols.lines().find(|line| line.contains(ALLOCATOR)) {
        Some(line) => Err(Failure::Failed(format!(
            "korinet-wire reaches the allocator: {}",
            line.trim()
        ))),
        None => {
            println!("no allocator among {} symbols", symbols.lines().count());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::verdict;

    const ENTRY: &str = "0000000000000000 T korinet_no_std_proof\n";

    #[test]
    fn an_archive_without_allocator_passes() {
        assert!(verdict(&format!("{ENTRY}                 U memcpy\n")).is_ok());
    }

    #[test]
    fn a_reference_to_the_allocator_is_found_under_either_mangling() {
        for symbol in ["__rust_alloc", "_RNvCs691rhTbG0Ee_7___rustc12___rust_alloc"] {
            let symbols = format!("{ENTRY}                 U {symbol}\n");
            assert!(verdict(&symbols).is_err(), "{symbol}");
        }
    }

    #[test]
    fn an_archive_that_was_not_read_does_not_pass() {
        assert!(verdict("").is_err());
        assert!(verdict("                 U korinet_no_std_proof\n").is_err());
    }
}
