use core::fmt;
use core::time::Duration;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::quoted::{Millis, Quoted};
use super::value::{Elements, Entries};
use super::{Answer, Features, InstanceId, MAX_AGENT, Proof, SessionId};
use crate::DecodeError;

/// WELCOME: the server's first frame, which lets the client in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// The minor version in force.
    pub version: u16,
    /// The features in force.
    pub features: Features,
    /// The implementation, for people; at most [`MAX_AGENT`] bytes.
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

impl<'a> Welcome<'a> {
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = elements.required("WELCOME map")?.map()?;
        let mut welcome = Self::decode_map(&mut entries)?;
        entries.finish()?;
        welcome.proof = Proof::decode_if(welcome.resumes(), "opened", elements)?;
        Ok(welcome)
    }

    fn decode_map(entries: &mut Entries<'_, 'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: entries.required(0, "version")?.u16()?,
            features: entries
                .required(1, "features")?
                .uint()
                .map(Features::from_bits)?,
            agent: entries.required(2, "agent")?.text(MAX_AGENT)?,
            keep_alive: entries.required(3, "keep-alive")?.time()?,
            instance: InstanceId::from_bytes(entries.required(4, "instance")?.byte_array()?),
            session: SessionId::from_bytes(entries.required(5, "session")?.byte_array()?),
            answer: Answer::decode(entries)?,
            proof: None,
        })
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        Proof::check(self.proof, self.resumes(), "opened")?;
        output.array(2 + u64::from(self.proof.is_some()))?;
        output.uint(ty)?;
        output.map(7)?;
        output.uint(0)?;
        output.uint(self.version.into())?;
        output.uint(1)?;
        output.uint(self.features.bits())?;
        output.uint(2)?;
        output.text("agent", self.agent, MAX_AGENT)?;
        output.uint(3)?;
        output.time(self.keep_alive)?;
        output.uint(4)?;
        output.bytes(self.instance.as_bytes())?;
        output.uint(5)?;
        output.bytes(self.session.as_bytes())?;
        self.answer.write(output)?;
        output.proof(self.proof)
    }

    const fn resumes(&self) -> bool {
        matches!(self.answer, Answer::Resumed(_))
    }
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
