use std::fmt;
use std::hash::{Hash, Hasher};

use hmac::{Hmac, KeyInit, Mac};
use korinet_wire::v3::{KeyBytes, Proof};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What the transport under a connection gives to the session on it.
#[derive(Debug, Clone, Hash)]
pub enum Channel {
    /// Nothing: the session key travels in the clear, and whoever reads along can take the session
    /// over.
    Plain,
    /// A secure channel, that is TLS 1.3.
    Secured {
        /// A key exported from this connection; that of a session's first connection becomes the
        /// session key (V3-29).
        key: SessionKey,
        /// Another one: what a proof binds to this connection (V3-31).
        binding: Binding,
    },
}

/// A value that both ends of one secure connection share and no other connection has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Binding([u8; 32]);

impl Binding {
    /// From the connection's exporter.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(..)")
    }
}

impl Channel {
    /// Whether nobody can read along.
    #[must_use]
    pub const fn is_secured(&self) -> bool {
        matches!(self, Self::Secured { .. })
    }

    pub(super) const fn binding(&self) -> Option<&Binding> {
        match self {
            Self::Plain => None,
            Self::Secured { binding, .. } => Some(binding),
        }
    }
}

/// The secret that both sides of a session hold: who has it can prove to belong to the session.
///
/// It is wiped from memory when it is dropped, is not shown by `Debug`, and cannot be compared but
/// through proofs.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey([u8; 32]);

/// What a proof says (V3-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim<'a> {
    /// The client continues its session.
    Hello,
    /// The server answers the HELLO that had this proof.
    Welcome(&'a Proof),
    /// The server refuses the HELLO that had this proof.
    Reject(&'a Proof),
}

impl SessionKey {
    /// A key of these bytes: random ones, or from a connection's exporter.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn from_wire(key: &KeyBytes) -> Self {
        Self(*key.as_bytes())
    }

    pub(super) const fn to_wire(&self) -> KeyBytes {
        KeyBytes::from_bytes(self.0)
    }

    /// The proof of `claim` over `signed`, the map of the frame that makes it.
    pub(super) fn prove(&self, claim: Claim<'_>, channel: &Channel, signed: &[u8]) -> Proof {
        let code = self.code(claim, channel, signed).finalize();
        Proof::from_bytes(code.into_bytes().into())
    }

    /// Whether `proof` is that of `claim` over `signed`; in constant time.
    pub(super) fn verify(
        &self,
        claim: Claim<'_>,
        channel: &Channel,
        signed: &[u8],
        proof: &Proof,
    ) -> bool {
        let code = self.code(claim, channel, signed);
        code.verify_slice(proof.as_bytes()).is_ok()
    }

    fn code(&self, claim: Claim<'_>, channel: &Channel, signed: &[u8]) -> Hmac<Sha256> {
        // HMAC fills a key that is shorter than a block with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut code = Hmac::<Sha256>::new(&block.into());
        block.zeroize();
        let (label, hello) = match claim {
            Claim::Hello => (&b"korinet v3 hello"[..], None),
            Claim::Welcome(hello) => (&b"korinet v3 welcome"[..], Some(hello)),
            Claim::Reject(hello) => (&b"korinet v3 reject"[..], Some(hello)),
        };
        code.update(label);
        match channel.binding() {
            None => code.update(&[0]),
            Some(Binding(binding)) => {
                code.update(&[32]);
                code.update(binding);
            }
        }
        if let Some(hello) = hello {
            code.update(hello.as_bytes());
        }
        code.update(signed);
        code
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// A key does not show in a hash: the session that it belongs to tells it apart.
impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secured(byte: u8) -> Channel {
        Channel::Secured {
            key: SessionKey::from_bytes([0; 32]),
            binding: Binding::from_bytes([byte; 32]),
        }
    }

    // V3-31
    #[test]
    fn a_proof_holds_for_its_claim_channel_and_content_only() {
        let key = SessionKey::from_bytes([7; 32]);
        let hello = key.prove(Claim::Hello, &Channel::Plain, b"map");
        assert!(key.verify(Claim::Hello, &Channel::Plain, b"map", &hello));
        let welcome = key.prove(Claim::Welcome(&hello), &secured(1), b"map");
        assert!(key.verify(Claim::Welcome(&hello), &secured(1), b"map", &welcome));

        let other = SessionKey::from_bytes([8; 32]);
        for (key, claim, channel, signed, proof) in [
            (&other, Claim::Hello, Channel::Plain, &b"map"[..], &hello),
            (&key, Claim::Hello, secured(1), b"map", &hello),
            (&key, Claim::Hello, Channel::Plain, b"mab", &hello),
            (
                &key,
                Claim::Welcome(&hello),
                Channel::Plain,
                b"map",
                &welcome,
            ),
            (&key, Claim::Welcome(&hello), secured(2), b"map", &welcome),
            (&key, Claim::Welcome(&welcome), secured(1), b"map", &welcome),
            (&key, Claim::Reject(&hello), secured(1), b"map", &welcome),
        ] {
            assert!(!key.verify(claim, &channel, signed, proof), "{claim:?}");
        }
    }

    #[test]
    fn the_code_is_hmac_sha_256_of_the_parts_in_order() {
        let key = SessionKey::from_bytes([0x0b; 32]);
        let mut expect = Hmac::<Sha256>::new_from_slice(&[0x0b; 32]).unwrap();
        expect.update(b"korinet v3 hello\x00map");
        let proof = key.prove(Claim::Hello, &Channel::Plain, b"map");
        assert_eq!(proof.as_bytes()[..], expect.finalize().into_bytes()[..]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!(
            "{:?} {:?}",
            secured(0xab),
            SessionKey::from_bytes([0xcd; 32])
        );
        for secret in ["171", "205", "ab", "cd"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
