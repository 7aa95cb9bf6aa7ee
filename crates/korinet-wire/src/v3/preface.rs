use core::fmt;

use crate::Opening;

/// What both sides send first (V3-1): the magic `CB` "KNT", the major version 3, three zero bytes.
pub const PREFACE: [u8; 8] = *b"\xcbKNT\x03\0\0\0";

const MAJOR: u8 = 3;

/// How much of the preface an input holds, as [`preface`] found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preface {
    /// All of it: the first frame starts after [`PREFACE`]'s length.
    Complete,
    /// Its beginning.
    Partial {
        /// How many bytes are missing, at least one.
        needed: usize,
    },
}

/// Looks for the preface at the start of a connection (V3-3).
///
/// # Errors
///
/// The first byte that differs, as soon as it is there.
pub fn preface(input: &[u8]) -> Result<Preface, PrefaceError> {
    let differs = |(_, (found, expected)): &(usize, (&u8, &u8))| found != expected;
    match input.iter().zip(&PREFACE).enumerate().find(differs) {
        None => Ok(match PREFACE.len().checked_sub(input.len()) {
            None | Some(0) => Preface::Complete,
            Some(needed) => Preface::Partial { needed },
        }),
        Some((4, (&major, _))) => Err(PrefaceError::OtherVersion { major }),
        Some((at @ 5.., (&found, _))) => Err(PrefaceError::Reserved { at, found }),
        Some(_) => Err(PrefaceError::NotKorinet {
            looks_like: Opening::guess(input),
        }),
    }
}

/// Why a connection does not start with the preface of protocol v3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrefaceError {
    /// The magic is not there, so the peer speaks something else.
    NotKorinet {
        /// What, if the bytes that are there tell.
        looks_like: Option<Opening>,
    },
    /// The magic with another major version. A server answers with [`PREFACE`] and a REJECT with
    /// [`Code::VERSION_UNSUPPORTED`](super::Code::VERSION_UNSUPPORTED) (V3-3).
    OtherVersion {
        /// The peer's.
        major: u8,
    },
    /// One of the last three bytes is not zero.
    Reserved {
        /// Which, from 0 on.
        at: usize,
        /// What it is.
        found: u8,
    },
}

impl fmt::Display for PrefaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKorinet { looks_like } => {
                f.write_str("no preface of KoriNet protocol v3")?;
                match looks_like {
                    Some(other) => write!(f, ": the peer seems to speak {other}"),
                    None => Ok(()),
                }
            }
            Self::OtherVersion { major } => {
                write!(f, "major version {major}, expected {MAJOR}")
            }
            Self::Reserved { at, found } => {
                write!(f, "byte {at} of the preface is {found:#04x}, expected 0x00")
            }
        }
    }
}

impl core::error::Error for PrefaceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_is_found_byte_by_byte() {
        assert_eq!(PREFACE, [0xcb, 0x4b, 0x4e, 0x54, 0x03, 0, 0, 0]);
        for len in 0..PREFACE.len() {
            let needed = PREFACE.len() - len;
            assert_eq!(preface(&PREFACE[..len]), Ok(Preface::Partial { needed }));
        }
        assert_eq!(preface(&PREFACE), Ok(Preface::Complete));
        assert_eq!(preface(b"\xcbKNT\x03\0\0\0\xff"), Ok(Preface::Complete));
    }

    #[test]
    fn the_first_byte_that_differs_is_enough() {
        let other = |looks_like| PrefaceError::NotKorinet { looks_like };
        for (input, expect) in [
            (&b"\0"[..], other(None)),
            (b"\xcbX", other(None)),
            (b"\x16\x03\x01\x02", other(Some(Opening::Tls))),
            (b"HTTP/1.1", other(Some(Opening::Http))),
            (b"\xcbKNT\x04", PrefaceError::OtherVersion { major: 4 }),
            (
                b"\xcbKNT\x03\0\x01",
                PrefaceError::Reserved { at: 6, found: 1 },
            ),
        ] {
            assert_eq!(preface(input), Err(expect), "{input:02x?}");
        }
    }
}
