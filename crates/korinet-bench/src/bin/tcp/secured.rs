use std::net::Ipv4Addr;
use std::sync::Arc;

use korinet_bench::{Certificate, Endpoint, Failure, Flow, Options, Peer, Tally};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::{Link, pump, receive, send};

/// TLS 1.3 by rustls, with the cryptography that korinet uses.
pub(crate) struct Secured;

pub(crate) struct Listener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    size: usize,
}

impl Peer for Secured {
    type Listener = Listener;
    type Link = Link<TlsStream<TcpStream>>;

    async fn listen(options: &Options) -> Result<(Listener, Endpoint), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let Certificate { certificate, key } = Certificate::new()?;
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        let config = ServerConfig::builder_with_protocol_versions(&[&TLS13])
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let endpoint = Endpoint {
            certificate: Some(certificate),
            ..Endpoint::plain(listener.local_addr()?.port())
        };
        let listener = Listener {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            size: options.size,
        };
        Ok((listener, endpoint))
    }

    async fn accept(listener: &mut Listener) -> Result<Self::Link, Failure> {
        loop {
            let (stream, _) = listener.listener.accept().await?;
            stream.set_nodelay(true)?;
            // Where connections are lost on purpose, one may be within its handshake.
            if let Ok(stream) = listener.acceptor.accept(stream).await {
                return Ok(Link::new(stream.into(), listener.size));
            }
        }
    }

    async fn connect(options: &Options) -> Result<Self::Link, Failure> {
        let pem = options
            .certificate
            .as_deref()
            .ok_or("no certificate was given")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
        let config = ClientConfig::builder_with_protocol_versions(&[&TLS13])
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, options.port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await?;
        Ok(Link::new(stream.into(), options.size))
    }

    async fn ask(link: &mut Self::Link) -> Result<(), Failure> {
        link.ask().await
    }

    async fn answer(link: Self::Link, tally: Tally) -> Result<(), Failure> {
        link.answer(tally).await
    }

    async fn pump(link: Self::Link, flow: Flow) -> Result<(), Failure> {
        // The halves of TLS share a lock, which one direction alone does not need.
        match (flow.sends, flow.receives) {
            (true, false) => send(link.stream).await,
            (false, true) => receive(link.stream, flow).await,
            _ => {
                let (read, write) = tokio::io::split(link.stream);
                pump(read, write, flow).await
            }
        }
    }
}
