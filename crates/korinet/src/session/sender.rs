use std::net::SocketAddr;

use bytes::Bytes;
use korinet_session::{v2, v3};
use korinet_wire::v3::{Code, Kind, SessionId};
use minicbor::{Decode, Encode};
use tokio::sync::watch;

use super::encoding::{AT_ONCE, Encoded, EncodedMany, offer, with_encoded};
use super::{MessageSink, Receipt};
use crate::call::{CallBuilder, CallError, Requests};
use crate::{Protocol, SendError, SessionError, State};

/// The sending half of a [`Session`](super::Session). Clones share it; messages go in the order in which they were
/// accepted.
#[derive(Debug, Clone)]
pub struct Sender(pub(super) Side);

#[derive(Debug, Clone)]
pub(super) enum Side {
    /// Apart, so that those of v3 take no memory for it.
    V2(Box<V2Sender>),
    V3(v3::Sender),
}

#[derive(Debug, Clone)]
pub(super) struct V2Sender {
    pub(super) sender: v2::Sender,
    peer: Option<SocketAddr>,
}

impl Sender {
    pub(super) fn from_v2(sender: v2::Sender, peer: Option<SocketAddr>) -> Self {
        Self(Side::V2(Box::new(V2Sender { sender, peer })))
    }

    pub(super) const fn from_v3(sender: v3::Sender) -> Self {
        Self(Side::V3(sender))
    }

    /// As [`Session::send`](super::Session::send).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.enqueue(message).await?.await
    }

    /// Sends bytes as they are, as an application does with audio; resolves when the peer has acknowledged them.
    /// Larger ones are not copied.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); and [`SendError::NeedsV3`] in protocol v2.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send_raw(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.enqueue_raw(bytes).await?.await
    }

    /// Has a message sent without waiting for its acknowledgement; resolves as soon as it is accepted, with a receipt
    /// that tells when it is acknowledged.
    ///
    /// In protocol v3 it is accepted at once while there is room in the window; so many messages can be under way at the
    /// same time. In v2 it is accepted when it is the next to be sent: one is under way at a time.
    ///
    /// # Errors
    ///
    /// See [`SendError`]; the message is not sent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the message is not sent.
    pub async fn enqueue<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        match &self.0 {
            Side::V2(v2) => {
                let frame = v2.sender.encode(message)?;
                Ok(Receipt::from_v2(v2.sender.enqueue(frame).await?))
            }
            Side::V3(sender) => {
                let accepted = offer(message, |payload| {
                    sender.enqueue_now(Kind::MESSAGE, None, payload)
                })?;
                let receipt = match accepted {
                    Ok(receipt) => receipt,
                    Err(waiting) => {
                        let enqueued = sender.enqueue(Kind::MESSAGE, None, waiting.borrow());
                        enqueued.await?
                    }
                };
                Ok(Receipt::from_v3(receipt))
            }
        }
    }

    /// As [`enqueue`](Self::enqueue), with bytes as they are.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::NeedsV3`] in protocol v2.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn enqueue_raw(&self, bytes: impl Into<Bytes>) -> Result<Receipt, SendError> {
        let sender = self.v3("raw bytes")?;
        let payload = Encoded::raw(bytes.into());
        let receipt = sender.enqueue(Kind::RAW, None, payload.borrow()).await?;
        Ok(Receipt::from_v3(receipt))
    }

    /// Has a message sent without waiting for its acknowledgement, and without a receipt: [`flush`](Self::flush) tells
    /// of all of them at once. It is the fastest way to send many messages.
    ///
    /// Accepted as by [`enqueue`](Self::enqueue); in protocol v2 this waits for the acknowledgement, as
    /// [`send`](Self::send) does, so that there is nothing left to flush.
    ///
    /// It waits while the window is full, or a lost session is not replaced yet. What a program also wants to notice
    /// then, as Ctrl-C, belongs beside it in a `select!`: where it stands in the body of a branch, the other branches
    /// are not looked at until it is through.
    ///
    /// # Errors
    ///
    /// See [`SendError`]; the message is not sent.
    ///
    /// # Cancel safety
    ///
    /// As [`enqueue`](Self::enqueue); in protocol v2 as [`send`](Self::send).
    pub async fn feed<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        let Side::V3(sender) = &self.0 else {
            return self.send(message).await;
        };
        let accepted = offer(message, |payload| {
            let is_fed = sender.feed_now(Kind::MESSAGE, None, payload);
            is_fed.then_some(())
        })?;
        match accepted {
            Ok(()) => Ok(()),
            Err(waiting) => {
                let fed = sender.feed(Kind::MESSAGE, None, waiting.borrow());
                Ok(fed.await?)
            }
        }
    }

    /// As [`feed`](Self::feed), with bytes as they are.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::NeedsV3`] in protocol v2.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn feed_raw(&self, bytes: impl AsRef<[u8]> + Into<Bytes>) -> Result<(), SendError> {
        let sender = self.v3("raw bytes")?;
        // What is copied anyway need not be made anything else for it.
        if let Some(payload) = Encoded::copied(bytes.as_ref())
            && sender.feed_now(Kind::RAW, None, &payload)
        {
            return Ok(());
        }
        let payload = Encoded::raw(bytes.into());
        Ok(sender.feed(Kind::RAW, None, payload.borrow()).await?)
    }

    /// As [`feed`](Self::feed), for many messages at once, which costs less than one by one.
    ///
    /// # Errors
    ///
    /// As there. The messages before the one that was not accepted are sent.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: where the future is given up, some of the first messages may have been accepted, and none after
    /// those.
    pub async fn feed_many<T: Encode<()>>(&self, messages: &[T]) -> Result<(), SendError> {
        let Side::V3(sender) = &self.0 else {
            for message in messages {
                self.send(message).await?;
            }
            return Ok(());
        };
        let mut left = messages;
        while !left.is_empty() {
            let mut encoded = EncodedMany::default();
            let outcome = encoded.fill(left);
            left = left.get(encoded.len()..).unwrap_or_default();
            let (payloads, count) = encoded.payloads();
            let payloads = payloads.get(..count).unwrap_or_default();
            sender.feed_many(Kind::MESSAGE, payloads).await?;
            outcome?;
        }
        Ok(())
    }

    /// As [`feed_many`](Self::feed_many), with bytes as they are. They are copied: those of some ten kilobytes and more
    /// are better [fed](Self::feed_raw) one by one.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::NeedsV3`] in protocol v2.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn feed_many_raw<B: AsRef<[u8]>>(&self, messages: &[B]) -> Result<(), SendError> {
        let sender = self.v3("raw bytes")?;
        for messages in messages.chunks(AT_ONCE) {
            let mut payloads = [&[][..]; AT_ONCE];
            for (payload, message) in payloads.iter_mut().zip(messages) {
                *payload = message.as_ref();
            }
            let payloads = payloads.get(..messages.len()).unwrap_or_default();
            sender.feed_many(Kind::RAW, payloads).await?;
        }
        Ok(())
    }

    /// As [`feed_raw`](Self::feed_raw), but does not wait.
    ///
    /// # Errors
    ///
    /// As [`try_send_raw`](Self::try_send_raw).
    pub fn try_feed_raw(&self, bytes: impl AsRef<[u8]> + Into<Bytes>) -> Result<(), SendError> {
        let sender = self.v3("raw bytes")?;
        if let Some(payload) = Encoded::copied(bytes.as_ref()) {
            return Ok(sender.try_feed(Kind::RAW, None, &payload)?);
        }
        let payload = Encoded::raw(bytes.into());
        Ok(sender.try_feed(Kind::RAW, None, &payload.borrow())?)
    }

    /// Resolves when all messages that this session has accepted so far are acknowledged.
    ///
    /// # Errors
    ///
    /// [`SendError::Unacknowledged`], if one that was [fed](Self::feed) is not known to have arrived, since the session
    /// ended or was lost before its acknowledgement came; it is told of once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the next flush has the same to tell.
    pub async fn flush(&self) -> Result<(), SendError> {
        match &self.0 {
            Side::V2(_) => Ok(()),
            Side::V3(sender) => Ok(sender.flush().await?),
        }
    }

    /// As [`enqueue`](Self::enqueue), but does not wait.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::Full`] where it would have to wait.
    pub fn try_send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        match &self.0 {
            Side::V2(v2) => {
                let frame = v2.sender.encode(message)?;
                let receipt = v2.sender.try_enqueue(frame)?.ok_or(SendError::Full)?;
                Ok(Receipt::from_v2(receipt))
            }
            Side::V3(sender) => {
                let accepted = offer(message, |payload| {
                    Some(sender.try_enqueue(Kind::MESSAGE, None, payload))
                })?;
                accepted.map_or(Err(SendError::Full), |receipt| {
                    Ok(Receipt::from_v3(receipt?))
                })
            }
        }
    }

    /// As [`try_send`](Self::try_send), with bytes as they are.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::NeedsV3`] in protocol v2.
    pub fn try_send_raw(&self, bytes: impl Into<Bytes>) -> Result<Receipt, SendError> {
        let sender = self.v3("raw bytes")?;
        let payload = Encoded::raw(bytes.into());
        let receipt = sender.try_enqueue(Kind::RAW, None, &payload.borrow())?;
        Ok(Receipt::from_v3(receipt))
    }

    /// Sends a message that is worth nothing if it comes late, as a cursor's position: it is not acknowledged and not
    /// sent again. False if it was dropped at once, as it is without a connection, or while 256 KiB of them wait to be
    /// written.
    ///
    /// # Errors
    ///
    /// It is none that can be sent; or [`SendError::NeedsV3`] in protocol v2.
    pub fn send_volatile<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<bool, SendError> {
        let sender = self.v3("volatile messages")?;
        with_encoded(message, |encoded| Ok(sender.send_volatile(false, encoded)?))?
    }

    /// As [`send_volatile`](Self::send_volatile), with bytes as they are, as with live audio.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_volatile_raw(&self, bytes: &[u8]) -> Result<bool, SendError> {
        Ok(self.v3("volatile messages")?.send_volatile(true, bytes)?)
    }

    /// Asks the peer, and waits for its answer. For a deadline, streams and raw answers see [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`]; its [`ran`](CallError::ran) says whether the request ran.
    ///
    /// # Cancel safety
    ///
    /// Where the future is given up the request is, too: it may have run.
    pub async fn request<T, R>(&self, request: &T) -> Result<R, CallError>
    where
        T: Encode<()> + ?Sized,
        R: for<'b> Decode<'b, ()>,
    {
        self.call(request).answer().await
    }

    /// A request to the peer that is about to be made.
    pub fn call<'a, T: Encode<()> + ?Sized>(&'a self, request: &'a T) -> CallBuilder<'a, T> {
        CallBuilder::new(self, request)
    }

    /// The requests of the peer, to be answered from now on. Where nobody has asked for them by the time the
    /// application reads messages, they are answered as `unhandled`.
    #[must_use]
    pub fn requests(&self) -> Requests {
        match &self.0 {
            Side::V2(_) => Requests::from_v2(),
            Side::V3(sender) => Requests::from_v3(sender.requests()),
        }
    }

    /// A [`Sink`](futures_sink::Sink) of messages: it is flushed when all of them are acknowledged.
    #[must_use]
    pub fn sink<T: Encode<()>>(&self) -> MessageSink<T> {
        MessageSink::new(self.clone())
    }

    /// As [`Session::protocol`](super::Session::protocol).
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match &self.0 {
            Side::V2(_) => Protocol::V2,
            Side::V3(_) => Protocol::V3,
        }
    }

    /// As [`Session::peer_addr`](super::Session::peer_addr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Side::V2(v2) => v2.peer,
            Side::V3(sender) => sender.peer_addr(),
        }
    }

    /// As [`Session::principal`](super::Session::principal).
    #[must_use]
    pub fn principal(&self) -> Option<v3::Principal> {
        match &self.0 {
            Side::V2(_) => None,
            Side::V3(sender) => sender.principal(),
        }
    }

    /// As [`Session::id`](super::Session::id).
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        match &self.0 {
            Side::V2(_) => None,
            Side::V3(sender) => sender.id(),
        }
    }

    /// As [`Session::state`](super::Session::state).
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        match &self.0 {
            Side::V2(v2) => v2.sender.state(),
            Side::V3(sender) => sender.state(),
        }
    }

    /// What happens to the session from now on, in order: connections, and what each did for its continuity. `None` in
    /// protocol v2, which has no more to tell than its [`state`](Self::state).
    #[must_use]
    pub fn events(&self) -> Option<v3::Events> {
        match &self.0 {
            Side::V2(_) => None,
            Side::V3(sender) => Some(sender.events()),
        }
    }

    /// What the session has done so far, in messages and bytes. `None` in protocol v2.
    #[must_use]
    pub fn stats(&self) -> Option<v3::Stats> {
        match &self.0 {
            Side::V2(_) => None,
            Side::V3(sender) => Some(sender.stats()),
        }
    }

    /// What happened last in the session, if there is a [recorder](crate::ClientBuilder::flight_recorder) of it: the heads
    /// of frames, no payload and no secret. It can be asked for when the session is over, too. `None` without a recorder
    /// and in protocol v2.
    #[must_use]
    pub fn flight_record(&self) -> Option<v3::FlightRecord> {
        match &self.0 {
            Side::V2(_) => None,
            Side::V3(sender) => sender.flight_record(),
        }
    }

    /// Ends the conversation in good order, for both halves and all clones: see
    /// [`Session::close`](super::Session::close). Messages that were received before can still be read.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// The conversation ends all the same, but nobody is told how.
    pub async fn close(self) -> Result<(), SessionError> {
        match self.0 {
            Side::V2(v2) => v2.sender.close().await,
            Side::V3(sender) => sender.close().await,
        }
    }

    /// As [`close`](Self::close), and tells the peer why: its session ends with this code and text, of which up to 256
    /// bytes arrive. Protocol v2 has no words for it.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn close_with(self, code: Code, text: &str) -> Result<(), SessionError> {
        match self.0 {
            Side::V2(v2) => v2.sender.close().await,
            Side::V3(sender) => sender.close_with(code, text).await,
        }
    }

    pub(crate) const fn v3(&self, what: &'static str) -> Result<&v3::Sender, SendError> {
        match &self.0 {
            Side::V2(_) => Err(SendError::NeedsV3 { what }),
            Side::V3(sender) => Ok(sender),
        }
    }
}
