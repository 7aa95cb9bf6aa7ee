use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use korinet_proto::v3::{Payload, PushError};
use korinet_session::v3::{self, Place};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::{Call, CallError, Request};
use crate::Message;

/// The most bytes that are written as one item.
const MAX_ITEM: usize = 16 * 1024;

/// The streams of a call as bytes: [`AsyncRead`] gives what the peer's items of raw bytes hold, and [`AsyncWrite`]
/// sends such items. Bytes go as far as the peer has room for them, and on after a broken connection where they were.
///
/// To shut it down ends the stream that is written, if this side has made the request; the answer's stream is ended by
/// [`Request::end`].
///
/// # Cancel safety
///
/// As the traits ask for: what was not told as written was not sent.
#[derive(Debug)]
pub struct Body<'a> {
    side: Side<'a>,
    /// What was received and not read.
    input: Bytes,
    place: Place,
    max_item: usize,
}

#[derive(Debug)]
enum Side<'a> {
    Call(&'a mut Call),
    Request(&'a mut Request),
}

impl<'a> Body<'a> {
    pub(super) fn of_call(call: &'a mut Call) -> Self {
        let place = call.inner().place();
        Self {
            side: Side::Call(call),
            input: Bytes::new(),
            place,
            max_item: MAX_ITEM,
        }
    }

    pub(super) fn of_request(request: &'a mut Request) -> Self {
        let place = request.inner().place();
        Self {
            side: Side::Request(request),
            input: Bytes::new(),
            place,
            max_item: MAX_ITEM,
        }
    }

    fn poll_send(&mut self, cx: &Context<'_>, bytes: &[u8]) -> Poll<Result<(), v3::CallError>> {
        let payload = Payload::Copied(bytes);
        match &mut self.side {
            Side::Call(call) => call.inner().poll_send(cx, &mut self.place, true, &payload),
            Side::Request(request) => {
                request
                    .inner()
                    .poll_send(cx, &mut self.place, true, &payload)
            }
        }
    }
}

impl AsyncBufRead for Body<'_> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.input.is_empty() {
            let item: Option<Message> = match &mut this.side {
                Side::Call(call) => ready!(call.poll_recv(cx))?,
                Side::Request(request) => ready!(request.poll_recv(cx))?,
            };
            match item {
                None => break,
                Some(item) if item.is_raw() => this.input = item.data().clone(),
                Some(_) => {
                    let error = "an item is CBOR, expected raw bytes".to_owned();
                    return Poll::Ready(Err(CallError::Answer(error).into()));
                }
            }
        }
        Poll::Ready(Ok(&this.input))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.input.advance(count);
    }
}

impl AsyncRead for Body<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let input = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = input.len().min(buf.remaining());
        buf.put_slice(input.get(..count).unwrap_or_default());
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Body<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let item = buf.get(..this.max_item).unwrap_or(buf);
            match ready!(this.poll_send(cx, item)) {
                Ok(()) => return Poll::Ready(Ok(item.len())),
                // The peer takes smaller messages than others do.
                Err(v3::CallError::NotSent(korinet_session::SendError::Push(
                    PushError::TooLarge { len, max },
                ))) if max > 0 && len > 1 => {
                    this.max_item = usize::try_from(max).unwrap_or(MAX_ITEM).min(len - 1);
                }
                Err(error) => return Poll::Ready(Err(CallError::from(error).into())),
            }
        }
    }

    /// Has nothing to do: what was written is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.side {
            Side::Call(call) => {
                let ended = ready!(call.inner().poll_end(cx, &mut this.place));
                Poll::Ready(ended.map_err(|error| CallError::from(error).into()))
            }
            Side::Request(_) => Poll::Ready(Ok(())),
        }
    }
}
