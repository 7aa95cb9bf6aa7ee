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
                let covered = [head.as_bytes(), data.payload, tail.covered()].concat();
                assert_eq!(covered, data.covered(&encoded));
                let digest_len = digest.map_or(0, |_| Data::DIGEST_LEN);
                assert_eq!(covered.len() + digest_len, encoded.len());
                let placed = data.placed();
                assert_eq!(placed.frame_len(), encoded.len());
                let mut room = vec![0xff; encoded.len() + PlacedData::SLACK];
                assert_eq!(placed.write(&mut room), Some(()));
                assert_eq!(room[..encoded.len()], encoded);
                assert_eq!(placed.write(&mut room[..encoded.len() - 1]), None);
            }
        }
    }
}

#[test]
fn a_frame_can_be_given_a_digest_later() {
    for (role, len) in [
        (Role::Message, 0),
        (Role::Response, 250),
        (Role::Message, 65_530),
    ] {
        let payload = vec![7; len];
        let mut data = Data {
            seq: seq(9),
            kind: Kind::of(role),
            payload: &payload,
            re: role.has_re().then_some(seq(300)),
            digest: None,
        };
        let encoded = |data: Data<'_>| {
            let frame = Frame::from(data);
            let mut encoded = vec![0; frame.encoded_len()];
            frame.encode(&mut encoded[..]).unwrap();
            encoded
        };
        let mut frame = encoded(data);
        Data::expect_digest(&mut frame);
        frame.extend(Data::digest_element(DIGEST.unwrap()));
        data.digest = DIGEST;
        assert_eq!(frame, encoded(data));
    }
    // What is none is no reason to panic.
    Data::expect_digest(&mut [0xff; 4]);
    Data::expect_digest(&mut [0xff; 5]);
}

#[test]
fn what_a_digest_covers_ends_before_unknown_elements() {
    let frame = b"\0\0\0\x0e\x87\x04\x01\x02\x41\xa0\x05\x44\x01\x02\x03\x04\x18\x63";
    let Ok(Frame::Data(data)) = Frame::decode_body(&frame[PREFIX_LEN..]) else {
        panic!("it is a DATA");
    };
    assert_eq!(
        data.covered(frame),
        b"\0\0\0\x0e\x87\x04\x01\x02\x41\xa0\x05"
    );
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
