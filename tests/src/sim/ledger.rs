use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use korinet_session::v3::InDoubt;
use korinet_wire::v3::{Kind, Level, Limits, Role, Seq, SessionId};

use super::link::{ProcessId, Side};
use super::tally::{Fate, Tally};

mod positions;

/// What must hold for the messages, kept in the most naive way: lists.
///
/// It is told what applications did and saw, and what was written; it never asks the code under test
/// what that thinks. Each of its methods says what is wrong, if anything is.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    messages: Vec<Record>,
    streams: BTreeMap<(SessionId, Side), Stream>,
    /// Which server has granted a session, and what it lets the client have on its way.
    grants: BTreeMap<SessionId, (ProcessId, Limits)>,
    fates: Tally<Fate>,
}

/// Which message, over all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(usize);

#[derive(Debug, Clone)]
struct Record {
    sender: ProcessId,
    kind: Kind,
    re: Option<Seq>,
    payload: Bytes,
    deliveries: u32,
    is_delivered_unflagged: bool,
    is_acknowledged: bool,
    is_in_doubt: bool,
    /// Whoever could have delivered, or told, was killed.
    is_excused: bool,
    /// It belonged to a call, which ended with its session: a cancel of nothing takes its place (V3-51).
    is_replaced: bool,
}

/// One direction of a session.
#[derive(Debug, Clone)]
struct Stream {
    sender: ProcessId,
    receiver: Option<ProcessId>,
    level: Level,
    /// What the receiver lets the sender have on its way.
    limits: Limits,
    /// Message 1, 2, 3…; and whether it is one of a session that was lost.
    order: Vec<(MessageId, bool)>,
    /// The frames as they were written first, digests included.
    frames: Vec<Frame>,
    delivered: u64,
    /// All below are finished, and these besides.
    finished: u64,
    finished_beyond: BTreeSet<u64>,
    /// The highest position that the receiver ever told as taken, less one.
    told: u64,
    acknowledged: u64,
}

#[derive(Debug, Clone)]
struct Frame {
    content: (Kind, Option<Seq>, Bytes, Option<korinet_wire::v3::Digest>),
    len: u64,
}

/// The terms of one direction of a session.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Who sends.
    pub sender: ProcessId,
    /// When the receiver acknowledges.
    pub level: Level,
    /// What the receiver lets the sender have on its way.
    pub limits: Limits,
}

impl Ledger {
    /// `writer` may send in `session` now, first of all `resent`, which a lost session left.
    pub fn open(
        &mut self,
        session: SessionId,
        writer: Side,
        terms: Terms,
        resent: &[MessageId],
    ) -> Result<(), String> {
        for id in resent {
            let record = &mut self.messages[id.0];
            record.is_replaced |= record.kind.role != Role::Message;
        }
        let stream = Stream {
            sender: terms.sender,
            receiver: None,
            level: terms.level,
            limits: terms.limits,
            order: resent.iter().map(|id| (*id, true)).collect(),
            frames: Vec::new(),
            delivered: 0,
            finished: 0,
            finished_beyond: BTreeSet::new(),
            told: 0,
            acknowledged: 0,
        };
        match self.streams.insert((session, writer), stream) {
            None => Ok(()),
            Some(_) => Err(format!("session {session} is opened twice by {writer:?}")),
        }
    }

    /// A server has granted a session.
    pub fn grant(&mut self, session: SessionId, server: ProcessId, limits: Limits) {
        self.grants.insert(session, (server, limits));
    }

    /// Which server has granted a session, and what it lets the client have on its way.
    #[must_use]
    pub fn granted(&self, session: SessionId) -> Option<(ProcessId, Limits)> {
        self.grants.get(&session).copied()
    }

    /// Whether `writer` may send in `session`.
    #[must_use]
    pub fn is_open(&self, session: SessionId, writer: Side) -> bool {
        self.streams.contains_key(&(session, writer))
    }

    /// Who is to read what `writer` sends.
    pub fn set_receiver(&mut self, session: SessionId, writer: Side, receiver: ProcessId) {
        if let Some(stream) = self.streams.get_mut(&(session, writer)) {
            stream.receiver = Some(receiver);
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn fates(&self) -> &Tally<Fate> {
        &self.fates
    }

    /// Counts what is no message, or none any more.
    pub fn count(&mut self, fate: Fate) {
        self.fates.add(fate);
    }

    /// A message that is like no other, for an application to send; `len` is that of its payload,
    /// as far as it can be told apart.
    #[must_use]
    pub fn draft(&self, kind: Kind, len: usize) -> Bytes {
        let id = u32::try_from(self.messages.len()).unwrap();
        let mut content = id.to_be_bytes().to_vec();
        let filler = (id as u8).wrapping_mul(31);
        content.resize(len.max(5) - usize::from(!kind.raw), filler);
        if kind.raw {
            return content.into();
        }
        // A byte string is one CBOR item.
        let mut item = match u8::try_from(content.len()) {
            Ok(len @ 0..=23) => vec![0x40 | len],
            Ok(len) => vec![0x58, len],
            Err(_) => {
                let len = u16::try_from(content.len()).unwrap();
                vec![0x59, len.to_be_bytes()[0], len.to_be_bytes()[1]]
            }
        };
        item.extend_from_slice(&content);
        item.into()
    }

    /// `send` has accepted a message.
    pub fn accepted(
        &mut self,
        session: SessionId,
        writer: Side,
        (kind, re, payload): (Kind, Option<Seq>, Bytes),
    ) -> Result<MessageId, String> {
        let id = MessageId(self.messages.len());
        let stream = self.stream(session, writer)?;
        stream.order.push((id, false));
        let sender = stream.sender;
        self.messages.push(Record {
            sender,
            kind,
            re,
            payload,
            deliveries: 0,
            is_delivered_unflagged: false,
            is_acknowledged: false,
            is_in_doubt: false,
            is_excused: false,
            is_replaced: false,
        });
        self.fates.add(Fate::Accepted);
        Ok(id)
    }

    /// How many messages of this direction are not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self, session: SessionId, writer: Side) -> u64 {
        let stream = self.streams.get(&(session, writer));
        stream.map_or(0, |stream| stream.order.len() as u64 - stream.acknowledged)
    }

    /// What `writer` may have on its way, as the reader said.
    #[must_use]
    pub fn limits(&self, session: SessionId, writer: Side) -> Option<Limits> {
        Some(self.streams.get(&(session, writer))?.limits)
    }

    /// When the reader of what `writer` sends acknowledges.
    #[must_use]
    pub fn level(&self, session: SessionId, writer: Side) -> Option<Level> {
        Some(self.streams.get(&(session, writer))?.level)
    }

    /// The application got a message back.
    pub fn handed_back(&mut self, id: MessageId, in_doubt: &InDoubt) -> Result<(), String> {
        let record = &mut self.messages[id.0];
        let InDoubt {
            ticket,
            kind,
            re,
            payload,
        } = in_doubt;
        let is_same = *payload == record.payload
            && *re == record.re
            && (kind.role, kind.raw, kind.own)
                == (record.kind.role, record.kind.raw, record.kind.own);
        let is_whole = is_same || (record.is_replaced && kind.role == Role::Cancel);
        if !is_whole {
            return Err(format!("{ticket:?} handed back with other content"));
        }
        if record.is_acknowledged || record.is_in_doubt {
            return Err(format!("{ticket:?} handed back, but not in doubt"));
        }
        record.is_in_doubt = true;
        self.fates.add(Fate::InDoubt);
        Ok(())
    }

    /// Which message has this number in this direction of the session.
    #[must_use]
    pub fn message(&self, session: SessionId, writer: Side, seq: u64) -> Option<MessageId> {
        let stream = self.streams.get(&(session, writer))?;
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        stream.order.get(index).map(|(id, _)| *id)
    }

    /// A process was killed: what it had accepted and not sent, taken and not delivered, is gone.
    pub fn died(&mut self, process: ProcessId) {
        for record in &mut self.messages {
            record.is_excused |= record.sender == process;
        }
        for stream in self.streams.values() {
            if stream.receiver != Some(process) || stream.level > Level::Received {
                continue;
            }
            for (id, _) in stream
                .order
                .iter()
                .take(usize::try_from(stream.told).unwrap())
            {
                self.messages[id.0].is_excused = true;
            }
        }
    }

    /// At the end, when all applications have read all that there is to be read.
    pub fn check_end(&self) -> Result<(), String> {
        for (index, record) in self.messages.iter().enumerate() {
            let is_excused = record.is_excused || record.is_replaced;
            let is_told = record.is_in_doubt || is_excused;
            if record.is_acknowledged && record.deliveries == 0 && !is_excused {
                return Err(format!("message {index} is acknowledged and was lost"));
            }
            if record.deliveries == 0 && !is_told {
                return Err(format!("message {index} is lost without a word"));
            }
            if !record.is_acknowledged && !is_told {
                return Err(format!("message {index} neither acknowledged nor in doubt"));
            }
        }
        Ok(())
    }

    fn stream(&mut self, session: SessionId, writer: Side) -> Result<&mut Stream, String> {
        let stream = self.streams.get_mut(&(session, writer));
        stream.ok_or_else(|| format!("{writer:?} has nothing to send in session {session}"))
    }
}

impl Stream {
    /// The queue of what is taken and not read holds one window, or one message.
    fn check_received(&self, position: u64) -> Result<(), String> {
        let unread = position.saturating_sub(self.delivered);
        let first = usize::try_from(self.delivered).unwrap();
        let end = usize::try_from(position).unwrap().max(first);
        let bytes: u64 = self.frames[first..end].iter().map(|frame| frame.len).sum();
        let fits =
            unread <= u64::from(self.limits.messages) && bytes <= u64::from(self.limits.bytes);
        if unread <= 1 || fits {
            return Ok(());
        }
        Err(format!(
            "{unread} messages of {bytes} bytes are taken and not read"
        ))
    }
}
