//! A file that is not complete yet.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Digest;

/// What the names of such files end in.
pub(super) const SUFFIX: &str = ".korinet-part";

/// How much is read at a time.
pub(super) const READ: usize = 256 * 1024;

/// What has come of a file, beside the place where it will be. It stays when it is dropped, for the next attempt.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    len: u64,
    hash: Sha256,
}

impl Part {
    /// Opens what there is for this target, or nothing yet, and reads it to its end unless it has more than `most` bytes,
    /// in which case it is emptied.
    pub(super) fn open(target: &Path, most: u64) -> io::Result<Self> {
        let mut path = target.as_os_str().to_owned();
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        // A named pipe would not even be opened.
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("it is there and is no file"));
        }
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path)?;
        lock(&file, &path)?;
        let mut part = Self {
            file,
            path,
            len: 0,
            hash: Sha256::new(),
        };
        if part.file.metadata()?.len() > most {
            part.clear()?;
        }
        part.read()?;
        Ok(part)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; READ];
        loop {
            match self.file.read(&mut buffer)? {
                0 => return Ok(()),
                read => self.count(&buffer[..read]),
            }
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// Starts over.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.len, self.hash) = (0, Sha256::new());
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.count(bytes);
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// The SHA-256 of all of it.
    pub(super) fn digest(&self) -> Digest {
        self.hash.clone().finalize().into()
    }
}

/// Has it for this process alone, until it is closed.
#[cfg(unix)]
fn lock(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{FlockOperation, flock};
    let taken = || io::Error::other("another program is receiving it");
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        rustix::io::Errno::WOULDBLOCK => taken(),
        error => error.into(),
    })?;
    // Whoever had it may have put it in its place in the meantime.
    let (opened, found) = (file.metadata()?, fs::symlink_metadata(path));
    match found {
        Ok(found) if (found.dev(), found.ino()) == (opened.dev(), opened.ino()) => Ok(()),
        Ok(_) | Err(_) => Err(taken()),
    }
}

#[cfg(not(unix))]
fn lock(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}
