use std::net::SocketAddr;

use bytes::Bytes;
use korinet_proto::v3::Payload;
use korinet_session::{v2, v3};
use korinet_wire::v3::{Code, Kind, SessionId};
use minicbor::Encode;
use tokio::sync::watch;

use super::{MessageSink, Receipt};
use crate::{EncodeError, Protocol, SendError, SessionError, State};

/// From this many bytes on a message is written from where the application encoded it; smaller ones are copied.
const SHARED_FROM: usize = 16 * 1024;

/// The sending half of a [`Session`](super::Session). Clones share it; messages go in the order in which they were
/// accepted.
#[derive(Debug, Clone)]
pub struct Sender(pub(super) Side);

#[derive(Debug, Clone)]
pub(super) enum Side {
    V2 {
        sender: v2::Sender,
        peer: Option<SocketAddr>,
    },
    V3(v3::Sender),
}

impl Sender {
    pub(super) const fn from_v2(sender: v2::Sender, peer: Option<SocketAddr>) -> Self {
        Self(Side::V2 { sender, peer })
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
            Side::V2 { sender, .. } => {
                let frame = sender.encode(message)?;
                Ok(Receipt::from_v2(sender.enqueue(frame).await?))
            }
            Side::V3(sender) => {
                let payload = payload_of(encode(message)?);
                let receipt = sender
                    .enqueue(Kind::MESSAGE, None, payload.borrow())
                    .await?;
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
        let payload = Encoded(bytes.into());
        let receipt = sender.enqueue(Kind::RAW, None, payload.borrow()).await?;
        Ok(Receipt::from_v3(receipt))
    }

    /// As [`enqueue`](Self::enqueue), but does not wait.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::Full`] where it would have to wait.
    pub fn try_send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        match &self.0 {
            Side::V2 { sender, .. } => {
                let frame = sender.encode(message)?;
                let receipt = sender.try_enqueue(frame)?.ok_or(SendError::Full)?;
                Ok(Receipt::from_v2(receipt))
            }
            Side::V3(sender) => {
                let payload = payload_of(encode(message)?);
                let receipt = sender.try_enqueue(Kind::MESSAGE, None, &payload.borrow())?;
                Ok(Receipt::from_v3(receipt))
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
        let payload = Encoded(bytes.into());
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
        Ok(sender.send_volatile(false, &encode(message)?)?)
    }

    /// As [`send_volatile`](Self::send_volatile), with bytes as they are, as with live audio.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_volatile_raw(&self, bytes: &[u8]) -> Result<bool, SendError> {
        Ok(self.v3("volatile messages")?.send_volatile(true, bytes)?)
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
            Side::V2 { .. } => Protocol::V2,
            Side::V3(_) => Protocol::V3,
        }
    }

    /// As [`Session::peer_addr`](super::Session::peer_addr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Side::V2 { peer, .. } => *peer,
            Side::V3(sender) => sender.peer_addr(),
        }
    }

    /// As [`Session::id`](super::Session::id).
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        match &self.0 {
            Side::V2 { .. } => None,
            Side::V3(sender) => sender.id(),
        }
    }

    /// As [`Session::state`](super::Session::state).
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        match &self.0 {
            Side::V2 { sender, .. } => sender.state(),
            Side::V3(sender) => sender.state(),
        }
    }

    /// What happens to the session from now on, in order: connections, and what each did for its continuity. `None` in
    /// protocol v2, which has no more to tell than its [`state`](Self::state).
    #[must_use]
    pub fn events(&self) -> Option<v3::Events> {
        match &self.0 {
            Side::V2 { .. } => None,
            Side::V3(sender) => Some(sender.events()),
        }
    }

    /// What the session has done so far, in messages and bytes. `None` in protocol v2.
    #[must_use]
    pub fn stats(&self) -> Option<v3::Stats> {
        match &self.0 {
            Side::V2 { .. } => None,
            Side::V3(sender) => Some(sender.stats()),
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
            Side::V2 { sender, .. } => sender.close().await,
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
            Side::V2 { sender, .. } => sender.close().await,
            Side::V3(sender) => sender.close_with(code, text).await,
        }
    }

    const fn v3(&self, what: &'static str) -> Result<&v3::Sender, SendError> {
        match &self.0 {
            Side::V2 { .. } => Err(SendError::NeedsV3 { what }),
            Side::V3(sender) => Ok(sender),
        }
    }
}

/// An encoded message, or raw bytes.
pub(super) struct Encoded(Bytes);

impl Encoded {
    pub(super) fn borrow(&self) -> Payload<'_> {
        if self.0.len() < SHARED_FROM {
            Payload::Copied(&self.0)
        } else {
            Payload::Shared(self.0.clone())
        }
    }
}

pub(super) fn payload_of(encoded: Vec<u8>) -> Encoded {
    Encoded(encoded.into())
}

/// The message as exactly one CBOR item.
pub(super) fn encode<T: Encode<()> + ?Sized>(message: &T) -> Result<Vec<u8>, EncodeError> {
    let encoded =
        minicbor::to_vec(message).map_err(|error| EncodeError::Value(error.to_string()))?;
    let depth = u8::try_from(crate::Value::MAX_DEPTH).unwrap_or(u8::MAX);
    match korinet_wire::cbor::item_len(&encoded, depth) {
        Ok(len) if len == encoded.len() => Ok(encoded),
        Ok(len) => Err(EncodeError::Value(format!(
            "{} bytes after the item",
            encoded.len() - len
        ))),
        Err(error) => Err(EncodeError::Value(error.to_string())),
    }
}
