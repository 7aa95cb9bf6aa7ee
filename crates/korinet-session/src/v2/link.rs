use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v2::{EncodedFrame, Frame, FrameCodec, Received, StopAndWait};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_util::codec::{Framed, FramedParts};

use super::driver::{Driver, ENDED_BY_PEER, Token};
use super::handle::{Close, Outgoing, Position};
use super::received_log::{ConnectionId, First, ReceivedLog};
use super::socket::{self, Interest, SocketEvent};
use crate::budget::Account;
use crate::clock::now;
use crate::{ConnectionError, Limit, SendError};

/// How many messages may wait for room in the inbox while reading goes on: the acknowledgement that
/// we wait for may stand behind one.
const MAX_HELD: usize = 2;

/// How long the end of an old connection may lag behind the first message of the new one.
const DECISION_TIME: Duration = Duration::from_millis(50);

pub(super) type Log = Mutex<ReceivedLog<Token>>;

/// What the end of the stream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// We dialled: it is a loss.
    Client,
    /// The peer dialled: it is the end of the session.
    Server,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The application closed the session.
    Closed,
    /// All handles are gone.
    Dropped,
    /// The peer, a client, closed it in good order.
    Peer,
    Lost(ConnectionError),
}

/// One connection of a session.
pub(super) struct Link<'a, Io> {
    role: Role,
    driver: &'a mut Driver,
    framed: Framed<Io, FrameCodec>,
    core: StopAndWait,
    log: &'a Log,
    id: ConnectionId,
    /// The last message of the connections before this one.
    base: Position,
    /// Up to here messages are acknowledged, or too old for it: at least `base`.
    acknowledged: Position,
    /// A message that came on an earlier connection already, and is not taken yet.
    repeat: Option<(Frame, Token)>,
    /// The first message, while it is not known whether it came before, and until when to wait for
    /// that.
    undecided: Option<(Frame, Instant)>,
    /// When the message under way must be acknowledged.
    ack_deadline: Option<Instant>,
    /// Nothing came yet.
    is_fresh: bool,
    is_input_over: bool,
    /// Why nothing can be written any more. What was received before that is still taken.
    write_failure: Option<ConnectionError>,
    end: Option<End>,
}

/// Whatever a connection can wait for.
enum Event {
    Socket(SocketEvent),
    Outgoing(Outgoing),
    Close(Close),
    Dropped,
    /// A message was delivered, or taken by the application.
    Taken,
    Repeat {
        is_taken: bool,
    },
    /// It is time to decide about the first message.
    Decide,
    AckTimeout,
}

impl<'a, Io: AsyncRead + AsyncWrite + Unpin> Link<'a, Io> {
    pub(super) fn new(
        role: Role,
        driver: &'a mut Driver,
        (io, read): (Io, BytesMut),
        log: &'a Log,
        id: ConnectionId,
    ) -> Self {
        let core = StopAndWait::new(driver.ids.fork(), driver.unacknowledged.take());
        let codec = FrameCodec::new(driver.config.limits);
        let mut parts = FramedParts::new::<EncodedFrame>(io, codec);
        parts.read_buf = read;
        Self {
            role,
            framed: Framed::from_parts(parts),
            core,
            log,
            id,
            base: driver.received,
            acknowledged: driver.received,
            repeat: None,
            undecided: None,
            ack_deadline: None,
            is_fresh: true,
            is_input_over: false,
            write_failure: None,
            end: None,
            driver,
        }
    }

    /// Serves the connection to its end; whether the peer was heard on it.
    pub(super) async fn run(mut self) -> (End, bool) {
        let end = loop {
            self.transmit();
            if let Some(end) = self.poll_end() {
                break end;
            }
            let event = self.next_event().await;
            self.handle(event);
            self.charge();
        };
        if let Some((frame, _)) = self.undecided.take() {
            self.handle_first(frame, None);
        }
        if let End::Closed | End::Dropped = end {
            socket::linger(&mut self.framed).await;
        }
        self.log().handle_closed(now(), self.id);
        self.driver.unacknowledged = self.core.into_unacknowledged();
        // A message in `repeat` is neither acknowledged nor taken: it may come once more.
        (end, !self.is_fresh)
    }

    /// Counts the memory that the session has of a server; ends it where it is more than it may have.
    fn charge(&mut self) {
        let held = self.framed.read_buffer().capacity() + self.driver.unread_bytes();
        if !admit(self.driver.account.as_mut(), held) {
            self.end_for_memory();
        }
    }

    fn end_for_memory(&mut self) {
        let account = self.driver.account.as_ref();
        let max = account.map_or(0, |account| account.budget().max());
        let limit = Limit::Memory;
        self.end = Some(End::Lost(ConnectionError::LimitReached { limit, max }));
    }

    fn log(&self) -> MutexGuard<'a, ReceivedLog<Token>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts into the write buffer what is to be written.
    fn transmit(&mut self) {
        let taken = *self.driver.taken.position.borrow_and_update();
        let due = taken.min(self.driver.received);
        if self.acknowledged < due {
            for _ in self.acknowledged.0..due.0 {
                self.core.accept();
            }
            self.acknowledged = due;
            if due == self.driver.received {
                self.log().handle_acknowledged(now(), self.id);
            }
        }
        if self.write_failure.is_some() {
            return;
        }
        self.core.poll_transmit(self.framed.write_buffer_mut());
        if let Some(timeout) = self.driver.config.ack_timeout
            && self.core.is_busy()
            && self.ack_deadline.is_none()
        {
            self.ack_deadline = now().checked_add(timeout);
        }
    }

    /// Whether there is nothing more to do.
    fn poll_end(&mut self) -> Option<End> {
        if self.end.is_some() {
            return self.end.take();
        }
        let is_flushed = self.framed.write_buffer().is_empty();
        if self.is_input_over {
            return self.poll_end_of_input(is_flushed);
        }
        let is_closing = self.driver.closing.is_some();
        (is_closing && is_flushed && !self.core.is_busy()).then_some(End::Closed)
    }

    /// After the peer has said all: whether it is owed nothing more.
    fn poll_end_of_input(&mut self, is_flushed: bool) -> Option<End> {
        if let Some(error) = &self.write_failure {
            return Some(End::Lost(error.clone()));
        }
        if self.role == Role::Client {
            return Some(End::Lost(ConnectionError::ClosedByPeer));
        }
        let is_first_pending = self.repeat.is_some() || self.undecided.is_some();
        if !is_first_pending && self.driver.held.is_empty() {
            self.driver.inbox = None;
        }
        let owes_nothing = !is_first_pending && self.acknowledged == self.driver.received;
        if !is_flushed || !owes_nothing {
            return None;
        }
        Some(match self.core.is_busy() {
            false => End::Peer,
            true => End::Lost(ConnectionError::ClosedByPeer),
        })
    }

    /// Waits for what happens next. Cancel safe.
    async fn next_event(&mut self) -> Event {
        let driver = &mut *self.driver;
        let is_first_pending = self.repeat.is_some() || self.undecided.is_some();
        let is_reading =
            !self.is_input_over && driver.held.len() + usize::from(is_first_pending) < MAX_HELD;
        let interest = Interest {
            is_reading,
            // Whether everything is written is what an end waits for.
            tells_flushed: !is_reading || driver.closing.is_some(),
            is_write_failed: self.write_failure.is_some(),
        };
        let can_send = !self.core.is_busy() && driver.closing.is_none() && !self.is_input_over;
        let ack_deadline = self.ack_deadline.filter(|_| self.core.is_busy());
        // What came first is delivered first.
        let held = driver.inbox.as_ref().filter(|_| !is_first_pending);
        let decide_at = self.undecided.as_ref().map(|(_, at)| *at);
        let unread = driver.unread_bytes();
        let account = &mut driver.account;
        let admits = |buffer| admit(account.as_mut(), unread + buffer);
        tokio::select! {
            biased;
            event = socket::next(&mut self.framed, interest, admits) => Event::Socket(event),
            Some(outgoing) = driver.outgoing.recv(), if can_send => Event::Outgoing(outgoing),
            close = driver.control.recv(), if driver.closing.is_none() => match close {
                Some(close) => Event::Close(close),
                None => Event::Dropped,
            },
            () = Driver::deliver_held(held, &mut driver.held, driver.taken.sender.as_ref()) => Event::Taken,
            Ok(()) = driver.taken.position.changed() => Event::Taken,
            is_taken = async {
                match &mut self.repeat {
                    Some((_, token)) => token.is_taken().await,
                    None => std::future::pending().await,
                }
            } => Event::Repeat { is_taken },
            () = sleep_until(decide_at) => Event::Decide,
            () = sleep_until(ack_deadline) => Event::AckTimeout,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Socket(event) => self.handle_socket(event),
            Event::Outgoing(Outgoing { frame, reply }) => self.send(frame, reply),
            Event::Close(Close { reply }) => {
                self.driver.outgoing.close();
                self.driver.closing = Some(reply);
            }
            Event::Dropped => self.end = Some(End::Dropped),
            // Seen to by `transmit` and `poll_end`.
            Event::Taken => {}
            Event::Repeat { is_taken } => self.handle_repeat(is_taken),
            Event::Decide => {
                if let Some((frame, _)) = self.undecided.take() {
                    self.handle_first(frame, None);
                }
            }
            Event::AckTimeout => {
                let timeout = self.driver.config.ack_timeout.unwrap_or_default();
                self.end = Some(End::Lost(ConnectionError::AckTimeout(timeout)));
            }
        }
    }

    fn handle_socket(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Frame(frame) => self.handle_frame(frame),
            // Seen to by `poll_end`.
            SocketEvent::Flushed => {}
            SocketEvent::InputOver => self.handle_input_over(),
            SocketEvent::NoMemory => self.end_for_memory(),
            SocketEvent::Drained => self.end = self.write_failure.take().map(End::Lost),
            SocketEvent::ReadFailed(error) => {
                let error = self.write_failure.take().unwrap_or_else(|| error.into());
                self.end = Some(End::Lost(error));
            }
            SocketEvent::WriteFailed(error) => {
                self.framed.write_buffer_mut().clear();
                self.write_failure = Some(error.into());
            }
        }
    }

    fn send(&mut self, frame: EncodedFrame, reply: Reply) {
        self.driver.reply = Some(reply);
        let sent = self.core.send(frame);
        debug_assert!(
            sent.is_ok(),
            "messages are taken only when none is under way"
        );
    }

    fn handle_frame(&mut self, frame: Frame) {
        let is_first = std::mem::replace(&mut self.is_fresh, false);
        self.driver.largest = self.driver.largest.max(frame.as_wire().encoded_len());
        let frame = match self.core.handle_frame(frame) {
            Received::Acknowledgement(_) => {
                self.ack_deadline = None;
                self.log().handle_confirmed(self.id);
                if let Some(reply) = self.driver.reply.take() {
                    let _ = reply.send(Ok(()));
                }
                return;
            }
            Received::Message(frame) => frame,
        };
        if self.driver.closing.is_some() {
            // Nobody will take it, so it is not acknowledged.
            return;
        }
        match is_first {
            true => self.handle_first(frame, now().checked_add(DECISION_TIME)),
            false => self.deliver(frame, false),
        }
    }

    /// Finds out whether the first message came before, or puts that off to `later`.
    fn handle_first(&mut self, frame: Frame, later: Option<Instant>) {
        let first = self.log().handle_first(now(), self.id, &frame);
        match (first, later) {
            (First::Repeat(token), _) => {
                self.log().handle_message(self.id, &frame, token.clone());
                self.repeat = Some((frame, token));
            }
            (First::Undecided, Some(later)) => self.undecided = Some((frame, later)),
            (First::New | First::Undecided, _) => self.deliver_first(frame, false),
        }
    }

    fn deliver(&mut self, frame: Frame, redelivered: bool) {
        let token = self.driver.hold(frame.clone(), redelivered);
        self.log().handle_message(self.id, &frame, token);
    }

    /// It is known what became of a message that came again.
    fn handle_repeat(&mut self, is_taken: bool) {
        let Some((frame, _)) = self.repeat.take() else {
            return;
        };
        if is_taken {
            tracing::info!(id = %frame.id(), "message came again, it is delivered once");
            self.core.accept();
            self.log().handle_acknowledged(now(), self.id);
            return;
        }
        self.deliver_first(frame, true);
    }

    /// Delivers the first message of the connection: behind what earlier ones left, before what came
    /// after it.
    fn deliver_first(&mut self, frame: Frame, redelivered: bool) {
        let held = &mut self.driver.held;
        let later = held.split_off(held.partition_point(|earlier| earlier.position <= self.base));
        self.driver.received.0 -= later.len() as u64;
        self.deliver(frame, redelivered);
        for delivery in later {
            self.deliver(delivery.frame, delivery.redelivered);
        }
    }

    fn handle_input_over(&mut self) {
        self.is_input_over = true;
        if self.role == Role::Server {
            // Nothing more can come and nothing can arrive; only acknowledgements are still owed.
            self.driver.end_sending(Some(&ENDED_BY_PEER));
            // Not in good order if a message is under way.
            let error = self.core.is_busy().then_some(&ENDED_BY_PEER);
            self.driver.mark_closed(error);
            // A client that left may be back at any moment, before the last acknowledgement is made.
            self.log().handle_closed(now(), self.id);
        }
    }
}

type Reply = oneshot::Sender<Result<(), SendError>>;

/// Counts the memory that a session has, if there is that much for it.
fn admit(account: Option<&mut Account>, held: usize) -> bool {
    let Some(account) = account else {
        return true;
    };
    let held = Account::OF_SESSION.saturating_add(u64::try_from(held).unwrap_or(u64::MAX));
    let is_admitted = account.allows(held);
    if is_admitted {
        account.charge(held);
    }
    is_admitted
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
