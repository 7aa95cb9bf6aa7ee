//! The frames in what one end of a connection sent.

use std::io;

use korinet::wire::v2;
use korinet::wire::v3::{self, Code, Preface};
use korinet::wire::{DecodeError, DecodeErrorKind};
use korinet::{Protocol, wire::v2::Limits};

use crate::args::{Inspect, Protocols};

/// What a frame begins with, until it can be told from bytes that are none: its length, two bytes of v3.
const LOOK: usize = 6;

/// The largest frame that is waited for where it is not certain that one begins: the default limit of v2.
const MAX_UNCERTAIN: u32 = 524_288;

/// Whether all that is read are frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// They are: what is none is malformed.
    Given,
    /// They may be: what does not begin as one is something else, as in a capture.
    Sought,
}

/// Something that was found, and where.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The offset in all that this end sent, in bytes.
    pub(crate) at: u64,
    pub(crate) len: usize,
    pub(crate) what: What<'a>,
}

#[derive(Debug)]
pub(crate) enum What<'a> {
    Preface,
    V2(v2::Frame<'a>),
    V3(v3::Frame<'a>),
    /// A handshake of TLS: what follows cannot be read.
    Tls,
    /// What a receiver refuses. Nothing after it is looked at.
    Malformed {
        text: String,
        /// Where exactly, as `Found::at`.
        at: u64,
        code: Option<Code>,
    },
    /// Bytes that are not in the capture.
    Missing,
    /// Bytes before the first frame, where the capture begins, or goes on, within one.
    Passed,
    /// What was sent ends within a frame.
    Incomplete {
        needed: usize,
    },
    /// What is after a malformed frame.
    Unread,
}

/// Who is told of what was found.
pub(crate) type Show<'s> = dyn FnMut(Found<'_>) -> io::Result<()> + 's;

/// What one end of a connection sent, as far as it has come and is not read.
#[derive(Debug)]
pub(crate) struct Decoder {
    trust: Trust,
    given: Option<Protocol>,
    max_frame: u32,
    state: State,
    /// No frame ends within it: it holds one at the most, and what was fed last.
    buffer: Vec<u8>,
    /// Where the buffer begins.
    at: u64,
    /// Bytes that were passed over, or not read.
    passed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of the connection.
    Start,
    /// Anywhere: a frame may begin where bytes are fed.
    Lost(Option<Protocol>),
    /// At a frame.
    At(Protocol),
    /// Nothing can be read any more, after something malformed.
    Over,
    /// It is nothing that is to be shown.
    Foreign,
}

/// What is next in the buffer.
enum Next {
    /// Something of this length.
    Frame(usize),
    /// More bytes are needed.
    Wait,
    /// Nothing more, for now.
    Stop,
}

impl Decoder {
    pub(crate) fn new(args: &Inspect, trust: Trust) -> Self {
        let given = match args.protocol {
            Protocols::Auto => None,
            Protocols::Only(protocol) => Some(protocol),
        };
        Self {
            trust,
            given,
            max_frame: args.max_frame,
            state: given.map_or(State::Start, State::At),
            buffer: Vec::new(),
            at: 0,
            passed: 0,
        }
    }

    /// Of a connection that was open before.
    pub(crate) fn join(&mut self) {
        self.state = State::Lost(self.given);
    }

    /// Takes what was sent next, and shows each frame that ends in it.
    pub(crate) fn feed(&mut self, bytes: &[u8], show: &mut Show<'_>) -> io::Result<()> {
        match self.state {
            State::Over => self.passed += len64(bytes),
            State::Foreign => {}
            State::Start | State::Lost(_) | State::At(_) => {
                self.buffer.extend_from_slice(bytes);
                return self.read(show);
            }
        }
        Ok(())
    }

    /// So many bytes are not in the capture.
    pub(crate) fn miss(&mut self, count: u64, show: &mut Show<'_>) -> io::Result<()> {
        let speaks = match self.state {
            State::Start => self.given,
            State::Lost(speaks) => speaks,
            State::At(protocol) => Some(protocol),
            State::Over | State::Foreign => return Ok(()),
        };
        self.pass_buffer();
        self.show_passed(show)?;
        let len = usize::try_from(count).unwrap_or(usize::MAX);
        show(self.found(len, What::Missing))?;
        self.at += count;
        self.state = State::Lost(speaks);
        Ok(())
    }

    /// There is nothing more: shows what is left.
    pub(crate) fn finish(&mut self, show: &mut Show<'_>) -> io::Result<()> {
        let len = self.buffer.len();
        match self.state {
            State::Over if self.passed > 0 => {
                let len = usize::try_from(self.passed).unwrap_or(usize::MAX);
                show(self.found(len, What::Unread))
            }
            State::Over | State::Foreign => Ok(()),
            State::Lost(_) => {
                self.pass_buffer();
                self.show_passed(show)
            }
            State::Start | State::At(_) if len == 0 => Ok(()),
            State::Start if self.trust == Trust::Sought => Ok(()),
            State::Start | State::At(_) => {
                let needed = self.needed();
                show(self.found(len, What::Incomplete { needed }))
            }
        }
    }

    const fn found<'a>(&self, len: usize, what: What<'a>) -> Found<'a> {
        Found {
            at: self.at,
            len,
            what,
        }
    }

    fn needed(&self) -> usize {
        let missing = if self.buffer.first() == Some(&v3::PREFACE[0]) {
            match v3::preface(&self.buffer) {
                Ok(Preface::Partial { needed }) => Some(needed),
                Ok(Preface::Complete) | Err(_) => None,
            }
        } else {
            match v3::delimit(&self.buffer, self.max_frame) {
                Ok(v3::Delimited::Partial { needed }) => Some(needed),
                Ok(v3::Delimited::Complete { .. }) | Err(_) => None,
            }
        };
        missing.unwrap_or(1)
    }

    fn read(&mut self, show: &mut Show<'_>) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut used = 0;
        while used < buffer.len() {
            match self.step(&buffer[used..], show)? {
                Next::Frame(len) => {
                    used += len;
                    self.at += u64::try_from(len).unwrap_or(u64::MAX);
                }
                Next::Wait => break,
                Next::Stop => {
                    self.passed = len64(&buffer[used..]);
                    used = buffer.len();
                }
            }
        }
        buffer.drain(..used);
        self.buffer = buffer;
        Ok(())
    }

    fn step(&mut self, bytes: &[u8], show: &mut Show<'_>) -> io::Result<Next> {
        match self.state {
            State::Start => Ok(self.begin(bytes, show)?),
            State::Lost(speaks) => self.find(bytes, speaks, show),
            State::At(protocol) => self.decode(bytes, protocol, show),
            State::Over | State::Foreign => Ok(Next::Stop),
        }
    }

    /// Finds out what is spoken on a connection that begins so.
    fn begin(&mut self, bytes: &[u8], show: &mut Show<'_>) -> io::Result<Next> {
        let spoken = match bytes {
            [0xcb, ..] if self.trust == Trust::Given => Some(Protocol::V3),
            [0xcb, ..] => match v3::preface(bytes) {
                Ok(Preface::Partial { .. }) => return Ok(Next::Wait),
                Ok(Preface::Complete) => Some(Protocol::V3),
                Err(v3::PrefaceError::NotKorinet { .. }) => None,
                Err(_) => Some(Protocol::V3),
            },
            [0x16, 0x03, ..] => {
                show(self.found(bytes.len(), What::Tls))?;
                self.state = State::Foreign;
                return Ok(Next::Stop);
            }
            [0, ..] | [0x16] if bytes.len() < LOOK && self.trust == Trust::Given => {
                return Ok(Next::Wait);
            }
            _ if self.trust == Trust::Given => Some(protocol_of(bytes)),
            _ => match self.uncertain(bytes, None) {
                Uncertain::Frame(protocol) => Some(protocol),
                Uncertain::Wait => return Ok(Next::Wait),
                Uncertain::No => None,
            },
        };
        self.state = spoken.map_or(State::Foreign, State::At);
        Ok(match spoken {
            Some(_) => Next::Frame(0),
            None => Next::Stop,
        })
    }

    /// Looks whether a frame begins here, in the middle of a connection.
    fn find(
        &mut self,
        bytes: &[u8],
        speaks: Option<Protocol>,
        show: &mut Show<'_>,
    ) -> io::Result<Next> {
        match self.uncertain(bytes, speaks) {
            Uncertain::Frame(protocol) => {
                self.show_passed(show)?;
                self.state = State::At(protocol);
                Ok(Next::Frame(0))
            }
            Uncertain::Wait => Ok(Next::Wait),
            Uncertain::No => {
                self.passed += len64(bytes);
                Ok(Next::Frame(bytes.len()))
            }
        }
    }

    /// Whether these bytes are a frame in which nothing is wrong, or its beginning.
    fn uncertain(&self, bytes: &[u8], speaks: Option<Protocol>) -> Uncertain {
        if v3::preface(bytes) == Ok(Preface::Complete) {
            return Uncertain::Frame(Protocol::V3);
        }
        let Ok(delimited) = v3::delimit(bytes, self.max_frame.min(MAX_UNCERTAIN)) else {
            return Uncertain::No;
        };
        let len = match delimited {
            v3::Delimited::Complete { len } => len,
            v3::Delimited::Partial { .. } if begins_as_a_frame(bytes) => return Uncertain::Wait,
            v3::Delimited::Partial { .. } => return Uncertain::No,
        };
        let protocol = protocol_of(bytes);
        let body = &bytes[v3::PREFIX_LEN..len];
        let is_frame = match protocol {
            Protocol::V3 => {
                matches!(v3::Frame::decode_body(body), Ok(frame) if !is_skipped(&frame))
            }
            // There are no others.
            Protocol::V2 | _ => v2::Frame::decode_body(body, Limits::default().max_depth).is_ok(),
        };
        if is_frame && speaks.is_none_or(|speaks| speaks == protocol) {
            return Uncertain::Frame(protocol);
        }
        Uncertain::No
    }

    fn decode(
        &mut self,
        bytes: &[u8],
        protocol: Protocol,
        show: &mut Show<'_>,
    ) -> io::Result<Next> {
        let is_v3 = protocol == Protocol::V3;
        // No length begins so, unless it is far above every limit.
        if is_v3 && bytes[0] == v3::PREFACE[0] {
            return match v3::preface(bytes) {
                Ok(Preface::Complete) => self.frame(v3::PREFACE.len(), What::Preface, show),
                Ok(Preface::Partial { .. }) => Ok(Next::Wait),
                Err(error) => self.malformed(error.to_string(), 0, None, show),
            };
        }
        if is_v3 {
            return match v3::decode(bytes, self.max_frame) {
                Ok(v3::Decoded::Complete { frame, len }) => self.frame(len, What::V3(frame), show),
                Ok(v3::Decoded::Partial { .. }) => Ok(Next::Wait),
                Err(error) => self.error(&error, Some(error.kind.code()), show),
            };
        }
        let limits = Limits {
            max_frame: self.max_frame,
            ..Limits::default()
        };
        match v2::decode(bytes, &limits) {
            Ok(v2::Decoded::Complete { frame, len }) => self.frame(len, What::V2(frame), show),
            Ok(v2::Decoded::Partial { .. }) => Ok(Next::Wait),
            Err(error) => self.error(&error, None, show),
        }
    }

    fn frame(&self, len: usize, what: What<'_>, show: &mut Show<'_>) -> io::Result<Next> {
        show(self.found(len, what))?;
        Ok(Next::Frame(len))
    }

    fn error(
        &mut self,
        error: &DecodeError,
        code: Option<Code>,
        show: &mut Show<'_>,
    ) -> io::Result<Next> {
        // What is wrong with the length is wrong with the whole frame.
        let is_length = matches!(
            error.kind,
            DecodeErrorKind::EmptyFrame | DecodeErrorKind::FrameTooLarge { .. }
        );
        let at = if is_length { 0 } else { error.at };
        self.malformed(error.kind.to_string(), at, code, show)
    }

    fn malformed(
        &mut self,
        text: String,
        offset: usize,
        code: Option<Code>,
        show: &mut Show<'_>,
    ) -> io::Result<Next> {
        let at = self.at + u64::try_from(offset).unwrap_or(u64::MAX);
        show(self.found(0, What::Malformed { text, at, code }))?;
        self.state = State::Over;
        Ok(Next::Stop)
    }

    fn pass_buffer(&mut self) {
        self.passed += len64(&self.buffer);
        self.at += len64(&self.buffer);
        self.buffer.clear();
    }

    fn show_passed(&mut self, show: &mut Show<'_>) -> io::Result<()> {
        let passed = std::mem::take(&mut self.passed);
        if passed == 0 {
            return Ok(());
        }
        show(Found {
            at: self.at - passed,
            len: usize::try_from(passed).unwrap_or(usize::MAX),
            what: What::Passed,
        })
    }
}

/// Whether bytes that may begin anywhere are a frame.
enum Uncertain {
    Frame(Protocol),
    Wait,
    No,
}

/// A body of v2 is a map, one of v3 an array.
fn protocol_of(bytes: &[u8]) -> Protocol {
    match bytes.get(v3::PREFIX_LEN) {
        Some(0xa0..0xc0) => Protocol::V2,
        _ => Protocol::V3,
    }
}

/// Whether a frame begins so that one of this project writes: then its end is waited for.
fn begins_as_a_frame(bytes: &[u8]) -> bool {
    match bytes.get(v3::PREFIX_LEN..).unwrap_or_default() {
        [] => bytes.first() == Some(&0),
        [0x82..0x98] | [0xa2] => true,
        [0x82..0x98, ty, ..] => (1..=10).contains(ty),
        [0xa2, rest @ ..] => b"\x64data".starts_with(&rest[..rest.len().min(5)]),
        _ => false,
    }
}

const fn is_skipped(frame: &v3::Frame<'_>) -> bool {
    matches!(frame, v3::Frame::Skipped { .. })
}

fn len64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
