//! [`Value`] to CBOR, in preferred serialization (RFC 8949, section 4.1).

use minicbor::data::Tag;
use minicbor::encode::{Error, Write};
use minicbor::{Decoder, Encode, Encoder};

use super::Value;

impl Value {
    /// Encodes in the shortest form: smallest integers and floats, definite lengths, NaN as `f9 7e 00`.
    ///
    /// A value nested deeper than [`MAX_DEPTH`](Self::MAX_DEPTH) is encoded too, but [`Value::from_cbor`] refuses it.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        minicbor::encode(self, &mut bytes)
            .expect("every value has an encoding and a vector takes every write");
        bytes
    }
}

impl<C> Encode<C> for Value {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), Error<W::Error>> {
        match self {
            Self::Integer(int) => e.int(*int)?,
            Self::Bytes(bytes) => e.bytes(bytes)?,
            Self::Text(text) => e.str(text)?,
            Self::Array(items) => {
                e.array(items.len() as u64)?;
                return items.iter().try_for_each(|item| item.encode(e, ctx));
            }
            Self::Map(entries) => {
                e.map(entries.len() as u64)?;
                return entries.iter().try_for_each(|(key, value)| {
                    key.encode(e, ctx)?;
                    value.encode(e, ctx)
                });
            }
            Self::Tag(number, content) => {
                e.tag(Tag::new(*number))?;
                return content.encode(e, ctx);
            }
            Self::Simple(20) => e.bool(false)?,
            Self::Simple(21) => e.bool(true)?,
            Self::Simple(22) | Self::Null => e.null()?,
            Self::Simple(23..=31) | Self::Undefined => e.undefined()?,
            Self::Simple(number) => e.simple(*number)?,
            Self::Bool(bool) => e.bool(*bool)?,
            Self::Float(float) => shortest_float(e, *float)?,
        };
        Ok(())
    }
}

fn shortest_float<W: Write>(
    e: &mut Encoder<W>,
    wide: f64,
) -> Result<&mut Encoder<W>, Error<W::Error>> {
    if wide.is_nan() {
        return e.f16(f32::NAN);
    }
    let narrow = wide as f32;
    if f64::from(narrow) != wide {
        e.f64(wide)
    } else if half_keeps(narrow) {
        e.f16(narrow)
    } else {
        e.f32(narrow)
    }
}

/// Whether a 16-bit float holds the number exactly.
fn half_keeps(number: f32) -> bool {
    let mut bytes = [0; 3];
    let written = Encoder::new(&mut bytes[..]).f16(number).is_ok();
    written && Decoder::new(&bytes).f16().is_ok_and(|half| half == number)
}
