use std::fmt;
use std::str::FromStr;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// What the Python package `korinet` speaks: each message waits for its acknowledgement.
    V2,
    /// Sessions that outlive their connections, and messages that do not wait for each other.
    V3,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        })
    }
}

/// A text that names no version of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol \"{0}\", expected v2 or v3")]
pub struct ParseProtocolError(String);

impl FromStr for Protocol {
    type Err = ParseProtocolError;

    fn from_str(text: &str) -> Result<Self, ParseProtocolError> {
        match text {
            "v2" => Ok(Self::V2),
            "v3" => Ok(Self::V3),
            other => Err(ParseProtocolError(other.to_owned())),
        }
    }
}

/// What an acknowledgement says to the one who sent the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AckLevel {
    /// It is in the receiving session's queue. If the receiving process dies now, it is lost.
    #[default]
    Received,
    /// The receiving application is done with it: see [`Session::done`](crate::Session::done).
    Processed,
    /// It is on the receiver's disk. Not in this version of the crate.
    Durable,
}

impl fmt::Display for AckLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Durable => "durable",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_spelled_and_read_alike() {
        for protocol in [Protocol::V2, Protocol::V3] {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        assert_eq!(
            "v4".parse::<Protocol>().unwrap_err().to_string(),
            "unknown protocol \"v4\", expected v2 or v3"
        );
    }
}
