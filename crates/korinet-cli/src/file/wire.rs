//! What the two sides say to each other, beside the bytes themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use korinet::Message;
use korinet::minicbor::{self, Decode, Encode};

use super::Digest;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum FromSender {
    /// There is this file.
    #[n(0)]
    Offer(#[n(0)] Offer),
    /// Its bytes follow, from this one on.
    #[n(1)]
    From(#[n(0)] u64),
    /// These were its bytes, and this is the SHA-256 of the whole file.
    #[n(2)]
    End(#[cbor(n(0), with = "minicbor::bytes")] Digest),
    /// No more bytes follow, and the file is not complete: why.
    #[n(3)]
    Stop(#[n(0)] String),
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum FromReceiver {
    /// So many bytes of it are there, with this SHA-256.
    #[n(0)]
    Has(#[n(0)] u64, #[cbor(n(1), with = "minicbor::bytes")] Digest),
    /// The file is complete, on disk, and in its place.
    #[n(1)]
    Placed,
    /// It is not, and does not get there in this attempt: why.
    #[n(2)]
    Failed(#[n(0)] String),
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Offer {
    /// The last part of its path.
    #[n(0)]
    pub(super) name: String,
    /// Its bytes.
    #[n(1)]
    pub(super) size: u64,
    /// When it was changed last, in seconds since 1970 and nanoseconds.
    #[n(2)]
    pub(super) modified: Option<(u64, u32)>,
    /// Whether it is a program.
    #[n(3)]
    pub(super) is_executable: bool,
}

impl Offer {
    pub(super) fn modified_at(time: SystemTime) -> Option<(u64, u32)> {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        Some((since.as_secs(), since.subsec_nanos()))
    }

    /// When it was changed last, if that can be told here.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        let (seconds, nanos) = self.modified?;
        if nanos >= 1_000_000_000 {
            return None;
        }
        UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
    }
}

/// What a message says; the error tells what it is instead.
pub(super) fn read<'b, T: Decode<'b, ()>>(message: &'b Message) -> Result<T, String> {
    message
        .decode()
        .map_err(|error| format!("peer says what is not understood: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_it_was_and_nonsense_as_none() {
        let offer = |modified| Offer {
            name: "a".to_owned(),
            size: 0,
            modified,
            is_executable: false,
        };
        let time = UNIX_EPOCH + Duration::new(1_700_000_000, 999_999_999);
        assert_eq!(offer(Offer::modified_at(time)).modified(), Some(time));
        assert_eq!(
            Offer::modified_at(UNIX_EPOCH - Duration::from_secs(1)),
            None
        );
        for nonsense in [(0, 1_000_000_000), (u64::MAX, 0)] {
            assert_eq!(offer(Some(nonsense)).modified(), None);
        }
    }
}
