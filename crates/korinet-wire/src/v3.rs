//! Preface and frames of protocol v3: sessions that outlive their connections.
//!
//! ```text
//! CB 4B 4E 54 03 00 00 00 | length: u32 big-endian | length bytes: one CBOR array [type, …] | length …
//! ```
//!
//! The rules are in the crate's `PROTOCOL.md`, V3-1 to V3-51. This module keeps those of the bytes,
//! V3-1 to V3-8, what the tables of frames say, and the payloads of calls (V3-50). What a frame means, and whether it may come now,
//! is not its business.
//!
//! Decoding is strict: a frame without unknown parts has one encoding only, which is the one that
//! [`Frame::encode`] writes. Encoding is strict, too: what a receiver would refuse is not written.

#[macro_use]
mod codes;

mod ack;
mod addresses;
mod answer;
mod application;
mod authentication;
mod call;
mod close;
mod code;
mod data;
mod decoded;
mod failure_code;
mod features;
mod field_error;
mod frame;
mod go_away;
mod hello;
mod id;
mod intent;
mod kind;
mod output;
mod placed;
mod positions;
mod preface;
mod quoted;
mod reject;
mod secret;
mod seq;
mod series;
mod terms;
mod value;
mod volatile;
mod welcome;

pub use ack::{Ack, Nonce};
pub use addresses::{AddressIter, Addresses};
pub use answer::{Answer, Opened};
pub use application::Application;
pub use authentication::Authentication;
pub use call::{
    Failure, MAX_FAILURE_TEXT, MAX_TRACE_PARENT, MAX_TRACE_STATE, Request, RequestMeta,
    decode_credit, encode_credit,
};
pub use close::{Close, How};
pub use code::{Class, Code};
pub use data::{Data, DataHead, DataTail};
pub use decoded::{Decoded, decode, delimit, signed_part};
pub use failure_code::{FailureCode, Ran};
pub use features::Features;
pub use field_error::FieldError;
pub use frame::Frame;
pub use go_away::GoAway;
pub use hello::Hello;
pub use id::{Digest, InstanceId, OpenNonce, SessionId, ShortId};
pub use intent::{Intent, Open, Resume};
pub use kind::{Kind, Role};
pub use placed::PlacedData;
pub use positions::Positions;
pub use preface::{PREFACE, Preface, PrefaceError, preface};
pub use reject::Reject;
pub use secret::{KeyBytes, Proof};
pub use seq::{AttachNumber, Seq};
pub use series::DataSeries;
pub use terms::{Level, Limits, Versions};
pub use volatile::Volatile;
pub use welcome::Welcome;

pub use crate::framing::Delimited;

/// The bytes of `length` before each frame's body.
pub const PREFIX_LEN: usize = crate::framing::PREFIX_LEN;

/// The largest body of a frame before WELCOME, in bytes, and never less after it (V3-8).
pub const MAX_HANDSHAKE_FRAME: u32 = 16_384;

/// What a body may have beyond the receiver's maximum message, in bytes (V3-8).
///
/// All of DATA but its payload takes 32 at most; the rest is for elements to come.
pub const FRAME_OVERHEAD: u32 = 64;

/// The most elements of a frame's array (V3-4), so that its head is always one byte.
pub const MAX_ELEMENTS: u8 = 23;

/// The most levels of arrays, maps and tags in an unknown element or value (V3-6).
pub const MAX_SKIPPED_DEPTH: u8 = 16;

/// The first of the frame types that are skipped where they are unknown (V3-7).
pub const FIRST_SKIPPED_TYPE: u64 = 128;

/// The most bytes of `agent`.
pub const MAX_AGENT: usize = 128;

/// The most bytes of an application's name, and of its version.
pub const MAX_APPLICATION: usize = 128;

/// The most bytes of an authentication mechanism's name.
pub const MAX_MECHANISM: usize = 128;

/// The most bytes that an authentication may hold.
pub const MAX_AUTHENTICATION: usize = 8_192;

/// The most bytes of the `text` of REJECT, GOAWAY and CLOSE.
pub const MAX_TEXT: usize = 256;

/// The most addresses that GOAWAY may hold.
pub const MAX_ADDRESSES: usize = 16;

/// The most bytes of one address.
pub const MAX_ADDRESS: usize = 256;

/// The beginning of a text, as much of it as `max` bytes hold: for texts that are only shown to people.
#[must_use]
pub fn clipped(text: &str, max: usize) -> &str {
    let mut len = text.len().min(max);
    while !text.is_char_boundary(len) {
        len = len.saturating_sub(1);
    }
    text.get(..len).unwrap_or_default()
}

/// The largest body that a receiver takes after WELCOME, given its own maximum message (V3-8).
#[must_use]
pub const fn max_frame(max_message: u32) -> u32 {
    let max = max_message.saturating_add(FRAME_OVERHEAD);
    if max < MAX_HANDSHAKE_FRAME {
        MAX_HANDSHAKE_FRAME
    } else {
        max
    }
}

#[cfg(test)]
mod tests;
