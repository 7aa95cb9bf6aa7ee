use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream};
use korinet_proto::CodecError;
use korinet_proto::v2::{EncodedFrame, Frame, FrameCodec};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::Framed;

use crate::drain::drain;

/// How long a closed connection waits for the peer to close it too, so that the last bytes are not
/// lost with it.
const LINGER: Duration = Duration::from_secs(1);

/// What to wait for at a socket.
#[derive(Clone, Copy)]
pub(super) struct Interest {
    pub(super) is_reading: bool,
    /// Whether to tell when everything is written.
    pub(super) tells_flushed: bool,
    /// Nothing can be written any more: only what is readable at once is still of interest.
    pub(super) is_write_failed: bool,
}

/// What happened at a socket.
pub(super) enum SocketEvent {
    Frame(Frame),
    /// The peer has closed the connection, between two frames.
    InputOver,
    /// Everything readable was read after a failure to write.
    Drained,
    Flushed,
    ReadFailed(CodecError),
    WriteFailed(CodecError),
    /// There is no memory for what has come of the next frame.
    NoMemory,
}

/// Reads the next frame, if it is wanted, and writes the write buffer all the while. `admits` is asked whether there is
/// memory for a buffer of so many bytes. Cancel safe.
pub(super) async fn next<Io: AsyncRead + AsyncWrite + Unpin>(
    framed: &mut Framed<Io, FrameCodec>,
    interest: Interest,
    mut admits: impl FnMut(usize) -> bool,
) -> SocketEvent {
    let Interest {
        is_reading,
        tells_flushed,
        is_write_failed,
    } = interest;
    let mut is_unwritten = !is_write_failed && !framed.write_buffer().is_empty();
    poll_fn(|cx| {
        if is_unwritten {
            match Sink::<EncodedFrame>::poll_flush(Pin::new(&mut *framed), cx) {
                Poll::Ready(Ok(())) if tells_flushed => return Poll::Ready(SocketEvent::Flushed),
                Poll::Ready(Ok(())) => is_unwritten = false,
                Poll::Ready(Err(error)) => return Poll::Ready(SocketEvent::WriteFailed(error)),
                Poll::Pending => {}
            }
        }
        if !is_reading {
            return match is_write_failed {
                true => Poll::Ready(SocketEvent::Drained),
                false => Poll::Pending,
            };
        }
        match Stream::poll_next(Pin::new(&mut *framed), cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(SocketEvent::Frame(frame)),
            Poll::Ready(Some(Err(error))) => Poll::Ready(SocketEvent::ReadFailed(error)),
            Poll::Ready(None) => Poll::Ready(SocketEvent::InputOver),
            Poll::Pending if is_write_failed => Poll::Ready(SocketEvent::Drained),
            Poll::Pending if !admits(framed.read_buffer().capacity()) => {
                Poll::Ready(SocketEvent::NoMemory)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Writes what is left, half-closes the connection and reads it to its end: closed with bytes unread
/// it would be reset, and a reset can destroy what the peer has not read yet.
pub(super) async fn linger<Io: AsyncRead + AsyncWrite + Unpin>(
    framed: &mut Framed<Io, FrameCodec>,
) {
    let read_to_end = async {
        SinkExt::<EncodedFrame>::close(framed).await?;
        drain(framed.get_mut()).await?;
        Ok::<(), CodecError>(())
    };
    // Whatever goes wrong now, there is nobody left to tell.
    let _ = tokio::time::timeout(LINGER, read_to_end).await;
}
