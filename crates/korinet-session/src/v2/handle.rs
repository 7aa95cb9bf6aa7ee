use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use korinet_proto::EncodeError;
use korinet_proto::v2::{EncodedFrame, Frame, MessageIds};
use korinet_wire::v2::Limits;
use minicbor::Encode;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use super::Acknowledge;
use super::config::Config;
use super::driver::{Driver, Taken};
use crate::{SendError, SessionError, State};

/// The number of a received message in its session, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub(super) u64);

/// A message for the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub frame: Frame,
    /// Its number.
    pub position: Position,
    /// The same message was delivered before, to a session that ended without being done with it.
    pub redelivered: bool,
}

/// What to send, and who waits for the acknowledgement.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: EncodedFrame,
    pub(super) reply: oneshot::Sender<Result<(), SendError>>,
}

/// The wish to close; the driver ends without one when all handles are gone.
#[derive(Debug)]
pub(super) struct Close {
    pub(super) reply: oneshot::Sender<Result<(), SessionError>>,
}

/// A conversation with one peer.
///
/// Dropping it, or both of its halves, ends the conversation at once: what is acknowledged is
/// acknowledged, a message whose [`send`](Self::send) was given up before may have arrived or not.
#[derive(Debug)]
pub struct Session {
    sender: Sender,
    receiver: Receiver,
}

/// The sending half of a session; clones send in turn.
#[derive(Debug, Clone)]
pub struct Sender {
    outgoing: mpsc::Sender<Outgoing>,
    control: mpsc::Sender<Close>,
    state: watch::Receiver<State>,
    ids: Arc<Mutex<MessageIds>>,
    limits: Limits,
}

/// Resolves when the peer has acknowledged a message, or when it is known that this will not happen.
///
/// Dropping it changes nothing: the message goes its way.
#[derive(Debug)]
#[must_use = "the message is on its way; a receipt tells when it is acknowledged"]
pub struct Receipt {
    acknowledged: oneshot::Receiver<Result<(), SendError>>,
    state: watch::Receiver<State>,
}

impl Future for Receipt {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.acknowledged).poll(cx));
        // The driver answers all that it was given; it is gone only with its runtime.
        Poll::Ready(result.unwrap_or_else(|_| Err(not_sent(&self.state))))
    }
}

/// The receiving half of a session.
#[derive(Debug)]
pub struct Receiver {
    inbox: mpsc::Receiver<Delivery>,
    done: Option<watch::Sender<Position>>,
    state: watch::Receiver<State>,
    /// Keeps the session alive, as the sender's does.
    _control: mpsc::Sender<Close>,
}

impl Session {
    /// The handle, and the driver that does its work.
    pub(super) fn new(config: &Arc<Config>, mut ids: MessageIds, state: State) -> (Self, Driver) {
        let (outgoing_sender, outgoing) = mpsc::channel(1);
        let (control_sender, control) = mpsc::channel(1);
        let (inbox_sender, inbox) = mpsc::channel(config.receive_queue.max(1));
        let (state_sender, state) = watch::channel(state);
        let (taken_sender, taken) = watch::channel(Position::default());
        let (done, taken_sender) = match config.acknowledge {
            Acknowledge::Received => (None, Some(taken_sender)),
            Acknowledge::Processed => (Some(taken_sender), None),
        };
        let driver = Driver {
            config: Arc::clone(config),
            ids: ids.fork(),
            outgoing,
            control,
            inbox: Some(inbox_sender),
            state: state_sender,
            taken: Taken {
                sender: taken_sender,
                position: taken,
            },
            received: Position::default(),
            held: VecDeque::new(),
            unacknowledged: None,
            reply: None,
            closing: None,
            account: None,
            largest: 0,
        };
        let sender = Sender {
            outgoing: outgoing_sender,
            control: control_sender.clone(),
            state: state.clone(),
            ids: Arc::new(Mutex::new(ids)),
            limits: config.limits,
        };
        let receiver = Receiver {
            inbox,
            done,
            state,
            _control: control_sender,
        };
        (Self { sender, receiver }, driver)
    }

    /// As [`Sender::encode`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn encode<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<EncodedFrame, EncodeError> {
        self.sender.encode(message)
    }

    /// As [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send(&self, frame: EncodedFrame) -> Result<(), SendError> {
        self.sender.send(frame).await
    }

    /// As [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<Delivery>, SessionError> {
        self.receiver.recv().await
    }

    /// The sending half, to use here.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The receiving half, to use here.
    pub const fn receiver(&mut self) -> &mut Receiver {
        &mut self.receiver
    }

    /// As [`Receiver::done`].
    pub fn done(&self, position: Position) {
        self.receiver.done(position);
    }

    /// Where the session stands, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.sender.state()
    }

    /// Two halves that can live in different tasks.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Ends the conversation in good order: messages under way are acknowledged first, and so is
    /// what was received and taken; then the connection is closed. Messages that were not read are
    /// dropped.
    ///
    /// # Errors
    ///
    /// A message that was under way could not be brought to its acknowledgement.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future is dropping the session.
    pub async fn close(self) -> Result<(), SessionError> {
        let (sender, receiver) = self.split();
        drop(receiver);
        sender.close().await
    }
}

/// How a session ended whose driver is gone.
fn ended(state: &watch::Receiver<State>) -> Result<(), SessionError> {
    if let State::Closed { error: Some(error) } = &*state.borrow() {
        return Err(error.clone());
    }
    Ok(())
}

/// Why a session that is over takes no message.
fn not_sent(state: &watch::Receiver<State>) -> SendError {
    match ended(state) {
        Ok(()) => SendError::Closed,
        Err(error) => SendError::NotSent(error),
    }
}

impl Sender {
    /// Encodes a message under a new id, in the form in which [`send`](Self::send) takes it.
    ///
    /// # Errors
    ///
    /// The message is no map, or beyond the limits.
    pub fn encode<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<EncodedFrame, EncodeError> {
        let id = self
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .draw();
        EncodedFrame::new(id, message, &self.limits)
    }

    /// Sends a message; resolves when the peer has acknowledged it.
    ///
    /// A message that is not acknowledged when the connection is lost is sent again, under the same
    /// id, by a session that dials; while there is no connection, this waits.
    ///
    /// # Errors
    ///
    /// The session ended, before the message was on its way or before it was acknowledged.
    ///
    /// # Cancel safety
    ///
    /// Before it is this message's turn, giving up the future means that it is not sent. After that
    /// it goes its way all the same; it is never sent twice under different ids.
    pub async fn send(&self, frame: EncodedFrame) -> Result<(), SendError> {
        self.enqueue(frame).await?.await
    }

    /// Has a message sent when it is its turn: each waits for the acknowledgement of the one before it.
    /// Resolves when it is the next; the receipt tells when it is acknowledged.
    ///
    /// # Errors
    ///
    /// The session ended before.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the message is not sent.
    pub async fn enqueue(&self, frame: EncodedFrame) -> Result<Receipt, SendError> {
        match self.outgoing.reserve().await {
            Ok(permit) => Ok(self.send_by(permit, frame)),
            Err(_) => Err(not_sent(&self.state)),
        }
    }

    /// As [`enqueue`](Self::enqueue), but does not wait; `None`, if there is a message before it that is not
    /// under way yet.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_enqueue(&self, frame: EncodedFrame) -> Result<Option<Receipt>, SendError> {
        match self.outgoing.try_reserve() {
            Ok(permit) => Ok(Some(self.send_by(permit, frame))),
            Err(TrySendError::Full(())) => Ok(None),
            Err(TrySendError::Closed(())) => Err(not_sent(&self.state)),
        }
    }

    /// Where the session stands, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    fn send_by(&self, permit: mpsc::Permit<'_, Outgoing>, frame: EncodedFrame) -> Receipt {
        let (reply, acknowledged) = oneshot::channel();
        permit.send(Outgoing { frame, reply });
        Receipt {
            acknowledged,
            state: self.state.clone(),
        }
    }

    /// Ends the conversation in good order, for both halves and all clones: see [`Session::close`].
    /// Messages that were received before can still be read.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// The conversation ends all the same, but nobody is told how.
    pub async fn close(self) -> Result<(), SessionError> {
        let (reply, closed) = oneshot::channel();
        let Self { control, state, .. } = self;
        if control.send(Close { reply }).await.is_err() {
            return ended(&state);
        }
        closed.await.unwrap_or_else(|_| ended(&state))
    }
}

impl Receiver {
    /// The next message; `None` once the conversation has ended in good order.
    ///
    /// # Errors
    ///
    /// Why it ended otherwise, after the messages that came before that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Delivery>, SessionError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Self::recv), for who polls.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Delivery>, SessionError>> {
        Poll::Ready(match ready!(self.inbox.poll_recv(cx)) {
            Some(delivery) => Ok(Some(delivery)),
            None => ended(&self.state).map(|()| None),
        })
    }

    /// The application is done with the messages up to `position`: with [`Acknowledge::Processed`]
    /// they are acknowledged now. Otherwise it has no meaning.
    pub fn done(&self, position: Position) {
        if let Some(done) = &self.done {
            done.send_if_modified(|last| {
                let rises = position > *last;
                *last = position.max(*last);
                rises
            });
        }
    }
}
