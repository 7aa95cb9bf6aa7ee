//! TLS, and who is at the other end.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use korinet::Protocol;
use korinet::tls::rustls::pki_types::ServerName;

use super::Protocols;

/// What a listener shows to its clients, and wants of them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS and authentication")]
pub(crate) struct ListenSecurity {
    /// Speak TLS, and show this certificate, in PEM
    ///
    /// Those of its issuers follow it in the file, but for the root. On SIGHUP this file and the three below
    /// are read again, for the connections that follow.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key to it, in PEM [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Refuse clients without a certificate from one of these authorities, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Refuse certificates of clients that are on these revocation lists, in PEM, one of each authority
    #[arg(long, value_name = "FILE", requires = "tls_client_ca")]
    pub(crate) tls_client_crl: Option<PathBuf>,
    /// Refuse clients that do not show one of the tokens in this file
    ///
    /// One a line; empty lines and those that begin with # do not count. The file is read anew for each
    /// connection. A client whose token changes is another client: its session does not go on, a new one does.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Also take connections without TLS, and from other machines
    ///
    /// Whoever is on the way can read along, tokens included, change what is sent, and take sessions over.
    /// Without it, what is not TLS is refused beside it, and a listener without TLS is one for this machine
    /// alone.
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
}

impl ListenSecurity {
    /// The file of the private key.
    pub(crate) fn tls_key(&self) -> Option<&Path> {
        self.tls_key.as_deref().or(self.tls_cert.as_deref())
    }

    /// What does not go together.
    pub(super) fn check(&self, protocols: &Protocols) -> Result<(), String> {
        if !matches!(protocols, Protocols::Only(Protocol::V2)) {
            return Ok(());
        }
        needs_v3(&[
            ("--tls-cert", self.tls_cert.is_some()),
            ("--token-file", self.token_file.is_some()),
        ])
    }
}

/// Whom a client trusts, and what it shows.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("with_tls").multiple(true)))]
#[command(next_help_heading = "TLS and authentication")]
pub(crate) struct PeerSecurity {
    /// Speak TLS, and trust the authorities that this system trusts
    #[arg(long, group = "with_tls")]
    tls: bool,
    /// Speak TLS, and trust the authorities in this file and no others, in PEM
    #[arg(long, value_name = "FILE", group = "with_tls")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Show this certificate to a peer that wants one, in PEM
    #[arg(long, value_name = "FILE", requires = "with_tls")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key to it, in PEM [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Expect this name in the certificate of the peer [default: the host of ADDR]
    #[arg(long, value_name = "NAME", requires = "with_tls", value_parser = parse_name)]
    pub(crate) tls_name: Option<String>,
    /// Show the first token in this file, which is read anew for each connection
    ///
    /// Empty lines and those that begin with # do not count. Without TLS whoever is on the way can read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

impl PeerSecurity {
    pub(crate) const fn has_tls(&self) -> bool {
        self.tls || self.tls_ca.is_some()
    }

    /// The file of the private key.
    pub(crate) fn tls_key(&self) -> Option<&Path> {
        self.tls_key.as_deref().or(self.tls_cert.as_deref())
    }

    /// What does not go together.
    pub(super) fn check(&self, protocol: Protocol) -> Result<(), String> {
        if protocol != Protocol::V2 {
            return Ok(());
        }
        needs_v3(&[
            ("--tls", self.tls),
            ("--tls-ca", self.tls_ca.is_some()),
            ("--token-file", self.token_file.is_some()),
        ])
    }
}

/// Nothing of this is in protocol v2.
fn needs_v3(options: &[(&str, bool)]) -> Result<(), String> {
    match options.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(format!(
            "{option} needs protocol v3, but --protocol is v2, which has neither TLS nor authentication"
        )),
        None => Ok(()),
    }
}

/// A name or address that a certificate can be for.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("expected a DNS name or an IP address, without a port".to_owned()),
    }
}
