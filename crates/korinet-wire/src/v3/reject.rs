use core::fmt;
use core::time::Duration;

use minicbor::encode::Write;

use super::ack::write_digest;
use super::output::{Output, Written};
use super::quoted::{Millis, Quoted};
use super::value::{Elements, Value};
use super::{AttachNumber, Code, Digest, MAX_TEXT, Proof, Seq, Versions};
use crate::DecodeError;

/// REJECT: a server's refusal instead of WELCOME; the connection ends after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Why.
    pub code: Code,
    /// Why, for people; at most [`MAX_TEXT`] bytes.
    pub text: &'a str,
    /// The time to wait before the next attempt.
    pub retry_after: Option<Duration>,
    /// The minor versions that the server speaks (V3-10).
    pub versions: Option<Versions>,
    /// The attach number that is current (V3-30); not to be believed without a proof (V3-33).
    pub attach: Option<AttachNumber>,
    /// The server had taken every message below (V3-38); not to be believed without a proof (V3-33).
    pub next: Option<Seq>,
    /// The digest at `next`, with the feature checksum (V3-27).
    pub digest: Option<Digest>,
    /// There where the server holds the key and the HELLO's proof was right (V3-31).
    pub proof: Option<Proof>,
}

impl<'a> Reject<'a> {
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = elements.required("REJECT map")?.map()?;
        let mut reject = Self {
            code: entries.required(0, "code")?.u16().map(Code::from_u16)?,
            text: entries.required(1, "text")?.text(MAX_TEXT)?,
            retry_after: entries
                .optional(2, "retry-after")?
                .map(Value::time)
                .transpose()?,
            versions: entries
                .optional(3, "versions")?
                .map(Versions::decode)
                .transpose()?,
            attach: entries
                .optional(4, "attach")?
                .map(AttachNumber::decode)
                .transpose()?,
            next: entries.optional(5, "next")?.map(Value::seq).transpose()?,
            digest: entries
                .optional(6, "digest")?
                .map(Value::digest)
                .transpose()?,
            proof: None,
        };
        entries.finish()?;
        reject.proof = elements.optional("proof").map(Proof::decode).transpose()?;
        Ok(reject)
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        output.array(2 + u64::from(self.proof.is_some()))?;
        output.uint(ty)?;
        output.map(self.entries())?;
        output.uint(0)?;
        output.uint(self.code.get().into())?;
        output.uint(1)?;
        output.text("text", self.text, MAX_TEXT)?;
        if let Some(time) = self.retry_after {
            output.uint(2)?;
            output.time(time)?;
        }
        if let Some(versions) = self.versions {
            output.uint(3)?;
            versions.write(output)?;
        }
        if let Some(attach) = self.attach {
            output.uint(4)?;
            output.uint(attach.get())?;
        }
        if let Some(next) = self.next {
            output.uint(5)?;
            output.seq(next)?;
        }
        if let Some(digest) = self.digest {
            output.uint(6)?;
            output.digest(digest)?;
        }
        output.proof(self.proof)
    }

    fn entries(&self) -> u64 {
        let optional = [
            self.retry_after.is_some(),
            self.versions.is_some(),
            self.attach.is_some(),
            self.next.is_some(),
            self.digest.is_some(),
        ];
        2 + optional.map(u64::from).iter().sum::<u64>()
    }
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
        write_digest(self.digest, f)?;
        f.write_str(if self.proof.is_some() { " proven" } else { "" })
    }
}
