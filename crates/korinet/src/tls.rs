//! TLS 1.3 under sessions of protocol v3: with it nobody can read along, change anything, or take a session over, and
//! each side knows with whom it speaks.
//!
//! A server shows an [`Identity`], a client trusts some [`Roots`]; the other way round too, if the server wants
//! [certificates of its clients](ServerTls::set_clients). [`ServerTls`] and [`ClientTls`] are handles: what is set on
//! them counts for the connections that follow, so that a certificate is renewed without a restart.
//!
//! ```no_run
//! use korinet::tls::{ClientTls, Identity, Roots, ServerTls};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tls = ServerTls::new(Identity::from_pem_files("server.pem", "server.key")?)?;
//! let server = korinet::Server::builder().tls(&tls).bind("0.0.0.0:1235").await?;
//! // Later, when there is another certificate:
//! tls.set_identity(Identity::from_pem_files("server.pem", "server.key")?)?;
//!
//! let tls = ClientTls::new(Roots::from_pem_file("ca.pem")?)?;
//! let session = korinet::Client::builder().tls(&tls).connect("server.example:1235").await?;
//! # Ok(())
//! # }
//! ```
//!
//! TLS is that of the crate `rustls` with the cryptography of `ring`: version 1.3 only, no early data, and the protocol
//! name [`ALPN`], without which neither side goes on. There is no switch that turns the verification of certificates
//! off; who has to do so, or has a verifier of its own, brings a whole [`rustls::ClientConfig`] to
//! [`ClientTls::from_rustls`].
//!
//! A server gives tickets, so that a client that comes back saves the costly part of a handshake. They are sealed with
//! keys that change every six hours, and hold the client's certificates, which are verified again when a ticket comes
//! back. What a session belongs to is proven by the session's own key, derived from TLS, and not by a ticket.

mod client;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the TLS library's lists of errors are long and grow; what is not named is told in its own words"
)]
mod error;
mod identity;
mod io;
mod roots;
mod server;

pub use client::ClientTls;
pub use error::TlsError;
pub use identity::Identity;
pub use roots::Roots;
pub use rustls;
pub use server::{ClientCertificates, ServerTls};

pub(crate) use error::{explain, fault_of};
pub(crate) use io::TlsIo;

/// The name of the protocol over TLS (RFC 7301).
pub const ALPN: &str = "korinet/3";

/// The cryptography of all connections.
fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    std::sync::Arc::new(rustls::crypto::ring::default_provider())
}

const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
