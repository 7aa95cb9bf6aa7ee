//! The bytes of one TCP connection, over one session.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use korinet::{Receiver, Sender, State};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::sync::watch;

use crate::output::chain;
use crate::purpose::{why, why_not_sent};

/// The most bytes that are read, and sent as one message: so few that one gets through before a bad link breaks again.
const READ: usize = 16 * 1024;

/// Why a connection did not come to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The TCP connection of this side failed.
    Tcp(io::Error),
    /// The session did, or the other side broke it off.
    Session(String),
}

impl Broken {
    /// The command ends.
    pub(super) fn ended_here() -> Self {
        Self::Session("tunnel was ended".to_owned())
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(error) => f.write_str(&chain(error)),
            Self::Session(text) => f.write_str(text),
        }
    }
}

/// How many bytes were read from the TCP connection, and written to it.
#[derive(Debug, Default)]
pub(super) struct Bytecount {
    read: AtomicU64,
    written: AtomicU64,
}

impl Bytecount {
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// Carries all bytes, both ways; ends when both directions have, and the other side has written all that it was sent.
pub(super) async fn carry(
    tcp: &mut TcpStream,
    sender: &Sender,
    receiver: &mut Receiver,
    count: &Bytecount,
) -> Result<(), Broken> {
    let (reading, writing) = tcp.split();
    let reading = reading.as_ref();
    let mut outgoing = pin!(send_all(reading, sender, &count.read));
    let mut incoming = pin!(receive_all(
        writing,
        receiver,
        sender.state(),
        &count.written
    ));
    tokio::select! {
        sent = &mut outgoing => {
            sent?;
            tokio::select! {
                received = incoming => received?,
                // Who has said all it has to say may die while it listens.
                error = died(reading) => return Err(Broken::Tcp(error)),
            }
        }
        received = &mut incoming => {
            // What a peer sent before it broke the connection may be there to read.
            if let Err(Broken::Session(_)) = received {
                return received;
            }
            let sent = outgoing.await;
            received.and(sent)?;
        }
    }
    let flushed = sender.flush().await;
    flushed.map_err(|error| Broken::Session(why_not_sent(&error)))
}

/// Sends what is read, to its end; reads no more than the session takes.
async fn send_all(tcp: &TcpStream, sender: &Sender, count: &AtomicU64) -> Result<(), Broken> {
    let mut buffer = BytesMut::new();
    loop {
        // Nothing is allocated for a connection that is silent.
        tcp.readable().await.map_err(Broken::Tcp)?;
        buffer.reserve(READ);
        let bytes = match tcp.try_read_buf(&mut (&mut buffer).limit(READ)) {
            Ok(0) => Bytes::new(),
            Ok(len) => {
                count.fetch_add(len as u64, Ordering::Relaxed);
                buffer.split().freeze()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(Broken::Tcp(error)),
        };
        let is_end = bytes.is_empty();
        let fed = sender.feed_raw(bytes).await;
        fed.map_err(|error| Broken::Session(why_not_sent(&error)))?;
        if is_end {
            return Ok(());
        }
    }
}

/// Writes what is received, to its end, and acknowledges what is written.
async fn receive_all(
    mut tcp: WriteHalf<'_>,
    receiver: &mut Receiver,
    mut state: watch::Receiver<State>,
    count: &AtomicU64,
) -> Result<(), Broken> {
    loop {
        let message = match receiver.recv().await {
            Ok(Some(message)) => message,
            Ok(None) => return Err(early_end()),
            Err(error) => return Err(Broken::Session(why(&error))),
        };
        if !message.is_raw() {
            let text = "peer sent a message that is no bytes of a connection";
            return Err(Broken::Session(text.to_owned()));
        }
        let bytes = message.data();
        if bytes.is_empty() {
            tcp.shutdown().await.map_err(Broken::Tcp)?;
            receiver.done(&message);
            return Ok(());
        }
        tokio::select! {
            biased;
            written = tcp.write_all(bytes) => written.map_err(Broken::Tcp)?,
            // Whoever does not read is not waited for when the session is over.
            reason = over(&mut state) => return Err(reason),
        }
        count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        receiver.done(&message);
    }
}

fn early_end() -> Broken {
    Broken::Session("session was closed before the end of the connection".to_owned())
}

/// Waits until the session is over; why it is.
async fn over(state: &mut watch::Receiver<State>) -> Broken {
    let closed = state.wait_for(|state| matches!(state, State::Closed { .. }));
    match closed.await.as_deref() {
        Ok(State::Closed { error: Some(error) }) => Broken::Session(why(error)),
        Ok(_) | Err(_) => early_end(),
    }
}

/// Waits until a connection that is not read any more fails.
async fn died(tcp: &TcpStream) -> io::Error {
    match tcp.ready(Interest::ERROR).await {
        Ok(_) => match tcp.take_error() {
            Ok(Some(error)) | Err(error) => error,
            // Somebody else has got it, and tells.
            Ok(None) => std::future::pending().await,
        },
        Err(error) => error,
    }
}
