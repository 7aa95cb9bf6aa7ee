//! An attacker's connection: bytes go out as they are, and frames come in.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use korinet::tls::rustls::pki_types::ServerName;
use korinet::tls::rustls::{self, ClientConfig};
use korinet_proto::v3::Frame;
use korinet_wire::v3::{self as wire, PREFACE, Preface};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::Told;
use crate::within;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One connection to a server, which says what its owner likes.
pub(crate) struct Peer {
    stream: Box<dyn Stream>,
    /// The same connection beneath TLS.
    socket: std::net::TcpStream,
    input: BytesMut,
    is_preface_read: bool,
    /// The binding of a connection with TLS, for proofs.
    pub(crate) binding: Option<[u8; 32]>,
    /// The session key of one that begins here.
    pub(crate) exported_key: Option<[u8; 32]>,
}

/// What a server said next.
enum Next {
    Frame(Frame),
    Alert(u8),
    End,
}

/// A bare connection from this address.
pub(crate) async fn dial(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let connected = within("a connection", socket.connect(to)).await.unwrap();
    connected.set_nodelay(true).unwrap();
    connected
}

impl Peer {
    /// Without TLS.
    pub(crate) fn plain(stream: TcpStream) -> Self {
        let socket = again(&stream);
        Self::new(Box::new(stream), socket)
    }

    fn new(stream: Box<dyn Stream>, socket: std::net::TcpStream) -> Self {
        Self {
            stream,
            socket,
            input: BytesMut::new(),
            is_preface_read: false,
            binding: None,
            exported_key: None,
        }
    }

    /// With TLS; or what the server said instead.
    pub(crate) async fn tls(stream: TcpStream, config: Arc<ClientConfig>) -> Result<Self, Told> {
        let name = ServerName::try_from("localhost").unwrap();
        let socket = again(&stream);
        let shaking = TlsConnector::from(config).connect(name, stream);
        let stream = within("a handshake of TLS", shaking).await;
        let stream = stream.map_err(|error| alert_of(&error).map_or(Told::Nothing, Told::Alert))?;
        let connection = stream.get_ref().1;
        let export = |label: &[u8]| {
            connection
                .export_keying_material([0; 32], label, None)
                .unwrap()
        };
        let binding = export(b"EXPORTER-korinet-v3-binding");
        let exported_key = export(b"EXPORTER-korinet-v3-session");
        Ok(Self {
            binding: Some(binding),
            exported_key: Some(exported_key),
            ..Self::new(Box::new(stream), socket)
        })
    }

    /// Sends bytes as they are. What the server does not take any more is lost.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let _ = within("the server to read", sent).await;
    }

    /// Sends these, unless the server says something last before they are taken. For floods, whose answer would be lost
    /// if nobody read it.
    pub(crate) async fn send_until_told(&mut self, bytes: &[u8]) -> Option<Told> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let done = {
                let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
                tokio::select! {
                    written = writer.write(rest) => written.map(|count| (count, count)),
                    read = reader.read_buf(&mut self.input) => read.map(|count| (count, 0)),
                }
            };
            match done {
                Ok((1.., written)) => rest = &rest[written..],
                Ok((0, _)) | Err(_) => return Some(self.told().await),
            }
            if let Some(told) = self.told_so_far() {
                self.finish().await;
                return Some(told);
            }
        }
        None
    }

    /// Ends this direction.
    pub(crate) async fn shut_down(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Ends this direction of TCP, whatever is above it.
    pub(crate) fn cut(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Writes these few bytes to TCP, whatever is above it.
    pub(crate) fn write_beneath(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Reads to the last that the server says, and to the end of the connection behind it.
    pub(crate) async fn told(&mut self) -> Told {
        loop {
            let told = match self.next().await {
                Next::End => return Told::Nothing,
                Next::Alert(number) => Told::Alert(number),
                Next::Frame(frame) => match told_by(&frame) {
                    Some(Told::Welcome) => return Told::Welcome,
                    Some(told) => told,
                    None => continue,
                },
            };
            self.finish().await;
            return told;
        }
    }

    /// The same of what was read already.
    fn told_so_far(&mut self) -> Option<Told> {
        while let Some(next) = self.parse() {
            match next {
                Next::End => return Some(Told::Nothing),
                Next::Alert(number) => return Some(Told::Alert(number)),
                Next::Frame(frame) => {
                    let told = told_by(&frame);
                    if told.is_some() {
                        return told;
                    }
                }
            }
        }
        None
    }

    /// The next frame.
    ///
    /// # Panics
    ///
    /// There is none.
    pub(crate) async fn frame(&mut self) -> Frame {
        match self.next().await {
            Next::Frame(frame) => frame,
            Next::Alert(number) => panic!("alert {number} where a frame is expected"),
            Next::End => panic!("the end where a frame is expected"),
        }
    }

    async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.parse() {
                return next;
            }
            let reading = self.stream.read_buf(&mut self.input);
            match within("the server to say something", reading).await {
                Ok(0) => return Next::End,
                Ok(_) => {}
                Err(error) => return alert_of(&error).map_or(Next::End, Next::Alert),
            }
        }
    }

    fn parse(&mut self) -> Option<Next> {
        if !self.is_preface_read {
            if let [21, 3, 3, 0, 2, _, number] = self.input[..] {
                return Some(Next::Alert(number));
            }
            match wire::preface(&self.input) {
                Ok(Preface::Complete) => self.input.advance(PREFACE.len()),
                Ok(Preface::Partial { .. }) | Err(_) => return None,
            }
            self.is_preface_read = true;
        }
        let frame = Frame::decode(&mut self.input, u32::MAX).expect("the server sends frames");
        frame.map(Next::Frame)
    }

    /// Waits for the end, which has to follow on the last words.
    async fn finish(&mut self) {
        let mut rest = Vec::new();
        let reading = self.stream.read_to_end(&mut rest);
        // It may be a reset, where the server did not read all.
        let _ = within("the end of the connection", reading).await;
    }
}

/// Another handle of a connection.
fn again(stream: &TcpStream) -> std::net::TcpStream {
    stream.as_fd().try_clone_to_owned().unwrap().into()
}

fn told_by(frame: &Frame) -> Option<Told> {
    match frame.as_wire().expect("it was decoded before") {
        wire::Frame::Welcome(_) => Some(Told::Welcome),
        wire::Frame::Reject(reject) => Some(Told::of_reject(&reject)),
        wire::Frame::Close(close) => Some(Told::of_close(&close)),
        _ => None,
    }
}

/// The alert that the library has received.
fn alert_of(error: &std::io::Error) -> Option<u8> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(u8::from(*alert)),
        _ => None,
    }
}
