//! The Python package that the project must understand, in a virtual environment under `target`; and programs that
//! come as Python packages.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace;

const PACKAGE: &str = "korinet==0.0.1a1.dev1";

/// The variable by which the tests are told which Python has the package.
pub(crate) const VARIABLE: &str = "KORINET_PYTHON";

/// A Python that has the package; made on the first call, found again on later ones.
///
/// The error is one line that says why there is none.
pub(crate) fn prepare() -> Result<PathBuf, String> {
    if let Some(given) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(given));
    }
    environment("python", PACKAGE, &[]).map(|home| program_in(&home, "python"))
}

/// A virtual environment of this name with one package, which is a requirement as pip reads it; made on the first
/// call, found again on later ones.
///
/// The error is one line that says why there is none.
pub(crate) fn environment(name: &str, package: &str, options: &[&str]) -> Result<PathBuf, String> {
    let home = workspace::target_dir().join(name);
    let python = program_in(&home, "python");
    let stamp = home.join("korinet-package");
    if is_installed(&stamp, package) && works(&python) {
        return Ok(home);
    }
    let title = package.split_whitespace().next().unwrap_or(package);
    println!("installing the Python package {title} into a virtual environment");
    // Some systems deliver Python without these two, and then what venv says is a page of advice.
    let mut modules = Command::new("python3");
    modules.args(["-c", "import venv, ensurepip"]);
    quietly(modules, "python3 with its venv module")?;
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&home);
    quietly(create, "python3 -m venv")?;
    let tell = |error| format!("writing to {}: {error}", home.display());
    // Only in a file may a requirement name the hash of what it allows.
    let requirements = home.join("requirements.txt");
    fs::write(&requirements, package).map_err(tell)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet"]);
    install.args(options).arg("--requirement").arg(requirements);
    quietly(install, &format!("pip install {title}"))?;
    fs::write(&stamp, package).map_err(tell)?;
    Ok(home)
}

/// A program of a virtual environment.
pub(crate) fn program_in(home: &Path, name: &str) -> PathBuf {
    if cfg!(windows) {
        home.join("Scripts").join(name).with_extension("exe")
    } else {
        home.join("bin").join(name)
    }
}

/// The stamp is written last, so an installation that was broken off is made anew.
fn is_installed(stamp: &Path, package: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|version| version == package)
}

/// False when the Python that the environment was made from is gone.
fn works(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", ""]);
    quietly(command, "python").is_ok()
}

/// Runs a command unseen; of what it printed, an error keeps the last line.
fn quietly(mut command: Command, name: &str) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let last = printed.lines().rev().find(|line| !line.trim().is_empty());
    Err(format!(
        "{name}: {}",
        last.unwrap_or("failed without a word").trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::{PACKAGE, is_installed};

    #[test]
    fn only_the_stamp_of_this_very_version_counts() {
        let stamp = std::env::temp_dir().join(format!("korinet-stamp-{}", std::process::id()));
        assert!(!is_installed(&stamp, PACKAGE));
        std::fs::write(&stamp, "korinet==0.0.0").unwrap();
        assert!(!is_installed(&stamp, PACKAGE));
        std::fs::write(&stamp, PACKAGE).unwrap();
        assert!(is_installed(&stamp, PACKAGE));
        std::fs::remove_file(&stamp).unwrap();
    }
}
