use std::fmt;

use korinet_wire::v3::{Close, Code, How, Reject};

/// The last that an attacker hears on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Told {
    /// Nothing: the connection is closed without a word.
    Nothing,
    /// An alert of TLS with this number.
    Alert(u8),
    /// REJECT.
    Reject(Code),
    /// REJECT with a time after which to come again.
    RejectUntil(Code),
    /// CLOSE of the connection.
    Close(Code),
    /// CLOSE of the session.
    End(Code),
    /// WELCOME: it has a session.
    Welcome,
    /// What it did is taken, and the session goes on.
    GoesOn,
}

impl Told {
    pub(super) const fn of_reject(reject: &Reject<'_>) -> Self {
        match reject.retry_after {
            None => Self::Reject(reject.code),
            Some(_) => Self::RejectUntil(reject.code),
        }
    }

    pub(super) const fn of_close(close: &Close<'_>) -> Self {
        match close.how {
            How::Detach => Self::Close(close.code),
            How::End => Self::End(close.code),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("closed"),
            Self::Alert(number) => write!(f, "alert {number}"),
            Self::Reject(code) => write!(f, "REJECT {code}"),
            Self::RejectUntil(code) => write!(f, "REJECT {code}, retry-after"),
            Self::Close(code) => write!(f, "CLOSE {code}"),
            Self::End(code) => write!(f, "CLOSE end {code}"),
            Self::Welcome => f.write_str("WELCOME"),
            Self::GoesOn => f.write_str("goes on"),
        }
    }
}
