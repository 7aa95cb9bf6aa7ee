//! A file to be sent.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Digest;
use super::wire::Offer;

/// The most bytes that are read, and sent as one message: so few that one gets through before a bad link breaks again.
const READ: usize = 64 * 1024;

/// It is read once, and hashed as it is read: the digest is that of the bytes that were sent, whatever happens to the
/// file meanwhile.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    offer: Offer,
    state: (u64, Option<SystemTime>),
    position: u64,
    hash: Sha256,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let told = |error: io::Error| format!("cannot read {}: {error}", path.display());
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| {
            format!(
                "{} has no name to send, expected a file whose name is UTF-8",
                path.display()
            )
        })?;
        let found = path.metadata().map_err(told)?;
        // A named pipe would not even be opened.
        if !found.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        let file = File::open(path).map_err(told)?;
        let metadata = file.metadata().map_err(told)?;
        Ok(Self {
            offer: Offer {
                name: name.to_owned(),
                size: metadata.len(),
                modified: metadata.modified().ok().and_then(Offer::modified_at),
                is_executable: is_executable(&metadata),
            },
            state: state(&metadata),
            file,
            position: 0,
            hash: Sha256::new(),
        })
    }

    pub(super) const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// How many bytes were read.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes; none at the end.
    pub(super) fn read(&mut self) -> Result<Bytes, String> {
        let left = self.offer.size - self.position;
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(READ).min(READ)];
        let read = self.read_into(&mut bytes)?;
        bytes.truncate(read);
        Ok(Bytes::from(bytes))
    }

    /// Reads up to here without sending it; true if it has this digest.
    pub(super) fn begins_with(&mut self, len: u64, digest: &Digest) -> Result<bool, String> {
        if len > self.offer.size {
            return Ok(false);
        }
        let mut bytes = vec![0; READ];
        while self.position < len {
            let left = usize::try_from(len - self.position).unwrap_or(READ);
            self.read_into(&mut bytes[..left.min(READ)])?;
        }
        Ok(self.digest() == *digest)
    }

    /// Starts over.
    pub(super) fn rewind(&mut self) -> Result<(), String> {
        let sought = self.file.seek(SeekFrom::Start(0));
        sought.map_err(|error| self.unreadable(&error))?;
        (self.position, self.hash) = (0, Sha256::new());
        Ok(())
    }

    /// Some bytes, unless none are wanted.
    fn read_into(&mut self, bytes: &mut [u8]) -> Result<usize, String> {
        let read = self.file.read(bytes);
        let read = read.map_err(|error| self.unreadable(&error))?;
        if read == 0 && !bytes.is_empty() {
            return Err(self.changed());
        }
        self.hash.update(&bytes[..read]);
        self.position += read as u64;
        Ok(read)
    }

    /// The SHA-256 of all that was read.
    pub(super) fn digest(&self) -> Digest {
        self.hash.clone().finalize().into()
    }

    /// Fails if the file is not the one any more that was offered, as far as the system tells.
    pub(super) fn check(&self) -> Result<(), String> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|error| self.unreadable(&error))?;
        if state(&metadata) == self.state {
            return Ok(());
        }
        Err(self.changed())
    }

    fn unreadable(&self, error: &io::Error) -> String {
        format!("cannot read {}: {error}", self.offer.name)
    }

    fn changed(&self) -> String {
        format!("{} was changed while it was sent", self.offer.name)
    }
}

fn state(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
