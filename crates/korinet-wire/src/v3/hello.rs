use core::fmt;
use core::time::Duration;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::quoted::{Millis, Quoted};
use super::value::{Elements, Entries};
use super::{
    Application, AttachNumber, Authentication, Features, FieldError, Intent, MAX_AGENT, Proof,
    Resume, Versions,
};
use crate::DecodeError;

/// HELLO: the client's first frame, which opens a session or resumes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The minor versions that the client speaks.
    pub versions: Versions,
    /// The features that it can use.
    pub offered: Features,
    /// The features that it insists on, among the offered ones.
    pub required: Features,
    /// The implementation, for people; at most [`MAX_AGENT`] bytes.
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

impl<'a> Hello<'a> {
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = elements.required("HELLO map")?.map()?;
        let mut hello = Self::decode_map(&mut entries)?;
        entries.finish()?;
        hello.proof = Proof::decode_if(hello.resumes(), "open", elements)?;
        Ok(hello)
    }

    fn decode_map(entries: &mut Entries<'_, 'a>) -> Result<Self, DecodeError> {
        let at = entries.start();
        let hello = Self {
            versions: Versions::decode(entries.required(0, "versions")?)?,
            offered: entries
                .required(1, "offered")?
                .uint()
                .map(Features::from_bits)?,
            required: entries
                .required(2, "required")?
                .uint()
                .map(Features::from_bits)?,
            agent: entries.required(3, "agent")?.text(MAX_AGENT)?,
            keep_alive: entries.required(4, "keep-alive")?.time()?,
            attach: AttachNumber::decode(entries.required(5, "attach")?)?,
            intent: Intent::decode(entries)?,
            authentication: entries
                .optional(8, "authentication")?
                .map(Authentication::decode)
                .transpose()?,
            application: entries
                .optional(9, "application")?
                .map(Application::decode)
                .transpose()?,
            proof: None,
        };
        hello.check_features().map_err(|error| error.at(at))?;
        Ok(hello)
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        Proof::check(self.proof, self.resumes(), "open")?;
        self.check_features()?;
        output.array(2 + u64::from(self.proof.is_some()))?;
        output.uint(ty)?;
        self.write_map(output)?;
        output.proof(self.proof)
    }

    fn write_map<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        let optional = [self.authentication.is_some(), self.application.is_some()];
        output.map(7 + optional.map(u64::from).iter().sum::<u64>())?;
        output.uint(0)?;
        self.versions.write(output)?;
        output.uint(1)?;
        output.uint(self.offered.bits())?;
        output.uint(2)?;
        output.uint(self.required.bits())?;
        output.uint(3)?;
        output.text("agent", self.agent, MAX_AGENT)?;
        output.uint(4)?;
        output.time(self.keep_alive)?;
        output.uint(5)?;
        output.uint(self.attach.get())?;
        self.intent.write(output)?;
        if let Some(authentication) = self.authentication {
            output.uint(8)?;
            authentication.write(output)?;
        }
        if let Some(application) = self.application {
            output.uint(9)?;
            application.write(output)?;
        }
        Ok(())
    }

    const fn resumes(&self) -> bool {
        matches!(self.intent, Intent::Resume(_))
    }

    fn check_features(&self) -> Result<(), FieldError> {
        let missing = self.required.without(self.offered);
        if missing.is_empty() {
            return Ok(());
        }
        Err(FieldError::RequiredNotOffered { missing })
    }
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
