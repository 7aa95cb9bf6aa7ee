use bytes::{Bytes, BytesMut};
use korinet_wire::v3::{
    self as wire, Ack, Answer, AttachNumber, Authentication, Code, Digest, Features, Frame, Hello,
    Intent, KeyBytes, Level, Limits, Opened, PREFACE, PREFIX_LEN, Positions, Proof, Reject, Resume,
    Seq, SessionId, Versions, Welcome,
};

use super::link::{Dialler, LinkId, Side};
use super::network::Network;
use super::tally::Fault;

/// One who answers in the server's place and knows no key.
#[derive(Debug, Clone, Default)]
pub struct Impostor {
    input: BytesMut,
}

impl Impostor {
    /// A client that believes to talk to its server has sent this.
    pub fn handle_bytes(&mut self, network: &mut Network, link: LinkId, bytes: &Bytes) {
        self.input.clear();
        self.input.extend_from_slice(bytes);
        // Whoever wants to be answered well sends its HELLO in one piece.
        let Some(hello) = hello_in(&self.input) else {
            return network.close(link, Side::Server);
        };
        let Intent::Resume(resume) = hello.intent else {
            // Without TLS nothing protects a client that has no session yet.
            return network.close(link, Side::Server);
        };
        network.fault(Fault::Impostor);
        let answer = match network.draw.below(6) {
            0 => welcome(
                &hello,
                resume.session,
                resumed(&resume.positions, 0),
                hello.proof,
            ),
            1 => welcome(
                &hello,
                resume.session,
                resumed(&resume.positions, 0),
                Some(Proof::from_bytes([7; 32])),
            ),
            2 => welcome(
                &hello,
                resume.session,
                resumed(&resume.positions, 5),
                hello.proof,
            ),
            3 => welcome(&hello, SessionId::from_bytes([9; 16]), opened(), None),
            4 => reject(Code::ATTACH_STALE),
            _ => reject(Code::SESSION_UNKNOWN),
        };
        network.note(format_args!("{link} an impostor answers"));
        network.put(link, Side::Server, &answer);
        // Only a client that believes the answer reads on.
        let ack = Ack {
            next: resume.positions.end,
            digest: resume.positions.digest,
        };
        network.put(link, Side::Server, &frame_bytes(&ack.into()));
        network.finish(link, Side::Server);
    }
}

fn hello_in(bytes: &[u8]) -> Option<Hello<'_>> {
    let body = bytes.get(PREFACE.len() + PREFIX_LEN..)?;
    match Frame::decode_body(body) {
        Ok(Frame::Hello(hello)) => Some(hello),
        _ => None,
    }
}

/// As if the client could drop all it has, and more.
fn resumed(client: &Positions, beyond: u64) -> Answer {
    Answer::Resumed(Positions {
        next: client.end.checked_add(beyond).unwrap(),
        oldest: client.next,
        end: client.next,
        digest: client.digest,
    })
}

fn opened() -> Answer {
    Answer::Opened(Opened {
        limits: Limits {
            messages: 9,
            bytes: 999,
            message: 99,
        },
        expiry: std::time::Duration::from_secs(60),
        level: Level::Received,
        key: Some(KeyBytes::from_bytes([1; 32])),
    })
}

fn welcome(hello: &Hello<'_>, session: SessionId, answer: Answer, proof: Option<Proof>) -> Vec<u8> {
    let welcome = Welcome {
        version: 0,
        features: hello.offered.intersection(Features::CHECKSUM),
        agent: "impostor",
        keep_alive: hello.keep_alive,
        instance: wire::InstanceId::from_bytes([3; 16]),
        session,
        answer,
        proof,
    };
    encoded(&welcome.into())
}

fn reject(code: Code) -> Vec<u8> {
    let reject = Reject {
        code,
        text: "",
        retry_after: None,
        versions: None,
        attach: AttachNumber::new(1 << 60),
        next: Seq::new(1 << 50),
        digest: None,
        proof: None,
    };
    encoded(&reject.into())
}

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    bytes.extend_from_slice(&frame_bytes(frame));
    bytes
}

fn frame_bytes(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes).unwrap();
    bytes
}

/// A HELLO of one who knows a session's name, but not its key.
#[must_use]
pub fn stolen(session: SessionId, attach: AttachNumber, principal: &str) -> Vec<u8> {
    let hello = Hello {
        versions: Versions { min: 0, max: 0 },
        offered: Features::CHECKSUM,
        required: Features::NONE,
        agent: "thief",
        keep_alive: std::time::Duration::ZERO,
        attach,
        intent: Intent::Resume(Resume {
            session,
            positions: Positions {
                next: Seq::FIRST,
                oldest: Seq::FIRST,
                end: Seq::FIRST,
                digest: Some(Digest::ZERO),
            },
        }),
        authentication: Some(Authentication {
            mechanism: "name",
            bytes: principal.as_bytes(),
        }),
        application: None,
        proof: Some(Proof::from_bytes([5; 32])),
    };
    encoded(&hello.into())
}

/// The same bytes with another name in the authentication; `None`, if there is no such HELLO.
#[must_use]
pub fn renamed(greeting: &[u8], principal: &str) -> Option<Vec<u8>> {
    let hello = hello_in(greeting)?;
    let authentication = hello.authentication.map(|shown| Authentication {
        bytes: principal.as_bytes(),
        ..shown
    });
    Some(encoded(
        &Hello {
            authentication,
            ..hello
        }
        .into(),
    ))
}

/// Somebody who is no client connects, to say this.
pub fn dial(network: &mut Network, fault: Fault, bytes: Vec<u8>, is_secured: bool) {
    let id = network.dial(Dialler::Attacker, is_secured);
    if let Some(link) = network.links.get_mut(&id) {
        link.attack = Some((fault, bytes.into()));
    }
}
