//! Bare TCP, by tokio: the floor; and bare TLS over it, the floor of what is encrypted. In a stream it is bytes divided
//! by the message's size, so it is a limit of what copying costs, and no peer.

mod plain;
#[cfg(feature = "tls")]
mod secured;

use std::process::ExitCode;

use korinet_bench::{Failure, Flavour, Flow, Options, Tally, run, tell};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much is written and read at once in a stream.
const PIECE: usize = 256 * 1024;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(failure) => return tell(&failure),
    };
    match options.variant.as_str() {
        "" => run::<plain::Plain>(options, Flavour::CurrentThread),
        #[cfg(feature = "tls")]
        "tls" => run::<secured::Secured>(options, Flavour::CurrentThread),
        _ => tell(&options.unknown_variant(&["none", "tls, with the feature of that name"])),
    }
}

/// A connection, and a message's room.
struct Link<S = TcpStream> {
    stream: S,
    message: Vec<u8>,
}

impl<S> Link<S> {
    fn new(stream: S, size: usize) -> Self {
        let message = vec![7; size];
        Self { stream, message }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    async fn ask(&mut self) -> Result<(), Failure> {
        self.stream.write_all(&self.message).await?;
        self.stream.flush().await?;
        self.stream.read_exact(&mut self.message).await?;
        Ok(())
    }

    async fn answer(mut self, mut tally: Tally) -> Result<(), Failure> {
        loop {
            self.stream.read_exact(&mut self.message).await?;
            self.stream.write_all(&self.message).await?;
            self.stream.flush().await?;
            tally.add(1);
        }
    }
}

async fn send(mut stream: impl AsyncWrite + Unpin) -> Result<(), Failure> {
    let piece = vec![7; PIECE];
    loop {
        stream.write_all(&piece).await?;
    }
}

async fn receive(mut stream: impl AsyncRead + Unpin, mut flow: Flow) -> Result<(), Failure> {
    let mut piece = vec![0; PIECE];
    let mut rest = 0;
    loop {
        rest += match stream.read(&mut piece).await? {
            0 => return Ok(()),
            len => len,
        };
        flow.tally.add(u64::try_from(rest / flow.size)?);
        rest %= flow.size;
    }
}

/// For halves of one connection.
async fn pump<R, W>(read: R, write: W, flow: Flow) -> Result<(), Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    match (flow.sends, flow.receives) {
        (true, false) => send(write).await,
        (false, true) => receive(read, flow).await,
        _ => {
            let sending = tokio::spawn(send(write));
            receive(read, flow).await?;
            sending.await?
        }
    }
}
