use std::time::Duration;

use super::calls::CallLimits;

/// How a session behaves towards its application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverConfig {
    /// What becomes of messages that are to be sent while there is no connection.
    pub when_detached: WhenDetached,
    /// What a client does when its first attempt to connect fails.
    pub first_connect: FirstConnect,
    /// How long a session goes on that the application has dropped without closing it, to bring to the
    /// peer what it had accepted. 5 s by default.
    pub linger: Duration,
    /// How long a client may be connected without acknowledging anything that was sent to it, before a server ends the
    /// connection; and the session, when that has happened three times without an acknowledgement in between. Not
    /// limited by default: a client whose application does not keep up withholds acknowledgements, and what waits for
    /// them is bounded by the window.
    pub stalled_after: Option<Duration>,
    /// How much of calls a session holds.
    pub calls: CallLimits,
    /// How many entries the flight recorder of a session has: one for each frame and each change of its connection, the
    /// last of them. Each takes 56 bytes from the beginning on, and the text of a change up to some 200 more. None by
    /// default, which costs nothing.
    pub flight_recorder: usize,
}

impl Default for DriverConfig {
    fn default() -> Self {
        Self {
            when_detached: WhenDetached::Wait,
            first_connect: FirstConnect::Once,
            linger: Duration::from_secs(5),
            stalled_after: None,
            calls: CallLimits::default(),
            flight_recorder: 0,
        }
    }
}

/// What becomes of messages that are to be sent while there is no connection.
///
/// Messages that were accepted before are sent again in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenDetached {
    /// They are accepted as far as the window has room and sent by the next connection; beyond that, sending
    /// waits, as it does from when a session is lost until another takes its place.
    #[default]
    Wait,
    /// Sending waits for a connection, for this long at the most; then it fails and the message is not
    /// accepted.
    WaitFor(Duration),
    /// Sending fails at once; the message is not accepted.
    Fail,
}

/// What a client does when its first attempt to connect fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstConnect {
    /// Fails, with the reason.
    #[default]
    Once,
    /// Goes on as after a loss, until the time to give up.
    Retry,
}
