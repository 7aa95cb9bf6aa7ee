//! HELLOs as a client makes them, with proofs of its own making: what is checked is the server alone.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use korinet_wire::v3::{
    self as wire, AttachNumber, Features, Frame, Hello, Intent, Level, Limits, OpenNonce, PREFACE,
    PREFIX_LEN, Positions, Proof, Resume, SessionId, Versions,
};
use sha2::Sha256;

/// What a client that opens a session asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) nonce: u8,
    pub(super) attach: AttachNumber,
    pub(super) limits: Limits,
    pub(super) level: Level,
    pub(super) features: Features,
    pub(super) keep_alive: Duration,
}

/// A proof of one who holds `key` and stands there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Return {
    pub(super) session: SessionId,
    pub(super) key: [u8; 32],
    pub(super) attach: AttachNumber,
    pub(super) features: Features,
    pub(super) positions: Positions,
}

impl Offer {
    /// Preface and HELLO.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let open = Intent::Open(wire::Open {
            nonce: OpenNonce::from_bytes([self.nonce; 16]),
            limits: self.limits,
            expiry: Duration::from_secs(5),
            level: self.level,
        });
        encoded(&Hello {
            keep_alive: self.keep_alive,
            ..hello(self.attach, self.features, open)
        })
    }
}

impl Return {
    /// Preface and HELLO.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let resume = Intent::Resume(Resume {
            session: self.session,
            positions: self.positions,
        });
        let mut hello = hello(self.attach, self.features, resume);
        hello.proof = Some(Proof::from_bytes([0; 32]));
        let draft = encoded(&hello);
        // The proof is the last element: what it covers is the same whatever it is.
        let signed = wire::signed_part(&draft[PREFACE.len() + PREFIX_LEN..]).unwrap();
        hello.proof = Some(prove(&self.key, signed));
        encoded(&hello)
    }
}

/// V3-31, without TLS.
fn prove(key: &[u8; 32], signed: &[u8]) -> Proof {
    let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
    code.update(b"korinet v3 hello\0");
    code.update(signed);
    Proof::from_bytes(code.finalize().into_bytes().into())
}

const fn hello(attach: AttachNumber, features: Features, intent: Intent) -> Hello<'static> {
    Hello {
        versions: Versions { min: 0, max: 0 },
        offered: features,
        required: Features::NONE,
        agent: "fuzz",
        keep_alive: Duration::ZERO,
        attach,
        intent,
        authentication: None,
        application: None,
        proof: None,
    }
}

fn encoded(hello: &Hello<'_>) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    Frame::Hello(*hello).encode(&mut bytes).unwrap();
    bytes
}
