use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{in_the_way, is_there};

/// A certificate and its key, each in its file.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.cert.display(), self.key.display())
    }
}

impl Pair {
    pub(super) fn new(dir: &Path, name: &str) -> Self {
        // Nobody would write "./ca.pem".
        let dir = dir.strip_prefix(".").unwrap_or(dir);
        Self {
            cert: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}.key")),
        }
    }

    pub(super) fn paths(&self) -> [&Path; 2] {
        [&self.cert, &self.key]
    }

    /// Whether both are there.
    ///
    /// # Errors
    ///
    /// Only one is.
    pub(super) fn is_there(&self) -> Result<bool, String> {
        match self.paths().map(is_there) {
            [true, true] => Ok(true),
            [false, false] => Ok(false),
            [has_cert, _] => {
                let (found, missing) = if has_cert {
                    (&self.cert, &self.key)
                } else {
                    (&self.key, &self.cert)
                };
                Err(format!(
                    "{} is there, but {} is not: expected both or none",
                    found.display(),
                    missing.display()
                ))
            }
        }
    }

    /// Writes both, or none.
    pub(super) fn write(
        &self,
        pem: &str,
        key_pem: &str,
        may_overwrite: bool,
    ) -> Result<(), String> {
        let key = Draft::write(&self.key, key_pem, true, may_overwrite)?;
        let cert = Draft::write(&self.cert, pem, false, may_overwrite)?;
        key.keep()?;
        cert.keep()
    }
}

/// A file that goes away unless it is kept.
struct Draft<'a> {
    target: &'a Path,
    /// Where it is until then: elsewhere, if it is to take the place of another.
    path: Option<PathBuf>,
}

impl<'a> Draft<'a> {
    fn write(
        target: &'a Path,
        text: &str,
        is_secret: bool,
        may_overwrite: bool,
    ) -> Result<Self, String> {
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return in_the_way(target);
            }
            unwritable(target, &error)
        };
        let path = if may_overwrite {
            let number = getrandom::u64().map_err(|error| error.to_string())?;
            target.with_extension(format!("{number:016x}"))
        } else {
            target.to_owned()
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if is_secret {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = is_secret;
        let mut file = options.open(&path).map_err(failed)?;
        let draft = Self {
            target,
            path: Some(path),
        };
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(draft)
    }

    fn keep(mut self) -> Result<(), String> {
        if let Some(path) = &self.path
            && path != self.target
        {
            fs::rename(path, self.target).map_err(|error| unwritable(self.target, &error))?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Whatever is wrong was told already.
            let _ = fs::remove_file(path);
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
