use core::fmt;
use core::time::Duration;

use super::quoted::{Millis, Quoted};
use super::{Features, InstanceId, KeyBytes, Level, Limits, Positions, Proof, SessionId};

/// WELCOME: the server's first frame, which lets the client in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// The minor version in force.
    pub version: u16,
    /// The features in force.
    pub features: Features,
    /// The implementation, for people; at most [`MAX_AGENT`](super::MAX_AGENT) bytes.
    pub agent: &'a str,
    /// The time in force between probes; zero for none (V3-26).
    pub keep_alive: Duration,
    /// Drawn when the server process started.
    pub instance: InstanceId,
    /// The session.
    pub session: SessionId,
    /// Whether it was opened or resumed, as asked.
    pub answer: Answer,
    /// There exactly where a session is resumed (V3-31).
    pub proof: Option<Proof>,
}

/// What became of a HELLO's intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A new session.
    Opened(Opened),
    /// An old one goes on; the server stands there.
    Resumed(Positions),
}

/// The terms of a session as the server grants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opened {
    /// What the client may send to the server.
    pub limits: Limits,
    /// How long the session lives without a connection.
    pub expiry: Duration,
    /// What an acknowledgement says.
    pub level: Level,
    /// The session key, without TLS (V3-29).
    pub key: Option<KeyBytes>,
}

/// A key shows as `key=given`.
impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WELCOME ")?;
        match self.answer {
            Answer::Opened(_) => write!(f, "opened session={}", self.session.short())?,
            Answer::Resumed(positions) => {
                write!(f, "resumed session={} {positions}", self.session.short())?;
            }
        }
        write!(f, " features={}", self.features)?;
        if let Answer::Opened(opened) = self.answer {
            write!(f, " limits={} level={}", opened.limits, opened.level)?;
            write!(f, " expiry={}", Millis(opened.expiry))?;
            f.write_str(if opened.key.is_some() {
                " key=given"
            } else {
                ""
            })?;
        }
        let keep_alive = Millis(self.keep_alive);
        write!(f, " keep-alive={keep_alive} version={}", self.version)?;
        write!(f, " instance={}", self.instance.short())?;
        write!(f, " agent={}", Quoted(self.agent))
    }
}
