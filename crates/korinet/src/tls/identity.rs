use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::{TlsError, provider};

/// What one side shows to the other: a certificate, and the private key to it.
///
/// The key is not shown by `Debug`.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Identity {
    /// From PEM: the certificate with those of its issuers behind it, but for the root; and the private key, in PKCS #8,
    /// PKCS #1 or SEC1.
    ///
    /// # Errors
    ///
    /// One of them is not there or broken, the key is of a kind that is not known, or of another certificate.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::read(chain, None, key, None)
    }

    /// As [`from_pem`](Self::from_pem), from two files, or one that has both. Reads them at once, and blocks for that.
    ///
    /// # Errors
    ///
    /// As there; or they cannot be read.
    pub fn from_pem_files(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let certificates = read_file(chain)?;
        let private_key = Zeroizing::new(read_file(key)?);
        Self::read(&certificates, Some(chain), &private_key, Some(key))
    }

    fn read(
        chain: &[u8],
        chain_path: Option<&Path>,
        key: &[u8],
        key_path: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let chain = certificates(chain, chain_path)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            use rustls::pki_types::pem::Error;
            let path = key_path.map(Path::to_owned);
            if matches!(error, Error::NoItemsFound) {
                let expected = "private key";
                return TlsError::Missing { expected, path };
            }
            TlsError::Broken {
                what: "private key",
                path,
                text: error.to_string(),
            }
        })?;
        let certified = CertifiedKey::from_der(chain, key, &provider())?;
        Ok(Self(Arc::new(certified)))
    }

    pub(super) const fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.0
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The certificates in PEM text, at least one.
pub(super) fn certificates(
    pem: &[u8],
    path: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| TlsError::Broken {
        what: "certificate",
        path: path.map(Path::to_owned),
        text: error.to_string(),
    })?;
    if all.is_empty() {
        return Err(TlsError::Missing {
            expected: "certificate",
            path: path.map(Path::to_owned),
        });
    }
    Ok(all)
}
