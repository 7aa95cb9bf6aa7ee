use std::time::Duration;

use korinet_wire::v3::{
    self as wire, Addresses, Code, Digest, Frame, How, Kind, Nonce, Reject, Seq, Volatile,
};

use crate::fuzz::script::Script;

/// A frame of no peer in particular, with numbers that may be right.
pub(super) fn frame(script: &mut Script<'_>) -> Vec<u8> {
    let near = |number: u8| Seq::new(u64::from(number) + 1).unwrap();
    let next = near(script.below(8));
    let digest = match script.below(3) {
        0 => None,
        1 => Some(Digest::ZERO),
        _ => Some(Digest::from_u32(7)),
    };
    let close = |how| wire::Close {
        code: Code::DONE,
        text: "",
        how,
        next,
        digest,
    };
    let frame = match script.below(16) {
        0..=2 => wire::Data {
            seq: next,
            kind: Kind::from_bits(script.below(64)).unwrap_or(Kind::RAW),
            payload: script.bytes(70),
            re: None,
            digest,
        }
        .into(),
        3..=5 => wire::Ack { next, digest }.into(),
        6 => close(How::End).into(),
        7 => close(How::Detach).into(),
        8 => Frame::Ping(Nonce(u64::from(script.below(3)))),
        9 => Frame::Pong(Nonce(u64::from(script.below(3)))),
        10 | 11 => Volatile {
            raw: true,
            payload: script.bytes(70),
        }
        .into(),
        12 => wire::GoAway {
            code: Code::DRAINING,
            text: "",
            deadline: Duration::ZERO,
            retry_after: None,
            addresses: Addresses::NONE,
        }
        .into(),
        13 => Reject {
            code: Code::OVERLOADED,
            text: "",
            retry_after: None,
            versions: None,
            attach: None,
            next: Some(next),
            digest,
            proof: None,
        }
        .into(),
        // A frame of a later version.
        _ => return b"\0\0\0\x05\x82\x18\xc8\xff\xff".to_vec(),
    };
    let mut bytes = Vec::new();
    match frame.encode(&mut bytes) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// Changes one bit, and says so; mostly it does not.
pub(super) fn change(bytes: &mut [u8], is_wanted: bool, script: &mut Script<'_>) -> bool {
    if !is_wanted {
        return false;
    }
    let place = usize::from(script.below(u8::MAX));
    let bit = 1 << script.below(8);
    let Some(place) = place.checked_rem(bytes.len()) else {
        return false;
    };
    bytes[place] ^= bit;
    true
}
