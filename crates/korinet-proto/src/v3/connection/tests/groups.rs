//! Messages that have a digest in common.

use korinet_wire::v3::Role;

use super::*;

fn side() -> Side {
    Side::new(LIMITS, Level::Received, true, Duration::ZERO)
}

/// A group of three: a message, one that is named by a call, and another message.
fn group(side: &mut Side) -> Vec<u8> {
    side.send(b"first").unwrap();
    let item = Kind::of(Role::Item);
    let payload = Payload::Copied(b"second");
    side.windows.send.push(item, Some(seq(1)), payload).unwrap();
    side.send(b"third").unwrap();
    let mut out = Transmit::new();
    side.connection
        .poll_transmit(side.now, &mut side.windows, &mut out);
    out.into_bytes().to_vec()
}

fn received(side: &mut Side) -> Vec<Vec<u8>> {
    let messages = std::iter::from_fn(|| side.windows.receive.recv());
    messages.map(|message| message.payload.to_vec()).collect()
}

// V3-28
#[test]
fn a_group_is_received_in_whatever_parts_it_comes() {
    let bytes = group(&mut side());
    let ping = encoded(&Frame::Ping(Nonce(1)));
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut peer = side();
            let mut input = BytesMut::new();
            let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            for part in parts {
                let is_whole = part.is_empty() && input.is_empty();
                assert!(is_whole || peer.windows.receive.unread() == 0);
                input.extend_from_slice(part);
                peer.connection
                    .handle_bytes(peer.now, &mut peer.windows, &mut input);
            }
            assert!(input.is_empty());
            assert_eq!(received(&mut peer), [&b"first"[..], b"second", b"third"]);
        }
    }
    // Other frames may come in between.
    let mut peer = side();
    let mut rest = &bytes[..];
    while let Ok(Delimited::Complete { len }) = wire::delimit(rest, u32::MAX) {
        peer.read(&[&rest[..len], &ping].concat());
        rest = &rest[len..];
    }
    assert_eq!(received(&mut peer).len(), 3);
}

// V3-28
#[test]
fn a_changed_bit_of_a_group_keeps_back_all_of_it() {
    let bytes = group(&mut side());
    for at in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let mut peer = side();
        peer.read(&changed);
        assert_eq!(peer.windows.receive.unread(), 0, "bit {at}");
        // It comes again on the next connection, as it was.
        peer.connect_again();
        peer.read(&bytes);
        assert_eq!(received(&mut peer).len(), 3, "bit {at}");
    }
}

#[test]
fn a_group_that_had_begun_is_dropped_with_what_is_wrong() {
    let bytes = group(&mut side());
    let Ok(Delimited::Complete { len }) = wire::delimit(&bytes, u32::MAX) else {
        panic!("the first is whole");
    };
    let mut peer = side();
    peer.read(&bytes[..len]);
    assert!(peer.windows.receive.unread_bytes() > 0);
    peer.read(&[&encoded(&data(7, b"x").into())[..], &[0; 5000]].concat());
    peer.assert_violation(Code::SEQUENCE_GAP);
    assert_eq!(peer.windows.receive.unread_bytes(), 0);
}

#[test]
fn without_a_checksum_all_before_what_is_wrong_is_received() {
    let mut side = Side::plain();
    let frames = [data(1, b"a"), data(2, b"b"), data(4, b"d")];
    let bytes: Vec<u8> = frames
        .iter()
        .flat_map(|data| encoded(&(*data).into()))
        .collect();
    side.read(&bytes);
    assert_eq!(received(&mut side), [b"a", b"b"]);
    assert!(side.connection.has_progress());
    side.assert_violation(Code::SEQUENCE_GAP);
}
