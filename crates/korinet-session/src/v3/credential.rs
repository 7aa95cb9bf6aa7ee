use std::fmt;

/// What a client shows to tell who it is, new for each attempt.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// How it is to be understood; at most 128 bytes.
    pub mechanism: String,
    /// At most 8,192 bytes; not shown by `Debug`.
    pub bytes: Vec<u8>,
}

impl Credential {
    /// Of this mechanism, which client and server have agreed on, such as `token`.
    #[must_use]
    pub fn new(mechanism: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            mechanism: mechanism.into(),
            bytes: bytes.into(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}
