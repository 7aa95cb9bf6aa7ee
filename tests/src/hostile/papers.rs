//! Certificates and what goes with them, in a directory where the server's process finds them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use korinet::tls::ClientTls;
use korinet::tls::rustls::client::WebPkiServerVerifier;
use korinet::tls::rustls::pki_types::pem::PemObject;
use korinet::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use korinet::tls::rustls::{self, ClientConfig, RootCertStore};

use crate::pki::{Authority, Leaf};

static DIRECTORIES: AtomicUsize = AtomicUsize::new(0);

/// The papers of all who take part. The directory goes when this is dropped.
pub struct Papers {
    directory: PathBuf,
    authority: Authority,
    /// The certificate of the healthy client.
    good: Leaf,
    revoked: Leaf,
}

impl Papers {
    /// Draws them up.
    #[expect(
        clippy::new_without_default,
        reason = "it writes files, which is no default"
    )]
    pub fn new() -> Self {
        let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("korinet-hostile-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let authority = Authority::new();
        let server = authority.issue(&["localhost", "127.0.0.1"], 1);
        let revoked = authority.issue(&["revoked"], 3);
        for (name, text) in [
            ("server.pem", &server.chain_pem),
            ("server.key", &server.key_pem),
            ("authority.pem", &authority.pem()),
            ("revoked.pem", &authority.revoke(&[&revoked])),
        ] {
            std::fs::write(directory.join(name), text).unwrap();
        }
        Self {
            directory,
            good: authority.issue(&["good"], 2),
            authority,
            revoked,
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A certificate that is on the list of those that were revoked.
    pub(super) const fn revoked(&self) -> &Leaf {
        &self.revoked
    }

    /// How an honest client speaks TLS, with a certificate if it is asked for one.
    pub(super) fn client(&self) -> ClientTls {
        let tls = self.authority.client();
        tls.set_identity(self.good.identity()).unwrap();
        tls
    }

    /// How an attacker does: with these names of protocols, and this certificate.
    pub(super) fn raw_client(&self, alpn: &[&str], leaf: Option<&Leaf>) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_webpki_verifier(verifier.build().unwrap());
        let mut config = match leaf {
            None => builder.with_no_client_auth(),
            Some(leaf) => {
                let chain = CertificateDer::from_pem_slice(leaf.chain_pem.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![chain], key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Each comes as if for the first time.
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        // What is left in the system's directory for such things does no harm.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
