use super::*;

#[test]
fn head_payload_and_tail_are_the_frame() {
    let payload = vec![7; 70_000];
    for len in [0, 23, 24, 255, 256, 65_535, 65_536, 70_000] {
        for (number, role) in [(1, Role::Message), (1 << 40, Role::Cancel)] {
            for digest in [None, DIGEST] {
                let data = Data {
                    seq: seq(number),
                    kind: Kind::of(role),
                    payload: &payload[..len],
                    re: role.has_re().then_some(seq(300)),
                    digest,
                };
                let (head, tail) = (data.head(), data.tail());
                let parts = [head.as_bytes(), data.payload, tail.as_bytes()].concat();
                let frame = Frame::from(data);
                let mut encoded = vec![0; frame.encoded_len()];
                frame.encode(&mut encoded[..]).unwrap();
                assert_eq!(parts, encoded);
                let covered = [head.covered(), data.payload, tail.covered()].concat();
                assert_eq!(covered, data.covered(&encoded[PREFIX_LEN..]));
                let placed = data.placed();
                assert_eq!(placed.frame_len(), encoded.len());
                let mut room = vec![0xff; encoded.len() + PlacedData::SLACK];
                let found = placed.write(&mut room, |found| {
                    assert_eq!(found, covered);
                    DIGEST.unwrap()
                });
                assert_eq!(found, Some(digest));
                assert_eq!(room[..encoded.len()], encoded);
                let small = &mut room[..encoded.len() - 1];
                assert_eq!(placed.write(small, |_| Digest::ZERO), None);
                let digest_len = if digest.is_some() { 5 } else { 0 };
                assert_eq!(PREFIX_LEN + 2 + covered.len() + digest_len, encoded.len());
            }
        }
    }
}

#[test]
fn what_a_digest_covers_ends_before_unknown_elements() {
    let body = b"\x87\x04\x01\x02\x41\xa0\x05\x44\x01\x02\x03\x04\x18\x63";
    let Ok(Frame::Data(data)) = Frame::decode_body(body) else {
        panic!("it is a DATA");
    };
    assert_eq!(data.covered(body), b"\x01\x02\x41\xa0\x05");
}

#[test]
fn a_proof_covers_the_map_as_it_came() {
    // With an unknown key, and an unknown element after the proof.
    let map = b"\xa3\x00\x19\x01\x90\x01\x60\x18\x63\x9f\xff";
    let proof = [&b"\x58\x20"[..], PROOF.as_bytes()].concat();
    let body = [&b"\x84\x03"[..], map, &proof, b"\xf6"].concat();
    assert!(matches!(
        Frame::decode_body(&body),
        Ok(Frame::Reject(Reject {
            proof: Some(PROOF),
            ..
        }))
    ));
    assert_eq!(signed_part(&body), Some(&map[..]));
    for other in [
        &b"\x82\x05\x08"[..],
        b"\x82\x01\x08",
        b"\x82\x01\xa1\x01",
        b"\xa1\x01\xa0",
        b"\x82\x21\xa0",
        b"\x82",
        b"",
    ] {
        assert_eq!(signed_part(other), None, "{other:02x?}");
    }
}
