//! Where things are, and how cargo is called there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The top folder of the workspace.
pub(crate) fn root() -> PathBuf {
    // cargo sets the variable when it runs this program; the path from compile time would be wrong
    // for a second clone that shares its target directory with the first.
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map(Path::to_path_buf).unwrap_or(manifest)
}

/// The folder that this program was built into, with the `korinet` command beside it.
///
/// Asking the program where it lies follows every setting by which cargo lets one move `target`.
pub(crate) fn profile_dir() -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(Path::to_path_buf))
        .unwrap_or_else(|| root().join("target/debug"))
}

pub(crate) fn target_dir() -> PathBuf {
    let profile = profile_dir();
    profile.parent().map(Path::to_path_buf).unwrap_or(profile)
}

/// The `korinet` command, once `build_command` has been run.
pub(crate) fn korinet() -> PathBuf {
    profile_dir().join(format!("korinet{}", env::consts::EXE_SUFFIX))
}

/// `cargo` at the top of the workspace, without standard input.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root())
        .args(arguments)
        .stdin(Stdio::null());
    command
}

pub(crate) fn build_command() -> Command {
    cargo(&["build", "--package", "korinet-cli"])
}

/// Whether this is an automatic run, in which nothing may be left out quietly.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}
