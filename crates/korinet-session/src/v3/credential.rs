use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a client shows to tell who it is, new for each attempt.
///
/// It is wiped from memory when it is dropped. The HELLO that carries it is not: that one is memory of the
/// connection, and gone when it is written.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn is_wiped_on_drop<T: ZeroizeOnDrop>() {}

    // Memory that is free cannot be looked at without unsafe code, so this is about the type.
    #[test]
    fn a_credential_is_wiped() {
        const { is_wiped_on_drop::<Credential>() };
        let mut credential = Credential {
            mechanism: "token".to_owned(),
            bytes: b"secret".to_vec(),
        };
        credential.zeroize();
        let Credential { mechanism, bytes } = &credential;
        assert!(mechanism.is_empty() && bytes.is_empty());
    }
}
