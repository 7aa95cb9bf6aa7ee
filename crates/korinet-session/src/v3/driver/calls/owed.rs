use korinet_wire::v3::{Failure, FailureCode, Kind, Role, Seq, encode_credit};

/// What a session sends by itself for its calls. It is small, and waits until the window has room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::v3::driver) enum Owed {
    /// The request of the peer with this number failed.
    Failure(Seq, FailureCode),
    /// This side wants no more of the call; whether it has made it.
    Cancel(Seq, bool),
    /// This side takes so much of the stream in all; whether it has made the call.
    Credit(Seq, bool, u64),
}

impl Owed {
    /// The message: its kind, the request that it names, its payload.
    pub(in crate::v3::driver) fn message(self) -> (Kind, Seq, Vec<u8>) {
        let mut payload = Vec::new();
        // Nothing of what is written here is too long, and memory takes it.
        let (role, seq, own, raw) = match self {
            Self::Failure(seq, code) => {
                let failure = Failure {
                    code,
                    text: "",
                    body: None,
                };
                let written = failure.encode(&mut payload);
                debug_assert!(written.is_ok());
                (Role::Error, seq, false, false)
            }
            Self::Cancel(seq, own) => (Role::Cancel, seq, own, true),
            Self::Credit(seq, own, credit) => {
                let written = encode_credit(credit, &mut payload);
                debug_assert!(written.is_ok());
                (Role::Credit, seq, own, false)
            }
        };
        let kind = Kind {
            own,
            raw,
            ..Kind::of(role)
        };
        (kind, seq, payload)
    }
}
