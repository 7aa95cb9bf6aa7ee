//! What the payloads of requests and errors say, beside what the application puts there (V3-50).

use core::fmt;
use core::time::Duration;

use minicbor::encode::Write;

use super::FailureCode;
use super::frame::check_end;
use super::output::{Output, Written};
use super::quoted::Quoted;
use super::value::{Elements, Value};
use crate::cbor::{MAX_DEPTH, Reader};
use crate::{DecodeError, EncodeError};

/// The longest [`Failure::text`], in bytes.
pub const MAX_FAILURE_TEXT: usize = 1_024;

/// The longest [`RequestMeta::trace_parent`], in bytes.
pub const MAX_TRACE_PARENT: usize = 128;

/// The longest [`RequestMeta::trace_state`], in bytes.
pub const MAX_TRACE_STATE: usize = 512;

/// The payload of a request that is not raw: `[body, {…}?]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// What the application asks: one CBOR item.
    pub body: &'a [u8],
    /// What else there is to say of it.
    pub meta: RequestMeta<'a>,
}

/// What a request says beside what it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestMeta<'a> {
    /// How long the answer is of use, from when the request was accepted for sending.
    pub timeout: Option<Duration>,
    /// `traceparent` of W3C Trace Context; at most [`MAX_TRACE_PARENT`] bytes, not looked at here.
    pub trace_parent: Option<&'a str>,
    /// `tracestate` of W3C Trace Context; at most [`MAX_TRACE_STATE`] bytes, not looked at here.
    pub trace_state: Option<&'a str>,
}

/// The payload of an error: `[code, text, body?]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// What failed, and with that whether the request ran.
    pub code: FailureCode,
    /// For people; at most [`MAX_FAILURE_TEXT`] bytes.
    pub text: &'a str,
    /// What the application adds: one CBOR item.
    pub body: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Decodes a payload.
    ///
    /// # Errors
    ///
    /// It is none of a request; offsets are into `payload`.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        decode(payload, |elements| {
            let body = elements.required("body")?.item(MAX_DEPTH)?;
            let meta = elements.optional("meta").map(RequestMeta::decode);
            Ok(Self {
                body,
                meta: meta.transpose()?.unwrap_or_default(),
            })
        })
    }

    /// Writes the payload.
    ///
    /// # Errors
    ///
    /// A text that is too long, or an error of the writer.
    pub fn encode<W: Write>(&self, writer: W) -> Result<(), EncodeError<W::Error>> {
        let mut output = Output::new(writer);
        let has_meta = self.meta != RequestMeta::default();
        output.array(1 + u64::from(has_meta))?;
        output.raw(self.body)?;
        if has_meta {
            self.meta.write(&mut output)?;
        }
        Ok(())
    }
}

impl<'a> RequestMeta<'a> {
    fn decode(value: Value<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = value.map()?;
        let meta = Self {
            timeout: entries
                .optional(0, "timeout")?
                .map(Value::time)
                .transpose()?,
            trace_parent: entries
                .optional(1, "traceparent")?
                .map(|value| value.text(MAX_TRACE_PARENT))
                .transpose()?,
            trace_state: entries
                .optional(2, "tracestate")?
                .map(|value| value.text(MAX_TRACE_STATE))
                .transpose()?,
        };
        entries.finish()?;
        Ok(meta)
    }

    fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        let entries = [
            self.timeout.is_some(),
            self.trace_parent.is_some(),
            self.trace_state.is_some(),
        ];
        output.map(entries.map(u64::from).iter().sum())?;
        if let Some(timeout) = self.timeout {
            output.uint(0)?;
            output.time(timeout)?;
        }
        if let Some(text) = self.trace_parent {
            output.uint(1)?;
            output.text("traceparent", text, MAX_TRACE_PARENT)?;
        }
        if let Some(text) = self.trace_state {
            output.uint(2)?;
            output.text("tracestate", text, MAX_TRACE_STATE)?;
        }
        Ok(())
    }
}

impl<'a> Failure<'a> {
    /// Decodes a payload.
    ///
    /// # Errors
    ///
    /// It is none of an error; offsets are into `payload`.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        decode(payload, |elements| {
            Ok(Self {
                code: elements
                    .required("code")?
                    .u16()
                    .map(FailureCode::from_u16)?,
                text: elements.required("text")?.text(MAX_FAILURE_TEXT)?,
                body: elements
                    .optional("body")
                    .map(|value| value.item(MAX_DEPTH))
                    .transpose()?,
            })
        })
    }

    /// Writes the payload.
    ///
    /// # Errors
    ///
    /// A text that is too long, or an error of the writer.
    pub fn encode<W: Write>(&self, writer: W) -> Result<(), EncodeError<W::Error>> {
        let mut output = Output::new(writer);
        output.array(2 + u64::from(self.body.is_some()))?;
        output.uint(self.code.get().into())?;
        output.text("text", self.text, MAX_FAILURE_TEXT)?;
        self.body.map_or(Ok(()), |body| output.raw(body))
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", Quoted(self.text))
    }
}

/// The payload of a credit: how much of the stream may come in all (V3-49).
///
/// # Errors
///
/// It is no unsigned integer.
pub fn decode_credit(payload: &[u8]) -> Result<u64, DecodeError> {
    let mut reader = Reader::new(payload);
    let credit = Value::new(&mut reader, "credit").uint()?;
    check_end(payload, reader.at)?;
    Ok(credit)
}

/// Writes the payload of a credit.
///
/// # Errors
///
/// An error of the writer.
pub fn encode_credit<W: Write>(credit: u64, writer: W) -> Result<(), EncodeError<W::Error>> {
    Output::new(writer).uint(credit)
}

/// Decodes a payload that is one array.
fn decode<'a, T>(
    payload: &'a [u8],
    parse: impl FnOnce(&mut Elements<'_, 'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(payload);
    let mut elements = Value::new(&mut reader, "payload").array()?;
    let parsed = parse(&mut elements)?;
    elements.finish()?;
    check_end(payload, reader.at)?;
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use minicbor::encode::write::Cursor;

    use super::*;
    use crate::v3::Ran;

    type Buffer = Cursor<[u8; 256]>;

    fn written(buffer: &Buffer) -> Vec<u8> {
        buffer.get_ref()[..buffer.position()].to_vec()
    }

    fn encoded(request: Request<'_>) -> Vec<u8> {
        let mut buffer = Buffer::new([0; 256]);
        request.encode(&mut buffer).unwrap();
        written(&buffer)
    }

    #[test]
    fn requests_are_their_bytes() {
        let plain = Request {
            body: b"\x64ping",
            meta: RequestMeta::default(),
        };
        assert_eq!(encoded(plain), b"\x81\x64ping");
        let full = Request {
            body: b"\x07",
            meta: RequestMeta {
                timeout: Some(Duration::from_millis(500)),
                trace_parent: Some("00-a-b-01"),
                trace_state: Some("k=v"),
            },
        };
        let bytes = encoded(full);
        assert_eq!(
            bytes,
            b"\x82\x07\xa3\x00\x19\x01\xf4\x01\x6900-a-b-01\x02\x63k=v"
        );
        for request in [plain, full] {
            assert_eq!(Request::decode(&encoded(request)), Ok(request));
        }
        // What a later version adds is skipped (V3-50).
        let later = b"\x83\x07\xa1\x18\x63\x01\xf5";
        assert_eq!(Request::decode(later).map(|it| it.body), Ok(&b"\x07"[..]));
    }

    #[test]
    fn what_is_no_request_is_told_by_its_defect() {
        for (payload, expect) in [
            (&b""[..], "ends"),
            (b"\x07", "payload is an unsigned integer, expected an array"),
            (b"\x80", "body is missing"),
            (b"\x81\x07\x07", "bytes after the frame"),
            (b"\x82\x07\xa1\x00\x61\x31", "timeout is a text string"),
            (b"\x9f\x07\xff", "payload has no definite length"),
        ] {
            let error = Request::decode(payload).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}: expected {expect}");
        }
        let long = "0".repeat(MAX_TRACE_PARENT + 1);
        let meta = RequestMeta {
            trace_parent: Some(&long),
            ..RequestMeta::default()
        };
        let error = Request {
            body: b"\x07",
            meta,
        }
        .encode(&mut Buffer::new([0; 256]));
        assert!(error.unwrap_err().to_string().contains("traceparent"));
    }

    #[test]
    fn failures_say_whether_it_ran() {
        let failure = Failure {
            code: FailureCode::BUSY,
            text: "try later",
            body: Some(b"\xf6"),
        };
        let mut buffer = Buffer::new([0; 256]);
        failure.encode(&mut buffer).unwrap();
        let bytes = written(&buffer);
        assert_eq!(bytes, b"\x83\x18\x66\x69try later\xf6");
        assert_eq!(Failure::decode(&bytes), Ok(failure));
        assert_eq!(failure.to_string(), "busy: \"try later\"");
        for (code, ran) in [
            (0, Ran::Yes),
            (104, Ran::No),
            (200, Ran::Maybe),
            (999, Ran::Maybe),
        ] {
            assert_eq!(FailureCode::from_u16(code).ran(), ran);
        }
    }

    #[test]
    fn credits_are_numbers() {
        let mut buffer = Buffer::new([0; 256]);
        encode_credit(70_000, &mut buffer).unwrap();
        assert_eq!(decode_credit(&written(&buffer)), Ok(70_000));
        assert!(decode_credit(b"\x18\x07").is_err(), "not the shortest form");
        assert!(decode_credit(b"\x07\x07").is_err());
    }
}
