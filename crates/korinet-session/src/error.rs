use std::fmt;
use std::io;
use std::time::Duration;

use korinet_proto::CodecError;
use korinet_proto::v3::{PushError, Violation};
use korinet_wire::DecodeError;
use korinet_wire::v3::{Code, PrefaceError};

use crate::v3::Discontinuity;

/// Why one connection ended, or did not come about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer did not acknowledge a message in time.
    #[error("no acknowledgement within {0:?}")]
    AckTimeout(Duration),
    /// The certificate that the peer shows is not to be trusted.
    #[error("certificate of the peer is not trusted: {0}")]
    CertificateInvalid(CertificateFault),
    /// The peer does not trust the certificate that this side shows, or wants one.
    #[error("peer does not trust this side: {0}")]
    CertificateRefused(CertificateFault),
    /// The peer closed the connection.
    #[error("closed by the peer")]
    ClosedByPeer,
    /// This side closed the connection.
    #[error("closed by this side")]
    ClosedHere,
    /// The peer closed the connection and said why.
    #[error("closed by the peer: {}", told(*.code, .text))]
    Closed {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
    },
    /// The peer closed the connection within the handshake of TLS.
    #[error("closed by the peer within the TLS handshake: it may not speak TLS")]
    ClosedUnsecured,
    /// The peer closed the connection instead of answering the first HELLO.
    #[error("closed by the peer before its welcome: it may not speak protocol v3")]
    ClosedUnwelcomed,
    /// The connection was not established in time.
    #[error("not connected within {0:?}")]
    ConnectTimeout(Duration),
    /// The peer sent what is no frame.
    #[error(transparent)]
    Decode(DecodeError),
    /// Both sides have the session, but cannot go on with it.
    #[error(transparent)]
    Discontinuous(Discontinuity),
    /// The handshake did not come to its end in time.
    #[error("no answer to the handshake within {0:?}")]
    HandshakeTimeout(Duration),
    /// The network failed; the text is the system's.
    #[error("{text}")]
    Io {
        /// What kind of failure.
        kind: io::ErrorKind,
        /// The system's description.
        text: String,
    },
    /// As much of something as this side allows is there already, so that it takes no more connections.
    #[error("{limit} are limited to {max}")]
    LimitReached {
        /// Of what.
        limit: Limit,
        /// How much is allowed.
        max: u64,
    },
    /// Who this side is could not be found out, so it had nothing to show.
    #[error("no credential: {0}")]
    NoCredential(String),
    /// The server does not hold the session's key: it is not the one that the session is with.
    #[error("peer cannot prove that it has the session")]
    NotProven,
    /// The peer answers in something else than TLS 1.3, or refuses to speak it.
    #[error("peer does not speak TLS 1.3")]
    NotTls,
    /// The peer speaks TLS, but not this protocol over it.
    #[error("peer does not speak {0} over TLS")]
    NotOverTls(&'static str),
    /// The peer's first bytes are not the preface of protocol v3.
    #[error(transparent)]
    Preface(PrefaceError),
    /// The server refused the session.
    #[error("refused by the peer: {}", told(*.code, .text))]
    Refused {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
    },
    /// This side, a server, refused the session.
    #[error("refused: {}", told(*.code, .text))]
    RefusedHere {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
    },
    /// This side, a server, takes connections with TLS only, and the peer began without.
    #[error("peer does not begin with TLS, which is required")]
    PlaintextRefused,
    /// The connection has lasted as long as it may: the client is to be authenticated anew.
    #[error("connection has lasted as long as it may")]
    Outdated,
    /// Nothing was heard from the peer for this long, although it was asked.
    #[error("peer is silent since {0:?}")]
    Silent(Duration),
    /// Something was sent, and nothing acknowledged for this long.
    #[error("nothing is acknowledged since {0:?}")]
    Stalled(Duration),
    /// Another connection of the same session took its place.
    #[error("taken over by a newer connection of the session")]
    TakenOver,
    /// TLS failed: bytes were changed on their way, or the two sides have nothing in common.
    #[error("tls: {0}")]
    Tls(String),
    /// The peer begins with TLS, and this side has none.
    #[error("peer begins with TLS, which is not served here")]
    TlsUnserved,
    /// The connection ended inside of a frame.
    #[error("connection ended inside of a frame: {missing} more bytes expected")]
    Truncated {
        /// How many bytes were missing, as far as known.
        missing: usize,
    },
    /// The server's welcome is not an answer to what was asked.
    #[error("peer welcomes with {0} that was not asked for")]
    Unasked(&'static str),
    /// The peer broke the protocol.
    #[error(transparent)]
    Violation(Violation),
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// There is none.
    #[error("a certificate is required")]
    Missing,
    /// It is not valid yet.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Something else; the text is that of the TLS library.
    #[error("{0}")]
    Other(String),
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
    /// Its issuer is not among the trusted ones.
    #[error("its issuer is unknown")]
    UnknownIssuer,
    /// It is for other names than the one that was dialled.
    #[error("it is not for {expected}, but for {}", names(.found))]
    WrongName {
        /// The name that was dialled.
        expected: String,
        /// The names that it is for.
        found: Vec<String>,
    },
}

fn names(names: &[String]) -> String {
    match names {
        [] => "no name".to_owned(),
        names => names.join(", ").escape_debug().to_string(),
    }
}

/// What a server has only so much of for its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Connections at one time.
    Connections,
    /// Connections whose handshake is not finished.
    Handshakes,
    /// The same of one address.
    HandshakesPerAddress,
    /// Handshakes of one address that came to nothing, for a while.
    FailuresPerAddress,
    /// Bytes of memory.
    Memory,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "connections",
            Self::Handshakes => "unfinished handshakes",
            Self::HandshakesPerAddress => "unfinished handshakes of one address",
            Self::FailuresPerAddress => "failed handshakes of one address",
            Self::Memory => "bytes of memory",
        })
    }
}

/// A code and, where there is one, the text that came with it.
fn told(code: Code, text: &str) -> String {
    if text.is_empty() {
        code.to_string()
    } else {
        // The text is the peer's: no control character of it reaches a terminal.
        format!("{code} ({})", text.escape_debug())
    }
}

impl ConnectionError {
    /// Whether another attempt can have another outcome.
    ///
    /// It cannot where the peer's bytes belong to another protocol, or one side does not trust the other. A client
    /// that has a session tries again all the same: whoever answers it may not be the one that the session is with.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        use korinet_wire::DecodeErrorKind::FrameTooLarge;
        !matches!(
            self,
            Self::Decode(DecodeError {
                kind: FrameTooLarge {
                    looks_like: Some(_),
                    ..
                },
                ..
            }) | Self::Preface(
                PrefaceError::OtherVersion { .. }
                    | PrefaceError::NotKorinet {
                        looks_like: Some(_)
                    }
            )
        ) && !self.is_of_tls()
    }

    /// Whether the two sides cannot have a secure channel between them.
    pub(crate) const fn is_of_tls(&self) -> bool {
        matches!(
            self,
            Self::CertificateInvalid(_)
                | Self::CertificateRefused(_)
                | Self::NotTls
                | Self::NotOverTls(_)
        )
    }
}

impl From<io::Error> for ConnectionError {
    /// A transport that knows better puts a `ConnectionError` into the system's.
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(known) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
            return known.clone();
        }
        Self::Io {
            kind: error.kind(),
            text: without_number(error.to_string()),
        }
    }
}

/// The system's text ends in " (os error 104)", which says nothing to a reader.
fn without_number(mut text: String) -> String {
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    match text.get(..1) {
        Some(first) => first.to_lowercase() + &text[1..],
        None => text,
    }
}

impl From<CodecError> for ConnectionError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Decode(error) => Self::Decode(error),
            CodecError::Io(error) => error.into(),
            CodecError::Preface(error) => Self::Preface(error),
            CodecError::Truncated { missing } => Self::Truncated { missing },
            // Sessions send what is encoded already, so this is text and no more.
            error @ (CodecError::Encode(_) | _) => Self::Io {
                kind: io::ErrorKind::InvalidData,
                text: error.to_string(),
            },
        }
    }
}

/// Why a session ended without being closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The application dropped it, or closed it in the meantime.
    #[error("session was given up by this side")]
    Abandoned,
    /// Its connection ended, and this side cannot dial.
    #[error("connection lost")]
    ConnectionLost(#[source] ConnectionError),
    /// The peer closed it.
    #[error("session was closed by the peer: {}", told(*.code, .text))]
    EndedByPeer {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
    },
    /// The peer could not be reached again in time.
    #[error("gave up after {:?} without a connection", Duration::from_millis(after.as_millis() as u64))]
    GaveUp {
        /// How long after the loss.
        after: Duration,
        /// Why the last attempt failed.
        #[source]
        last: ConnectionError,
    },
    /// The first attempt to connect failed, and there was to be no other.
    #[error("no connection")]
    NotConnected(#[source] ConnectionError),
    /// The peer does not speak the protocol, so that trying again is of no use.
    #[error("peer does not speak the protocol")]
    Incompatible(#[source] ConnectionError),
    /// All attach numbers are used up.
    #[error("session has no attach number left")]
    Exhausted,
    /// What this side has to say at the start of a connection cannot be said.
    #[error("hello cannot be sent: {0}")]
    Hello(String),
    /// Nobody came back to the session in time.
    #[error("session expired {after:?} after its connection was lost")]
    Expired {
        /// The time that it was given.
        after: Duration,
    },
    /// The session cannot be resumed, and no other was to be opened.
    #[error("session is lost")]
    Lost(#[source] Loss),
    /// The server refuses the session for good.
    #[error("session was refused for good")]
    Refused(#[source] ConnectionError),
    /// The runtime that did the session's work is gone.
    #[error("session was stopped with its runtime")]
    Stopped,
    /// The peer took part in the session, but acknowledged nothing, for too long.
    #[error("peer acknowledges nothing")]
    Stalled(#[source] ConnectionError),
    /// The session goes on over another connection, which is not this side's.
    #[error("session was taken over by another connection")]
    TakenOver,
    /// The two sides cannot have a secure channel between them.
    #[error("no secure channel to the peer")]
    Untrusted(#[source] ConnectionError),
}

/// Why a session of which both sides, or only this one, have a memory cannot be resumed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// This side found that the two do not fit together.
    #[error(transparent)]
    Discontinuity(#[from] Discontinuity),
    /// The server refused to resume it.
    #[error("refused by the peer: {}", told(*.code, .text))]
    Refused {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
    },
    /// The messages are too large for the server that there is now.
    #[error("message has {len} bytes, the peer takes {max}")]
    TooLarge {
        /// The payload's bytes.
        len: usize,
        /// The most that the peer takes.
        max: u32,
    },
}

/// Why a message is not known to have arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session was closed, by this side or the peer, before the message was on its way.
    #[error("session is closed")]
    Closed,
    /// There is no connection, and messages are not to wait for one; it was not sent.
    #[error("there is no connection")]
    Detached,
    /// The session ended before the message was on its way: it did not arrive.
    #[error("message was not sent")]
    NotSent(#[source] SessionError),
    /// The message was not accepted: it is too large, or there is no room for it now.
    #[error(transparent)]
    Push(PushError),
    /// The session ended before the acknowledgement came: the message may have arrived.
    #[error("message is not acknowledged")]
    Unacknowledged(#[source] SessionError),
}
