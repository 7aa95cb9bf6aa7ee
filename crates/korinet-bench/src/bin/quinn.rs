//! QUIC, by quinn: one stream in each connection, with frames of a length; encrypted, as QUIC always is. In a stream
//! nothing is acknowledged to the application.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use korinet_bench::{
    Certificate, Endpoint as Where, Failure, Flavour, Flow, Options, Peer, Tally, run, tell,
};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use quinn::{TransportConfig, VarInt};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// The bytes that are gathered before they are given to the stream: it is slow with many small ones.
const GATHERED: usize = 64 * 1024;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<Quinn>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct Quinn;

struct Link {
    // Each would end with its last handle.
    _endpoint: Endpoint,
    _connection: Connection,
    writer: FramedWrite<SendStream, LengthDelimitedCodec>,
    reader: FramedRead<RecvStream, LengthDelimitedCodec>,
    message: Bytes,
}

impl Link {
    fn new(
        endpoint: Endpoint,
        connection: Connection,
        (send, receive): (SendStream, RecvStream),
        size: usize,
    ) -> Self {
        let mut writer = FramedWrite::new(send, LengthDelimitedCodec::new());
        writer.set_backpressure_boundary(GATHERED);
        Self {
            _endpoint: endpoint,
            _connection: connection,
            writer,
            reader: FramedRead::new(receive, LengthDelimitedCodec::new()),
            message: Bytes::from(vec![7; size]),
        }
    }
}

fn transport(options: &Options) -> Result<Arc<TransportConfig>, Failure> {
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_secs(5)));
    if let Some(window) = options.window {
        let window = u32::try_from(window)?;
        transport.stream_receive_window(VarInt::from_u32(window));
        transport.send_window(u64::from(window));
    }
    Ok(Arc::new(transport))
}

impl Peer for Quinn {
    type Listener = (Endpoint, usize);
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Where), Failure> {
        let Certificate { certificate, key } = Certificate::new()?;
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        let mut config = ServerConfig::with_single_cert(chain, key)?;
        config.transport_config(transport(options)?);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = Endpoint::server(config, addr)?;
        let place = Where {
            certificate: Some(certificate),
            ..Where::plain(endpoint.local_addr()?.port())
        };
        Ok(((endpoint, options.size), place))
    }

    async fn accept((endpoint, size): &mut Self::Listener) -> Result<Link, Failure> {
        let incoming = endpoint.accept().await.ok_or("the endpoint is closed")?;
        let connection = incoming.await?;
        let (send, mut receive) = connection.accept_bi().await?;
        receive.read_exact(&mut [0]).await?;
        let streams = (send, receive);
        Ok(Link::new(endpoint.clone(), connection, streams, *size))
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let pem = options
            .certificate
            .as_deref()
            .ok_or("no certificate was given")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
        let mut config = ClientConfig::with_root_certificates(Arc::new(roots))?;
        config.transport_config(transport(options)?);
        let endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let connection = endpoint.connect_with(config, addr, "localhost")?.await?;
        // The other side learns of a stream by its first byte.
        let mut streams = connection.open_bi().await?;
        streams.0.write_all(&[0]).await?;
        Ok(Link::new(endpoint, connection, streams, options.size))
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        link.writer.send(link.message.clone()).await?;
        let answer = link.reader.next().await.ok_or("the server closed")?;
        std::hint::black_box(answer?);
        Ok(())
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        while let Some(message) = link.reader.next().await {
            link.writer.send(message?.freeze()).await?;
            tally.add(1);
        }
        Ok(())
    }

    async fn pump(mut link: Link, mut flow: Flow) -> Result<(), Failure> {
        let (mut writer, message) = (link.writer, link.message);
        let sending = async move {
            if flow.sends {
                loop {
                    writer.feed(message.clone()).await?;
                }
            }
            // Given up, it would be reset.
            std::future::pending::<Result<(), Failure>>().await
        };
        if !flow.receives {
            return sending.await;
        }
        let sending = tokio::spawn(sending);
        while let Some(message) = link.reader.next().await {
            std::hint::black_box(message?);
            flow.tally.add(1);
        }
        sending.abort();
        Ok(())
    }
}
