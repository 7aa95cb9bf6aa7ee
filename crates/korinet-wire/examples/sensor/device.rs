//! What runs on the device: `core`, `korinet-wire` and `minicbor`, no allocator.

use korinet_wire::v2::{self, Decoded, Frame, Limits, MessageId};
use minicbor::Encoder;
use minicbor::encode::write::Cursor;

/// Frames that are larger are refused as soon as their length is read.
const LIMITS: Limits = Limits {
    max_frame: 120,
    max_depth: 4,
};

/// What came is no frame, or too large: the connection is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// One side of a connection, with one message under way at a time.
#[derive(Debug)]
pub(crate) struct Link {
    input: [u8; 128],
    filled: usize,
    is_awaited: bool,
}

impl Link {
    pub(crate) const fn new() -> Self {
        Self {
            input: [0; 128],
            filled: 0,
            is_awaited: false,
        }
    }

    /// Writes the frame of `{"sensor": …, "celsius": …}`; how long it is. Nothing while the one before is not
    /// acknowledged, or where it does not fit.
    pub(crate) fn report(
        &mut self,
        id: &MessageId,
        sensor: &str,
        celsius: f32,
        output: &mut [u8],
    ) -> Option<usize> {
        if self.is_awaited {
            return None;
        }
        let mut data = Cursor::new([0; 64]);
        let mut encoder = Encoder::new(&mut data);
        let entries = encoder
            .map(2)
            .and_then(|map| map.str("sensor")?.str(sensor));
        entries
            .and_then(|map| map.str("celsius")?.f32(celsius))
            .ok()?;
        let len = data.position();
        let data = data.into_inner();
        let frame = Frame {
            id: id.as_id(),
            data: data.get(..len)?,
        };
        frame.encode(&LIMITS, &mut *output).ok()?;
        self.is_awaited = true;
        Some(frame.encoded_len())
    }

    /// Takes a byte from the line; whether the message that is under way is acknowledged by it. All other frames are
    /// passed over.
    pub(crate) fn receive(&mut self, byte: u8) -> Result<bool, Broken> {
        *self.input.get_mut(self.filled).ok_or(Broken)? = byte;
        self.filled += 1;
        let input = self.input.get(..self.filled).ok_or(Broken)?;
        match v2::decode(input, &LIMITS) {
            Ok(Decoded::Partial { .. }) => Ok(false),
            Ok(Decoded::Complete { frame, .. }) => {
                let is_acknowledged = self.is_awaited && frame.data == v2::ACKNOWLEDGEMENT;
                self.is_awaited &= !is_acknowledged;
                self.filled = 0;
                Ok(is_acknowledged)
            }
            Err(_) => Err(Broken),
        }
    }
}
