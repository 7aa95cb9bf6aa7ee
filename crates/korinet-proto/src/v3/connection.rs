use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_wire::v3::{self as wire, Ack, Code, Delimited, How, PREFIX_LEN};

use super::control_budget::ControlBudget;
use super::farewell::{Farewell, GoAway};
use super::keep_alive::KeepAlive;
use super::{PushError, ReceiveWindow, SendWindow, Transmit, Violation};
use crate::read_buffer::{FrameRoom, copy_with_room};

/// What outlives a connection: the messages that are not acknowledged, in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Windows {
    /// From here to the peer.
    pub send: SendWindow,
    /// From the peer to here.
    pub receive: ReceiveWindow,
}

/// What the handshake agreed on for this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Agreed {
    /// The time without a byte after which the peer is asked; zero for never.
    pub keep_alive: Duration,
    /// The largest payload that this side takes, in bytes.
    pub max_message: u32,
    /// How many frames that carry nothing forward may come, at once and in each second (V3-46); zero
    /// counts as one. An honest peer may need 20, and has at the default
    /// [`Connection::MAX_CONTROL_FRAMES`] room to spare; `u32::MAX` is no bound.
    pub max_control_frames: u32,
}

/// Protocol v3 on one connection that has been welcomed, without a socket.
///
/// - Inputs: [`handle_bytes`](Self::handle_bytes), [`handle_timeout`](Self::handle_timeout). They never
///   fail; what the peer does wrong ends the connection.
/// - Commands: [`send_volatile`](Self::send_volatile), [`go_away`](Self::go_away),
///   [`close`](Self::close); and those of the windows, to send, receive and finish messages.
/// - Outputs: [`poll_transmit`](Self::poll_transmit) and [`poll_timeout`](Self::poll_timeout), whose
///   answers can change after each input and command; [`end`](Self::end) and
///   [`peer_go_away`](Self::peer_go_away), which change after inputs and `close`.
///
/// Any order of calls is correct. The [`Windows`] belong to the session and are lent to each call; at
/// the connection's [`end`](Self::end), or when it is lost, they go on to the next one. At the end
/// there may be a last frame to write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    keep_alive: KeepAlive,
    control_budget: ControlBudget,
    max_frame: u32,
    room: FrameRoom,
    /// Frames of volatile payloads that are to be written.
    volatile: BytesMut,
    volatile_dropped: u64,
    go_away: Option<Box<GoAway>>,
    peer_go_away: Option<Box<GoAway>>,
    closing: Closing,
    end: Option<Box<End>>,
    has_progress: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Closing {
    No,
    Due(Box<Farewell>),
    /// Nothing is written any more, and no message taken (V3-40).
    Written(How),
}

/// Why a connection came to its end, other than by being lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// This side closed it, not the session.
    Local(Code),
    /// The peer closed it.
    Peer {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
        /// Whether the session is over, too.
        how: How,
    },
    /// The peer was silent for twice the keep-alive interval.
    Silent,
    /// The peer broke the protocol.
    Violation(Violation),
}

impl Connection {
    /// The most bytes of volatile payloads that wait to be written.
    pub const MAX_VOLATILE: usize = 256 * 1024;

    /// How many frames that carry nothing forward may come, at once and in each second, unless
    /// something else was [agreed](Agreed::max_control_frames) on (V3-46).
    pub const MAX_CONTROL_FRAMES: u32 = 100;

    /// A connection that starts now, with windows whose
    /// [`SendWindow::seek`](super::SendWindow::seek) was told where the peer stands.
    #[must_use]
    pub fn new(now: Instant, agreed: &Agreed, windows: &mut Windows) -> Self {
        windows.receive.handle_attached();
        Self {
            keep_alive: KeepAlive::new(now, agreed.keep_alive),
            control_budget: ControlBudget::new(agreed.max_control_frames),
            max_frame: wire::max_frame(agreed.max_message),
            room: FrameRoom::default(),
            volatile: BytesMut::new(),
            volatile_dropped: 0,
            go_away: None,
            peer_go_away: None,
            closing: Closing::No,
            end: None,
            has_progress: false,
        }
    }

    /// Handles what was read; whole frames are taken out of `input`, the rest waits there for more.
    ///
    /// To be called when bytes have come: any byte is a sign of life (V3-26). At the end of the
    /// connection `input` is emptied without a look (V3-9).
    pub fn handle_bytes(&mut self, now: Instant, windows: &mut Windows, input: &mut BytesMut) {
        let (came, before) = (input.len(), windows.receive.mark());
        self.handle_frames(now, windows, input);
        windows.receive.unpin(before, came);
    }

    fn handle_frames(&mut self, now: Instant, windows: &mut Windows, input: &mut BytesMut) {
        self.keep_alive.handle_activity(now);
        if self.end.is_none()
            && let Ok(Delimited::Partial { needed }) = wire::delimit(input, self.max_frame)
        {
            let room = self.room.of(input.len(), needed);
            if input.capacity() - input.len() < room {
                *input = copy_with_room(input, room);
            }
            return;
        }
        // Shared once for all frames in it, not for each.
        let came = std::mem::take(input).freeze();
        let mut at = 0;
        while self.end.is_none() {
            // Nearly all that comes is messages.
            if !self.is_close_written() {
                let (run, handled) = windows.receive.handle_run(&came, at, self.max_frame);
                self.room.handle_frame(run.largest);
                self.has_progress |= run.len > 0;
                at += run.len;
                if let Err(violation) = handled {
                    return self.break_off(violation);
                }
            }
            let rest = came.get(at..).unwrap_or_default();
            match wire::delimit(rest, self.max_frame) {
                Ok(Delimited::Complete { len }) => {
                    self.room.handle_frame(len);
                    let frame = rest.get(..len).unwrap_or_default();
                    if let Err(violation) = self.handle_frame(now, windows, &came, frame) {
                        self.break_off(violation);
                    }
                    at += len;
                }
                Ok(Delimited::Partial { needed }) => {
                    // Nothing waits where nothing has come.
                    let room = match rest.len() {
                        0 => 0,
                        len => self.room.of(len, needed),
                    };
                    *input = copy_with_room(rest, room);
                    return;
                }
                Err(error) => self.break_off(error.into()),
            }
        }
    }

    /// `bytes` are a part of `came`.
    fn handle_frame(
        &mut self,
        now: Instant,
        windows: &mut Windows,
        came: &Bytes,
        bytes: &[u8],
    ) -> Result<(), Violation> {
        let frame = wire::Frame::decode_body(bytes.get(PREFIX_LEN..).unwrap_or_default())?;
        if self.is_close_written() && !matches!(frame, wire::Frame::Close(_)) {
            return self.handle_late(now, windows, &frame);
        }
        let carries = match frame {
            wire::Frame::Data(data) => {
                let is_new = windows.receive.handle_data(&data, bytes, came)?;
                self.has_progress |= is_new;
                is_new
            }
            wire::Frame::Ack(ack) => {
                let released = windows.send.handle_ack(ack.next, ack.digest)?;
                self.has_progress |= released;
                released
            }
            wire::Frame::Ping(nonce) => {
                self.keep_alive.handle_ping(nonce);
                false
            }
            wire::Frame::Pong(nonce) => self.keep_alive.handle_pong(now, nonce),
            wire::Frame::Volatile(volatile) => {
                let payload = came.slice_ref(volatile.payload);
                windows.receive.handle_volatile(volatile.raw, payload)?;
                true
            }
            wire::Frame::GoAway(go_away) => {
                self.peer_go_away = Some(Box::new(GoAway::from_wire(&go_away)));
                false
            }
            wire::Frame::Close(close) => {
                self.handle_close(windows, &close)?;
                true
            }
            wire::Frame::Hello(_) | wire::Frame::Welcome(_) | wire::Frame::Reject(_) => {
                return Err(Violation::Unexpected(frame.name()));
            }
            wire::Frame::Skipped { .. } => false,
        };
        if carries {
            return Ok(());
        }
        self.control_budget.spend(now)
    }

    /// What comes after the CLOSE of this side changes nothing (V3-40), and is no free ride (V3-46).
    fn handle_late(
        &mut self,
        now: Instant,
        windows: &Windows,
        frame: &wire::Frame<'_>,
    ) -> Result<(), Violation> {
        if matches!(frame, wire::Frame::Volatile(_)) {
            return Ok(());
        }
        if matches!(frame, wire::Frame::Data(_)) {
            let window = windows.receive.limits().messages;
            return self.control_budget.spend_late(now, window);
        }
        self.control_budget.spend(now)
    }

    /// V3-39, V3-40.
    fn handle_close(
        &mut self,
        windows: &mut Windows,
        close: &wire::Close<'_>,
    ) -> Result<(), Violation> {
        windows.send.handle_ack(close.next, close.digest)?;
        self.end = Some(Box::new(End::Peer {
            code: close.code,
            text: close.text.to_owned(),
            how: close.how,
        }));
        match close.how {
            How::End => self.take_leave(Farewell::new(Code::DONE, "", How::End)),
            // It is not answered, and nobody reads what else would be written.
            How::Detach if self.is_close_written() => {}
            How::Detach => self.closing = Closing::Written(How::Detach),
        }
        Ok(())
    }

    /// V3-9.
    fn break_off(&mut self, violation: Violation) {
        let text = violation.to_string();
        self.take_leave(Farewell::new(violation.code(), &text, How::Detach));
        self.end = Some(Box::new(End::Violation(violation)));
    }

    /// Has a CLOSE written, in the place of one that is due, unless one was written already (V3-40).
    fn take_leave(&mut self, farewell: Farewell) {
        if !self.is_close_written() {
            self.closing = Closing::Due(Box::new(farewell));
        }
    }

    /// Time has passed: to be called at [`poll_timeout`](Self::poll_timeout), and at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.end.is_none() && self.keep_alive.handle_timeout(now).is_err() {
            self.take_leave(Farewell::new(Code::TIMEOUT, "nothing heard", How::Detach));
            self.end = Some(Box::new(End::Silent));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.end {
            None => self.keep_alive.poll_timeout(),
            Some(_) => None,
        }
    }

    /// Sends a payload without number or acknowledgement (V3-24); whether there was room for it.
    ///
    /// # Errors
    ///
    /// [`PushError::TooLarge`].
    pub fn send_volatile(
        &mut self,
        windows: &Windows,
        raw: bool,
        payload: &[u8],
    ) -> Result<bool, PushError> {
        let max = windows.send.peer_limits().message;
        let len = payload.len();
        if u32::try_from(len).map_or(true, |len| len > max) {
            return Err(PushError::TooLarge { len, max });
        }
        let frame = wire::Frame::Volatile(wire::Volatile { raw, payload });
        let fits = self.volatile.is_empty()
            || self.volatile.len() + frame.encoded_len() <= Self::MAX_VOLATILE;
        if self.closing != Closing::No || !fits {
            self.volatile_dropped = self.volatile_dropped.saturating_add(1);
            return Ok(false);
        }
        Ok(frame
            .encode(crate::buffer::Buffer(&mut self.volatile))
            .is_ok())
    }

    /// Announces that this side will close the connection (V3-42).
    pub fn go_away(&mut self, go_away: GoAway) {
        self.go_away = Some(Box::new(go_away));
    }

    /// Closes the connection; `text` is cut to 256 bytes.
    ///
    /// With [`How::End`] the session is closed, and the connection ends when the peer has answered;
    /// the caller sees to it that all is acknowledged (V3-39). With [`How::Detach`] it ends at once,
    /// also where it was to end the session before, and messages that are not written yet stay in
    /// the window.
    pub fn close(&mut self, code: Code, text: &str, how: How) {
        if self.end.is_some() || (how == How::End && self.closing != Closing::No) {
            return;
        }
        self.take_leave(Farewell::new(code, text, how));
        if how == How::Detach {
            self.end = Some(Box::new(End::Local(code)));
        }
    }

    /// Whether there is something to write that cannot wait until no more input is ready; or, where
    /// `is_input_idle`, anything at all (V3-19).
    #[must_use]
    pub fn has_transmit(&self, windows: &Windows, is_input_idle: bool) -> bool {
        match &self.closing {
            Closing::Due(_) => true,
            Closing::Written(_) => false,
            Closing::No => {
                windows.send.has_transmit()
                    || !self.volatile.is_empty()
                    || self.keep_alive.has_transmit()
                    || self.go_away.is_some()
                    || windows.receive.is_ack_urgent()
                    || (is_input_idle && windows.receive.is_ack_owed())
            }
        }
    }

    /// Appends to `out` all that is to be written now; whether there was anything.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        windows: &mut Windows,
        out: &mut Transmit,
    ) -> bool {
        if let Closing::Due(farewell) = &self.closing {
            // It acknowledges like an ACK, so the peer's window opens.
            let Ack { next, digest } = windows.receive.acknowledge();
            let written = out.put_frame(&farewell.to_wire(next, digest).into());
            self.closing = Closing::Written(farewell.how());
            return written;
        }
        if self.is_close_written() {
            return false;
        }
        let mut any = false;
        // What is short and waited for goes before what is long.
        if let Some(ack) = windows.receive.poll_ack() {
            any |= out.put_frame(&ack.into());
        }
        if let Some(nonce) = self.keep_alive.poll_pong() {
            any |= out.put_frame(&wire::Frame::Pong(nonce));
        }
        if let Some(nonce) = self.keep_alive.poll_ping(now) {
            any |= out.put_frame(&wire::Frame::Ping(nonce));
        }
        if let Some(go_away) = self.go_away.take() {
            any |= go_away.put(out);
        }
        if !self.volatile.is_empty() {
            out.push(self.volatile.split().freeze());
            any = true;
        }
        windows.send.poll_transmit(out) || any
    }

    /// Why the connection came to its end; what is still to be written then is a last frame.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_deref()
    }

    /// Whether a CLOSE of this side is written, so that nothing follows.
    const fn is_close_written(&self) -> bool {
        matches!(self.closing, Closing::Written(_))
    }

    /// Whether this side has written that the session is over.
    #[must_use]
    pub const fn is_end_written(&self) -> bool {
        matches!(self.closing, Closing::Written(How::End))
    }

    /// The announcement of the peer that it will close the connection.
    #[must_use]
    pub fn peer_go_away(&self) -> Option<&GoAway> {
        self.peer_go_away.as_deref()
    }

    /// Whether anything was acknowledged on this connection, or came that was new: it is good for something.
    #[must_use]
    pub const fn has_progress(&self) -> bool {
        self.has_progress
    }

    /// The time between the last question and its answer.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.keep_alive.round_trip()
    }

    /// How many volatile payloads were dropped since there was no room for them.
    #[must_use]
    pub const fn volatile_dropped(&self) -> u64 {
        self.volatile_dropped
    }
}

#[cfg(test)]
mod tests;
