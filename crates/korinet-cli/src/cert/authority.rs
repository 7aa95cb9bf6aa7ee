use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use korinet::tls::Identity;
use korinet::tls::rustls::client::WebPkiServerVerifier;
use korinet::tls::rustls::client::danger::ServerCertVerifier;
use korinet::tls::rustls::crypto::ring::default_provider;
use korinet::tls::rustls::pki_types::pem::PemObject;
use korinet::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use korinet::tls::rustls::server::WebPkiClientVerifier;
use korinet::tls::rustls::{self, RootCertStore};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use sha2::{Digest, Sha256};

use super::files::Pair;

/// Clocks that are so much behind take a certificate at once.
const HEAD_START: Duration = Duration::from_secs(60 * 60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a certificate is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A server of these names, at least one.
    Server(Vec<String>),
    /// A client of this name.
    Client(String),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(names) => write!(f, "a server for {}", names.join(", ")),
            Self::Client(name) => write!(f, "the client {name}"),
        }
    }
}

/// What gives certificates out.
pub(super) struct Authority {
    key: KeyPair,
    pub(super) pem: String,
}

impl Authority {
    /// Another one.
    pub(super) fn make(days: u16) -> Result<Self, String> {
        let key = KeyPair::generate().map_err(|error| told(&error))?;
        let mut params = named(&key);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        set_validity(&mut params, days)?;
        let certificate = params.self_signed(&key).map_err(|error| told(&error))?;
        Ok(Self {
            key,
            pem: certificate.pem(),
        })
    }

    /// The one in these files.
    pub(super) fn read(files: &Pair) -> Result<Self, String> {
        let told = |text: String| format!("{files}: {text}");
        // That the key is the certificate's, before any is made that nobody can trust.
        Identity::from_pem_files(&files.cert, &files.key)
            .map_err(|error| told(crate::output::chain(&error)))?;
        let read = |path| fs::read_to_string(path).map_err(|error| told(error.to_string()));
        let key = KeyPair::from_pem(&read(&files.key)?);
        let authority = Self {
            key: key.map_err(|error| told(error.to_string()))?,
            pem: read(&files.cert)?,
        };
        // What its name is and whether it may give any out at all is not read but tried.
        let tried = authority.issue(&Purpose::Client("trial".to_owned()), 1);
        match tried {
            Ok(_) => Ok(authority),
            Err(text) => Err(told(format!(
                "not an authority that korinet cert has made: {text}"
            ))),
        }
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// A certificate and its key, in PEM.
    pub(super) fn issue(&self, purpose: &Purpose, days: u16) -> Result<(String, String), String> {
        let (names, common_name, usage) = match purpose {
            Purpose::Server(names) => (
                names.clone(),
                names.first(),
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
            Purpose::Client(name) => (Vec::new(), Some(name), ExtendedKeyUsagePurpose::ClientAuth),
        };
        let mut params = CertificateParams::new(names).map_err(|error| told(&error))?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, days)?;
        let key = KeyPair::generate().map_err(|error| told(&error))?;
        let issuer = Issuer::new(named(&self.key), &self.key);
        let certificate = params.signed_by(&key, &issuer);
        let certificate = certificate.map_err(|error| told(&error))?;
        self.verify(certificate.der(), purpose)
            .map_err(|error| error.to_string())?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Looks at a certificate as its peer will.
    fn verify(&self, leaf: &CertificateDer<'_>, purpose: &Purpose) -> Result<(), rustls::Error> {
        let other = |error: &dyn fmt::Display| rustls::Error::General(error.to_string());
        let own = CertificateDer::from_pem_slice(self.pem.as_bytes());
        let mut roots = RootCertStore::empty();
        roots.add(own.map_err(|error| other(&error))?)?;
        let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
        let now = UnixTime::now();
        match purpose {
            Purpose::Server(names) => {
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
                let verifier = verifier.map_err(|error| other(&error))?;
                for name in names {
                    let name = name.replacen('*', "any", 1);
                    let name = ServerName::try_from(name).map_err(|error| other(&error))?;
                    verifier.verify_server_cert(leaf, &[], &name, &[], now)?;
                }
            }
            Purpose::Client(_) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                let verifier = verifier.map_err(|error| other(&error))?;
                verifier.verify_client_cert(leaf, &[], now)?;
            }
        }
        Ok(())
    }
}

/// What follows from the authority's key alone, so that nothing of its certificate has to be read to use it again: its
/// name, which no other has, and by it the issuer of all that it gives out.
fn named(key: &KeyPair) -> CertificateParams {
    let digest = Sha256::digest(key.subject_public_key_info());
    let name = format!("korinet cert {}", HEXLOWER.encode(&digest[..8]));
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn set_validity(params: &mut CertificateParams, days: u16) -> Result<(), String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_err(|_| "the clock says that it is before 1970".to_owned())?;
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(HEAD_START);
    params.not_after = epoch + now + DAY * u32::from(days);
    Ok(())
}

fn told(error: &rcgen::Error) -> String {
    format!("cannot make a certificate: {error}")
}
