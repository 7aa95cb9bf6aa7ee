use std::collections::VecDeque;

use bytes::Bytes;
use korinet_wire::v3::{Ack, Frame, Level, Seq};

use super::Config;
use super::damage::{damage, is_message};
use super::side::Side;
use crate::model::flaw::{Flaw, catching};
use crate::model::{fingerprint, frames};

/// Two sides and what is under way between them.
#[derive(Debug, Clone, Hash)]
pub struct LinkState {
    pub(super) sides: [Side; 2],
    /// The frames on their way to each side.
    pub(super) under_way: [VecDeque<Bytes>; 2],
    pub(super) cuts: u8,
    damaged: u8,
    forged: u8,
    repeats: u8,
    /// How often a side has told the other that it broke the protocol.
    accusations: u8,
    pub(super) flaw: Option<Flaw>,
    panic: Option<String>,
}

/// What can happen next; a number is a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAction {
    /// The program sends a message.
    Send(usize),
    /// The program reads a message.
    Recv(usize),
    /// The program is done with one of the messages that it has read.
    Finish(usize, usize),
    /// All that there is to write is written.
    Write(usize),
    /// The side gets the first frame on its way.
    Deliver(usize),
    /// The link breaks.
    Cut,
    /// There is a new link, and each side goes on where the other stands.
    Resume,
    /// The side gets the last message that it has got once more.
    Repeat(usize),
    /// The first frame on its way to a side is damaged.
    Damage(usize),
    /// A side is told that more was taken than it has sent.
    Forge(usize),
}

impl PartialEq for LinkState {
    fn eq(&self, other: &Self) -> bool {
        fingerprint(self) == fingerprint(other)
    }
}

impl LinkState {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            sides: [Side::new(config), Side::new(config)],
            under_way: [VecDeque::new(), VecDeque::new()],
            cuts: config.cuts,
            damaged: config.damaged,
            forged: config.forged,
            repeats: config.repeats,
            accusations: 0,
            flaw: None,
            panic: None,
        }
    }

    pub(super) const fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    pub(super) fn actions(&self, config: &Config, actions: &mut Vec<LinkAction>) {
        if self.flaw.is_some() {
            return;
        }
        for who in [0, 1] {
            let side = &self.sides[who];
            if side.sent < config.messages[who] {
                actions.push(LinkAction::Send(who));
            }
            if side.windows.receive.unread() > 0 {
                actions.push(LinkAction::Recv(who));
            }
            let unfinished = 0..side.unfinished.len();
            actions.extend(unfinished.map(|index| LinkAction::Finish(who, index)));
            if let Some(connection) = &side.connection
                && connection.has_transmit(&side.windows, true)
            {
                actions.push(LinkAction::Write(who));
            }
            if let Some(frame) = self.under_way[who].front() {
                actions.push(LinkAction::Deliver(who));
                if self.damaged > 0 && damage(frame).is_some() {
                    actions.push(LinkAction::Damage(who));
                }
            }
            if self.repeats > 0 && side.connection.is_some() && side.last.is_some() {
                actions.push(LinkAction::Repeat(who));
            }
            if self.forged > 0 && side.connection.is_some() {
                actions.push(LinkAction::Forge(who));
            }
        }
        let connections = self.sides.each_ref().map(|side| side.connection.is_some());
        if self.cuts > 0 && connections == [true; 2] {
            actions.push(LinkAction::Cut);
        }
        if connections == [false; 2] {
            actions.push(LinkAction::Resume);
        }
    }

    pub(super) fn step(&self, config: &Config, action: LinkAction) -> Option<Self> {
        let mut next = self.clone();
        let outcome = catching(|| {
            let changed = next.apply(config, action)?;
            next.check(config)?;
            Ok::<bool, Flaw>(changed)
        });
        match outcome {
            Ok(Ok(false)) => return None,
            Ok(Ok(true)) => {}
            Ok(Err(flaw)) => next.flaw = Some(flaw),
            Err(panic) => {
                next.flaw = Some(Flaw::Panicked);
                next.panic = Some(panic);
            }
        }
        Some(next)
    }

    /// Lets something happen; whether it has changed anything.
    pub(super) fn apply(&mut self, config: &Config, action: LinkAction) -> Result<bool, Flaw> {
        match action {
            LinkAction::Send(who) => return Ok(self.sides[who].push(who)),
            LinkAction::Recv(who) => return self.sides[who].recv(1 - who, config),
            LinkAction::Finish(who, index) => self.sides[who].finish(index),
            LinkAction::Write(who) => {
                let mut written = self.sides[who].write();
                self.under_way[1 - who].append(&mut written);
            }
            LinkAction::Deliver(who) => {
                let frame = self.under_way[who].pop_front().unwrap_or_default();
                self.sides[who].handle_frame(&frame);
                if self.repeats > 0 && is_message(&frame) {
                    self.sides[who].last = Some(frame);
                }
                self.handle_end(who, config)?;
            }
            LinkAction::Cut => {
                self.cuts -= 1;
                self.disconnect();
            }
            LinkAction::Resume => self.resume(config)?,
            LinkAction::Repeat(who) => {
                self.repeats -= 1;
                let again = self.sides[who].last.clone();
                self.under_way[who].extend(again);
            }
            LinkAction::Damage(who) => {
                self.damaged -= 1;
                let frame = self.under_way[who].front_mut();
                if let Some(frame) = frame
                    && let Some(damaged) = damage(frame)
                {
                    *frame = damaged;
                }
            }
            LinkAction::Forge(who) => {
                self.forged -= 1;
                // More than the side will ever send.
                let next = Seq::new(u64::from(config.messages[who]) + 2).unwrap();
                let ack = Frame::Ack(Ack { next, digest: None });
                self.under_way[who].push_back(frames::encoded(&ack));
            }
        }
        Ok(true)
    }

    fn disconnect(&mut self) {
        for who in [0, 1] {
            self.sides[who].connection = None;
            self.under_way[who].clear();
        }
    }

    /// A connection that has come to its end tells the other side, if it is still there.
    fn handle_end(&mut self, who: usize, config: &Config) -> Result<(), Flaw> {
        let Some((last, accuses)) = self.sides[who].take_ended() else {
            return Ok(());
        };
        self.under_way[who].clear();
        if self.sides[1 - who].connection.is_some() {
            self.under_way[1 - who].extend(last);
        }
        self.accusations += u8::from(accuses);
        if self.accusations > self.bad_frames(config) {
            return Err(Flaw::Accused);
        }
        Ok(())
    }

    /// What HELLO and WELCOME do.
    fn resume(&mut self, config: &Config) -> Result<(), Flaw> {
        self.disconnect();
        let positions = self
            .sides
            .each_ref()
            .map(|side| side.windows.receive.next());
        for who in [0, 1] {
            let side = &mut self.sides[who];
            let (next, digest) = positions[1 - who];
            if !side.windows.send.is_reachable(next) {
                return Err(Flaw::Reach);
            }
            if side.windows.send.digest_at(next) != digest {
                return Err(Flaw::Histories);
            }
            side.has_replayed |= side.windows.send.seek(next) > 0;
            side.connect(config);
        }
        Ok(())
    }

    /// What has to be true of every state.
    fn check(&self, config: &Config) -> Result<(), Flaw> {
        for who in [0, 1] {
            let (side, peer) = (&self.sides[who], &self.sides[1 - who]);
            let received = u64::from(peer.read) + as_u64(peer.windows.receive.unread());
            if side.acknowledged() > peer.answered_for(config).min(received) {
                return Err(Flaw::Untaken);
            }
            let window = as_u64(side.windows.send.len());
            let most = match config.level {
                Level::Received => 2 * u64::from(config.window),
                Level::Processed | Level::Durable => u64::from(config.window),
            };
            if window > u64::from(config.window) || as_u64(side.windows.receive.unread()) > most {
                return Err(Flaw::Window);
            }
        }
        Ok(())
    }

    pub(super) fn is_complete(&self, config: &Config) -> bool {
        [0, 1].into_iter().all(|who| {
            let (side, peer) = (&self.sides[who], &self.sides[1 - who]);
            side.sent == config.messages[who]
                && peer.read == side.sent
                && peer.unfinished.is_empty()
                && side.windows.send.is_empty()
        })
    }

    pub(super) fn has_replayed(&self) -> bool {
        self.sides.iter().any(|side| side.has_replayed)
    }

    pub(super) fn duplicates(&self) -> u64 {
        let windows = self.sides.iter().map(|side| &side.windows.receive);
        windows.map(|receive| receive.duplicates()).sum()
    }

    pub(super) const fn bad_frames(&self, config: &Config) -> u8 {
        config.damaged - self.damaged + config.forged - self.forged
    }

    pub(super) const fn faults_left(&self) -> u8 {
        self.damaged + self.forged + self.repeats
    }

    pub(super) fn is_any_window_full(&self) -> bool {
        self.sides.iter().any(|side| {
            let send = &side.windows.send;
            as_u64(send.len()) >= u64::from(send.peer_limits().messages)
        })
    }
}

fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap()
}
