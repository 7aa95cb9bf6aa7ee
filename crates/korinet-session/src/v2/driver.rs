use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;

use korinet_proto::v2::{EncodedFrame, Frame, MessageIds};
use tokio::sync::{mpsc, oneshot, watch};

use super::config::Config;
use super::handle::{Close, Delivery, Outgoing, Position};
use crate::budget::Account;
use crate::{ConnectionError, SendError, SessionError, State};

/// The other end of a session's handles: what a session is between and during its connections.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) config: Arc<Config>,
    pub(super) ids: MessageIds,
    pub(super) outgoing: mpsc::Receiver<Outgoing>,
    pub(super) control: mpsc::Receiver<Close>,
    /// `None` once no message can come any more.
    pub(super) inbox: Option<mpsc::Sender<Delivery>>,
    pub(super) state: watch::Sender<State>,
    pub(super) taken: Taken,
    /// The last received message.
    pub(super) received: Position,
    /// Received messages that wait for room in the inbox.
    pub(super) held: VecDeque<Delivery>,
    /// The message that no connection has brought to its acknowledgement yet.
    pub(super) unacknowledged: Option<EncodedFrame>,
    /// Who waits for that.
    pub(super) reply: Option<oneshot::Sender<Result<(), SendError>>>,
    pub(super) closing: Option<oneshot::Sender<Result<(), SessionError>>>,
    /// What a server's session has of the server's memory.
    pub(super) account: Option<Account>,
    /// The bytes of the largest message that was received.
    pub(super) largest: usize,
}

/// Up to where received messages are taken, and so to be acknowledged.
///
/// The position is written by this driver when a message has entered the inbox, or by the
/// application's handle, and read by this driver and by those of later connections on which the
/// same messages come again. When its writer is gone, what is beyond it will never be taken.
#[derive(Debug)]
pub(super) struct Taken {
    /// The writer, where that is this driver.
    pub(super) sender: Option<watch::Sender<Position>>,
    pub(super) position: watch::Receiver<Position>,
}

/// A received message as the log remembers it: whether it has been taken can be asked later.
#[derive(Debug, Clone)]
pub(super) struct Token {
    position: Position,
    taken: watch::Receiver<Position>,
}

impl Token {
    /// Waits until the message is taken; false if it never will be.
    pub(super) async fn is_taken(&mut self) -> bool {
        let position = self.position;
        self.taken
            .wait_for(|taken| *taken >= position)
            .await
            .is_ok()
    }
}

/// What a message meets that was under way when the peer ended the session.
pub(super) const ENDED_BY_PEER: SessionError =
    SessionError::ConnectionLost(ConnectionError::ClosedByPeer);

/// Why there is nothing more to do for a driver.
#[derive(Debug)]
pub(super) enum Over {
    /// In good order: closed by the application or ended by the peer.
    Closed,
    /// All handles are gone.
    Dropped,
    Error(SessionError),
}

impl Driver {
    /// The most bytes of messages that are received and not taken by the application.
    pub(super) fn unread_bytes(&self) -> usize {
        let inbox = self.inbox.as_ref();
        let in_inbox = inbox.map_or(0, |inbox| inbox.max_capacity() - inbox.capacity());
        (in_inbox + self.held.len()) * self.largest
    }

    /// A message came that is to be delivered.
    pub(super) fn hold(&mut self, frame: Frame, redelivered: bool) -> Token {
        self.received.0 += 1;
        self.held.push_back(Delivery {
            frame,
            position: self.received,
            redelivered,
        });
        Token {
            position: self.received,
            taken: self.taken.position.clone(),
        }
    }

    /// Moves a held message into the inbox when there is room. Pending for ever if nothing is held
    /// or nobody will read it. Cancel safe.
    pub(super) async fn deliver_held(
        inbox: Option<&mpsc::Sender<Delivery>>,
        held: &mut VecDeque<Delivery>,
        taken: Option<&watch::Sender<Position>>,
    ) {
        if let Some(inbox) = inbox
            && !held.is_empty()
            && let Ok(permit) = inbox.reserve().await
            && let Some(delivery) = held.pop_front()
        {
            let position = delivery.position;
            permit.send(delivery);
            if let Some(taken) = taken {
                taken.send_replace(position);
            }
        } else {
            std::future::pending().await
        }
    }

    /// Waits for `work` while there is no connection, and sees to the handles meanwhile.
    pub(super) async fn while_detached<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> ControlFlow<Over, T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                close = self.control.recv(), if self.closing.is_none() => match close {
                    Some(Close { reply }) => {
                        self.closing = Some(reply);
                        if self.unacknowledged.is_none() {
                            return ControlFlow::Break(Over::Closed);
                        }
                    }
                    None => return ControlFlow::Break(Over::Dropped),
                },
                output = &mut work => return ControlFlow::Continue(output),
                () = Self::deliver_held(self.inbox.as_ref(), &mut self.held, self.taken.sender.as_ref()) => {}
            }
        }
    }

    /// Refuses what is still to be sent: the session is over, `error` says why if it was not in
    /// good order.
    pub(super) fn end_sending(&mut self, error: Option<&SessionError>) {
        self.outgoing.close();
        if let Some(reply) = self.reply.take() {
            let result = error
                .cloned()
                .map_or(SendError::Closed, SendError::Unacknowledged);
            // Whoever gave up waiting need not know.
            let _ = reply.send(Err(result));
        }
        while let Ok(Outgoing { reply, .. }) = self.outgoing.try_recv() {
            let result = error.cloned().map_or(SendError::Closed, SendError::NotSent);
            let _ = reply.send(Err(result));
        }
    }

    /// Makes the state known that the session is over, unless it is known already.
    pub(super) fn mark_closed(&self, error: Option<&SessionError>) {
        self.state.send_if_modified(|state| {
            let is_open = !matches!(state, State::Closed { .. });
            if is_open {
                *state = State::Closed {
                    error: error.cloned(),
                };
            }
            is_open
        });
    }

    /// Ends the session: everyone who waits is told, and what was received is delivered.
    pub(super) async fn finish(mut self, over: Over) {
        let error = match over {
            Over::Closed | Over::Dropped => None,
            Over::Error(error) => Some(error),
        };
        self.end_sending(error.as_ref());
        self.mark_closed(error.as_ref());
        if let Some(reply) = self.closing.take() {
            let result = match error {
                Some(error) if self.unacknowledged.is_some() => Err(error),
                _ => Ok(()),
            };
            let _ = reply.send(result);
        }
        if let Some(inbox) = self.inbox.take() {
            while !self.held.is_empty() {
                tokio::select! {
                    () = inbox.closed() => return,
                    () = Self::deliver_held(Some(&inbox), &mut self.held, self.taken.sender.as_ref()) => {}
                }
            }
        }
    }
}
