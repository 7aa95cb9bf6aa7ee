use core::fmt;

/// Why a connection or session ends, as REJECT, GOAWAY and CLOSE say it.
///
/// A code without a name here is handled by its [`class`](Self::class).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

/// What a client does about a code: the code's hundreds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It is done.
    Done,
    /// It tries again, waiting longer each time.
    Retry,
    /// It tries again after `retry-after`.
    RetryLater,
    /// It asks for credentials, then tries again.
    Authenticate,
    /// It follows its policy for a lost session.
    NewSession,
    /// It stops.
    Fatal,
}

codes! {
    Code:
    /// The session is over, as both sides wanted.
    DONE = 0, "done";
    /// Something went wrong that is none of the peer's business.
    INTERNAL = 100, "internal";
    /// The handshake or the life of the connection took too long (V3-15, V3-26).
    TIMEOUT = 101, "timeout";
    /// A digest is not the one of the same messages here (V3-28).
    DIGEST_MISMATCH = 102, "digest-mismatch";
    /// The attach number is not above the last one accepted (V3-30).
    ATTACH_STALE = 103, "attach-stale";
    /// A frame that breaks V3-4 to V3-6, or a table of the frames (V3-8).
    FRAME_MALFORMED = 110, "frame-malformed";
    /// A length above the limit (V3-8).
    FRAME_TOO_LARGE = 111, "frame-too-large";
    /// A frame of an unknown type below 128 (V3-7).
    FRAME_UNKNOWN = 112, "frame-unknown";
    /// A frame that does not belong into this state (V3-14).
    FRAME_UNEXPECTED = 113, "frame-unexpected";
    /// A message with a number above the expected one (V3-17).
    SEQUENCE_GAP = 114, "sequence-gap";
    /// An acknowledgement of what was never sent (V3-20).
    ACK_BEYOND_SENT = 115, "ack-beyond-sent";
    /// More unacknowledged than the limits allow (V3-21).
    WINDOW_EXCEEDED = 116, "window-exceeded";
    /// A payload above the maximum message (V3-22).
    MESSAGE_TOO_LARGE = 117, "message-too-large";
    /// More frames that carry nothing forward than are allowed (V3-46).
    CONTROL_FLOOD = 118, "control-flood";
    /// There is too much to do at the moment.
    OVERLOADED = 200, "overloaded";
    /// The server is about to stop.
    DRAINING = 201, "draining";
    /// The server is not ready yet.
    STARTING = 202, "starting";
    /// The server has as many sessions as it may.
    TOO_MANY_SESSIONS = 203, "too-many-sessions";
    /// The client has said nothing of who it is.
    AUTHENTICATION_REQUIRED = 300, "authentication-required";
    /// The client is not who it says.
    AUTHENTICATION_FAILED = 301, "authentication-failed";
    /// What the client showed is no longer valid.
    AUTHENTICATION_EXPIRED = 302, "authentication-expired";
    /// There is no such session, or not for this client (V3-32).
    SESSION_UNKNOWN = 400, "session-unknown";
    /// The session was without connection for too long (V3-38).
    SESSION_EXPIRED = 401, "session-expired";
    /// The session was closed (V3-38).
    SESSION_ENDED = 402, "session-ended";
    /// One side needs what the other no longer has (V3-34).
    POSITION_GONE = 403, "position-gone";
    /// One side has more than the other ever sent (V3-34).
    POSITION_AHEAD = 404, "position-ahead";
    /// The digests at the same position differ (V3-34).
    HISTORY_DIVERGED = 405, "history-diverged";
    /// There is no version that both speak (V3-3, V3-10).
    VERSION_UNSUPPORTED = 500, "version-unsupported";
    /// A required feature is missing (V3-10).
    FEATURE_REQUIRED = 501, "feature-required";
    /// The level asked for is not served (V3-10).
    LEVEL_UNSUPPORTED = 502, "level-unsupported";
    /// The client may not do this.
    NOT_AUTHORIZED = 503, "not-authorized";
    /// The session goes on on a newer connection (V3-37).
    TAKEN_OVER = 504, "taken-over";
    /// The server takes no connection without TLS (V3-43).
    TLS_REQUIRED = 505, "tls-required";
}

impl Code {
    /// What to do about it, also where the code is not known.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 / 100 {
            0 => Class::Done,
            1 => Class::Retry,
            2 => Class::RetryLater,
            3 => Class::Authenticate,
            4 => Class::NewSession,
            _ => Class::Fatal,
        }
    }
}

/// The name, or `code 417` where there is none.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn codes_have_names_and_classes() {
        assert_eq!(Code::ALL.len(), 33);
        assert!(Code::ALL.is_sorted());
        assert_eq!(Code::POSITION_GONE.to_string(), "position-gone");
        assert_eq!(Code::from_u16(118).to_string(), "control-flood");
        assert_eq!(Code::from_u16(505).to_string(), "tls-required");
        assert_eq!(Code::from_u16(417).to_string(), "code 417");
        assert_eq!(std::format!("{:?}", Code::from_u16(417)), "Code(417)");
        assert_eq!(
            std::format!("{:?}", Code::SESSION_UNKNOWN),
            "Code(400 session-unknown)"
        );
        for (code, class) in [
            (0, Class::Done),
            (99, Class::Done),
            (100, Class::Retry),
            (118, Class::Retry),
            (299, Class::RetryLater),
            (300, Class::Authenticate),
            (417, Class::NewSession),
            (500, Class::Fatal),
            (505, Class::Fatal),
            (600, Class::Fatal),
            (u16::MAX, Class::Fatal),
        ] {
            assert_eq!(Code::from_u16(code).class(), class, "{code}");
        }
    }
}
