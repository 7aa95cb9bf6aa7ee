//! A complete file gets to its place.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Digest;
use super::part::{Part, READ};
use super::wire::Offer;

/// Brings all of it to the disk, and then into its place in one step.
pub(super) fn place(
    part: Part,
    target: &Path,
    offer: &Offer,
    may_replace: bool,
) -> Result<(), String> {
    let told =
        |what: &str, error: io::Error| format!("cannot {what} {}: {error}", target.display());
    finish(&part, offer).map_err(|error| told("write", error))?;
    let path = part.path().to_owned();
    let renamed = match may_replace {
        true => fs::rename(&path, target),
        false => rename_to_nothing(&path, target),
    };
    renamed.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return is_there(target);
        }
        told("rename to", error)
    })?;
    sync_folder(target).map_err(|error| told("write the folder of", error))
}

/// What is told of a target that is there already.
pub(super) fn is_there(target: &Path) -> String {
    let name = target.file_name().unwrap_or(target.as_os_str());
    format!(
        "{} is there already, which only --force of the receiver replaces",
        name.display()
    )
}

/// The SHA-256 of a file that is at its place.
pub(super) fn digest(target: &Path) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut file = File::open(target)?;
    let mut bytes = vec![0; READ];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&bytes[..read]),
        }
    }
}

fn finish(part: &Part, offer: &Offer) -> io::Result<()> {
    let file = part.file();
    if let Some(time) = offer.modified() {
        file.set_times(FileTimes::new().set_modified(time))?;
    }
    if offer.is_executable {
        make_executable(file)?;
    }
    file.sync_all()
}

/// For whoever may read it. Of the sender's rights, nothing else counts here.
#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o666;
    file.set_permissions(fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}

/// As rename, but where something is there already it fails.
fn rename_to_nothing(path: &Path, target: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, path, CWD, target, RenameFlags::NOREPLACE) {
            // Not every file system can.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            renamed => return Ok(renamed?),
        }
    }
    match fs::symlink_metadata(target) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(path, target),
    }
}

/// The new name is to survive a loss of power, too.
#[cfg(unix)]
fn sync_folder(target: &Path) -> io::Result<()> {
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
