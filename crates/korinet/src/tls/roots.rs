use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;

use super::TlsError;
use super::identity::{certificates, read_file};

/// Whose certificates are trusted.
#[derive(Debug, Clone)]
pub struct Roots(pub(super) Source);

#[derive(Debug, Clone)]
pub(super) enum Source {
    Platform,
    Given(Arc<RootCertStore>),
}

impl Roots {
    /// Those that the system trusts, by the system's rules.
    #[must_use]
    pub const fn platform() -> Self {
        Self(Source::Platform)
    }

    /// Those in this PEM text, and no others.
    ///
    /// # Errors
    ///
    /// There is none, or one is broken.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        Self::read(pem, None)
    }

    /// As [`from_pem`](Self::from_pem), from a file. Reads it at once, and blocks for that.
    ///
    /// # Errors
    ///
    /// As there; or it cannot be read.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        Self::read(&read_file(path)?, Some(path))
    }

    fn read(pem: &[u8], path: Option<&Path>) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        for certificate in certificates(pem, path)? {
            store.add(certificate).map_err(|error| TlsError::Broken {
                what: "certificate",
                path: path.map(Path::to_owned),
                text: error.to_string(),
            })?;
        }
        Ok(Self(Source::Given(Arc::new(store))))
    }
}
