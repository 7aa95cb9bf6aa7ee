use bytes::Bytes;
use korinet_proto::v2::Frame;
use korinet_session::v2::{Delivery, Position};
use korinet_wire::v2::Id;
use minicbor::encode::{self, Write};
use minicbor::{Decode, Encode, Encoder};

use crate::{Value, ValueError};

/// A received message.
///
/// It holds the message as CBOR, in the memory that it was read into, and decodes when it is asked
/// to: into a type of the application that may borrow from it, or into a [`Value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message(Delivery);

impl Message {
    pub(crate) const fn from_delivery(delivery: Delivery) -> Self {
        Self(delivery)
    }

    /// A message outside of any session.
    pub(crate) fn from_frame(frame: Frame) -> Self {
        Self(Delivery {
            frame,
            position: Position::default(),
            redelivered: false,
        })
    }

    /// The id that the sender gave it.
    #[must_use]
    pub fn id(&self) -> Id<'_> {
        self.0.frame.id()
    }

    /// The message as CBOR: one well-formed item, in protocol v2 a map.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        self.0.frame.data()
    }

    /// The message as a `T`, which may borrow from it.
    ///
    /// # Errors
    ///
    /// The message is not what `T` expects.
    pub fn decode<'b, T: Decode<'b, ()>>(&'b self) -> Result<T, minicbor::decode::Error> {
        minicbor::decode(self.data())
    }

    /// The message as it is, whatever its shape.
    ///
    /// # Errors
    ///
    /// None for messages within the default limits: their shape was checked when they were received.
    pub fn value(&self) -> Result<Value, ValueError> {
        Value::from_cbor(self.data())
    }

    /// Whether the same message was delivered before, to a session that ended without being
    /// [done](crate::Session::done) with it.
    #[must_use]
    pub const fn is_redelivered(&self) -> bool {
        self.0.redelivered
    }

    pub(crate) const fn position(&self) -> Position {
        self.0.position
    }
}

/// Writes the message as it came, so that it can be passed on.
impl<C> Encode<C> for Message {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder
            .writer_mut()
            .write_all(self.data())
            .map_err(encode::Error::write)
    }
}
