//! HELLOs: right ones, with their proofs, and ones made of parts that may be anything.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use korinet_wire::v3::{
    AttachNumber, Authentication, Features, Frame, Hello, Intent, Level, Limits, Open, OpenNonce,
    PREFACE, PREFIX_LEN, Proof, Versions, signed_part,
};
use sha2::Sha256;

/// What an attacker asks for that has nothing to hide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) attach: u64,
    pub(crate) intent: Intent,
    pub(crate) offered: Features,
    pub(crate) token: Option<&'a str>,
    pub(crate) keep_alive: Duration,
}

impl Wish<'_> {
    /// A new session, without checksum.
    pub(crate) fn open() -> Self {
        Self {
            attach: 1,
            intent: Intent::Open(Open {
                nonce: nonce(),
                limits: Limits {
                    messages: 4096,
                    bytes: 1 << 20,
                    message: 1 << 20,
                },
                expiry: Duration::from_secs(60),
                level: Level::Received,
            }),
            offered: Features::NONE,
            token: None,
            keep_alive: Duration::ZERO,
        }
    }
}

/// One that nobody else has.
pub(crate) fn nonce() -> OpenNonce {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    OpenNonce::from_bytes(bytes)
}

/// Preface and HELLO; a resume is proven by this key, and bound to this connection.
pub(crate) fn hello(wish: &Wish<'_>, key: &[u8; 32], binding: Option<&[u8; 32]>) -> Vec<u8> {
    let hello = Hello {
        versions: Versions { min: 0, max: 0 },
        offered: wish.offered,
        required: Features::NONE,
        agent: "attacker",
        keep_alive: wish.keep_alive,
        attach: AttachNumber::new(wish.attach).unwrap(),
        intent: wish.intent,
        authentication: wish.token.map(|token| Authentication {
            mechanism: "token",
            bytes: token.as_bytes(),
        }),
        application: None,
        proof: None,
    };
    if matches!(wish.intent, Intent::Open(_)) {
        return greeting(&hello);
    }
    let unproven = greeting(&Hello {
        proof: Some(Proof::from_bytes([0; 32])),
        ..hello
    });
    let signed = signed_part(&unproven[PREFACE.len() + PREFIX_LEN..]).unwrap();
    greeting(&Hello {
        proof: Some(proof(key, binding, signed)),
        ..hello
    })
}

fn greeting(hello: &Hello<'_>) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    Frame::Hello(*hello).encode(&mut bytes).unwrap();
    bytes
}

/// V3-31, for a HELLO.
fn proof(key: &[u8; 32], binding: Option<&[u8; 32]>, signed: &[u8]) -> Proof {
    let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
    code.update(b"korinet v3 hello");
    match binding {
        None => code.update(&[0]),
        Some(binding) => {
            code.update(&[32]);
            code.update(binding);
        }
    }
    code.update(signed);
    Proof::from_bytes(code.finalize().into_bytes().into())
}

/// The values of a HELLO that opens a session, encoded, by their keys.
pub(crate) fn parts() -> Vec<(u64, Vec<u8>)> {
    let open = [
        b"\xa4\x00\x50",
        &nonce().to_bytes()[..],
        b"\x01\x83\x18\x40\x1a\x00\x01\x00\x00\x19\x40\x00\x02\x19\xea\x60\x03\x00",
    ];
    vec![
        (0, b"\x82\x00\x00".to_vec()),
        (1, b"\x00".to_vec()),
        (2, b"\x00".to_vec()),
        (3, b"\x68attacker".to_vec()),
        (4, b"\x00".to_vec()),
        (5, b"\x01".to_vec()),
        (6, open.concat()),
    ]
}

/// A HELLO of these parts, in a frame behind the preface.
pub(crate) fn of_parts(parts: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut map = head(5, parts.len() as u64);
    for (key, value) in parts {
        map.extend(head(0, *key));
        map.extend(value);
    }
    of_map(&map)
}

/// A HELLO with this for its map.
pub(crate) fn of_map(map: &[u8]) -> Vec<u8> {
    with_preface(&frame(&[b"\x82\x01", map].concat()))
}

/// A HELLO in which one value is another, or one more.
pub(crate) fn with(key: u64, value: &[u8]) -> Vec<u8> {
    let mut parts = parts();
    match parts.iter_mut().find(|(other, _)| *other == key) {
        Some(part) => part.1 = value.to_vec(),
        None => parts.push((key, value.to_vec())),
    }
    of_parts(&parts)
}

/// The initial bytes of a CBOR item of this major type, in the shortest form.
pub(crate) fn head(ty: u8, argument: u64) -> Vec<u8> {
    let bits = ty << 5;
    if let Ok(small) = u8::try_from(argument) {
        return match small {
            0..24 => vec![bits | small],
            24.. => vec![bits | 24, small],
        };
    }
    let (info, from) = match argument {
        0..0x1_0000 => (25, 6),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 0),
    };
    [&[bits | info], &argument.to_be_bytes()[from..]].concat()
}

/// A frame with this body.
pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap();
    [&len.to_be_bytes()[..], body].concat()
}

pub(crate) fn with_preface(bytes: &[u8]) -> Vec<u8> {
    [&PREFACE[..], bytes].concat()
}
