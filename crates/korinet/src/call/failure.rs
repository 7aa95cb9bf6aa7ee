use std::error::Error;
use std::fmt;

use bytes::Bytes;
use korinet_wire::v3::{self, FailureCode, MAX_FAILURE_TEXT};
use minicbor::{Decode, Encode};

use crate::{EncodeError, Message};

/// Why a request was not answered as it wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: FailureCode,
    text: String,
    detail: Option<Bytes>,
}

impl Failure {
    /// The request ran, and that it failed is its outcome. Of `text`, which is for people, 1,024 bytes arrive.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self::with_code(FailureCode::FAILED, text)
    }

    /// The request was not run.
    #[must_use]
    pub fn refused(text: impl Into<String>) -> Self {
        Self::with_code(FailureCode::REFUSED, text)
    }

    /// A failure of any code, whose hundreds say whether the request ran.
    #[must_use]
    pub fn with_code(code: FailureCode, text: impl Into<String>) -> Self {
        let mut text = text.into();
        let mut end = MAX_FAILURE_TEXT.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Self {
            code,
            text,
            detail: None,
        }
    }

    /// The same with something for programs.
    ///
    /// # Errors
    ///
    /// It cannot be encoded.
    pub fn detail<T: Encode<()> + ?Sized>(mut self, detail: &T) -> Result<Self, EncodeError> {
        let encoded = crate::session::encoded(detail)?;
        self.detail = Some(encoded);
        Ok(self)
    }

    /// What failed, and with that whether the request ran.
    #[must_use]
    pub const fn code(&self) -> FailureCode {
        self.code
    }

    /// The words for people; may be empty.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says to programs, if anything.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn decode<T: for<'b> Decode<'b, ()>>(&self) -> Result<Option<T>, minicbor::decode::Error> {
        let Some(detail) = &self.detail else {
            return Ok(None);
        };
        Message::volatile(false, detail.clone()).decode().map(Some)
    }

    /// The failure that a peer sent.
    pub(super) fn received(payload: &Bytes) -> Result<Self, korinet_wire::DecodeError> {
        let failure = v3::Failure::decode(payload)?;
        Ok(Self {
            code: failure.code,
            text: failure.text.to_owned(),
            detail: failure.body.map(|body| payload.slice_ref(body)),
        })
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        let failure = v3::Failure {
            code: self.code,
            text: &self.text,
            body: self.detail.as_deref(),
        };
        let written = failure.encode(&mut payload);
        debug_assert!(written.is_ok(), "the text is short enough");
        payload
    }
}

/// What happened to the request: `failed: division by zero`, `did not run: busy`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == FailureCode::FAILED {
            f.write_str("failed")?;
        } else {
            write!(f, "{}: {}", self.code.ran(), self.code)?;
        }
        if self.text.is_empty() {
            return Ok(());
        }
        f.write_str(": ")?;
        for character in self.text.chars() {
            // Nothing that a terminal would act on; quotes are no such thing.
            match character {
                '"' | '\'' | '\\' => write!(f, "{character}")?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        Ok(())
    }
}

impl Error for Failure {}

/// Text is a failure of a request that ran.
impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_go_over_and_say_whether_it_ran() {
        let failure = Failure::refused("not today").detail(&7).unwrap();
        let received = Failure::received(&failure.payload().into()).unwrap();
        assert_eq!(received, failure);
        assert_eq!(received.decode::<u8>().unwrap(), Some(7));
        assert!(received.decode::<String>().is_err());
        assert_eq!(received.to_string(), "did not run: refused: not today");
        assert_eq!(Failure::from("no \"x\"").to_string(), "failed: no \"x\"");
        assert_eq!(Failure::new("\u{1b}[2J").to_string(), "failed: \\u{1b}[2J");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let failure = Failure::new("ä".repeat(MAX_FAILURE_TEXT));
        assert_eq!(failure.text().len(), MAX_FAILURE_TEXT);
        let failure = Failure::new(format!("x{}", "ä".repeat(MAX_FAILURE_TEXT)));
        assert_eq!(failure.text().len(), MAX_FAILURE_TEXT - 1);
        assert!(Failure::received(&failure.payload().into()).is_ok());
    }
}
