use bytes::BytesMut;
use korinet_session::v3::Principal;
use korinet_wire::v3::{AttachNumber, Code, Features, Frame, PREFACE, Positions, Seq};

use super::healthy::{Healthy, server};
use super::hello::Return;
use super::link::fingerprint;
use super::said::first;
use super::{What, World, forgery};
use crate::fuzz::script::Script;
use crate::host::HostEnd;

impl World {
    /// Somebody wants the healthy session, and lacks the key, or is somebody else, or has changed a bit.
    pub(super) fn steal(&mut self, script: &mut Script<'_>) {
        let session = server(&mut self.host);
        let before = fingerprint(session);
        let end = Seq::new(session.accepted().0 + 1).unwrap();
        let how = script.below(3);
        let theft = Return {
            session: Healthy::SESSION,
            key: if how == 0 { [9; 32] } else { [1; 32] },
            attach: AttachNumber::new(1 << 32).unwrap(),
            features: Features::CHECKSUM,
            // But for the digest these will do.
            positions: Positions {
                next: end,
                oldest: Seq::FIRST,
                end: Seq::END,
                digest: None,
            },
        };
        let mut bytes = theft.to_bytes();
        let principal = match how {
            1 => Principal("a".to_owned()),
            _ => Healthy::principal(),
        };
        if how == 2 {
            forgery::change(&mut bytes, true, script);
        }
        let mut thief = self.host.accept_from(self.now, principal);
        let mut input = BytesMut::from(&bytes[..]);
        let answer = self.host.handle_bytes(self.now, &mut thief, &mut input);
        assert!(!matches!(thief, HostEnd::Session(..)), "stolen");
        assert_eq!(fingerprint(server(&mut self.host)), before, "changed");
        if how < 2 {
            let (frame, _) = first(answer.strip_prefix(&PREFACE).unwrap());
            let Frame::Reject(reject) = frame else {
                panic!("{frame}");
            };
            assert_eq!(reject.code, Code::SESSION_UNKNOWN);
            let told = (reject.attach, reject.next, reject.proof);
            assert_eq!(told, (None, None, None));
        }
        self.occurred.note(What::TheftRefused);
    }
}
