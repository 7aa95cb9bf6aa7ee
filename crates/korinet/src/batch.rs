use korinet_session::v3;
use korinet_wire::v3::{Kind, Seq, SessionId};
use minicbor::{Decode, decode};

use crate::message::check;
use crate::{Message, Value, ValueError};

/// Some received messages, to be looked at where they are; see [`Receiver::recv_batch`](crate::Receiver::recv_batch).
#[derive(Debug)]
pub struct Batch<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    /// In protocol v2 one comes at a time.
    One(Box<Message>),
    V3(&'a v3::Batch),
}

impl<'a> Batch<'a> {
    pub(crate) fn one(message: Message) -> Self {
        Self(Source::One(Box::new(message)))
    }

    pub(crate) const fn from_v3(batch: &'a v3::Batch) -> Self {
        Self(Source::V3(batch))
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::One(_) => 1,
            Source::V3(batch) => batch.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = MessageRef<'_>> {
        let (one, batch) = match &self.0 {
            Source::One(message) => (Some(MessageRef::of(message)), None),
            Source::V3(batch) => (None, Some(*batch)),
        };
        let many = batch.into_iter().flat_map(|batch| {
            let session = batch.session();
            batch.iter().map(move |message| MessageRef {
                number: session.map(|session| (session, message.seq)),
                kind: message.kind,
                data: message.payload,
            })
        });
        one.into_iter().chain(many)
    }
}

/// A received message, where it was read to. It is a [`Message`] but for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRef<'a> {
    number: Option<(SessionId, Seq)>,
    kind: Kind,
    data: &'a [u8],
}

impl<'a> MessageRef<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            number: message.number(),
            kind: message.kind(),
            data: message.data(),
        }
    }

    /// As [`Message::number`].
    #[must_use]
    pub const fn number(&self) -> Option<(SessionId, Seq)> {
        self.number
    }

    /// As [`Message::data`].
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// As [`Message::kind`].
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// As [`Message::is_raw`].
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.kind.raw
    }

    /// As [`Message::decode`]; what is borrowed may be kept as long as the batch.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decode<T: Decode<'a, ()>>(&self) -> Result<T, decode::Error> {
        check(self.is_raw(), self.data)?;
        decode(self.data)
    }

    /// As [`Message::value`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn value(&self) -> Result<Value, ValueError> {
        if self.is_raw() {
            return Ok(Value::Bytes(self.data.to_vec()));
        }
        Value::from_cbor(self.data)
    }
}
