//! What the decoder of this project says of the same bytes.

use std::time::Duration;

use korinet_wire::v3::{
    self, Answer, Code, Decoded, Delimited, Digest, Frame, Intent, Kind, Level, Limits, PREFACE,
    PREFIX_LEN, Positions, Role, Versions,
};
use korinet_wire::{DecodeError, v2};

/// The lines of the frames of one direction, and what is wrong with the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) frames: Vec<String>,
    pub(crate) errors: Vec<String>,
}

impl Lines {
    fn add(&mut self, line: Result<String, DecodeError>) {
        match line {
            Ok(line) => self.frames.push(line),
            Err(error) => self.errors.push(error.kind.to_string()),
        }
    }
}

/// What there is to say of what one end sent on a connection of v3, after its preface or with it. As the dissector does,
/// this goes on after a frame in which something is wrong, as long as its length is possible.
pub(crate) fn v3_lines(mut bytes: &[u8], limit: u32) -> Lines {
    let mut lines = Lines::default();
    while !bytes.is_empty() {
        if bytes[0] == PREFACE[0] {
            // The dissector waits for all of it, whatever it begins with.
            if bytes.len() < PREFACE.len() {
                break;
            }
            if let Err(error) = v3::preface(bytes) {
                lines.errors.push(error.to_string());
            }
            lines.frames.push("PREFACE".to_owned());
            bytes = &bytes[PREFACE.len()..];
            continue;
        }
        match v3::delimit(bytes, limit) {
            Ok(Delimited::Complete { len }) => {
                let frame = Frame::decode_body(&bytes[PREFIX_LEN..len]);
                lines.add(frame.map(|frame| frame.to_string()));
                bytes = &bytes[len..];
            }
            Ok(Delimited::Partial { .. }) => break,
            Err(error) => {
                // Of a length that no frame has nothing follows.
                lines.errors.push(error.kind.to_string());
                bytes = &[];
            }
        }
    }
    lines
}

/// The same of v2.
pub(crate) fn v2_lines(mut bytes: &[u8]) -> Lines {
    let mut lines = Lines::default();
    let limits = v2::Limits::default();
    while let Ok(Delimited::Complete { len }) = v2::delimit(bytes, &limits) {
        let frame = v2::Frame::decode_body(&bytes[v2::PREFIX_LEN..len], limits.max_depth);
        lines.add(frame.map(|frame| {
            let name = if frame.is_acknowledgement() {
                "ACKNOWLEDGEMENT"
            } else {
                "MESSAGE"
            };
            let id = match frame.id {
                v2::Id::Text(text) => format!("{text:?}"),
                id @ v2::Id::Cbor(_) => id.to_string(),
            };
            format!("{name} id={id} len={}", frame.data.len())
        }));
        bytes = &bytes[len..];
    }
    lines
}

/// The values of a frame's fields, by their names in the dissector.
#[derive(Default)]
pub(crate) struct Fields(Vec<(&'static str, String)>);

impl Fields {
    /// All that a frame says.
    pub(crate) fn of(frame: &Frame<'_>) -> Self {
        let mut fields = Self::default();
        fields.add("frame", frame.name());
        match frame {
            Frame::Hello(hello) => fields.hello(hello),
            Frame::Welcome(welcome) => fields.welcome(welcome),
            Frame::Reject(reject) => {
                fields.reason(reject.code, reject.text);
                fields.time("retry-after", reject.retry_after);
                reject
                    .versions
                    .iter()
                    .for_each(|versions| fields.versions(*versions));
                fields.maybe("attach", reject.attach);
                fields.maybe("next", reject.next);
                fields.digest(reject.digest);
                fields.bytes(
                    "proof",
                    reject.proof.as_ref().map(|proof| &proof.as_bytes()[..]),
                );
            }
            Frame::Data(data) => {
                fields.add("seq", data.seq);
                fields.kind(data.kind);
                fields.bytes("payload", Some(data.payload));
                fields.maybe("re", data.re);
                fields.digest(data.digest);
            }
            Frame::Ack(ack) => {
                fields.add("next", ack.next);
                fields.digest(ack.digest);
            }
            Frame::Ping(nonce) | Frame::Pong(nonce) => fields.add("nonce", nonce),
            Frame::GoAway(go_away) => {
                fields.reason(go_away.code, go_away.text);
                fields.time("deadline", Some(go_away.deadline));
                fields.time("retry-after", go_away.retry_after);
                for address in go_away.addresses {
                    fields.add("address", address);
                }
            }
            Frame::Close(close) => {
                fields.reason(close.code, close.text);
                fields.add("how", u8::from(close.how == v3::How::Detach));
                fields.add("next", close.next);
                fields.digest(close.digest);
            }
            Frame::Volatile(volatile) => {
                fields.kind(volatile.kind());
                fields.bytes("payload", Some(volatile.payload));
            }
            Frame::Skipped { ty } => fields.add("type", ty),
        }
        fields
    }

    fn hello(&mut self, hello: &v3::Hello<'_>) {
        self.versions(hello.versions);
        self.add("offered", hello.offered.bits());
        self.add("required", hello.required.bits());
        self.add("agent", hello.agent);
        self.time("keep-alive", Some(hello.keep_alive));
        self.add("attach", hello.attach);
        match hello.intent {
            Intent::Open(open) => {
                self.bytes("open.nonce", Some(open.nonce.as_bytes()));
                self.limits(open.limits);
                self.time("expiry", Some(open.expiry));
                self.level(open.level);
            }
            Intent::Resume(resume) => {
                self.bytes("session", Some(resume.session.as_bytes()));
                self.positions(resume.positions);
            }
        }
        if let Some(authentication) = hello.authentication {
            self.add("mechanism", authentication.mechanism);
            self.bytes("authentication", Some(authentication.bytes));
        }
        if let Some(application) = hello.application {
            self.add("application.name", application.name);
            self.add("application.version", application.version);
        }
        self.bytes(
            "proof",
            hello.proof.as_ref().map(|proof| &proof.as_bytes()[..]),
        );
    }

    fn welcome(&mut self, welcome: &v3::Welcome<'_>) {
        self.add("minor", welcome.version);
        self.add("features", welcome.features.bits());
        self.add("agent", welcome.agent);
        self.time("keep-alive", Some(welcome.keep_alive));
        self.bytes("instance", Some(welcome.instance.as_bytes()));
        self.bytes("session", Some(welcome.session.as_bytes()));
        match welcome.answer {
            Answer::Opened(opened) => {
                self.limits(opened.limits);
                self.time("expiry", Some(opened.expiry));
                self.level(opened.level);
                self.bytes("key", opened.key.as_ref().map(|key| &key.as_bytes()[..]));
            }
            Answer::Resumed(positions) => self.positions(positions),
        }
        self.bytes(
            "proof",
            welcome.proof.as_ref().map(|proof| &proof.as_bytes()[..]),
        );
    }

    fn add(&mut self, name: &'static str, value: impl ToString) {
        self.0.push((name, value.to_string()));
    }

    fn maybe(&mut self, name: &'static str, value: Option<impl ToString>) {
        value.into_iter().for_each(|value| self.add(name, value));
    }

    fn time(&mut self, name: &'static str, time: Option<Duration>) {
        self.maybe(name, time.map(|time| time.as_millis()));
    }

    fn bytes(&mut self, name: &'static str, bytes: Option<&[u8]>) {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        self.maybe(name, bytes.map(hex));
    }

    fn digest(&mut self, digest: Option<Digest>) {
        self.bytes(
            "digest",
            digest.as_ref().map(|digest| &digest.as_bytes()[..]),
        );
    }

    fn reason(&mut self, code: Code, text: &str) {
        self.add("code", code.get());
        self.add("text", text);
    }

    fn versions(&mut self, versions: Versions) {
        self.add("versions.min", versions.min);
        self.add("versions.max", versions.max);
    }

    fn limits(&mut self, limits: Limits) {
        self.add("limits.messages", limits.messages);
        self.add("limits.bytes", limits.bytes);
        self.add("limits.message", limits.message);
    }

    fn level(&mut self, level: Level) {
        self.add("level", level.to_u8());
    }

    fn positions(&mut self, positions: Positions) {
        self.add("next", positions.next);
        self.add("oldest", positions.oldest);
        self.add("end", positions.end);
        self.digest(positions.digest);
    }

    fn kind(&mut self, kind: Kind) {
        const ROLES: [Role; 8] = [
            Role::Message,
            Role::Request,
            Role::Response,
            Role::Error,
            Role::Item,
            Role::End,
            Role::Cancel,
            Role::Credit,
        ];
        self.add("kind", kind.bits());
        let role = ROLES.iter().position(|role| *role == kind.role);
        self.maybe("kind.role", role);
        for (name, holds) in [
            ("kind.redelivered", kind.redelivered),
            ("kind.raw", kind.raw),
            ("kind.own", kind.own),
        ] {
            self.add(name, u8::from(holds));
        }
    }

    /// The values of one field; an empty one is not told from one that is not there.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let values = self
            .0
            .iter()
            .filter(|(of, value)| *of == name && !value.is_empty());
        values.map(|(_, value)| &**value).collect()
    }
}

/// The frame of the first bytes, if they are one.
pub(crate) fn frame(bytes: &[u8], limit: u32) -> Option<Frame<'_>> {
    match v3::decode(bytes, limit) {
        Ok(Decoded::Complete { frame, .. }) => Some(frame),
        _ => None,
    }
}
