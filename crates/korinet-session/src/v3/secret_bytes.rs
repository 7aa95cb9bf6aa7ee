use std::fmt;

use bytes::Bytes;

/// The bytes of a handshake's frame, which hold a credential or a key: `Debug` shows how many there are.
#[derive(Clone, Default, Hash)]
pub(super) struct SecretBytes(pub(super) Bytes);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}
