use std::io;

use korinet_session::ConnectionError;
use korinet_session::v3::Channel;
use rustls::ProtocolVersion;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tcp::Secure;
use crate::tls::{ALPN, ClientTls, TlsIo, explain};

impl Secure for ClientTls {
    type Io = TlsIo<TlsStream<TcpStream>>;

    async fn secure(&self, stream: TcpStream, host: &str) -> io::Result<Self::Io> {
        let refuse = |error| Err(io::Error::new(io::ErrorKind::InvalidData, error));
        let name = match self.name_for(host) {
            Ok(name) => name,
            Err(error) => return refuse(ConnectionError::Tls(error.to_string())),
        };
        let connecting = TlsConnector::from(self.config()).connect(name, stream);
        let io = match connecting.await {
            Ok(stream) => TlsIo::new(stream)?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return refuse(ConnectionError::ClosedUnsecured);
            }
            Err(error) => return Err(explain(error)),
        };
        let state = io.state();
        if state.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return refuse(ConnectionError::NotTls);
        }
        if state.alpn_protocol() != Some(ALPN.as_bytes()) {
            return refuse(ConnectionError::NotOverTls(ALPN));
        }
        Ok(io)
    }

    fn channel(&self, io: &Self::Io) -> Channel {
        io.channel.clone()
    }

    fn tcp(io: &Self::Io) -> &TcpStream {
        io.stream.get_ref().0
    }
}
