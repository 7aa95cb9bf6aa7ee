use core::convert::Infallible;
use core::fmt;

use crate::Opening;
use crate::cbor::CborType;
use crate::v3::{Code, FieldError};

/// Why bytes from a peer are not a frame: always the peer's fault.
///
/// Bytes that are merely not complete yet are no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Where, in bytes from the start of the input that was given to decode.
    pub at: usize,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The `data` item of a v2 frame is no map.
    DataNotMap {
        /// What it is instead.
        found: CborType,
    },
    /// The frame has the length zero, so it cannot hold an item.
    EmptyFrame,
    /// The frame is longer than the receiver takes.
    FrameTooLarge {
        /// The length that the frame announces, in bytes.
        len: u32,
        /// The most that is taken, in bytes.
        max: u32,
        /// What the bytes look like instead of a length.
        looks_like: Option<Opening>,
    },
    /// A v3 frame that says what it may not.
    Field(FieldError),
    /// An array, map or string of v3 without its length in its head (V3-5).
    IndefiniteLength {
        /// What it stands for.
        field: &'static str,
    },
    /// A chunk of an indefinite-length string is no definite-length string of the same type.
    InvalidChunk,
    /// A simple value below 32 in two bytes (RFC 8949, section 3.3).
    InvalidSimple,
    /// A text string that is not UTF-8.
    InvalidUtf8,
    /// The keys of a v3 map do not rise (V3-5).
    KeysNotRising {
        /// A key.
        previous: u64,
        /// The one after it, which is not above it.
        found: u64,
    },
    /// A v2 frame without this key.
    MissingKey(&'static str),
    /// The item of a v2 frame is no map.
    NotMap {
        /// What it is instead.
        found: CborType,
    },
    /// A number, or the length of an item, of v3 that is not encoded in the shortest form (V3-5).
    NotShortest {
        /// What it stands for.
        field: &'static str,
    },
    /// An indefinite-length map that ends after a key.
    OddMap,
    /// One of the initial bytes that RFC 8949 reserves.
    ReservedInitialByte(u8),
    /// Arrays, maps and tags inside each other beyond the limit.
    TooDeep {
        /// The most levels that are taken.
        max: u8,
    },
    /// More elements than a v3 frame may have (V3-4).
    TooManyElements {
        /// So many.
        found: u64,
        /// The most that it may have.
        max: u64,
    },
    /// Bytes after the array of a v3 frame (V3-4).
    TrailingBytes {
        /// How many.
        len: usize,
    },
    /// A break outside of an indefinite-length item.
    UnexpectedBreak,
    /// The frame ends inside of an item.
    UnexpectedEnd,
    /// A v3 frame of a type that this version does not know and may not skip (V3-7).
    UnknownType(u64),
    /// The kind of a VOLATILE is neither 0 nor 16.
    VolatileKind(u64),
    /// A byte string of v3 of the wrong length.
    WrongLength {
        /// What it stands for.
        field: &'static str,
        /// Its length, in bytes.
        found: u64,
        /// The length that it must have.
        expected: u64,
    },
    /// An item of v3 of the wrong type.
    WrongType {
        /// What it stands for.
        field: &'static str,
        /// What it is.
        found: CborType,
        /// What it must be.
        expected: CborType,
    },
}

impl DecodeErrorKind {
    /// The code of protocol v3 that tells the peer (V3-7, V3-8).
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::FrameTooLarge { .. } => Code::FRAME_TOO_LARGE,
            Self::UnknownType(_) => Code::FRAME_UNKNOWN,
            Self::DataNotMap { .. }
            | Self::EmptyFrame
            | Self::Field(_)
            | Self::IndefiniteLength { .. }
            | Self::InvalidChunk
            | Self::InvalidSimple
            | Self::InvalidUtf8
            | Self::KeysNotRising { .. }
            | Self::MissingKey(_)
            | Self::NotMap { .. }
            | Self::NotShortest { .. }
            | Self::OddMap
            | Self::ReservedInitialByte(_)
            | Self::TooDeep { .. }
            | Self::TooManyElements { .. }
            | Self::TrailingBytes { .. }
            | Self::UnexpectedBreak
            | Self::UnexpectedEnd
            | Self::VolatileKind(_)
            | Self::WrongLength { .. }
            | Self::WrongType { .. } => Code::FRAME_MALFORMED,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        // What is wrong with the length is wrong with the whole frame, not with a place in it.
        if matches!(
            self.kind,
            DecodeErrorKind::EmptyFrame | DecodeErrorKind::FrameTooLarge { .. }
        ) {
            return Ok(());
        }
        write!(f, " at byte {} of the frame", self.at)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataNotMap { found } => write!(f, "data is {found}, expected a map"),
            Self::EmptyFrame => f.write_str("frame length 0, expected at least 1"),
            Self::FrameTooLarge {
                len,
                max,
                looks_like,
            } => {
                write!(f, "frame length {len} exceeds limit {max}")?;
                match looks_like {
                    Some(other) => write!(f, ": the peer seems to speak {other}"),
                    None => Ok(()),
                }
            }
            Self::Field(error) => error.fmt(f),
            Self::IndefiniteLength { field } => write!(f, "{field} has no definite length"),
            Self::InvalidChunk => {
                f.write_str("chunk of an indefinite-length string is of another type")
            }
            Self::InvalidSimple => f.write_str("simple value below 32 in two bytes"),
            Self::InvalidUtf8 => f.write_str("text string is not UTF-8"),
            Self::KeysNotRising { previous, found } => {
                write!(f, "map key {found} after {previous}, expected rising keys")
            }
            Self::MissingKey(key) => write!(f, "missing key \"{key}\""),
            Self::NotMap { found } => write!(f, "frame holds {found}, expected a map"),
            Self::NotShortest { field } => write!(f, "{field} is not in the shortest form"),
            Self::OddMap => f.write_str("map ends after a key"),
            Self::ReservedInitialByte(byte) => write!(f, "reserved initial byte {byte:#04x}"),
            Self::TooDeep { max } => write!(f, "nesting exceeds limit {max}"),
            Self::TooManyElements { found, max } => {
                write!(f, "frame has {found} elements, expected at most {max}")
            }
            Self::TrailingBytes { len } => {
                write!(f, "bytes after the frame's array: {len}, expected none")
            }
            Self::UnexpectedBreak => f.write_str("break outside of an indefinite-length item"),
            Self::UnexpectedEnd => f.write_str("frame ends inside of an item"),
            Self::UnknownType(ty) => write!(f, "frame type {ty} is not known"),
            Self::VolatileKind(kind) => write!(f, "kind is {kind}, expected 0 or 16"),
            Self::WrongLength {
                field,
                found,
                expected,
            } => write!(f, "{field} has {found} bytes, expected {expected}"),
            Self::WrongType {
                field,
                found,
                expected,
            } => write!(f, "{field} is {found}, expected {expected}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a frame was not encoded; `E` is the error of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError<E> {
    /// The `data` of a v2 frame is no map; `None` stands for no bytes at all.
    DataNotMap {
        /// What it is instead.
        found: Option<CborType>,
    },
    /// The v3 frame says what it may not.
    Field(FieldError),
    /// The frame would be longer than the limit.
    FrameTooLarge {
        /// The length that the frame would have, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: u32,
    },
    /// A v3 frame of an unknown type, of which nothing but that is known.
    Skipped {
        /// Its type.
        ty: u64,
    },
    /// The writer failed.
    Write(E),
}

impl EncodeError<Infallible> {
    /// The same error, as that of another writer: this one never failed.
    pub(crate) fn with_writer<E>(self) -> EncodeError<E> {
        match self {
            Self::DataNotMap { found } => EncodeError::DataNotMap { found },
            Self::Field(error) => EncodeError::Field(error),
            Self::FrameTooLarge { len, max } => EncodeError::FrameTooLarge { len, max },
            Self::Skipped { ty } => EncodeError::Skipped { ty },
            Self::Write(never) => match never {},
        }
    }
}

impl<E: fmt::Display> fmt::Display for EncodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataNotMap { found: Some(found) } => {
                write!(f, "data is {found}, expected a map")
            }
            Self::DataNotMap { found: None } => f.write_str("data is empty, expected a map"),
            Self::FrameTooLarge { len, max } => {
                write!(f, "frame length {len} exceeds limit {max}")
            }
            Self::Field(error) => error.fmt(f),
            Self::Skipped { ty } => write!(f, "frame of the unknown type {ty} has no encoding"),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for EncodeError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // Displayed through, so the source is the next one down.
            Self::Write(error) => error.source(),
            Self::DataNotMap { .. }
            | Self::Field(_)
            | Self::FrameTooLarge { .. }
            | Self::Skipped { .. } => None,
        }
    }
}
