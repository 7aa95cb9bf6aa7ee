use std::fmt;

use korinet_wire::cbor::item_len;
use minicbor::encode::{self, Write};
use minicbor::{Decode, Decoder, Encode, Encoder, decode};
use serde::{Deserialize, Serialize};

use crate::{Message, Value};

#[cfg(test)]
mod tests;

/// Any type of [`serde`] as a message: whatever takes an [`Encode`] or a [`Decode`] takes this around it.
///
/// Available with the feature `serde`. [`Message::deserialize`] is the short way to receive one.
///
/// ```
/// use korinet::Serde;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Reading<'a> {
///     sensor: &'a str, // borrowed from the message
///     celsius: f64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = korinet::Server::bind("127.0.0.1:0").await?;
/// # let addr = server.local_addr()?.to_string();
/// # let (client, accepted) = tokio::join!(korinet::Client::connect(addr), server.accept());
/// # let (client, mut session) = (client?, accepted.expect("the server is open"));
/// let reading = Reading { sensor: "roof", celsius: 21.5 };
/// client.send(&Serde(&reading)).await?;
///
/// let message = session.recv().await?.expect("one message");
/// assert_eq!(message.deserialize::<Reading>()?, reading);
/// assert_eq!(message.decode::<Serde<Reading>>()?.0, reading); // the same
/// assert_eq!(message.value()?.get("sensor").and_then(|it| it.as_str()), Some("roof"));
/// # Ok(())
/// # }
/// ```
///
/// # On the wire
///
/// | serde | CBOR |
/// | --- | --- |
/// | struct, struct variant | map with the names of the fields as text keys: a `dict` in Python |
/// | map | map; of indefinite length, where the length is not known before |
/// | sequence | array; of indefinite length, where the length is not known before |
/// | tuple, tuple struct, array of fixed length | array |
/// | newtype struct, `Some` | as what is in it |
/// | `None` | null; so `Some(None)` comes back as `None` |
/// | `()`, unit struct | an empty array |
/// | unit variant | its name as text |
/// | any other variant | map with one entry: its name, and what is in it |
/// | integers | the shortest form; those of 128 bits as tags 2 and 3, where 64 do not suffice |
/// | `f32`, `f64` | float of that size; an `f64` takes any float, and neither takes an integer |
/// | `char` | its number |
/// | text | text |
/// | bytes, as by the crate `serde_bytes` | byte string; a plain `Vec<u8>` is an array of numbers |
///
/// A struct is thus fit for protocol v2, which carries maps only. What another program sends may have its maps and
/// arrays in either form; text and bytes have to be in one piece, but where a type takes anything. There,
/// tags (but 2 and 3), simple values and undefined are refused: [`Message::value`] has those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is made and taken apart by its one field"
)]
pub struct Serde<T>(pub T);

impl<C, T: Serialize> Encode<C> for Serde<T> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let mut writer = Writer {
            to: encoder.writer_mut(),
            failed: None,
        };
        let serialized = self
            .0
            .serialize(&mut minicbor_serde::Serializer::new(&mut writer));
        match (serialized, writer.failed) {
            (Ok(()), None) => Ok(()),
            (_, Some(error)) => Err(encode::Error::write(error)),
            (Err(error), None) => Err(encode::Error::message(error)),
        }
    }
}

/// Decodes an item that is nested no deeper than [`Value::MAX_DEPTH`].
impl<'b, C, T: Deserialize<'b>> Decode<'b, C> for Serde<T> {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let start = decoder.position();
        let rest = decoder.input().get(start..).unwrap_or_default();
        let depth = u8::try_from(Value::MAX_DEPTH).unwrap_or(u8::MAX);
        let len = item_len(rest, depth).map_err(|error| decode::Error::message(error).at(start))?;
        let item = rest.get(..len).unwrap_or_default();
        let value = deserialize_item(item).map_err(|error| error.at(start))?;
        decoder.set_position(start + len);
        Ok(Self(value))
    }
}

impl Message {
    /// The message as a type of [`serde`], which may borrow from it. [`Serde`] says what it looks like.
    ///
    /// Available with the feature `serde`.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn deserialize<'b, T: Deserialize<'b>>(&'b self) -> Result<T, decode::Error> {
        self.check()?;
        deserialize_item(self.data())
    }
}

/// The value of an item that was found to be well-formed, and nested no deeper than recursion may go.
fn deserialize_item<'b, T: Deserialize<'b>>(item: &'b [u8]) -> Result<T, decode::Error> {
    let mut deserializer = minicbor_serde::Deserializer::new(item);
    let value = T::deserialize(&mut deserializer).map_err(|error| {
        // It says already that it is one of decoding.
        let text = error.to_string();
        let bare = text.strip_prefix("decode error: ").unwrap_or(&text);
        decode::Error::message(bare)
    })?;
    // A variant without content that comes with some, and one with content that comes as its name alone, are not
    // noticed where they are read; but what follows does not fit any more.
    match item.len() - deserializer.decoder().position() {
        0 => Ok(value),
        left => Err(decode::Error::message(format!(
            "{left} bytes of the item are left, expected none"
        ))),
    }
}

/// Writes to where an encoder does. The serializer asks for an error that can be shown, which not all are; so the error
/// stays here.
struct Writer<'a, W: Write> {
    to: &'a mut W,
    failed: Option<W::Error>,
}

#[derive(Debug)]
struct WriteFailed;

impl fmt::Display for WriteFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write failed")
    }
}

impl std::error::Error for WriteFailed {}

impl<W: Write> Write for Writer<'_, W> {
    type Error = WriteFailed;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), WriteFailed> {
        self.to.write_all(bytes).map_err(|error| {
            self.failed = Some(error);
            WriteFailed
        })
    }
}
