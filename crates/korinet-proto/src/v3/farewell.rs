use std::time::Duration;

use korinet_wire::v3::{
    self as wire, Addresses, Code, Digest, How, MAX_ADDRESS, MAX_ADDRESSES, MAX_TEXT, Seq, clipped,
};

use super::Transmit;

/// The CLOSE that is to be written, but for the position: that is known when it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Farewell {
    code: Code,
    text: String,
    how: How,
}

impl Farewell {
    pub(super) fn new(code: Code, text: &str, how: How) -> Self {
        let text = clipped(text, MAX_TEXT).to_owned();
        Self { code, text, how }
    }

    pub(super) const fn how(&self) -> How {
        self.how
    }

    pub(super) fn to_wire(&self, next: Seq, digest: Option<Digest>) -> wire::Close<'_> {
        wire::Close {
            code: self.code,
            text: &self.text,
            how: self.how,
            next,
            digest,
        }
    }
}

/// One side will close the connection soon (V3-42).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GoAway {
    /// Why.
    pub code: Code,
    /// The same for people; cut to 256 bytes when it is sent.
    pub text: String,
    /// How long until then.
    pub deadline: Duration,
    /// How long to wait before the next attempt to connect.
    pub retry_after: Option<Duration>,
    /// Where to connect then; nowhere else, if there are none. Of more than 16 the rest is not sent.
    pub addresses: Vec<String>,
}

impl GoAway {
    pub(super) fn from_wire(frame: &wire::GoAway<'_>) -> Self {
        Self {
            code: frame.code,
            text: frame.text.to_owned(),
            deadline: frame.deadline,
            retry_after: frame.retry_after,
            addresses: frame.addresses.iter().map(str::to_owned).collect(),
        }
    }

    pub(super) fn put(&self, out: &mut Transmit) -> bool {
        let addresses: Vec<&str> = self
            .addresses
            .iter()
            .take(MAX_ADDRESSES)
            .map(|text| clipped(text, MAX_ADDRESS))
            .collect();
        out.put_frame(&wire::Frame::GoAway(wire::GoAway {
            code: self.code,
            text: clipped(&self.text, MAX_TEXT),
            deadline: self.deadline,
            retry_after: self.retry_after,
            addresses: Addresses::new(&addresses),
        }))
    }
}
