use core::fmt;
use core::time::Duration;

use super::quoted::{Millis, Quoted};
use super::{AttachNumber, Code, Proof, Seq, Versions};

/// REJECT: a server's refusal instead of WELCOME; the connection ends after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Why.
    pub code: Code,
    /// Why, for people; at most [`MAX_TEXT`](super::MAX_TEXT) bytes.
    pub text: &'a str,
    /// The time to wait before the next attempt.
    pub retry_after: Option<Duration>,
    /// The minor versions that the server speaks (V3-10).
    pub versions: Option<Versions>,
    /// The attach number that is current (V3-30); not to be believed without a proof (V3-33).
    pub attach: Option<AttachNumber>,
    /// The server had taken every message below (V3-38); not to be believed without a proof (V3-33).
    pub next: Option<Seq>,
    /// There where the server holds the key and the HELLO's proof was right (V3-31).
    pub proof: Option<Proof>,
}

/// A proof shows as `proven`, which says that there is one, not that it is right.
impl fmt::Display for Reject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "REJECT code={} text={}", self.code, Quoted(self.text))?;
        if let Some(time) = self.retry_after {
            write!(f, " retry-after={}", Millis(time))?;
        }
        if let Some(versions) = self.versions {
            write!(f, " versions={versions}")?;
        }
        if let Some(attach) = self.attach {
            write!(f, " attach={attach}")?;
        }
        if let Some(next) = self.next {
            write!(f, " next={next}")?;
        }
        f.write_str(if self.proof.is_some() { " proven" } else { "" })
    }
}
