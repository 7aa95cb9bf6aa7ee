use core::fmt;
use core::time::Duration;

use super::quoted::{Millis, Quoted};
use super::{
    AttachNumber, Features, Level, Limits, OpenNonce, Positions, Proof, SessionId, Versions,
};

/// HELLO: the client's first frame, which opens a session or resumes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The minor versions that the client speaks.
    pub versions: Versions,
    /// The features that it can use.
    pub offered: Features,
    /// The features that it insists on, among the offered ones.
    pub required: Features,
    /// The implementation, for people; at most [`MAX_AGENT`](super::MAX_AGENT) bytes.
    pub agent: &'a str,
    /// The time wanted between probes; zero for none.
    pub keep_alive: Duration,
    /// The number of this attempt (V3-30).
    pub attach: AttachNumber,
    /// Whether a session is opened or resumed.
    pub intent: Intent,
    /// Who the client is.
    pub authentication: Option<Authentication<'a>>,
    /// What application asks, for people.
    pub application: Option<Application<'a>>,
    /// There exactly where a session is resumed (V3-31).
    pub proof: Option<Proof>,
}

/// What a HELLO is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// A new session.
    Open(Open),
    /// One that has lived on another connection.
    Resume(Resume),
}

/// The terms of a session that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Open {
    /// Drawn anew for each session that is wanted (V3-13).
    pub nonce: OpenNonce,
    /// What the server may send to the client.
    pub limits: Limits,
    /// How long the session shall live without a connection.
    pub expiry: Duration,
    /// What an acknowledgement shall say.
    pub level: Level,
}

/// The session that a client resumes, and where it stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resume {
    /// The session.
    pub session: SessionId,
    /// Where the client stands.
    pub positions: Positions,
}

/// What a client shows of who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authentication<'a> {
    /// How to read the bytes; at most [`MAX_MECHANISM`](super::MAX_MECHANISM) bytes.
    pub mechanism: &'a str,
    /// A token or the like: a secret; at most [`MAX_AUTHENTICATION`](super::MAX_AUTHENTICATION)
    /// bytes.
    pub bytes: &'a [u8],
}

/// Shows nothing of the bytes.
impl fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

/// The program that uses the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application<'a> {
    /// Its name; at most [`MAX_APPLICATION`](super::MAX_APPLICATION) bytes.
    pub name: &'a str,
    /// Its version; at most as many.
    pub version: &'a str,
}

impl fmt::Display for Hello<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HELLO ")?;
        match self.intent {
            Intent::Open(open) => write!(f, "open nonce={} attach={}", open.nonce, self.attach)?,
            Intent::Resume(Resume { session, positions }) => {
                let session = session.short();
                write!(f, "resume session={session} attach={} ", self.attach)?;
                positions.fmt(f)?;
            }
        }
        write!(f, " features={}", self.offered)?;
        if !self.required.is_empty() {
            write!(f, " required={}", self.required)?;
        }
        if let Intent::Open(open) = self.intent {
            write!(f, " limits={} level={}", open.limits, open.level)?;
            write!(f, " expiry={}", Millis(open.expiry))?;
        }
        let keep_alive = Millis(self.keep_alive);
        write!(f, " keep-alive={keep_alive} versions={}", self.versions)?;
        write!(f, " agent={}", Quoted(self.agent))?;
        if let Some(authentication) = self.authentication {
            write!(f, " authentication={}", Quoted(authentication.mechanism))?;
        }
        if let Some(Application { name, version }) = self.application {
            write!(f, " application={} {}", Quoted(name), Quoted(version))?;
        }
        Ok(())
    }
}
