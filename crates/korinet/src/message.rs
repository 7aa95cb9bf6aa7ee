use bytes::Bytes;
use korinet_proto::v2::Frame;
use korinet_session::{v2, v3};
use korinet_wire::cbor::item_len;
use korinet_wire::v2::Id;
use korinet_wire::v3::{Kind, Seq, SessionId};
use minicbor::encode::{self, Write};
use minicbor::{Decode, Encode, Encoder, decode};

use crate::{Value, ValueError, shared_bytes};

/// A received message.
///
/// It holds the message in the memory that it was read into, and decodes when it is asked to: into a type of the
/// application that may borrow from it, or into a [`Value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message(Source);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    V2(v2::Delivery),
    V3(v3::Delivery),
    Volatile { is_raw: bool, data: Bytes },
}

impl Message {
    pub(crate) const fn from_v2(delivery: v2::Delivery) -> Self {
        Self(Source::V2(delivery))
    }

    pub(crate) const fn from_v3(delivery: v3::Delivery) -> Self {
        Self(Source::V3(delivery))
    }

    pub(crate) const fn volatile(is_raw: bool, data: Bytes) -> Self {
        Self(Source::Volatile { is_raw, data })
    }

    /// A message of protocol v2 outside of any session.
    pub(crate) fn from_frame(frame: Frame) -> Self {
        Self::from_v2(v2::Delivery {
            frame,
            position: v2::Position::default(),
            redelivered: false,
        })
    }

    /// The id that the sender gave it; in protocol v2 only.
    #[must_use]
    pub fn id(&self) -> Option<Id<'_>> {
        match &self.0 {
            Source::V2(delivery) => Some(delivery.frame.id()),
            Source::V3(_) | Source::Volatile { .. } => None,
        }
    }

    /// Its number in its session, which together name it for good; in protocol v3 only, and not of a volatile
    /// one.
    #[must_use]
    pub const fn number(&self) -> Option<(SessionId, Seq)> {
        match &self.0 {
            Source::V3(delivery) => Some((delivery.session, delivery.message.seq)),
            Source::V2(_) | Source::Volatile { .. } => None,
        }
    }

    /// The message's bytes: one CBOR item, in protocol v2 a map; or [raw bytes](Self::is_raw).
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        match &self.0 {
            Source::V2(delivery) => delivery.frame.data(),
            Source::V3(delivery) => &delivery.message.payload,
            Source::Volatile { data, .. } => data,
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match &self.0 {
            Source::V3(delivery) => delivery.message.kind,
            Source::Volatile { is_raw: true, .. } => Kind::RAW,
            Source::V2(_) | Source::Volatile { is_raw: false, .. } => Kind::MESSAGE,
        }
    }

    /// Whether it was sent as bytes, not as CBOR.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.kind().raw
    }

    /// The message as a `T`, which may borrow from it.
    ///
    /// # Errors
    ///
    /// The message is not what `T` expects, is no well-formed CBOR, or is nested deeper than
    /// [`Value::MAX_DEPTH`].
    pub fn decode<'b, T: Decode<'b, ()>>(&'b self) -> Result<T, decode::Error> {
        self.check()?;
        let data = self.data();
        shared_bytes::decoding(data, data.len(), || decode(data))
    }

    /// The message as it is, whatever its shape; raw bytes as [`Value::Bytes`].
    ///
    /// # Errors
    ///
    /// It is no well-formed CBOR, or nested deeper than [`Value::MAX_DEPTH`]; in protocol v2 neither can be, within
    /// the default limits.
    pub fn value(&self) -> Result<Value, ValueError> {
        if self.is_raw() {
            return Ok(Value::Bytes(self.data().to_vec()));
        }
        Value::from_cbor(self.data())
    }

    /// Whether the message may have been delivered before: in protocol v2, to a session that ended without being
    /// [done](crate::Session::done) with it; in v3, in a session that was lost.
    #[must_use]
    pub const fn is_redelivered(&self) -> bool {
        match &self.0 {
            Source::V2(delivery) => delivery.redelivered,
            Source::V3(delivery) => delivery.message.kind.redelivered,
            Source::Volatile { .. } => false,
        }
    }

    /// Checks, without recursion, what a decoder that recurses is to be given. In protocol v2 that was done when
    /// the message came.
    pub(crate) fn check(&self) -> Result<(), decode::Error> {
        if let Source::V2(_) = self.0 {
            return Ok(());
        }
        check(self.is_raw(), self.data())
    }

    pub(crate) const fn position(&self) -> Option<v2::Position> {
        match &self.0 {
            Source::V2(delivery) => Some(delivery.position),
            Source::V3(_) | Source::Volatile { .. } => None,
        }
    }
}

/// Checks, without recursion, that the data of a message is one CBOR item that is not nested too deeply.
pub(crate) fn check(is_raw: bool, data: &[u8]) -> Result<(), decode::Error> {
    if is_raw {
        return Err(decode::Error::message("message is raw bytes, not CBOR"));
    }
    let depth = u8::try_from(Value::MAX_DEPTH).unwrap_or(u8::MAX);
    match item_len(data, depth) {
        Ok(len) if len == data.len() => Ok(()),
        Ok(len) => Err(decode::Error::message(format!(
            "{} bytes follow the item, expected none",
            data.len() - len
        ))),
        Err(error) => Err(decode::Error::message(error)),
    }
}

/// Writes the message as it came, so that it can be passed on; raw bytes as a byte string.
impl<C> Encode<C> for Message {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        if self.is_raw() {
            return encoder.bytes(self.data())?.ok();
        }
        encoder
            .writer_mut()
            .write_all(self.data())
            .map_err(encode::Error::write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(is_raw: bool, data: &'static [u8]) -> Message {
        Message::volatile(is_raw, Bytes::from_static(data))
    }

    #[test]
    fn what_a_peer_nested_too_deep_reaches_no_recursion() {
        struct Nested;
        impl<'b, C> Decode<'b, C> for Nested {
            fn decode(
                decoder: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, decode::Error> {
                if decoder.array()? == Some(1) {
                    decoder.decode::<Self>()?;
                }
                Ok(Self)
            }
        }
        let bomb: &[u8] = &[0x81; 1_000_000];
        let bomb = Message::volatile(false, Bytes::from_static(bomb));
        let error = bomb.decode::<Nested>().err().unwrap();
        assert!(
            error.to_string().contains("nesting exceeds limit 64"),
            "{error}"
        );
    }

    #[test]
    fn raw_bytes_are_bytes_and_pass_on_as_such() {
        let message = message(true, b"\xff\x00");
        assert_eq!(message.value().unwrap(), Value::Bytes(vec![0xff, 0]));
        assert!(message.decode::<u8>().is_err());
        assert_eq!(minicbor::to_vec(&message).unwrap(), b"\x42\xff\x00");
    }

    #[test]
    fn one_item_and_nothing_more_is_a_message() {
        assert_eq!(message(false, b"\x07").decode::<u8>().unwrap(), 7);
        let error = message(false, b"\x07\x07").decode::<u8>().unwrap_err();
        assert!(error.to_string().contains("1 bytes follow"), "{error}");
    }
}
