use core::fmt;

use super::{Features, Seq};

/// What a frame may not say, whether it was read or is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldError {
    /// A field is there that another one rules out.
    Excluded {
        /// The field.
        field: &'static str,
        /// What rules it out.
        by: &'static str,
    },
    /// The lowest version is above the highest.
    MinAboveMax {
        /// The lowest.
        min: u16,
        /// The highest.
        max: u16,
    },
    /// A field that has to be there is not.
    Missing {
        /// The field.
        field: &'static str,
    },
    /// The first message that can be sent is above the one that will be new.
    OldestAboveEnd {
        /// The first that can be sent.
        oldest: Seq,
        /// The one that will be new.
        end: Seq,
    },
    /// A number beyond what its field can be.
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The number.
        found: u64,
        /// The least that it can be.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Features that are required but not offered.
    RequiredNotOffered {
        /// Those features.
        missing: Features,
    },
    /// A text or byte string beyond its limit.
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length, in bytes.
        found: u64,
        /// The most that it can have.
        max: u64,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded { field, by } => write!(f, "{field} is not allowed with {by}"),
            Self::MinAboveMax { min, max } => {
                write!(f, "lowest version {min} is above the highest, {max}")
            }
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::OldestAboveEnd { oldest, end } => {
                write!(f, "oldest is {oldest}, expected at most end, {end}")
            }
            Self::OutOfRange {
                field,
                found,
                min,
                max,
            } => write!(f, "{field} is {found}, expected {min} to {max}"),
            Self::RequiredNotOffered { missing } => {
                write!(f, "features {missing} are required but not offered")
            }
            Self::TooLong { field, found, max } => {
                write!(f, "{field} has {found} bytes, expected at most {max}")
            }
        }
    }
}

impl core::error::Error for FieldError {}
