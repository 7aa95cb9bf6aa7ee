//! A client that is put together by hand, with the labels as PROTOCOL.md has them: keys are exported as it says.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use korinet::tls::rustls;
use korinet::wire::v3::AttachNumber;
use korinet_proto::v3::Transmit;
use korinet_session::v3::{
    Action, Binding, Channel, ClientConfig, ClientSession, Event, SessionKey,
};
use korinet_tests::pki::Authority;
use korinet_tests::within;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{bind, server};

fn connector(authority: &Authority, protocol: &str) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    let pem = authority.pem();
    let root = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn secured(connector: &TlsConnector, addr: &str) -> (TlsStream<TcpStream>, Channel) {
    let stream = TcpStream::connect(addr).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    let export = |label: &str| {
        let connection = stream.get_ref().1;
        connection
            .export_keying_material([0_u8; 32], label.as_bytes(), None)
            .unwrap()
    };
    let channel = Channel::Secured {
        key: SessionKey::from_bytes(export("EXPORTER-korinet-v3-session")),
        binding: Binding::from_bytes(export("EXPORTER-korinet-v3-binding")),
    };
    (stream, channel)
}

fn dialing(client: &mut ClientSession) -> AttachNumber {
    loop {
        if let Action::Dial(attach) = client.poll_action().expect("an attempt") {
            return attach;
        }
    }
}

/// Goes on until something happens that is neither the attempt itself nor the loss of its connection.
async fn go_on<Io: AsyncRead + AsyncWrite + Unpin>(
    client: &mut ClientSession,
    (mut io, channel): (Io, Channel),
) -> Event {
    let attach = dialing(client);
    client.handle_connected(Instant::now(), attach, channel, None);
    let mut input = BytesMut::new();
    within("an answer", async {
        loop {
            while let Some(event) = client.poll_event() {
                if !matches!(event, Event::Connecting(_) | Event::Detached { .. }) {
                    return event;
                }
            }
            let mut out = Transmit::new();
            client.poll_transmit(Instant::now(), attach, &mut out);
            io.write_all(&out.into_bytes()).await.unwrap();
            assert!(io.read_buf(&mut input).await.unwrap() > 0, "the end");
            client.handle_bytes(Instant::now(), attach, &mut input);
        }
    })
    .await
}

fn come_back(client: &mut ClientSession) {
    let lost = korinet::ConnectionError::ClosedByPeer;
    client.handle_disconnected(Instant::now(), client.attach(), lost);
    let at = client.poll_timeout().unwrap();
    client.handle_timeout(at);
}

// V3-43, V3-44, V3-45
#[tokio::test]
async fn a_session_is_resumed_by_what_is_exported_and_over_nothing_else() {
    let authority = Authority::new();
    let builder = server(&authority.server()).allow_plaintext();
    let (_server, addr) = bind(&builder).await;
    let connector = connector(&authority, "korinet/3");
    let mut client = ClientSession::new(Instant::now(), ClientConfig::new(1), [7; 32]);
    let opened = go_on(&mut client, secured(&connector, &addr).await).await;
    assert!(
        matches!(opened, Event::Attached(to) if !to.resumed),
        "{opened:?}"
    );
    for _ in 0..2 {
        come_back(&mut client);
        let resumed = go_on(&mut client, secured(&connector, &addr).await).await;
        assert!(
            matches!(resumed, Event::Attached(to) if to.resumed),
            "{resumed:?}"
        );
    }
    // With the right key, but where everybody can read along.
    come_back(&mut client);
    let plain = TcpStream::connect(&addr).await.unwrap();
    let lost = go_on(&mut client, (plain, Channel::Plain)).await;
    assert!(matches!(lost, Event::Lost { .. }), "{lost:?}");
}

// V3-43
#[tokio::test]
async fn another_protocol_over_tls_is_refused() {
    let authority = Authority::new();
    let (_server, addr) = bind(&server(&authority.server())).await;
    let connector = connector(&authority, "http/1.1");
    let stream = TcpStream::connect(&addr).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let error = within("the refusal", connector.connect(name, stream)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}
