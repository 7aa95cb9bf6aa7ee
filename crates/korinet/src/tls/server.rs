use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::roots::Source;
use super::{ALPN, Identity, Roots, TlsError, VERSIONS, provider};

/// How a server speaks TLS. Clones are the same: what is set counts for all connections that follow.
#[derive(Clone)]
pub struct ServerTls {
    current: Arc<Mutex<Current>>,
}

#[derive(Clone)]
pub(crate) struct Current {
    identity: Identity,
    clients: Option<ClientCertificates>,
    pub(crate) config: Arc<rustls::ServerConfig>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

/// Which certificates clients are to show.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    roots: Roots,
    is_optional: bool,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl ClientCertificates {
    /// One that comes from one of these roots, which must be given ones: whom a system trusts as servers says nothing
    /// about clients.
    #[must_use]
    pub const fn from(roots: Roots) -> Self {
        Self {
            roots,
            is_optional: false,
            revoked: Vec::new(),
        }
    }

    /// Clients without any are let in as well; it is for the server's authenticator to tell them apart.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// None that is on these lists, in PEM. There has to be one of each issuer: a certificate of which it is not known
    /// whether it was revoked is refused.
    ///
    /// # Errors
    ///
    /// There is none, or one is broken.
    pub fn revoked(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem).collect();
        let what = "revocation list";
        let lists = lists.map_err(|error| TlsError::Broken {
            what,
            path: None,
            text: error.to_string(),
        })?;
        if lists.is_empty() {
            return Err(TlsError::Missing {
                expected: what,
                path: None,
            });
        }
        self.revoked.extend(lists);
        Ok(self)
    }

    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let Source::Given(store) = &self.roots.0 else {
            let text = "the system's roots say nothing about clients, expected given ones";
            return Err(TlsError::Unusable(text.to_owned()));
        };
        let store = Arc::clone(store);
        let mut builder = WebPkiClientVerifier::builder_with_provider(store, provider());
        if self.is_optional {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.with_crls(self.revoked.iter().cloned()).build();
        verifier.map_err(|error| TlsError::Unusable(error.to_string()))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current();
        f.debug_struct("ServerTls")
            .field("clients", &current.clients)
            .finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Shows this to clients, and asks for no certificate of theirs.
    ///
    /// # Errors
    ///
    /// The TLS library cannot go by it.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        Ok(Self {
            current: Arc::new(Mutex::new(Current::new(identity, None)?)),
        })
    }

    /// Shows this from now on. Connections that there are go on.
    ///
    /// # Errors
    ///
    /// The TLS library cannot go by it; nothing has changed then.
    pub fn set_identity(&self, identity: Identity) -> Result<(), TlsError> {
        let mut current = self.lock();
        *current = Current::new(identity, current.clients.clone())?;
        Ok(())
    }

    /// Asks clients for certificates from now on; with new roots or lists of revoked ones, no ticket counts that was
    /// given before. Connections that there are go on until they are
    /// [too old](crate::ServerBuilder::max_connection_age).
    ///
    /// # Errors
    ///
    /// The TLS library cannot go by it; nothing has changed then.
    pub fn set_clients(&self, clients: ClientCertificates) -> Result<(), TlsError> {
        let mut current = self.lock();
        *current = Current::new(current.identity.clone(), Some(clients))?;
        Ok(())
    }

    pub(crate) fn current(&self) -> Current {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn new(identity: Identity, clients: Option<ClientCertificates>) -> Result<Self, TlsError> {
        let verifier = clients.as_ref().map(ClientCertificates::verifier);
        let verifier = verifier.transpose()?;
        let builder = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)?;
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        };
        let key = CertifiedKey::clone(identity.certified_key());
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![ALPN.as_bytes().to_vec()];
        // What a ticket says is in the ticket, so that there may be as many as there are clients. Its keys are new with
        // each configuration, and no ticket outlives what it was given by.
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        config.max_early_data_size = 0;
        Ok(Self {
            identity,
            clients,
            config: Arc::new(config),
            verifier,
        })
    }

    /// Verifies what a ticket says that a client has shown: it may have expired since.
    pub(crate) fn verify_again(
        &self,
        certificates: &[CertificateDer<'_>],
    ) -> Result<(), rustls::Error> {
        if let (Some(verifier), [own, issuers @ ..]) = (&self.verifier, certificates) {
            verifier.verify_client_cert(own, issuers, UnixTime::now())?;
        }
        Ok(())
    }
}
