use bytes::Bytes;
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{
    Answer, AttachNumber, Code, Frame, Hello, InstanceId, Intent, PREFACE, Positions, Proof,
    Reject, Resume, Seq, Versions, Welcome,
};

use super::link::{Chunk, Dialer, Link, ServerEnd, Theft, channel};
use super::server::id_of;
use super::{Config, SessionState};
use crate::model::frames;

/// What nobody has proved.
const NO_PROOF: Proof = Proof::from_bytes([0x99; 32]);

impl SessionState {
    /// A thief plays the HELLO that was recorded last, on a connection of its own.
    pub(super) fn replay(&mut self, config: &Config) {
        let Some(hello) = self.recorded.clone() else {
            return;
        };
        let attach = hello_of(&hello).map_or(AttachNumber::FIRST, |hello| hello.attach);
        self.steal(config, Theft::Recorded, attach, hello);
    }

    /// A thief who knows a session's name makes up the rest.
    pub(super) fn guess(&mut self, config: &Config, session: usize) {
        let attach = AttachNumber::new(200).unwrap();
        let nothing = Positions {
            next: Seq::FIRST,
            oldest: Seq::FIRST,
            end: Seq::FIRST,
            digest: config.checksum.then_some(korinet_wire::v3::Digest::ZERO),
        };
        let hello = Frame::Hello(Hello {
            versions: Versions { min: 0, max: 0 },
            offered: config.client().settings.features,
            required: korinet_wire::v3::Features::NONE,
            agent: "",
            keep_alive: std::time::Duration::ZERO,
            attach,
            intent: Intent::Resume(Resume {
                session: id_of(session),
                positions: nothing,
            }),
            authentication: None,
            application: None,
            proof: Some(NO_PROOF),
        });
        self.steal(config, Theft::Guessed, attach, with_preface(&hello));
    }

    fn steal(&mut self, config: &Config, theft: Theft, attach: AttachNumber, hello: Bytes) {
        let channel = channel(config.secured, 0x80 + self.dialed);
        let mut link = Link::new(Dialer::Thief(theft), attach, channel);
        link.write_up([hello]);
        self.links.push(link);
    }

    /// An impostor answers the HELLO that is on its way on this link, which it has for itself: it
    /// welcomes, and says that all was taken; or it refuses, and says so, too.
    pub(super) fn impersonate(&mut self, config: &Config, at: usize, welcomes: bool) {
        let link = &mut self.links[at];
        let Some(Chunk::Frame(hello)) = link.up.pop_front() else {
            return;
        };
        let Some(Hello {
            attach,
            intent: Intent::Resume(resume),
            ..
        }) = hello_of(&hello)
        else {
            return;
        };
        let positions = resume.positions;
        let answer = if welcomes {
            Frame::Welcome(Welcome {
                version: 0,
                features: config.client().settings.features,
                agent: "",
                keep_alive: std::time::Duration::ZERO,
                instance: InstanceId::from_bytes([0x99; 16]),
                session: resume.session,
                answer: Answer::Resumed(Positions {
                    next: positions.oldest,
                    oldest: positions.next,
                    end: positions.next,
                    digest: positions.digest,
                }),
                proof: Some(NO_PROOF),
            })
        } else {
            Frame::Reject(Reject {
                code: Code::SESSION_ENDED,
                text: "",
                retry_after: None,
                versions: None,
                attach: AttachNumber::new(attach.get() + 9),
                next: Some(positions.end),
                digest: None,
                proof: Some(NO_PROOF),
            })
        };
        link.write_down([with_preface(&answer)]);
        link.is_impostor = true;
        link.close_server();
    }

    /// Whether a HELLO that resumes waits on this link.
    pub(super) fn has_hello(link: &Link) -> bool {
        link.server == ServerEnd::Accepting
            && link.is_open
            && matches!(link.up.front(), Some(Chunk::Frame(frame)) if resumes(frame))
    }
}

fn with_preface(frame: &Frame<'_>) -> Bytes {
    let mut out = Transmit::new();
    out.put_slice(&PREFACE);
    assert!(out.put_frame(frame), "{frame} cannot be encoded");
    out.into_bytes()
}

fn hello_of(frame: &[u8]) -> Option<Hello<'_>> {
    match Frame::decode_body(frames::body(frame)) {
        Ok(Frame::Hello(hello)) => Some(hello),
        _ => None,
    }
}

/// Whether a frame is a HELLO that resumes a session.
pub(super) fn resumes(frame: &[u8]) -> bool {
    hello_of(frame).is_some_and(|hello| matches!(hello.intent, Intent::Resume(_)))
}

/// Whether an answer says no more than that the session is unknown.
pub(super) fn tells_nothing(answer: &[u8]) -> bool {
    match Frame::decode_body(frames::body(answer)) {
        Ok(Frame::Reject(reject)) => {
            reject.attach.is_none() && reject.next.is_none() && reject.proof.is_none()
        }
        _ => false,
    }
}
