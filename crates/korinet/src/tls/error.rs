use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use korinet_session::{CertificateFault, ConnectionError};
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use super::ALPN;

/// Why something cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is nothing of the kind that was expected, which is looked for in PEM.
    #[error("no {expected} found{}", place(.path.as_deref()))]
    Missing {
        /// What was expected.
        expected: &'static str,
        /// The file, if it was one.
        path: Option<PathBuf>,
    },
    /// What was found is broken.
    #[error("{what}{} is broken: {text}", place(.path.as_deref()))]
    Broken {
        /// What.
        what: &'static str,
        /// The file, if it was one.
        path: Option<PathBuf>,
        /// In what way.
        text: String,
    },
    /// The private key belongs to another certificate.
    #[error("the private key is not that of the certificate")]
    OtherKey,
    /// The TLS library cannot go by it.
    #[error("{0}")]
    Unusable(String),
}

fn place(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" in {}", path.display()))
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(_) => Self::OtherKey,
            other => Self::Unusable(lower_case(&other.to_string())),
        }
    }
}

/// What the transport says of a failure, in the words of a session.
pub(crate) fn explain(error: io::Error) -> io::Error {
    let kind = error.kind();
    let inner = error.get_ref();
    let known = match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => connection_error(error),
        // Without the alert that ends TLS. Anybody can do that, and a session takes no end of a connection for more
        // than a loss.
        None if kind == io::ErrorKind::UnexpectedEof => ConnectionError::ClosedByPeer,
        None => return error,
    };
    io::Error::new(kind, known)
}

fn connection_error(error: &rustls::Error) -> ConnectionError {
    match error {
        rustls::Error::InvalidCertificate(error) => {
            ConnectionError::CertificateInvalid(fault(error))
        }
        rustls::Error::NoCertificatesPresented => {
            ConnectionError::CertificateInvalid(CertificateFault::Missing)
        }
        rustls::Error::AlertReceived(alert) => alerted(*alert),
        // It speaks something else, or an older version.
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
        | rustls::Error::PeerIncompatible(PeerIncompatible::SupportedVersionsExtensionRequired) => {
            ConnectionError::NotTls
        }
        rustls::Error::NoApplicationProtocol => ConnectionError::NotOverTls(ALPN),
        other => ConnectionError::Tls(lower_case(&other.to_string())),
    }
}

/// What the peer says is wrong.
fn alerted(alert: AlertDescription) -> ConnectionError {
    let fault = match alert {
        AlertDescription::CertificateRequired => CertificateFault::Missing,
        AlertDescription::CertificateExpired => CertificateFault::Expired,
        AlertDescription::CertificateRevoked => CertificateFault::Revoked,
        AlertDescription::UnknownCA => CertificateFault::UnknownIssuer,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => {
            CertificateFault::Other("its certificate is not accepted".to_owned())
        }
        AlertDescription::ProtocolVersion => return ConnectionError::NotTls,
        AlertDescription::NoApplicationProtocol => return ConnectionError::NotOverTls(ALPN),
        other => return ConnectionError::Tls(format!("peer gave the alert {other:?}")),
    };
    ConnectionError::CertificateRefused(fault)
}

/// What is wrong with a certificate that was not accepted.
pub(crate) fn fault_of(error: &rustls::Error) -> CertificateFault {
    match connection_error(error) {
        ConnectionError::CertificateInvalid(fault) => fault,
        other => CertificateFault::Other(other.to_string()),
    }
}

fn fault(error: &CertificateError) -> CertificateFault {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::BadSignature => {
            CertificateFault::Other("its signature is not that of its issuer".to_owned())
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => CertificateFault::WrongName {
            expected: expected.to_str().into_owned(),
            found: presented.iter().map(|name| plain_name(name)).collect(),
        },
        other => CertificateFault::Other(lower_case(&other.to_string())),
    }
}

/// A name as people write it: the TLS library says `DnsName("localhost")` and `IpAddress(0::1)`.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, it)| it.strip_suffix(')'));
    let inner = inner.unwrap_or(name).trim_matches('"');
    match inner.parse::<IpAddr>() {
        Ok(addr) => addr.to_string(),
        Err(_) => inner.to_owned(),
    }
}

fn lower_case(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().collect::<String>() + letters.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_as_people_write_them() {
        for (told, plain) in [
            ("DnsName(\"localhost\")", "localhost"),
            ("IpAddress(127.0.0.1)", "127.0.0.1"),
            ("IpAddress(0::1)", "::1"),
            ("DirectoryName", "DirectoryName"),
        ] {
            assert_eq!(plain_name(told), plain);
        }
    }

    #[test]
    fn an_older_version_of_tls_is_named_as_such() {
        let without = PeerIncompatible::SupportedVersionsExtensionRequired;
        let error = connection_error(&rustls::Error::PeerIncompatible(without));
        assert_eq!(error, ConnectionError::NotTls);
    }
}
