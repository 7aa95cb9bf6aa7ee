//! The conversation at the end of PROTOCOL.md, byte by byte: what it says is what its bytes say, and its
//! digests and proofs are right.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use korinet_wire::v3::{
    self, Answer, Data, Decoded, Digest, Frame, Hello, Intent, MAX_HANDSHAKE_FRAME, PREFACE,
    PREFIX_LEN, Positions, Proof, Seq,
};
use sha2::Sha256;

/// What one side sends: a preface or a frame.
struct Sent {
    by_client: bool,
    text: String,
    bytes: Vec<u8>,
}

/// The code blocks of the section.
fn conversation() -> Vec<Sent> {
    let protocol = include_str!("../../crates/korinet-wire/PROTOCOL.md");
    let section = protocol.split("\n### Example\n").nth(1).unwrap();
    let mut sent: Vec<Sent> = Vec::new();
    for line in section
        .split("```text\n")
        .skip(1)
        .flat_map(|block| block.split("```").next().unwrap().lines())
    {
        if let Some(text) = line.strip_prefix("         ") {
            let last = &mut sent.last_mut().unwrap().text;
            *last = format!("{last} {text}");
        } else if let Some(hex) = line.strip_prefix("    ") {
            let byte = |digits| u8::from_str_radix(digits, 16).unwrap();
            sent.last_mut()
                .unwrap()
                .bytes
                .extend(hex.split(' ').map(byte));
        } else {
            let (who, text) = line.split_once("   ").unwrap();
            assert!(["client", "server"].contains(&who), "{line}");
            sent.push(Sent {
                by_client: who == "client",
                text: text.to_owned(),
                bytes: Vec::new(),
            });
        }
    }
    sent
}

/// The frames, each with the side that sends it and its bytes.
fn frames(sent: &[Sent]) -> Vec<(bool, Frame<'_>, &[u8])> {
    let frames = sent.iter().filter(|sent| sent.text != "preface");
    frames
        .map(|sent| {
            let Ok(Decoded::Complete { frame, len }) = v3::decode(&sent.bytes, MAX_HANDSHAKE_FRAME)
            else {
                panic!("{}", sent.text);
            };
            assert_eq!(len, sent.bytes.len(), "{}", sent.text);
            (sent.by_client, frame, &sent.bytes[..])
        })
        .collect()
}

#[test]
fn the_text_is_what_the_bytes_say() {
    let sent = conversation();
    for preface in sent.iter().filter(|sent| sent.text == "preface") {
        assert_eq!(preface.bytes, PREFACE);
    }
    let texts = sent.iter().filter(|sent| sent.text != "preface");
    let frames = frames(&sent);
    assert_eq!(frames.len(), 13);
    for (sent, (_, frame, bytes)) in texts.zip(&frames) {
        assert_eq!(frame.to_string(), sent.text);
        let mut encoded = vec![0; frame.encoded_len()];
        frame.encode(&mut encoded[..]).unwrap();
        assert_eq!(encoded, *bytes, "{}", sent.text);
    }
}

/// The digests of one direction, by position, and what is covered of a group that has none yet.
struct Digests {
    known: BTreeMap<Seq, Digest>,
    group: Vec<u8>,
}

impl Digests {
    fn new() -> Self {
        Self {
            known: BTreeMap::from([(Seq::FIRST, Digest::ZERO)]),
            group: Vec::new(),
        }
    }

    /// The last digest at a position or before it.
    fn at(&self, position: Seq) -> Digest {
        *self.known.range(..=position).next_back().unwrap().1
    }

    fn add(&mut self, data: &Data<'_>, frame: &[u8]) {
        self.group.extend_from_slice(data.covered(frame));
        let Some(digest) = data.digest else {
            return;
        };
        let before = self.at(data.seq).to_u32();
        let after = crc32c::crc32c_append(before, &self.group);
        assert_eq!(digest.to_u32(), after, "{data}");
        self.group.clear();
        let known = self.known.insert(data.seq.next().unwrap(), digest);
        assert!(
            known.is_none_or(|known| known == digest),
            "a message that comes again is the same"
        );
    }
}

/// The position that a frame names, which is one of its receiver's direction.
fn position(frame: &Frame<'_>) -> Option<(Seq, Option<Digest>)> {
    let stands_at = |positions: Positions| Some((positions.next, positions.digest));
    match frame {
        Frame::Ack(ack) => Some((ack.next, ack.digest)),
        Frame::Close(close) => Some((close.next, close.digest)),
        Frame::Hello(hello) => match hello.intent {
            Intent::Resume(resume) => stands_at(resume.positions),
            Intent::Open(_) => None,
        },
        Frame::Welcome(welcome) => match welcome.answer {
            Answer::Resumed(positions) => stands_at(positions),
            Answer::Opened(_) => None,
        },
        Frame::Data(_)
        | Frame::GoAway(_)
        | Frame::Ping(_)
        | Frame::Pong(_)
        | Frame::Reject(_)
        | Frame::Skipped { .. }
        | Frame::Volatile(_) => None,
    }
}

/// V3-27.
#[test]
fn the_digests_are_right() {
    let sent = conversation();
    let mut client = Digests::new();
    let mut server = Digests::new();
    let (mut messages, mut positions) = (0, 0);
    for (by_client, frame, bytes) in frames(&sent) {
        let (own, peer) = match by_client {
            true => (&mut client, &server),
            false => (&mut server, &client),
        };
        if let Frame::Data(data) = frame {
            own.add(&data, bytes);
            messages += 1;
        }
        if let Some((position, digest)) = position(&frame) {
            assert_eq!(digest, Some(peer.at(position)), "{frame}");
            positions += 1;
        }
    }
    assert_eq!((messages, positions), (4, 7));
}

/// V3-31.
#[test]
fn the_proofs_are_right() {
    let key: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let proof = |parts: &[&[u8]]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        Proof::from_bytes(mac.finalize().into_bytes().into())
    };
    let sent = conversation();
    let mut proofs = Vec::new();
    for (_, frame, bytes) in frames(&sent) {
        let map = v3::signed_part(&bytes[PREFIX_LEN..]).unwrap_or_default();
        if let Frame::Hello(Hello {
            proof: Some(found), ..
        }) = frame
        {
            assert_eq!(found, proof(&[b"korinet v3 hello", &[0], map]));
            proofs.push(found);
        }
        let Frame::Welcome(welcome) = frame else {
            continue;
        };
        match (welcome.answer, welcome.proof) {
            (Answer::Opened(opened), _) => assert_eq!(opened.key.unwrap().as_bytes(), &key),
            (Answer::Resumed(_), found) => {
                let hello = proofs.last().unwrap().as_bytes();
                let expected = proof(&[b"korinet v3 welcome", &[0], hello, map]);
                assert_eq!(found, Some(expected));
                proofs.push(expected);
            }
        }
    }
    assert_eq!(proofs.len(), 2);
}
