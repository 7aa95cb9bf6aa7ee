use korinet::tls::{ClientTls, Identity, Roots, ServerTls};
use korinet_bench::{Certificate, Failure};

pub(crate) fn server(own: &Certificate) -> Result<ServerTls, Failure> {
    let identity = Identity::from_pem(own.certificate.as_bytes(), own.key.as_bytes())?;
    Ok(ServerTls::new(identity)?)
}

pub(crate) fn client(certificate: &str) -> Result<ClientTls, Failure> {
    Ok(ClientTls::new(Roots::from_pem(certificate.as_bytes())?)?)
}
