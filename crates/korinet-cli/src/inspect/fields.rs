//! Frames as JSON: each field by its name in PROTOCOL.md, but for secrets.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use korinet::Value;
use korinet::wire::v3::{
    Answer, Code, Frame, Hello, Intent, Kind, Limits, Positions, Seq, Versions, Welcome,
};
use korinet::wire::{v2, v3};
use serde_json::{Map, Value as Json, json};

use crate::json::Json as Shown;

/// The fields of a frame of v3, with the payload or without it.
pub(super) fn of_v3(frame: &Frame<'_>, with_payload: bool) -> Map<String, Json> {
    let mut fields = Fields::default();
    match frame {
        Frame::Hello(hello) => fields.hello(hello),
        Frame::Welcome(welcome) => fields.welcome(welcome),
        Frame::Reject(reject) => {
            fields.reason(reject.code, reject.text);
            fields.maybe("retry-after", reject.retry_after.map(millis));
            fields.maybe("versions", reject.versions.map(versions));
            fields.maybe("attach", reject.attach.map(|attach| attach.get()));
            fields.maybe("next", reject.next.map(Seq::get));
            fields.digest(reject.digest);
            fields.flag("proof", reject.proof.is_some());
        }
        Frame::Data(data) => {
            fields.add("seq", data.seq.get());
            fields.kind(data.kind);
            fields.payload(data.payload, data.kind.raw, with_payload);
            fields.maybe("re", data.re.map(Seq::get));
            fields.digest(data.digest);
        }
        Frame::Ack(ack) => {
            fields.add("next", ack.next.get());
            fields.digest(ack.digest);
        }
        Frame::Ping(nonce) | Frame::Pong(nonce) => fields.add("nonce", nonce.0),
        Frame::GoAway(go_away) => {
            fields.reason(go_away.code, go_away.text);
            fields.add("deadline", millis(go_away.deadline));
            fields.maybe("retry-after", go_away.retry_after.map(millis));
            let addresses: Vec<_> = go_away.addresses.iter().collect();
            fields.maybe("addresses", (!addresses.is_empty()).then_some(addresses));
        }
        Frame::Close(close) => {
            fields.reason(close.code, close.text);
            fields.add("how", close.how.to_string());
            fields.add("next", close.next.get());
            fields.digest(close.digest);
        }
        Frame::Volatile(volatile) => {
            fields.kind(volatile.kind());
            fields.payload(volatile.payload, volatile.raw, with_payload);
        }
        Frame::Skipped { ty } => fields.add("type", *ty),
    }
    fields.0
}

/// The fields of a frame of v2, with the message or without it.
pub(super) fn of_v2(frame: &v2::Frame<'_>, with_payload: bool) -> Map<String, Json> {
    let mut fields = Fields::default();
    fields.add("id", frame.id.to_string());
    fields.add("len", frame.data.len());
    if with_payload {
        fields.cbor("data", frame.data);
    }
    fields.0
}

#[derive(Default)]
struct Fields(Map<String, Json>);

impl Fields {
    fn add(&mut self, name: &str, value: impl Into<Json>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<Json>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// Something that is there and not shown.
    fn flag(&mut self, name: &str, is_there: bool) {
        self.maybe(name, is_there.then_some(true));
    }

    fn hello(&mut self, hello: &Hello<'_>) {
        self.add("versions", versions(hello.versions));
        self.add("offered", hello.offered.bits());
        self.add("required", hello.required.bits());
        self.add("agent", hello.agent);
        self.add("keep-alive", millis(hello.keep_alive));
        self.add("attach", hello.attach.get());
        match hello.intent {
            Intent::Open(open) => self.add(
                "open",
                json!({
                    "nonce": HEXLOWER.encode(open.nonce.as_bytes()),
                    "limits": limits(open.limits),
                    "expiry": millis(open.expiry),
                    "level": open.level.to_string(),
                }),
            ),
            Intent::Resume(resume) => {
                let mut fields = positions(resume.positions);
                fields.add("session", HEXLOWER.encode(resume.session.as_bytes()));
                self.add("resume", fields.0);
            }
        }
        // What it proves itself with is nobody's business.
        let mechanism = hello
            .authentication
            .map(|authentication| authentication.mechanism);
        self.maybe(
            "authentication",
            mechanism.map(|mechanism| json!({ "mechanism": mechanism })),
        );
        let application = hello
            .application
            .map(|application| json!({ "name": application.name, "version": application.version }));
        self.maybe("application", application);
        self.flag("proof", hello.proof.is_some());
    }

    fn welcome(&mut self, welcome: &Welcome<'_>) {
        self.add("version", welcome.version);
        self.add("features", welcome.features.bits());
        self.add("agent", welcome.agent);
        self.add("keep-alive", millis(welcome.keep_alive));
        self.add("instance", HEXLOWER.encode(welcome.instance.as_bytes()));
        self.add("session", HEXLOWER.encode(welcome.session.as_bytes()));
        match welcome.answer {
            Answer::Opened(opened) => {
                let mut fields = Self::default();
                fields.add("limits", limits(opened.limits));
                fields.add("expiry", millis(opened.expiry));
                fields.add("level", opened.level.to_string());
                fields.flag("key", opened.key.is_some());
                self.add("opened", fields.0);
            }
            Answer::Resumed(at) => self.add("resumed", positions(at).0),
        }
        self.flag("proof", welcome.proof.is_some());
    }

    fn reason(&mut self, code: Code, text: &str) {
        self.add("code", code.get());
        self.maybe("code-name", code.name());
        self.add("text", text);
    }

    fn digest(&mut self, digest: Option<v3::Digest>) {
        self.maybe("digest", digest.map(|digest| digest.to_string()));
    }

    fn kind(&mut self, kind: Kind) {
        self.add("kind", kind.role.name());
        self.flag("redelivered", kind.redelivered);
        self.flag("raw", kind.raw);
        self.flag("own", kind.own);
    }

    fn payload(&mut self, payload: &[u8], is_raw: bool, with_payload: bool) {
        self.add("len", payload.len());
        match with_payload {
            true if is_raw => self.add("payload", BASE64URL_NOPAD.encode(payload)),
            true => self.cbor("payload", payload),
            false => {}
        }
    }

    fn cbor(&mut self, name: &str, cbor: &[u8]) {
        let value = Value::from_cbor(cbor).map_err(|error| error.to_string());
        let value = value.and_then(|value| {
            serde_json::to_value(Shown(&value)).map_err(|error| error.to_string())
        });
        match value {
            Ok(value) => self.add(name, value),
            Err(error) => self.add("error", error),
        }
    }
}

fn positions(positions: Positions) -> Fields {
    let mut fields = Fields::default();
    fields.add("next", positions.next.get());
    fields.add("oldest", positions.oldest.get());
    fields.add("end", positions.end.get());
    fields.digest(positions.digest);
    fields
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn versions(versions: Versions) -> Json {
    json!([versions.min, versions.max])
}

fn limits(limits: Limits) -> Json {
    json!([limits.messages, limits.bytes, limits.message])
}
