use crate::Place;

/// How the preface of protocol v3 begins. As a length it would be beyond every limit.
const MAGIC: &[u8; 4] = b"\xcbKNT";

/// How many bytes of the preface follow.
const REST_OF_PREFACE: u32 = 4;

/// Finds the place of a cut in the bytes of one direction.
#[derive(Debug)]
pub(crate) struct Gate {
    place: Option<Place>,
    passed: u64,
    frames: u64,
    /// The bytes of the length field so far.
    prefix: Vec<u8>,
    /// The bytes of the frame's body that are to come, once its length is known.
    body: u32,
    /// The bytes of the preface that are to come.
    preface: u32,
}

/// What may pass of some bytes, counted from their start, and whether the cut comes after that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) len: usize,
    pub(crate) cut: bool,
}

impl Gate {
    pub(crate) fn new(place: Option<Place>) -> Self {
        Self {
            place,
            passed: 0,
            frames: 0,
            prefix: Vec::with_capacity(4),
            body: 0,
            preface: 0,
        }
    }

    /// Whether the cut comes before any byte arrives.
    pub(crate) fn is_at_start(&self) -> bool {
        matches!(self.place, Some(Place::Byte(0) | Place::AfterFrame(0)))
    }

    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Passage {
        let Some(place) = self.place else {
            return Passage {
                len: bytes.len(),
                cut: false,
            };
        };
        for (index, byte) in bytes.iter().enumerate() {
            let between = self.prefix.is_empty() && self.body == 0 && self.preface == 0;
            if between && place == Place::BeforeFrame(self.frames + 1) {
                return Passage {
                    len: index,
                    cut: true,
                };
            }
            let ended = self.take(*byte);
            let reached = match place {
                Place::Byte(byte) => self.passed == byte,
                Place::AfterFrame(frame) => ended && self.frames == frame,
                Place::BeforeFrame(_) => false,
            };
            if reached {
                return Passage {
                    len: index + 1,
                    cut: true,
                };
            }
        }
        Passage {
            len: bytes.len(),
            cut: false,
        }
    }

    /// Whether a frame ends with this byte.
    fn take(&mut self, byte: u8) -> bool {
        self.passed += 1;
        if self.preface > 0 {
            self.preface -= 1;
            return false;
        }
        if self.body > 0 {
            self.body -= 1;
        } else {
            self.prefix.push(byte);
            let Some(length) = self.prefix.first_chunk::<4>() else {
                return false;
            };
            if length == MAGIC && self.passed == 4 {
                self.preface = REST_OF_PREFACE;
                self.prefix.clear();
                return false;
            }
            self.body = u32::from_be_bytes(*length);
            self.prefix.clear();
        }
        let ended = self.body == 0;
        self.frames += u64::from(ended);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Passage, Place};

    /// Frames of 5, 4 and 6 bytes.
    const STREAM: &[u8] = b"\0\0\0\x01a\0\0\0\0\0\0\0\x02bc";

    #[test]
    fn a_preface_is_not_a_frame() {
        let stream = [b"\xcbKNT\x03\0\0\0", STREAM].concat();
        for (place, len) in [
            (Place::BeforeFrame(2), 13),
            (Place::AfterFrame(1), 13),
            (Place::BeforeFrame(3), 17),
        ] {
            let mut gate = Gate::new(Some(place));
            assert_eq!(gate.pass(&stream), Passage { len, cut: true });
        }
    }

    fn passes(place: Place) -> Option<usize> {
        let mut whole = Gate::new(Some(place));
        let Passage { len, cut } = whole.pass(STREAM);
        let mut single = Gate::new(Some(place));
        let alone = STREAM.iter().position(|byte| single.pass(&[*byte]).cut);
        let counted = matches!(place, Place::BeforeFrame(_));
        assert_eq!(
            alone.map(|index| if counted { index } else { index + 1 }),
            cut.then_some(len)
        );
        cut.then_some(len)
    }

    #[test]
    fn places_are_found_however_the_bytes_arrive() {
        for (place, expect) in [
            (Place::Byte(1), Some(1)),
            (Place::Byte(7), Some(7)),
            (Place::Byte(15), Some(15)),
            (Place::Byte(16), None),
            (Place::BeforeFrame(1), Some(0)),
            (Place::BeforeFrame(2), Some(5)),
            (Place::BeforeFrame(3), Some(9)),
            (Place::BeforeFrame(4), None),
            (Place::AfterFrame(1), Some(5)),
            (Place::AfterFrame(2), Some(9)),
            (Place::AfterFrame(3), Some(15)),
            (Place::AfterFrame(4), None),
        ] {
            assert_eq!(passes(place), expect, "{place:?}");
        }
    }

    #[test]
    fn a_cut_at_the_start_needs_no_byte() {
        assert!(Gate::new(Some(Place::Byte(0))).is_at_start());
        assert!(Gate::new(Some(Place::AfterFrame(0))).is_at_start());
        assert!(!Gate::new(Some(Place::BeforeFrame(1))).is_at_start());
        assert!(!Gate::new(None).is_at_start());
    }
}
