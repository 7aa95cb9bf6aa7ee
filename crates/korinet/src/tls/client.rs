use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::roots::Source;
use super::{ALPN, Identity, Roots, TlsError, VERSIONS, provider};

/// How clients speak TLS. Clones are the same: what is set counts for all connections that follow.
#[derive(Clone)]
pub struct ClientTls {
    current: Arc<Mutex<Current>>,
    server_name: Option<ServerName<'static>>,
}

struct Current {
    settings: Settings,
    config: Arc<rustls::ClientConfig>,
}

#[derive(Clone)]
enum Settings {
    Own {
        roots: Roots,
        identity: Option<Identity>,
    },
    Foreign,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl ClientTls {
    /// Trusts servers whose certificate comes from one of these.
    ///
    /// # Errors
    ///
    /// The system's cannot be found out.
    pub fn new(roots: Roots) -> Result<Self, TlsError> {
        let settings = Settings::Own {
            roots,
            identity: None,
        };
        Ok(Self::of(Current::new(settings)?))
    }

    /// By a configuration of the TLS library, with a verifier of one's own maybe. Its protocol names are replaced, and
    /// early data is off; a server that does not speak TLS 1.3 is refused in any case.
    #[must_use]
    pub fn from_rustls(config: rustls::ClientConfig) -> Self {
        Self::of(Current {
            settings: Settings::Foreign,
            config: finished(config),
        })
    }

    fn of(current: Current) -> Self {
        Self {
            current: Arc::new(Mutex::new(current)),
            server_name: None,
        }
    }

    /// Expects this name in the server's certificate, whatever name or address is dialled.
    ///
    /// # Errors
    ///
    /// It is neither a name of the DNS nor an address.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.server_name = Some(parse_name(name)?);
        Ok(self)
    }

    /// Shows this to servers that ask for a certificate.
    ///
    /// # Errors
    ///
    /// The configuration is a [foreign one](Self::from_rustls), which has its own.
    pub fn set_identity(&self, identity: Identity) -> Result<(), TlsError> {
        self.change(|_, own| *own = Some(identity))
    }

    /// Trusts these and no others any more.
    ///
    /// # Errors
    ///
    /// The system's cannot be found out; or the configuration is a [foreign one](Self::from_rustls).
    pub fn set_roots(&self, roots: Roots) -> Result<(), TlsError> {
        self.change(|own, _| *own = roots)
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Roots, &mut Option<Identity>),
    ) -> Result<(), TlsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = current.settings.clone();
        match &mut settings {
            Settings::Own { roots, identity } => change(roots, identity),
            Settings::Foreign => {
                let text = "the configuration was made elsewhere and cannot be changed here";
                return Err(TlsError::Unusable(text.to_owned()));
            }
        }
        *current = Current::new(settings)?;
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<rustls::ClientConfig> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.config)
    }

    /// The name that the certificate of a server at `host` has to be for.
    pub(crate) fn name_for(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => parse_name(host.trim_start_matches('[').trim_end_matches(']')),
        }
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let text = format!("\"{name}\" is no name or address that a certificate can be for");
        TlsError::Unusable(text)
    })
}

impl Current {
    fn new(settings: Settings) -> Result<Self, TlsError> {
        let Settings::Own { roots, identity } = &settings else {
            let text = "a foreign configuration cannot be made anew";
            return Err(TlsError::Unusable(text.to_owned()));
        };
        let builder = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)?
            .dangerous()
            .with_custom_certificate_verifier(verifier(roots)?);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = CertifiedKey::clone(identity.certified_key());
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
        };
        Ok(Self {
            settings,
            config: finished(config),
        })
    }
}

/// The library calls it dangerous to bring a verifier; these are its own two.
fn verifier(roots: &Roots) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    match &roots.0 {
        Source::Platform => Ok(Arc::new(rustls_platform_verifier::Verifier::new(
            provider(),
        )?)),
        Source::Given(store) => {
            let store = Arc::clone(store);
            let verifier = WebPkiServerVerifier::builder_with_provider(store, provider()).build();
            Ok(verifier.map_err(|error| TlsError::Unusable(error.to_string()))?)
        }
    }
}

fn finished(mut config: rustls::ClientConfig) -> Arc<rustls::ClientConfig> {
    config.alpn_protocols = vec![ALPN.as_bytes().to_vec()];
    config.enable_early_data = false;
    Arc::new(config)
}
