//! What a server shows in TLS.

/// A certificate of the server's own making, and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

#[cfg(any(feature = "quinn", feature = "tls"))]
impl Certificate {
    /// A new one for this machine's own address.
    ///
    /// # Errors
    ///
    /// There is no randomness for the key.
    pub fn new() -> Result<Self, crate::Failure> {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok(Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        })
    }
}
