//! The Python package that the project must understand, in a virtual environment under `target`.

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
    let home = workspace::target_dir().join("python");
    let python = interpreter(&home);
    let stamp = home.join("korinet-package");
    if is_installed(&stamp) && works(&python) {
        return Ok(python);
    }
    println!("installing the Python package {PACKAGE} into a virtual environment");
    // Some systems deliver Python without these two, and then what venv says is a page of advice.
    let mut modules = Command::new("python3");
    modules.args(["-c", "import venv, ensurepip"]);
    quietly(modules, "python3 with its venv module")?;
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&home);
    quietly(create, "python3 -m venv")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", PACKAGE]);
    quietly(install, &format!("pip install {PACKAGE}"))?;
    fs::write(&stamp, PACKAGE).map_err(|error| format!("writing {}: {error}", stamp.display()))?;
    Ok(python)
}

fn interpreter(home: &Path) -> PathBuf {
    if cfg!(windows) {
        home.join("Scripts").join("python.exe")
    } else {
        home.join("bin").join("python")
    }
}

/// The stamp is written last, so an installation that was broken off is made anew.
fn is_installed(stamp: &Path) -> bool {
    fs::read_to_string(stamp).is_ok_and(|version| version == PACKAGE)
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
        assert!(!is_installed(&stamp));
        std::fs::write(&stamp, "korinet==0.0.0").unwrap();
        assert!(!is_installed(&stamp));
        std::fs::write(&stamp, PACKAGE).unwrap();
        assert!(is_installed(&stamp));
        std::fs::remove_file(&stamp).unwrap();
    }
}
