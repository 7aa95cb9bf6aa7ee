//! What holds for every frame of protocol v3, and for every input of its decoder.

use std::time::Duration;

use korinet_tests::fuzz;
use korinet_wire::v3::{
    self, Ack, Addresses, Answer, Application, AttachNumber, Authentication, Close, Code, Data,
    Decoded, Digest, Features, Frame, GoAway, Hello, How, InstanceId, Intent, KeyBytes, Kind,
    Level, Limits, Nonce, Open, OpenNonce, Opened, Positions, Proof, Reject, Resume, Role, Seq,
    SessionId, Versions, Volatile, Welcome,
};
use proptest::option;
use proptest::prelude::*;

/// A number of any size: each length of its encoding is as likely.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(number, shift)| number >> shift)
}

fn seq() -> impl Strategy<Value = Seq> {
    number().prop_map(|number| Seq::new(number.max(1)).expect("at least 1"))
}

fn time() -> impl Strategy<Value = Duration> {
    number().prop_map(Duration::from_millis)
}

fn digest() -> impl Strategy<Value = Option<Digest>> {
    option::of(any::<u32>().prop_map(Digest::from_u32))
}

fn proof() -> impl Strategy<Value = Proof> {
    any::<[u8; 32]>().prop_map(Proof::from_bytes)
}

fn attach() -> impl Strategy<Value = AttachNumber> {
    number().prop_map(|number| AttachNumber::new(number.max(1)).expect("at least 1"))
}

fn versions() -> impl Strategy<Value = Versions> {
    any::<(u16, u16)>().prop_map(|(one, other)| Versions {
        min: one.min(other),
        max: one.max(other),
    })
}

fn code() -> impl Strategy<Value = Code> {
    any::<u16>().prop_map(Code::from_u16)
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        Just(Level::Received),
        Just(Level::Processed),
        Just(Level::Durable)
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit = || 1..=u32::MAX;
    (limit(), limit(), limit()).prop_map(|(messages, bytes, message)| Limits {
        messages,
        bytes,
        message,
    })
}

fn positions() -> impl Strategy<Value = Positions> {
    (seq(), seq(), seq(), digest()).prop_map(|(next, one, other, digest)| Positions {
        next,
        oldest: one.min(other),
        end: one.max(other),
        digest,
    })
}

fn intent() -> impl Strategy<Value = Intent> {
    let open = (any::<[u8; 16]>(), limits(), time(), level());
    let open = open.prop_map(|(nonce, limits, expiry, level)| {
        let nonce = OpenNonce::from_bytes(nonce);
        Intent::Open(Open {
            nonce,
            limits,
            expiry,
            level,
        })
    });
    let resume = (any::<[u8; 16]>(), positions()).prop_map(|(session, positions)| {
        let session = SessionId::from_bytes(session);
        Intent::Resume(Resume { session, positions })
    });
    prop_oneof![open, resume]
}

fn answer() -> impl Strategy<Value = Answer> {
    let key = option::of(any::<[u8; 32]>().prop_map(KeyBytes::from_bytes));
    let opened = (limits(), time(), level(), key).prop_map(|(limits, expiry, level, key)| {
        Answer::Opened(Opened {
            limits,
            expiry,
            level,
            key,
        })
    });
    prop_oneof![opened, positions().prop_map(Answer::Resumed)]
}

/// A kind, with the `re` that it needs.
fn kind() -> impl Strategy<Value = (Kind, Option<Seq>)> {
    let bits = (0_u8..64).prop_filter_map("no kind", Kind::from_bits);
    (bits, seq()).prop_map(|(kind, re)| (kind, kind.role.has_re().then_some(re)))
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

/// The frame survives its encoding, and its bytes are all that the fuzz target asks of them.
fn check<'a>(frame: impl Into<Frame<'a>>) -> Vec<u8> {
    let frame = frame.into();
    let mut encoded = vec![0; frame.encoded_len()];
    frame.encode(&mut encoded[..]).expect("it is legal");
    let len = encoded.len();
    let max_frame = v3::MAX_HANDSHAKE_FRAME;
    assert_eq!(
        v3::decode(&encoded, max_frame),
        Ok(Decoded::Complete { frame, len })
    );
    for cut in 0..len {
        let partial = v3::decode(&encoded[..cut], max_frame);
        assert!(matches!(partial, Ok(Decoded::Partial { .. })), "{cut}");
    }
    fuzz::wire_v3_decode(&encoded);
    encoded
}

proptest! {
    #[test]
    fn hellos_survive(
        (versions, offered, required, agent) in (versions(), any::<u64>(), any::<u64>(), ".{0,32}"),
        (keep_alive, attach, intent, proof) in (time(), attach(), intent(), proof()),
        authentication in option::of((".{0,32}", payload())),
        application in option::of((".{0,32}", ".{0,32}")),
    ) {
        let authentication = authentication.as_ref();
        let application = application.as_ref();
        check(Hello {
            versions,
            offered: Features::from_bits(offered),
            required: Features::from_bits(offered & required),
            agent: &agent,
            keep_alive,
            attach,
            intent,
            authentication: authentication.map(|(mechanism, bytes)| Authentication { mechanism, bytes }),
            application: application.map(|(name, version)| Application { name, version }),
            proof: matches!(intent, Intent::Resume(_)).then_some(proof),
        });
    }

    #[test]
    fn welcomes_survive(
        (version, features, agent, keep_alive) in (any::<u16>(), any::<u64>(), ".{0,32}", time()),
        (instance, session) in any::<([u8; 16], [u8; 16])>(),
        (answer, proof) in (answer(), proof()),
    ) {
        check(Welcome {
            version,
            features: Features::from_bits(features),
            agent: &agent,
            keep_alive,
            instance: InstanceId::from_bytes(instance),
            session: SessionId::from_bytes(session),
            answer,
            proof: matches!(answer, Answer::Resumed(_)).then_some(proof),
        });
    }

    #[test]
    fn rejects_survive(
        (code, text, retry_after) in (code(), ".{0,64}", option::of(time())),
        (versions, attach) in (option::of(versions()), option::of(attach())),
        (next, digest, proof) in (option::of(seq()), digest(), option::of(proof())),
    ) {
        check(Reject { code, text: &text, retry_after, versions, attach, next, digest, proof });
    }

    #[test]
    fn messages_survive(
        seq in seq(),
        (kind, re) in kind(),
        payload in payload(),
        digest in digest(),
    ) {
        let seq = seq.min(Seq::LAST);
        let data = Data { seq, kind, payload: &payload, re, digest };
        let encoded = check(data);
        let parts = [data.head().as_bytes(), &payload, data.tail().as_bytes()].concat();
        prop_assert_eq!(parts, encoded);
        check(Volatile { raw: kind.raw, payload: &payload });
    }

    #[test]
    fn acknowledgements_and_probes_survive(next in seq(), digest in digest(), nonce in number()) {
        check(Ack { next, digest });
        check(Frame::Ping(Nonce(nonce)));
        check(Frame::Pong(Nonce(nonce)));
    }

    #[test]
    fn endings_survive(
        (code, text, deadline, retry_after) in (code(), ".{0,64}", time(), option::of(time())),
        addresses in prop::collection::vec(".{0,32}", 0..=16),
        (next, digest, ends) in (seq(), digest(), any::<bool>()),
    ) {
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let addresses = Addresses::new(&addresses);
        check(GoAway { code, text: &text, deadline, retry_after, addresses });
        let how = if ends { How::End } else { How::Detach };
        check(Close { code, text: &text, how, next, digest });
    }

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(data in any::<Vec<u8>>()) {
        fuzz::wire_v3_decode(&data);
    }

    /// As above, but with a length and an array's head that fit, so that more is looked at.
    #[test]
    fn arbitrary_bodies_are_decoded_or_refused(
        elements in 0x80_u8..0x98,
        ty in 0_u8..12,
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let body = [&[elements, ty], &rest[..]].concat();
        let len = u32::try_from(body.len()).expect("a short body");
        fuzz::wire_v3_decode(&[&len.to_be_bytes(), &body[..]].concat());
    }

    /// One changed byte of a good frame: the rarest paths are close to the good ones.
    #[test]
    fn good_frames_with_one_bad_byte_are_decoded_or_refused(
        (next, digest, intent, proof) in (seq(), digest(), intent(), proof()),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let hello = Hello {
            versions: Versions { min: 0, max: 0 },
            offered: Features::CHECKSUM,
            required: Features::NONE,
            agent: "korinet",
            keep_alive: Duration::ZERO,
            attach: AttachNumber::FIRST,
            intent,
            authentication: Some(Authentication { mechanism: "token", bytes: b"secret" }),
            application: Some(Application { name: "demo", version: "1" }),
            proof: matches!(intent, Intent::Resume(_)).then_some(proof),
        };
        let kind = Kind::of(Role::Response);
        let data = Data { seq: Seq::FIRST, kind, payload: b"\xa0", re: Some(next), digest };
        let addresses = Addresses::new(&["a:1", "b:2"]);
        let go_away = GoAway {
            code: Code::DRAINING,
            text: "bye",
            deadline: Duration::ZERO,
            retry_after: None,
            addresses,
        };
        let plain = Data { seq: next.min(Seq::LAST), kind: Kind::RAW, payload: b"\xa0", re: None, digest };
        for frame in [Frame::from(hello), data.into(), plain.into(), go_away.into(), Ack { next, digest }.into()] {
            let mut bytes = check(frame);
            let place = place.index(bytes.len());
            bytes[place] = byte;
            fuzz::wire_v3_decode(&bytes);
        }
    }
}
